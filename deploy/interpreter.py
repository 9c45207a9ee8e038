"""Which Python the environment is made with: the first that will do, unless another is clearly faster.

    python deploy/interpreter.py python3 /usr/bin/python3

The services spend two thirds of their time in the interpreter, and builds of one version differ by a quarter: what a
distribution ships was optimised with a profile, what version managers compile at home mostly was not. So each
candidate works for a moment. Runs before there is an environment, with whatever Python there is: by its own library.
"""

import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

FASTER = 0.9
"""Takes at most this part of the first one's time; less of a difference is chance."""
TIMEOUT_S = 20.0
PROBE = """
import sys
if sys.version_info < (3, 11):
    sys.exit(1)
import bz2, ctypes, lzma, sqlite3, ssl, zlib  # a home-made build may lack some of them
import time


class Thing:
    def __init__(self, key, value):
        self.key, self.value = key, value


def work():
    found = {}
    for at in range(20_000):
        one = Thing(str(at % 499), (at, b"x"))
        found[one.key] = [*found.get(one.key, ())[:3], one.value]
    return len(found)


times = []
for _ in range(7):
    begin = time.perf_counter()
    work()
    times.append(time.perf_counter() - begin)
print(min(times), sys.executable)
"""


class Candidate(NamedTuple):
    """A Python that will do."""

    seconds: float
    path: str


def probed(name: str) -> Candidate | None:
    """How fast an interpreter is, and where; None where it is none, too old, or lacks a module of the library."""
    try:
        done = subprocess.run([name, "-I", "-c", PROBE], capture_output=True, text=True, timeout=TIMEOUT_S, check=True)  # noqa: S603 - the candidates are the Makefile's
    except (OSError, subprocess.SubprocessError):
        return None
    seconds, _, path = done.stdout.strip().partition(" ")
    return Candidate(float(seconds), path)


def chosen(candidates: Sequence[Candidate]) -> str | None:
    """The path of the one to take; None where none will do."""
    if not candidates:
        return None
    fastest = min(candidates)
    return fastest.path if fastest.seconds <= candidates[0].seconds * FASTER else candidates[0].path


def main(names: Sequence[str]) -> int:
    """Print the path of the interpreter to take; 1 where there is none."""
    found = {one.path: one for one in reversed([one for one in map(probed, names) if one is not None])}
    path = chosen(list(reversed(found.values())))
    if path is None:
        return 1
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
