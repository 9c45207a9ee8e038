"""Settings of this service, beside those that every service has."""

from pathlib import Path

from pydantic import Field

from shared.settings import Environment, ServiceSettings
from shared.terminology.ins import INS_OIDS, TEST_INS_OIDS


class Settings(ServiceSettings):
    """history_ingestion's own settings."""

    hash_key_file: Path | None = Field(
        None, description="This service's own key of the index from INS to record, 64 hexadecimal digits"
    )
    history_max_batch: int = Field(1000, ge=1, le=5000, description="Reimbursed lines at most in one transaction")

    @property
    def accepted_oids(self) -> frozenset[str]:
        """The kinds of INS accepted: of test people inside `local`, of real ones elsewhere."""
        return TEST_INS_OIDS if self.environment is Environment.LOCAL else INS_OIDS - TEST_INS_OIDS
