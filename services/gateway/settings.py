"""Settings of the gateway."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from shared.settings import Environment, ServiceSettings

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Settings(ServiceSettings):
    """What is particular to the gateway: whose tokens it takes, whom it asks, how long it waits."""

    issuer: str = Field("http://127.0.0.1:8090", description="OpenID provider whose access tokens are taken (iss)")
    audience: str = Field("carnet", description="Audience that an access token must name (aud)")
    access_control_url: str = Field("http://127.0.0.1:8101", description="Where access_control listens")
    document_url: str = Field("http://127.0.0.1:8102", description="Where document listens")
    history_ingestion_url: str = Field("http://127.0.0.1:8103", description="Where history_ingestion listens")
    audit_url: str = Field("http://127.0.0.1:8104", description="Where audit listens")
    notification_url: str = Field("http://127.0.0.1:8105", description="Where notification listens")
    public_url: str = Field("", description="Address by which clients reach the gateway; empty: as they address it")
    deposit_timeout_s: float = Field(
        10.0, gt=0, le=25, description="The outcome of a deposit or of an act on a document is waited for this long"
    )
    read_deadline_s: float = Field(2.0, gt=0, le=10, description="A read that is decided later than this is denied")
    rights_timeout_s: float = Field(5.0, gt=0, le=10, description="A decision on rights is waited for this long")

    @property
    def is_local(self) -> bool:
        """True where only test identities are taken."""
        return self.environment is Environment.LOCAL

    @model_validator(mode="after")
    def _local_issuer_inside_local_only(self) -> Self:
        parts = urlsplit(self.issuer)
        if not self.is_local and (parts.scheme != "https" or parts.hostname in _LOOPBACK):
            raise ValueError(
                "the issuer is a local one, which only environment=local believes: set CARNET_ISSUER to the https "
                "address of the OpenID provider",
            )
        return self
