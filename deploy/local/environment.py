"""The settings that each service of a local system gets, by the same names as everywhere (`shared/settings.py`)."""

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local import databases
from deploy.local.identity.provider import AUDIENCE
from deploy.local.options import Options
from deploy.local.secrets import Secrets
from deploy.processes import LOOPBACK
from shared.contracts.topics import ACCESS_CONTROL, AUDIT, DOCUMENT, GATEWAY, HISTORY, NOTIFICATION
from shared.settings import ServiceSettings

_PLACES = ("_FILE", "_DIR", "_URL", "_BOOTSTRAP", "_USERNAME", "_ISSUER", "_HOST", "_PORT")
_CALLED_BY_GATEWAY = (ACCESS_CONTROL, DOCUMENT, HISTORY, NOTIFICATION, AUDIT)

_NOBODY = 1
"""A port at which nobody listens."""


@dataclass(frozen=True)
class Places:
    """Where everything is in one local system."""

    home: Path
    secrets: Secrets
    kafka: str
    """host:port"""
    postgres_admin_url: str
    issuer: str
    smtp_port: int
    http_ports: Mapping[str, int]
    """By unit, for example `document-2`."""
    replicas: int
    partitions: int
    insurers: tuple[str, ...]

    def url(self, service: str, replica: int) -> str:
        """Where a replica of a service listens."""
        return f"http://{LOOPBACK}:{self.http_ports[unit(service, replica)]}"


def contents(home: Path) -> Path:
    """The content store of the local system in this folder."""
    return home / "content"


def unit(service: str, replica: int) -> str:
    """Name of one process; the first replica has the service's own name."""
    return service if replica == 1 else f"{service}-{replica}"


def told(service: str) -> dict[str, str]:
    """The settings of a service that stand in our own environment, as CARNET_MAX_BATCH; nothing else of it reaches it.

    What names a file, a folder or an address comes from the system alone (`of`), which knows whose it is.
    """
    own = f"services.{service}.settings"
    kind = importlib.import_module(own).Settings if importlib.util.find_spec(own) else ServiceSettings
    names = {f"CARNET_{name.upper()}" for name in kind.model_fields}
    return {name: os.environ[name] for name in names & os.environ.keys() if not name.endswith(_PLACES)}


def of(service: str, replica: int, places: Places) -> dict[str, str]:
    """All CARNET_ settings of one process."""
    return _common(service, replica, places) | _database(service, places) | _own(service, replica, places)


def _common(service: str, replica: int, places: Places) -> dict[str, str]:
    secrets = places.secrets
    return {
        "CARNET_ENVIRONMENT": "local",
        "CARNET_INSTANCE": str(replica),
        "CARNET_KAFKA_BOOTSTRAP": places.kafka,
        "CARNET_KAFKA_PASSWORD_FILE": str(secrets.kafka_password_file(service)),
        "CARNET_PARTITIONS": str(places.partitions),
        "CARNET_INSURERS": ",".join(places.insurers),
        "CARNET_HTTP_HOST": LOOPBACK,
        "CARNET_HTTP_PORT": str(places.http_ports[unit(service, replica)]),
        "CARNET_SERVICE_KEY_FILE": str(secrets.service_key_file(service)),
        "CARNET_SERVICE_JWKS_FILE": str(secrets.jwks_file),
    }


def of_database(service: str, server: str, secrets: Secrets) -> dict[str, str]:
    """The settings by which a service reads its own database on a server: way and keys.

    `server`: a URL without who connects, `postgresql://host:port`, maybe with `/?sslmode=…`.
    """
    return {
        "CARNET_DATABASE_URL": databases.url_for(server, service),
        "CARNET_DATABASE_PASSWORD_FILE": str(secrets.postgres_password_file(service)),
        "CARNET_KEYS_DIR": str(secrets.keys_dir(service)),
        "CARNET_KEYS_CURRENT": secrets.current_kek(service),
    }


def beside(service: str, addresses: Mapping[str, str], home: Path, secrets: Secrets) -> dict[str, str]:
    """The settings by which a command runs a service's own code beside its processes: it neither listens nor sends.

    Args:
        service: whose.
        addresses: of the system that is up (`LocalSystem.addresses`).
        home: its folder.
        secrets: in it.
    """
    options = Options()
    places = Places(
        home=home,
        secrets=secrets,
        kafka=addresses["kafka"],
        postgres_admin_url=f"postgresql://{addresses['postgres']}",
        issuer=addresses["identity"],
        smtp_port=_NOBODY,
        http_ports=dict.fromkeys((service, GATEWAY), _NOBODY),
        replicas=options.replicas,
        partitions=options.partitions,
        insurers=options.insurers,
    )
    return of(service, 1, places)


def _database(service: str, places: Places) -> dict[str, str]:
    if service == GATEWAY:
        return {}
    return of_database(service, places.postgres_admin_url, places.secrets)


def _own(service: str, replica: int, places: Places) -> dict[str, str]:
    secrets = places.secrets
    match service:
        case "gateway":
            called = {f"CARNET_{name.upper()}_URL": places.url(name, replica) for name in _CALLED_BY_GATEWAY}
            return called | {"CARNET_ISSUER": places.issuer, "CARNET_AUDIENCE": AUDIENCE}
        case "access_control":
            return {
                "CARNET_PERMIT_KEY_FILE": str(secrets.permit_key_file),
                "CARNET_HASH_KEY_FILE": str(secrets.hash_key_file(service)),
            }
        case "history_ingestion":
            return {"CARNET_HASH_KEY_FILE": str(secrets.hash_key_file(service))}
        case "document":
            return {"CARNET_CONTENT_DIR": str(contents(places.home))}
        case "notification":
            gateway = places.url(GATEWAY, replica)
            return {
                "CARNET_SMTP_HOST": LOOPBACK,
                "CARNET_SMTP_PORT": str(places.smtp_port),
                "CARNET_PORTAL_URL": gateway,
            }
        case _:
            return {}
