"""Where the demonstration plays: addresses of a running system, and where its facts stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from deploy.local.home import Home
from deploy.local.options import Options
from deploy.local.secrets import ADMIN, POSTGRES, Secrets
from deploy.local.system import LocalSystem
from deploy.proof.checker.sources import Sources
from shared.contracts.topics import FLOW_STATISTICS, GATEWAY, principal_of_insurer, registry

KAFKA = "kafka"


@dataclass(frozen=True)
class Scene:
    """A running system."""

    gateway: str
    issuer: str
    insurer: str
    """Code of the insurer that publishes."""
    insurer_password: str
    sources: Sources

    @classmethod
    def of(cls, system: LocalSystem) -> "Scene":
        """The scene of a local system.

        Raises:
            ValueError: its broker is not its own, so that nothing could be compared with what stands in Kafka.
        """
        return cls._of(system.addresses(), system.options, Sources.of(system))

    @classmethod
    def at(cls, home: Home) -> "Scene":
        """The scene of a system that another process runs in this folder, with the options of `carnet up`.

        Raises:
            ValueError: it is not up, or works with a broker or a database that are not its own.
        """
        state = home.state()
        names = {told.name for told in home.processes()}
        if state is None or not {KAFKA, POSTGRES, GATEWAY} <= names:
            raise ValueError(f"no whole system is up in {home.folder}: end what is there, then `carnet up --demo`")
        options, addresses, secrets = Options(), state["addresses"], Secrets(home.secrets)
        topics = registry(options.insurers, options.partitions)
        password = quote(secrets.postgres_password_file(POSTGRES).read_text(), safe="")
        sources = Sources(
            admin_url=f"postgresql://{POSTGRES}:{password}@{addresses['postgres']}/postgres",
            bootstrap=addresses["kafka"],
            kafka_password=secrets.kafka_password_file(ADMIN).read_text(),
            secrets=secrets,
            topics={name: topic for name, topic in topics.items() if name != FLOW_STATISTICS},
            partitions=options.partitions,
            services=options.services,
            logs=home.logs,
            mails=home.mail,
            content=home / "content",
            urls=tuple(told.address for told in home.processes() if told.name.partition("-")[0] in options.services),
            statistics=topics[FLOW_STATISTICS],
        )
        return cls._of(addresses, options, sources)

    @classmethod
    def _of(cls, addresses: Mapping[str, str], options: Options, sources: Sources) -> "Scene":
        insurer = options.insurers[0]
        password = sources.secrets.kafka_password_file(principal_of_insurer(insurer)).read_text()
        return cls(addresses["gateway"], addresses["identity"], insurer, password, sources)
