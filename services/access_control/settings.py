"""Settings of this service, beside those that every service has."""

from pathlib import Path

from pydantic import Field

from shared.settings import Environment, ServiceSettings
from shared.terminology.ins import INS_OIDS, TEST_INS_OIDS


class Settings(ServiceSettings):
    """access_control's own settings."""

    permit_key_file: Path | None = Field(
        None, description="Private JWK (Ed25519) that signs permits; its id begins with access_control"
    )
    hash_key_file: Path | None = Field(
        None, description="This service's own key of the index from INS to record, 64 hexadecimal digits"
    )
    professionals_may_open: bool = Field(
        default=True, description="Professionals may open a record for a person who has none and is not opposed"
    )
    requests_max_batch: int = Field(200, ge=1, description="Reads and rights commands at most in one transaction")
    deposits_max_batch: int = Field(
        250, ge=1, description="Deposits at most in one transaction; a read of the same partition waits for one"
    )

    @property
    def accepted_oids(self) -> frozenset[str]:
        """The kinds of INS accepted: of test people inside `local`, of real ones elsewhere."""
        return TEST_INS_OIDS if self.environment is Environment.LOCAL else INS_OIDS - TEST_INS_OIDS
