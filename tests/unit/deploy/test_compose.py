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


@pytest.fixture
def visible(tmp_path, monkeypatch):
    """What each container finds below the system's folder once `secrets` has run: files by their place in it."""
    monkeypatch.setenv("CARNET_HOME", str(tmp_path))
    for _ in range(2):
        role.make_secrets()
    seen = {}
    for name, entry in COMPOSE["services"].items():
        seen[name] = set()
        for mount in entry["volumes"]:
            source = tmp_path / mount.get("volume", {}).get("subpath", "")
            assert source.is_dir(), f"{name} mounts what nobody makes: {mount}"
            target = Path(mount["target"])
            seen[name] |= {target / path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    return seen


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_sees_the_secrets_that_its_settings_name_and_no_other(visible, service):
    given = environment.of(service, 1, PLACES)
    files = {Path(value) for name, value in given.items() if name.endswith("_FILE")}
    keys = {Path(value) / f"{secrets.KEK}.key" for name, value in given.items() if name == "CARNET_KEYS_DIR"}
    assert visible[service] == files | keys


def test_the_other_roles_see_no_key_of_a_service(visible):
    below = HOME / "secrets"
    assert visible["kafka"] == {below / "kafka/admin"}
    assert visible["postgres"] == {below / "postgres/postgres"}
    assert visible["mail"] == visible["identity"] == set()
    assert {path.parent for path in visible["prepare"]} == {below / "kafka", below / "postgres"}


def test_what_a_role_writes_is_its_own_and_secrets_are_not_written():
    mounts = [(name, mount) for name, entry in COMPOSE["services"].items() for mount in entry["volumes"]]
    places = [mount["volume"]["subpath"] for name, mount in mounts if name != "secrets"]
    assert len(places) == len(set(places))
    assert all(mount["source"] == "carnet" for _, mount in mounts)
    for name, mount in mounts:
        if name != "secrets":
            assert mount.get("read_only", False) is mount["target"].endswith("/secrets"), (name, mount)


def test_image_runs_roles_and_not_as_root():
    lines = (ROOT / "deploy/docker/Dockerfile").read_text().splitlines()
    assert 'ENTRYPOINT ["python", "-m", "deploy.docker.role"]' in lines
    assert "USER carnet" in lines
    assert lines.index("USER carnet") < lines.index('ENTRYPOINT ["python", "-m", "deploy.docker.role"]')


def test_unknown_role_is_told_the_known_ones(monkeypatch):
    monkeypatch.setattr("sys.argv", ["role", "broker"])
    with pytest.raises(SystemExit, match=r"No role 'broker'.*kafka.*gateway"):
        role.main()
