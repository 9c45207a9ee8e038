"""The whole local system: which processes, in which order, with which settings.

Kafka, PostgreSQL, mail and identity start together; databases and topics are made when their server answers; then
the services start, each of which waits by itself for what it still misses. Ends in the reverse order.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from deploy.kafka import acls, aot, config, jars
from deploy.kafka.broker import Broker
from deploy.kafka.java import JAVA_VARIABLE, NoJavaError
from deploy.kafka.topics import Admin, Keep
from deploy.local import databases, environment, migrations, probe, secrets
from deploy.local.home import Home, Told
from deploy.local.options import Options
from deploy.local.postgres import Postgres
from deploy.local.supervisor import Supervisor, Unit
from deploy.processes import LOOPBACK, PORTS_VARIABLE, Child, ProcessError, inherited, is_open, tail
from shared.contracts.topics import AUDIT, GATEWAY, HISTORY, NOTIFICATION, SERVICES, registry

ROOT = Path(__file__).resolve().parents[2]
_READY_TIMEOUT_S = 120.0
_BROKER, _DATABASE, _HELPERS, _SERVICES = range(4)
"""Groups of the supervisor: a higher one ends first."""

_UNHURRIED = frozenset({HISTORY, NOTIFICATION, AUDIT})
"""For these nobody waits at a screen: on a busy machine they give way to those for whom somebody does."""
_NICENESS = 5

Say = Callable[[str], None]


class LocalSystem:
    """A local system in a home folder. `start` and `watch` belong to one thread, which outlives the processes.

    CARNET_KAFKA and CARNET_POSTGRES, where set, name servers that exist and are used instead of our own.
    """

    def __init__(self, home: Home, options: Options | None = None, say: Say = lambda _: None) -> None:
        self.home = home
        self.options = options or Options()
        self.broker: Broker | None = None
        self.postgres: Postgres | None = None
        self.supervisor = Supervisor(self._tell)
        self._say = say
        self._complete = False

    def start(self, interrupted: Callable[[], bool] = lambda: False) -> "LocalSystem":
        """Start everything and wait until all are ready.

        Raises:
            AlreadyUpError, NotAHomeError: the folder can't be used.
            ProcessError, JarError, NoJavaError, NoPostgresError, DatabaseError, TopicError: something did not start;
                all is ended.
        """
        self.home.take()
        try:
            self._start(interrupted)
        except BaseException:
            self.stop()
            raise
        return self

    def watch(self, until: Callable[[], bool]) -> None:
        """Keep everything running until `until` says so."""
        self.supervisor.watch(until)

    def stop(self) -> None:
        """End everything and release the folder."""
        self.supervisor.stop()
        self.home.release()

    def admin(self) -> Admin:
        """The super user's hand on the broker."""
        user = os.environ.get("CARNET_KAFKA_ADMIN_USER", config.ADMIN) if self.broker is None else config.ADMIN
        return Admin(self.places.kafka, self._kafka_admin_password(), user)

    def _kafka_admin_password(self) -> str:
        if self.broker is not None:
            return self.broker.password
        file = os.environ.get("CARNET_KAFKA_ADMIN_PASSWORD_FILE")
        if not file:
            raise ProcessError(
                "CARNET_KAFKA names a broker that exists: set CARNET_KAFKA_ADMIN_USER and "
                "CARNET_KAFKA_ADMIN_PASSWORD_FILE too, so that topics, users and rights can be made in it.",
            )
        try:
            return Path(file).read_text().strip()
        except OSError as error:
            raise ProcessError(
                f"CARNET_KAFKA_ADMIN_PASSWORD_FILE can't be read ({error}): name a file with the password of that "
                "broker's administrator.",
            ) from error

    def unit(self, name: str) -> Unit:
        """One process by its name, for example `document-2` or `kafka`."""
        return next(unit for unit in self.supervisor.units if unit.name == name)

    @property
    def ready(self) -> bool:
        """True when every process can do its work."""
        return self._complete and self.supervisor.all_ready

    def addresses(self) -> dict[str, str]:
        """Where people and programs find the system."""
        found = {"identity": self.places.issuer, "kafka": self.places.kafka}
        if GATEWAY in self.options.services:
            found["gateway"] = self.places.url(GATEWAY, 1)
        return found | {
            "postgres": databases.address(self.places.postgres_admin_url),
            "mail": str(self.home.mail),
            "logs": str(self.home.logs),
        }

    def _start(self, interrupted: Callable[[], bool]) -> None:
        began = time.monotonic()
        self._lay_out()
        with ThreadPoolExecutor(4, thread_name_prefix="start") as pool:
            kafka_prepared = pool.submit(self._prepare_kafka)
            self._start_helpers()
            databases_made = self._start_postgres(pool)
            self._wait(kafka_prepared, interrupted)
            topics_made = self._start_kafka(pool)
            self._wait(databases_made, interrupted)
            self._say("databases are ready")
            self._start_services()
            self._wait(topics_made, interrupted)
            self._say("topics and rights are ready")
        self._complete = True
        self._wait_ready(interrupted)
        self._train()
        self._say(f"ready after {time.monotonic() - began:.1f} s")

    def _lay_out(self) -> None:
        options, home = self.options, self.home
        topics = registry(options.insurers, options.partitions).values()
        made = secrets.create(home.secrets, services=SERVICES, principals=acls.principals(topics))
        names = [environment.unit(*unit) for unit in options.units()]
        ports = home.ports(["kafka", "kafka-controller", "postgres", "mail", "identity", *names])
        self._ports = ports
        kafka, postgres = self._servers_of_others()
        if not kafka:
            self.broker = Broker(
                home / "kafka",
                made.kafka_password_file(secrets.ADMIN).read_text(),
                port=ports["kafka"],
                controller_port=ports["kafka-controller"],
                log=home.logs / "kafka.log",
            )
        if not postgres:
            self.postgres = Postgres(
                home / "postgres",
                made.postgres_password_file(secrets.POSTGRES).read_text(),
                port=ports["postgres"],
                log=home.logs / "postgres.log",
            )
        self.places = environment.Places(
            home=home.folder,
            secrets=made,
            kafka=kafka or f"{LOOPBACK}:{ports['kafka']}",
            postgres_admin_url=postgres or (self.postgres.admin_url if self.postgres else ""),
            issuer=f"http://{LOOPBACK}:{ports['identity']}",
            smtp_port=ports["mail"],
            http_ports={name: ports[name] for name in names},
            replicas=options.replicas,
            partitions=options.partitions,
            insurers=options.insurers,
        )

    def _servers_of_others(self) -> tuple[str, str]:
        """CARNET_KAFKA and CARNET_POSTGRES, looked at before anything starts and noted; empty where there are none."""
        kafka, postgres = os.environ.get("CARNET_KAFKA", ""), os.environ.get("CARNET_POSTGRES", "")
        if kafka:
            self._kafka_admin_password()
            self.home.remember("kafka", kafka)
        if postgres:
            databases.check(postgres)
            self.home.remember("postgres", databases.address(postgres))
        return kafka, postgres

    def _start_helpers(self) -> None:
        mail, identity = self._ports["mail"], self._ports["identity"]
        self._add(
            "mail",
            ["deploy.local.mail", "--port", str(mail), "--folder", str(self.home.mail)],
            lambda: is_open(mail),
            f"{LOOPBACK}:{mail}",
            hurried=False,
        )
        self._add(
            "identity",
            ["deploy.local.identity", "--port", str(identity), "--key", str(self.home.secrets / "identity.jwk")],
            lambda: probe.answers(f"{self.places.issuer}/live"),
            self.places.issuer,
        )

    def _start_postgres(self, pool: ThreadPoolExecutor) -> "Future[None]":
        postgres = self.postgres
        if postgres is not None:
            postgres.prepare()
            address = f"{LOOPBACK}:{postgres.port}"
            self.supervisor.add(Unit("postgres", postgres, postgres.is_ready, address, _DATABASE))
        return pool.submit(self._make_databases)

    def _prepare_kafka(self) -> None:
        if self.broker is not None:
            self._say("checking Apache Kafka; the first time it is fetched")
            self.broker.prepare()

    def _start_kafka(self, pool: ThreadPoolExecutor) -> "Future[None]":
        broker = self.broker
        if broker is not None:
            port = broker.port
            self.supervisor.add(Unit("kafka", broker, lambda: is_open(port), broker.bootstrap, _BROKER))
        return pool.submit(self._make_topics)

    def _make_databases(self) -> None:
        if self.postgres is not None:
            self.postgres.wait_ready()
        passwords = self.places.secrets.postgres_passwords()
        owners = [service for service in self.options.services if service != GATEWAY]
        wanted, url = {name: passwords[name] for name in owners}, self.places.postgres_admin_url
        databases.ensure(url, wanted, alone=self.postgres is not None)
        migrations.upgrade(url, wanted)

    def _make_topics(self) -> None:
        if self.broker is not None:
            self.broker.wait_ready()
        topics = registry(self.options.insurers, self.options.partitions)
        keep = Keep.NOTHING if self.broker is not None else Keep.OTHERS
        self.admin().ensure(topics, self.places.secrets.kafka_passwords(), keep)

    def _start_services(self) -> None:
        for service, number in self.options.units():
            told = environment.told(service)
            settings = told | environment.of(service, number, self.places) | self.options.settings
            url = self.places.url(service, number)
            self._add(
                environment.unit(service, number),
                [f"services.{service}"],
                lambda url=url: probe.answers(f"{url}/ready"),  # type: ignore[misc]
                url,
                settings=settings,
                group=_SERVICES,
                hurried=service not in _UNHURRIED,
            )

    def _add(
        self,
        name: str,
        module: Sequence[str],
        ready: Callable[[], bool],
        address: str,
        *,
        settings: dict[str, str] | None = None,
        group: int = _HELPERS,
        hurried: bool = True,
    ) -> None:
        env, log = inherited() | (settings or {}), self.home.logs / f"{name}.log"
        give_way = None if hurried else _give_way
        child = Child(name, [sys.executable, "-m", *module], log, env=env, cwd=ROOT, before_exec=give_way)
        self.supervisor.add(Unit(name, child, ready, address, group))

    def _wait(self, work: "Future[None]", interrupted: Callable[[], bool]) -> None:
        self.supervisor.watch(lambda: work.done() or interrupted())
        if interrupted():
            raise ProcessError("The start was interrupted.")
        work.result()

    def _wait_ready(self, interrupted: Callable[[], bool]) -> None:
        end = time.monotonic() + _READY_TIMEOUT_S
        self.supervisor.watch(
            lambda: self.ready or interrupted() or self._looping() is not None or time.monotonic() > end,
        )
        if interrupted():
            raise ProcessError("The start was interrupted.")
        if unit := self._looping():
            raise ProcessError(
                f"{unit.name} ended {unit.restarts + 1} times before it was ready; its log {unit.process.log} ends "
                f"with:\n{tail(unit.process.log)}"
            )
        missing = [
            f"{unit.name} ({unit.state}, {unit.process.log})" for unit in self.supervisor.units if not unit.ready
        ]
        if missing:
            raise ProcessError(f"Not ready after {_READY_TIMEOUT_S:g} s: {'; '.join(missing)}. The logs say why.")
        self._tell(self.supervisor.units)

    def _looping(self) -> Unit | None:
        """A process that is started again and again and was not ready yet: more of it will not help."""
        return next((unit for unit in self.supervisor.units if unit.hopeless), None)

    def _train(self) -> None:
        """The next starts of Kafka will be faster; done by a process of low priority, whose failure hurts nobody."""
        try:
            java = Broker.find_java()
        except NoJavaError:
            return
        if self.broker is not None and java.caches_ahead_of_time and aot.usable(java, Broker.FLAGS) is None:
            command = [sys.executable, "-m", "deploy.kafka.train"]
            env = inherited(jars.CACHE_VARIABLE, JAVA_VARIABLE, PORTS_VARIABLE)
            self._trainer = Child("aot", command, self.home.logs / "aot.log", env=env, cwd=ROOT)
            self._trainer.spawn()

    def _tell(self, units: Sequence[Unit]) -> None:
        told = [
            Told(unit.name, unit.state.value, unit.process.pid, unit.address, unit.restarts, str(unit.process.log))
            for unit in units
        ]
        self.home.tell(told, ready=self.ready, addresses=self.addresses())


def _give_way() -> None:
    os.nice(_NICENESS)
