"""`python -m deploy.docker.role ROLE`: one role of the system in the foreground, as a container runs it.

    secrets    makes what is missing of the secrets and hands each role its own, then ends
    kafka      the broker                    postgres   the database server
    mail       the mail sink                 identity   the local OpenID provider
    prepare    databases, migrations, topics, users and rights, then ends
    <service>  gateway, access_control, document, history_ingestion, notification or audit

On one server all share the loopback interface; ports are fixed, so that settings can be written down. Of the folder
CARNET_HOME each sees only what is its own, at the place where a local system has it. Services take nothing from here
but their settings (CARNET_…), by the names of everywhere.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic_settings import SettingsConfigDict

from deploy.kafka import acls
from deploy.kafka.broker import Broker
from deploy.kafka.topics import Admin, Keep
from deploy.local import databases, migrations, secrets
from deploy.local.files import private_folder
from deploy.local.postgres import Postgres
from deploy.processes import LOOPBACK
from shared.contracts.topics import GATEWAY, SERVICES, Topic, registry
from shared.settings import KafkaSettings

KAFKA_PORT, CONTROLLER_PORT, POSTGRES_PORT, MAIL_PORT, IDENTITY_PORT = 9092, 9093, 5432, 1025, 8090
_OWNERS = tuple(service for service in SERVICES if service != GATEWAY)


def home() -> Path:
    """The folder of the system; each role but `secrets` finds in it its own part alone."""
    return Path(os.environ.get("CARNET_HOME", "/var/lib/carnet"))


def make_secrets() -> None:
    """Make what is missing of the secrets, a copy of its own for each role, and the folders that roles write."""
    principals = acls.principals(_topics().values())
    made = secrets.create(home() / "secrets", services=SERVICES, principals=principals)
    passwords = [made.kafka_password_file(name) for name in (secrets.ADMIN, *made.kafka_passwords())]
    passwords += [made.postgres_password_file(name) for name in (secrets.POSTGRES, *made.postgres_passwords())]
    own = {service: made.of(service) for service in SERVICES} | {
        "kafka": [made.kafka_password_file(secrets.ADMIN)],
        "postgres": [made.postgres_password_file(secrets.POSTGRES)],
        "prepare": passwords,
    }
    for role, files in own.items():
        made.hand_out(files, home() / "handed" / role)
    for folder in ("kafka", "postgres", "mail", "identity", "content"):
        private_folder(home() / folder)


def held() -> secrets.Secrets:
    """The secrets that this role was handed."""
    return secrets.Secrets(home() / "secrets")


def prepare() -> None:
    """Bring databases, topics, users and rights to what this version wants. Repeating it changes nothing."""
    made = held()
    password = made.postgres_password_file(secrets.POSTGRES).read_text()
    admin_url = Postgres(home() / "postgres", password, port=POSTGRES_PORT).admin_url
    passwords = {name: made.postgres_passwords()[name] for name in _OWNERS}
    databases.ensure(admin_url, passwords, alone=True)
    migrations.upgrade(admin_url, passwords)
    admin = Admin(f"{LOOPBACK}:{KAFKA_PORT}", made.kafka_password_file(secrets.ADMIN).read_text())
    admin.ensure(_topics(), made.kafka_passwords(), Keep.NOTHING)


def run_kafka() -> None:
    """The broker until SIGTERM; ends with 1 when the broker ends by itself."""
    password = held().kafka_password_file(secrets.ADMIN).read_text()
    _stand_by(Broker(home() / "kafka", password, port=KAFKA_PORT, controller_port=CONTROLLER_PORT))


def run_postgres() -> None:
    """The database server until SIGTERM; ends with 1 when the server ends by itself."""
    password = held().postgres_password_file(secrets.POSTGRES).read_text()
    _stand_by(Postgres(home() / "postgres", password, port=POSTGRES_PORT))


def run_mail() -> None:
    """The mail sink; this process becomes it."""
    _become("deploy.local.mail", "--port", str(MAIL_PORT), "--folder", str(home() / "mail"))


def run_identity() -> None:
    """The OpenID provider; this process becomes it."""
    _become("deploy.local.identity", "--port", str(IDENTITY_PORT), "--key", str(home() / "identity" / "identity.jwk"))


ROLES: Mapping[str, Callable[[], object]] = {
    "secrets": make_secrets,
    "kafka": run_kafka,
    "postgres": run_postgres,
    "mail": run_mail,
    "identity": run_identity,
    "prepare": prepare,
}


def main() -> None:
    """Play the role that the first argument names."""
    os.umask(0o077)
    role = sys.argv[1] if len(sys.argv) > 1 else ""
    if role in SERVICES:
        _become(f"services.{role}")
    if role not in ROLES:
        sys.exit(f"No role {role!r}. Name one of: {', '.join([*ROLES, *SERVICES])}.")
    ROLES[role]()


class _Settings(KafkaSettings):
    """Partitions and insurers, by the names that services use."""

    model_config = SettingsConfigDict(env_prefix="CARNET_", extra="ignore", frozen=True)


def _topics() -> Mapping[str, Topic]:
    settings = _Settings()
    return registry(settings.insurer_codes, settings.partitions)


def _stand_by(server: Broker | Postgres) -> None:
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    server.start()
    while server.running and not ending.wait(0.5):
        pass
    ended_by_itself = not server.running
    server.stop()
    sys.exit(1 if ended_by_itself else 0)


def _become(module: str, *arguments: str) -> None:
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - our own program


if __name__ == "__main__":
    main()
