"""Containers get the same roles, the same settings names and the same files as a local system."""

from pathlib import Path

import pytest
import yaml

from deploy.docker import role
from deploy.local import environment, secrets
from shared.contracts.topics import SERVICES

ROOT = Path(__file__).parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
HOME = Path("/var/lib/carnet")
PORTS = {service: int(COMPOSE["services"][service]["environment"]["CARNET_HTTP_PORT"]) for service in SERVICES}
PLACES = environment.Places(
    home=HOME,
    secrets=secrets.Secrets(HOME / "secrets"),
    kafka=f"127.0.0.1:{role.KAFKA_PORT}",
    postgres_admin_url=f"postgresql://postgres:x@127.0.0.1:{role.POSTGRES_PORT}/postgres",
    issuer=f"http://127.0.0.1:{role.IDENTITY_PORT}",
    smtp_port=role.MAIL_PORT,
    http_ports=PORTS,
    replicas=1,
    partitions=8,
    insurers=("amo-test",),
)


def test_every_role_of_the_image_is_a_container_and_no_other():
    assert {name: entry["command"] for name, entry in COMPOSE["services"].items()} == {
        name: [name] for name in [*role.ROLES, *SERVICES]
    }


@pytest.mark.parametrize("service", SERVICES)
def test_settings_are_those_of_a_local_system(service):
    assert COMPOSE["services"][service]["environment"] == environment.of(service, 1, PLACES)


def test_all_roles_that_need_topics_agree_on_them():
    for name in ("secrets", "kafka", "postgres", "prepare"):
        given = COMPOSE["services"][name]["environment"]
        assert given == {"CARNET_PARTITIONS": "8", "CARNET_INSURERS": "amo-test"}


def test_image_runs_roles_and_not_as_root():
    lines = (ROOT / "deploy/docker/Dockerfile").read_text().splitlines()
    assert 'ENTRYPOINT ["python", "-m", "deploy.docker.role"]' in lines
    assert "USER carnet" in lines
    assert lines.index("USER carnet") < lines.index('ENTRYPOINT ["python", "-m", "deploy.docker.role"]')


def test_unknown_role_is_told_the_known_ones(monkeypatch):
    monkeypatch.setattr("sys.argv", ["role", "broker"])
    with pytest.raises(SystemExit, match=r"No role 'broker'.*kafka.*gateway"):
        role.main()
