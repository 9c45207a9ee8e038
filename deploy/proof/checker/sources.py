"""Where the facts of one local system are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.secrets import Secrets
from deploy.local.system import LocalSystem
from shared.contracts.topics import FLOW_STATISTICS, Topic, registry


@dataclass(frozen=True)
class Sources:
    """Where the facts of one system are."""

    admin_url: str
    bootstrap: str
    kafka_password: str
    secrets: Secrets
    topics: Mapping[str, Topic]
    partitions: int
    services: tuple[str, ...]
    logs: Path
    mails: Path
    content: Path
    urls: tuple[str, ...]
    """Of every process that shows metrics."""
    statistics: Topic | None = None
    """What dashboards watch; no claim but that of silence is about it."""

    @classmethod
    def of(cls, system: LocalSystem) -> "Sources":
        """The sources of a local system with a broker of its own."""
        if system.broker is None:
            raise ValueError("the checker reads the broker as its super user: run the system with a broker of its own")
        options, places = system.options, system.places
        topics = registry(options.insurers, options.partitions)
        return cls(
            admin_url=places.postgres_admin_url,
            bootstrap=places.kafka,
            kafka_password=system.broker.password,
            secrets=places.secrets,
            topics={name: topic for name, topic in topics.items() if name != FLOW_STATISTICS},
            partitions=options.partitions,
            services=options.services,
            logs=system.home.logs,
            mails=system.home.mail,
            content=system.home / "content",
            urls=tuple(places.url(*unit) for unit in options.units()),
            statistics=topics[FLOW_STATISTICS],
        )
