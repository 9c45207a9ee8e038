"""All secrets of a local system: random, made once, in files that only their owner may read.

kafka/<principal>            password (admin, each service, each insurer, operator)
postgres/<role>              password (postgres and each service)
services/<service>.jwk       private Ed25519 key that signs the service's tokens
services.jwks                public keys of all services and of the permits
permits.jwk                  access_control's private key for permits
keys/<service>/kek-1.key     key-encryption key, 64 hexadecimal digits; after a rotation kek-2 and so on
hash/<service>.key           key of the keyed-hash index, 64 hexadecimal digits
"""

import json
import secrets
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from deploy.local.files import private_folder, write_private
from shared.contracts.topics import ACCESS_CONTROL, GATEWAY, HISTORY
from shared.security import new_private_jwk, public_jwks

ADMIN = "admin"
POSTGRES = "postgres"
PERMITS_KID = "access_control.permits-1"
KEK = "kek-1"
_WITH_HASH_KEY = (ACCESS_CONTROL, HISTORY)


class Secrets:
    """The secrets below one folder, by what they are for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def kafka_password_file(self, principal: str) -> Path:
        """Password of a Kafka principal."""
        return self.folder / "kafka" / principal

    def postgres_password_file(self, role: str) -> Path:
        """Password of a PostgreSQL role."""
        return self.folder / "postgres" / role

    def service_key_file(self, service: str) -> Path:
        """Private JWK of a service."""
        return self.folder / "services" / f"{service}.jwk"

    @property
    def jwks_file(self) -> Path:
        """Public keys of all services and of the permits."""
        return self.folder / "services.jwks"

    @property
    def permit_key_file(self) -> Path:
        """Private JWK that signs permits; for access_control alone."""
        return self.folder / "permits.jwk"

    def keys_dir(self, service: str) -> Path:
        """Folder of the service's key-encryption keys."""
        return self.folder / "keys" / service

    def current_kek(self, service: str) -> str:
        """Id of the service's newest key-encryption key, which wraps new keys from its next start on."""
        found = [path.stem for path in self.keys_dir(service).glob("*.key")]
        return max(found, key=lambda kek: (len(kek), kek), default=KEK)  # kek-10 is newer than kek-9

    def hash_key_file(self, service: str) -> Path:
        """Key of the service's keyed-hash index."""
        return self.folder / "hash" / f"{service}.key"

    def of(self, service: str) -> list[Path]:
        """The files that a service needs, and no other sees: those that its settings name."""
        found = [self.kafka_password_file(service), self.service_key_file(service), self.jwks_file]
        if service != GATEWAY:
            found += [self.postgres_password_file(service), *sorted(self.keys_dir(service).glob("*.key"))]
        if service in _WITH_HASH_KEY:
            found.append(self.hash_key_file(service))
        if service == ACCESS_CONTROL:
            found.append(self.permit_key_file)
        return found

    def hand_out(self, files: Iterable[Path], folder: Path) -> None:
        """Copy some of the files to another folder, each to the place that it has here."""
        private_folder(folder)
        for path in files:
            copy = folder / path.relative_to(self.folder)
            private_folder(copy.parent)
            write_private(copy, path.read_text())

    def kafka_passwords(self) -> dict[str, str]:
        """Every principal's password but the super user's."""
        return _passwords(self.folder / "kafka", ADMIN)

    def postgres_passwords(self) -> dict[str, str]:
        """Every role's password but the superuser's."""
        return _passwords(self.folder / "postgres", POSTGRES)


def create(folder: Path, *, services: Iterable[str], principals: Iterable[str]) -> Secrets:
    """Make what is missing; what is there stays as it is."""
    private_folder(folder)
    made = Secrets(folder)
    names = tuple(services)
    for principal in (ADMIN, *principals):
        _once(made.kafka_password_file(principal), _password)
    for role in (POSTGRES, *names):
        _once(made.postgres_password_file(role), _password)
    for service in names:
        _once(made.service_key_file(service), partial(_signing_key, service))
        _once(made.keys_dir(service) / f"{made.current_kek(service)}.key", _key)
    for service in _WITH_HASH_KEY:
        _once(made.hash_key_file(service), _key)
    _once(made.permit_key_file, partial(_signing_key, PERMITS_KID))
    private = [json.loads(path.read_text()) for path in (*map(made.service_key_file, names), made.permit_key_file)]
    write_private(made.jwks_file, json.dumps(public_jwks(*private)))
    return made


def _passwords(folder: Path, without: str) -> dict[str, str]:
    """Each file's content by its name; hidden ones are what a writer who was killed left."""
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    return {path.name: path.read_text() for path in files if path.name != without}


def _once(path: Path, make: Callable[[], str]) -> None:
    if not path.exists():
        private_folder(path.parent)
        write_private(path, make())


def _password() -> str:
    return secrets.token_urlsafe(24)


def _key() -> str:
    return secrets.token_hex(32)


def _signing_key(kid: str) -> str:
    return json.dumps(new_private_jwk(kid))
