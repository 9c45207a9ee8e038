"""Settings that every service has: the same names on a laptop, one server and a country; secrets come from files."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    """Where a process runs. Only `local` accepts generated secrets, the local issuer and test identities."""

    LOCAL = "local"
    STAGING = "staging"
    PRODUCTION = "production"


class KafkaSettings(BaseSettings):
    """How a process reaches the broker."""

    kafka_bootstrap: str = Field("127.0.0.1:9092", description="Brokers, host:port separated by commas")
    kafka_username: str = Field("", description="SCRAM-SHA-512 principal; empty means the service's own name")
    kafka_password_file: Path | None = Field(None, description="File with the principal's password; none: no SASL")
    kafka_ca_file: Path | None = Field(None, description="PEM of the broker's authority; none: no TLS (loopback only)")
    partitions: int = Field(8, ge=1, le=1024, description="Partitions of every record-keyed topic")
    topic_prefix: str = Field("", description="Stands before every topic and group, where systems share a broker")
    insurers: str = Field("amo-test", description="Codes of the insurers that publish, separated by commas")
    kafka_session_timeout_s: float = Field(6.0, description="After this silence a replica's partitions are taken over")
    max_batch: int = Field(500, ge=1, description="Messages at most in one transaction")

    @property
    def insurer_codes(self) -> tuple[str, ...]:
        """The insurers as a tuple."""
        return tuple(code.strip() for code in self.insurers.split(",") if code.strip())


class HttpSettings(BaseSettings):
    """Where a process listens and how it proves who it is."""

    http_host: str = Field("127.0.0.1", description="Address to listen on")
    http_port: int = Field(0, ge=0, le=65535, description="Port to listen on; 0 takes a free one")
    service_key_file: Path | None = Field(None, description="Private JWK (Ed25519) that signs the service's tokens")
    service_jwks_file: Path | None = Field(None, description="Public JWKS of all services")
    max_request_bytes: int = Field(16 * 1024 * 1024, description="Largest HTTP request body accepted, in bytes")
    request_timeout_s: float = Field(30.0, description="An HTTP request is given up after this time")


class DatabaseSettings(BaseSettings):
    """How a service reaches its own database."""

    database_url: str = Field("", description="postgresql://role@host:port/database, without a password")
    database_password_file: Path | None = Field(None, description="File with the role's password")
    database_pool: int = Field(8, ge=2, description="Connections at most")


class ServiceSettings(KafkaSettings, HttpSettings, DatabaseSettings):
    """Base of each service's own settings; every name is read from the environment with the prefix CARNET_."""

    model_config = SettingsConfigDict(env_prefix="CARNET_", extra="ignore", frozen=True)

    environment: Environment = Field(Environment.LOCAL, description="local, staging or production")
    instance: str = Field("1", description="Name of this replica, for logs and statistics")
    stall_timeout_s: float = Field(30.0, description="A process without progress for this time ends itself")
    keys_dir: Path | None = Field(None, description="Folder of key-encryption keys, <kek id>.key in hexadecimal")
    keys_current: str = Field("kek-1", description="Id of the key-encryption key that wraps new keys")

    @model_validator(mode="after")
    def _loopback_only_inside_local(self) -> Self:
        if self.environment is Environment.LOCAL and self.http_host not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError(
                "environment=local binds to loopback only: set CARNET_HTTP_HOST=127.0.0.1, or CARNET_ENVIRONMENT",
            )
        return self
