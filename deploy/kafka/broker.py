"""One real Kafka broker on loopback, as a child process: no container, no Java or Kafka installed by hand."""

import os
import signal
import subprocess
from pathlib import Path
from typing import ClassVar

from deploy.kafka import aot, config, jars, java
from deploy.processes import LOOPBACK, Child, ProcessError, free_ports, inherited, is_open

_LOGGING = Path(__file__).with_name("log4j2.properties")
_FORMAT_TIMEOUT_S = 60.0
_CLUSTER = "Q2FybmV0TG9jYWwwMDAwMA"


class Broker:
    """A KRaft broker in a data folder; it keeps its data and ports from one start to the next.

    Clients use SASL_PLAINTEXT with SCRAM-SHA-512. Nobody but `admin` may do anything until ACLs say so.

    Args:
        folder: data, settings and log; made when missing (0700).
        password: of the super user `admin`; the one of the first start holds.
        port: for clients; None takes a free one.
        controller_port: for the controller; None takes a free one.
        heap_mb: Java heap at most, MiB. The prototype's broker died at 128.
        extra: more JVM arguments.
        session_timeout_ms: after a kill -9 the broker returns no sooner than this.
        survive: True keeps the broker alive when the starting process dies.
        log: None: `kafka.log` in the folder.
    """

    FLAGS: ClassVar[tuple[str, ...]] = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    """Flags that an AOT cache depends on. The optimising compiler is off: in the minutes that a laptop's broker runs it
    costs more than it gives (a third of the broker's processor time at light load)."""

    def __init__(
        self,
        folder: Path,
        password: str,
        *,
        port: int | None = None,
        controller_port: int | None = None,
        heap_mb: int = 512,
        extra: tuple[str, ...] = (),
        session_timeout_ms: int = 3_000,
        survive: bool = False,
        log: Path | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.password = password
        ports = iter(free_ports(2))
        self.port = port or next(ports)
        self.controller_port = controller_port or next(ports)
        self._session_timeout_ms = session_timeout_ms
        self._jvm = (f"-Xmx{heap_mb}m", *extra)
        self.log = log or self.folder / "kafka.log"
        self._child = Child("Apache Kafka", (), self.log, survive=survive)

    @staticmethod
    def find_java() -> java.Java:
        """The Java that would run the broker. Raises NoJavaError."""
        return java.find()

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id of the JVM."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """True while the JVM lives."""
        return self._child.running

    def start(self, timeout_s: float = 60.0) -> "Broker":
        """Prepare, spawn and wait until clients can connect. Raises ProcessError, JarError or NoJavaError."""
        self.prepare()
        self.spawn()
        self.wait_ready(timeout_s)
        return self

    def prepare(self) -> None:
        """Fetch and check the jars, write the settings, format the data folder once. Slow at the first time only."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._classpath = ":".join(str(path) for path in jars.ensure())
        self._settings_file = self.folder / "server.properties"
        node = config.Node(
            self.folder / "data",
            self.port,
            self.controller_port,
            self.password,
            self._session_timeout_ms,
        )
        _write_private(self._settings_file, config.text(config.settings(node)))
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()

    def spawn(self) -> None:
        """Start the JVM, without waiting. From a thread that outlives the broker, unless `survive`."""
        self._child.command = self._command("kafka.Kafka", str(self._settings_file))
        self._child.spawn()

    def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until the clients' port is open: it opens last. Raises ProcessError."""
        self._child.wait_until(lambda: is_open(self.port), timeout_s)

    def stop(self, timeout_s: float = 30.0) -> None:
        """End in order (1 to 1.5 s)."""
        self._child.send(signal.SIGCONT)
        self._child.stop(timeout_s)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self._child.kill()

    def pause(self) -> None:
        """SIGSTOP: the broker lives and says nothing."""
        self._child.send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._child.send(signal.SIGCONT)

    def _command(self, main: str, *arguments: str) -> list[str]:
        found = self.find_java()
        flags = [
            "-Xms64m",
            *self.FLAGS,
            *self._jvm,
            "-Xlog:disable",
            "-Xlog:all=error:stderr",
            f"-Dlog4j2.configurationFile={_LOGGING}",
        ]
        if found.caches_ahead_of_time:
            flags += ["--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
        cached = aot.usable(found, self.FLAGS)
        if cached and not any("AOTCacheOutput" in flag for flag in self._jvm):
            flags.append(f"-XX:AOTCache={cached}")
        return [str(found.path), *flags, "-cp", self._classpath, main, *arguments]

    def _format(self) -> None:
        """Give the data folder its identity and the super user. The password goes by a file, out of sight."""
        arguments = self.folder / "format.arguments"
        scram = f"SCRAM-SHA-512=[name={config.ADMIN},password={self.password}]"
        told = ("format", "--standalone", "--cluster-id", _CLUSTER, "--config", str(self._settings_file), "--add-scram")
        _write_private(arguments, "\n".join((*told, scram)))
        command = self._command("kafka.tools.StorageTool", f"@{arguments}")
        command = [part for part in command if "AOTCacheOutput" not in part]
        done = subprocess.run(  # noqa: S603 - our own command
            command, capture_output=True, text=True, timeout=_FORMAT_TIMEOUT_S, check=False, env=inherited()
        )
        arguments.unlink()
        if done.returncode:
            raise ProcessError(
                f"Kafka could not format {self.folder / 'data'}: {(done.stderr or done.stdout).strip()[-600:]}. "
                "Remove that folder, if its data may go, and start again.",
            )


def _write_private(path: Path, content: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(content)
