"""Every setting that a local system gives is one that its service knows, and none that it needs is missing."""

import importlib
import importlib.util
import os

import pytest

from deploy.local import environment, secrets
from deploy.local.home import Home
from deploy.local.options import Options
from deploy.local.system import LocalSystem
from deploy.processes import Child
from shared.contracts.topics import SERVICES
from shared.settings import ServiceSettings


@pytest.fixture
def places(tmp_path):
    names = [environment.unit(*unit) for unit in Options(replicas=2).units()]
    return environment.Places(
        home=tmp_path,
        secrets=secrets.create(tmp_path / "secrets", services=SERVICES, principals=SERVICES),
        kafka="127.0.0.1:9092",
        postgres_admin_url="postgresql://postgres:topsecret@127.0.0.1:5432/postgres",
        issuer="http://127.0.0.1:1",
        smtp_port=25,
        http_ports={name: 8000 + number for number, name in enumerate(names)},
        replicas=2,
        partitions=8,
        insurers=("amo-test",),
    )


def _settings_class(service):
    """The service's own settings; ServiceSettings where it has none of its own."""
    if importlib.util.find_spec(f"services.{service}.settings") is None:
        return ServiceSettings
    return importlib.import_module(f"services.{service}.settings").Settings


@pytest.mark.parametrize("service", SERVICES)
def test_names_are_settings_of_the_service_and_files_exist(places, service, monkeypatch):
    given = environment.of(service, 2, places)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = _settings_class(service)()
    for name, value in given.items():
        field = name.removeprefix("CARNET_").lower()
        assert field in type(settings).model_fields, f"{service} knows no setting {name}"
        assert str(getattr(settings, field)) == value
        if name.endswith("_FILE"):
            assert getattr(settings, field).is_file()


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_stands_in_the_environment(places, service):
    told = " ".join(environment.of(service, 1, places).values())
    words = [*places.secrets.kafka_passwords().values(), *places.secrets.postgres_passwords().values(), "topsecret"]
    assert not [word for word in words if word in told]


def test_replicas_have_addresses_and_names_of_their_own(places):
    assert environment.unit("document", 1) == "document"
    assert environment.unit("document", 2) == "document-2"
    assert places.url("document", 1) != places.url("document", 2)


SECRETS_OF_THE_COMMAND = {
    "CARNET_KAFKA": "127.0.0.1:1",
    "CARNET_KAFKA_ADMIN_USER": "the-admin",
    "CARNET_KAFKA_ADMIN_PASSWORD_FILE": "/nobody/sees/this",
    "CARNET_POSTGRES": "postgresql://root:topsecret@127.0.0.1:1/postgres",
    "PGPASSWORD": "topsecret",
    "SOME_TOKEN": "topsecret",
    "CARNET_DATABASE_URL": "postgresql://root:topsecret@127.0.0.1:1/postgres",
}


@pytest.fixture
def environments(tmp_path, monkeypatch):
    """The environment of every process of a system that works with servers of others, by unit; none is started."""
    (tmp_path / "password").write_text("topsecret")
    for name, value in SECRETS_OF_THE_COMMAND.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CARNET_KAFKA_ADMIN_PASSWORD_FILE", str(tmp_path / "password"))
    monkeypatch.setenv("CARNET_MAX_BATCH", "7")
    system = LocalSystem(Home(tmp_path / "home"))
    units = []
    monkeypatch.setattr(system.supervisor, "add", units.append)
    system.home.take()
    system._lay_out()
    system._start_helpers()
    system._start_services()
    system.home.release()
    return {unit.name: unit.process.env for unit in units}


def test_no_process_is_told_how_the_command_reaches_its_servers(environments):
    assert environments.keys() == {"mail", "identity", *SERVICES}
    for name, given in environments.items():
        hidden = SECRETS_OF_THE_COMMAND.keys() - {"CARNET_DATABASE_URL"}
        assert not given.keys() & hidden, name
        assert "topsecret" not in " ".join(given.values()), name
        assert given["PATH"]


def test_settings_told_to_the_command_reach_the_services_that_know_them(environments):
    assert {name for name, given in environments.items() if given.get("CARNET_MAX_BATCH") == "7"} == set(SERVICES)
    assert "CARNET_DATABASE_URL" not in environments["gateway"]


def test_a_child_inherits_no_more_than_it_needs(tmp_path, monkeypatch):
    for name, value in SECRETS_OF_THE_COMMAND.items():
        monkeypatch.setenv(name, value)
    child = Child("one", ["env"], tmp_path / "one.log")
    child.spawn()
    child.wait_until(lambda: not child.running, timeout_s=20)
    given = dict(line.split("=", 1) for line in (tmp_path / "one.log").read_text().splitlines())
    assert given["PATH"] == os.environ["PATH"]
    assert not given.keys() & SECRETS_OF_THE_COMMAND.keys()
