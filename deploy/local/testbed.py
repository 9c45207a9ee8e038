"""A broker and a database in a folder, ready for use: what tests and benchmarks stand on."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.kafka.broker import Broker
from deploy.kafka.topics import Admin
from deploy.local.postgres import Postgres
from shared.contracts.topics import registry


@dataclass
class Testbed:
    """Kafka and PostgreSQL in `folder`, both with generated passwords."""

    __test__ = False  # not a test, whatever its name says to pytest
    folder: Path
    postgres_settings: Mapping[str, str] = field(default_factory=dict)
    survive: bool = False
    password: str = field(default_factory=lambda: secrets.token_hex(16))

    def __post_init__(self) -> None:
        self.broker = Broker(self.folder / "kafka", self.password, survive=self.survive)
        self.postgres = Postgres(
            self.folder / "postgres",
            self.password,
            settings=self.postgres_settings,
            survive=self.survive,
        )

    def start(self) -> "Testbed":
        """Start both; the broker's start hides the database's."""
        self.broker.prepare()
        self.broker.spawn()
        self.postgres.start()
        self.broker.wait_ready()
        return self

    def admin(self) -> Admin:
        """The super user's hand on the broker."""
        return Admin(self.broker.bootstrap, self.password)

    def topics(self, insurers: tuple[str, ...], partitions: int, passwords: Mapping[str, str]) -> None:
        """Make the registry's topics, users and rights."""
        self.admin().ensure(registry(insurers, partitions), passwords)

    def stop(self) -> None:
        """End both."""
        self.postgres.stop()
        self.broker.stop()


@contextmanager
def running(folder: Path, postgres_settings: Mapping[str, str] | None = None) -> Iterator[Testbed]:
    """A testbed that ends with the block."""
    bed = Testbed(folder, postgres_settings or {})
    try:
        yield bed.start()
    finally:
        bed.stop()
