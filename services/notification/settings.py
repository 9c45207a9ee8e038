"""Settings of notification."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from shared.settings import Environment, ServiceSettings


class SmtpTls(StrEnum):
    """How the way to the mail relay is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class Settings(ServiceSettings):
    """Settings of notification."""

    smtp_host: str = Field("127.0.0.1", description="Mail relay that takes the e-mails")
    smtp_port: int = Field(1025, ge=1, le=65535, description="Port of the mail relay")
    smtp_tls: SmtpTls = Field(SmtpTls.NONE, description="none (environment=local only), starttls or tls")
    smtp_username: str = Field("", description="Account at the mail relay; empty: no authentication")
    smtp_password_file: Path | None = Field(None, description="File with the account's password")
    smtp_timeout_s: float = Field(10.0, gt=0, le=15, description="Each step with the mail relay is given up after this")
    smtp_connections: int = Field(8, ge=1, le=64, description="Connections to the mail relay at most")
    mail_from: str = Field(
        "ne-pas-repondre@carnet.example",
        pattern=r"^[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+$",
        description="Sender's address; its domain ends every Message-ID, so it should never change",
    )
    access_window_s: float = Field(
        1800.0,
        ge=0,
        le=86_400,
        description="What one professional reads of a record within this time is one access, told by one e-mail; "
        "0: each read is told (both are described: each access, and the first one only)",
    )
    mail_batch: int = Field(200, ge=1, le=2000, description="E-mails at most between two looks at the ledger")
    mail_interval_s: float = Field(0.25, gt=0, description="Pause between two looks at a ledger with nothing due")
    mail_lease_s: float = Field(
        120.0,
        ge=90,
        description="An e-mail taken by a process that died is tried again after this time",
    )
    mail_first_retry_s: float = Field(30.0, gt=0, description="Pause after the first failed attempt; it doubles")
    mail_give_up_after_s: float = Field(172_800.0, gt=0, description="A notice that old is given up: failed")
    portal_url: str = Field(
        "http://127.0.0.1:8080/",
        pattern=r"^https?://[A-Za-z0-9.:/_-]+$",
        description="Where e-mails lead: the patient's authenticated space",
    )

    @model_validator(mode="after")
    def _protected_outside_local(self) -> Self:
        if self.environment is Environment.LOCAL:
            return self
        if self.smtp_tls is SmtpTls.NONE:
            raise ValueError("outside environment=local e-mails need TLS: set CARNET_SMTP_TLS to starttls or tls")
        if not self.portal_url.startswith("https://"):
            raise ValueError("outside environment=local the space is reached by https: set CARNET_PORTAL_URL")
        return self
