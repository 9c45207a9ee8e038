"""Every setting that a local system gives is one that its service knows, and none that it needs is missing."""

import importlib
import importlib.util

import pytest

from deploy.local import environment, secrets
from deploy.local.options import Options
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
