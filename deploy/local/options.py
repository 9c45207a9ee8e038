"""What may differ from one local system to another."""

from dataclasses import dataclass, field

from deploy.local.identity.cast import INSURER_CODE
from shared.contracts.topics import SERVICES


@dataclass(frozen=True)
class Options:
    """What may differ from one local system to another.

    Attributes:
        replicas: processes per service.
        partitions: of every record-keyed topic; fixed by the first start.
        insurers: codes of the insurers that publish.
        services: which services run; all of them but in tests.
        settings: more settings (CARNET_…) for every service.
    """

    replicas: int = 1
    partitions: int = 8
    insurers: tuple[str, ...] = (INSURER_CODE,)
    services: tuple[str, ...] = SERVICES
    settings: dict[str, str] = field(default_factory=dict)

    def units(self) -> list[tuple[str, int]]:
        """Each service with each replica number."""
        return [(service, number) for service in self.services for number in range(1, self.replicas + 1)]
