"""Secrets: random, private, made once, in the forms that the services read."""

import json

import pytest

from deploy.local import secrets
from shared.security import FileKeyProvider, ServiceIdentity, ServiceVerifier, new_key, read_hex_key, read_jwk

SERVICES = ("gateway", "access_control", "history_ingestion")


@pytest.fixture
def made(tmp_path):
    return secrets.create(tmp_path / "secrets", services=SERVICES, principals=("gateway", "insurer-amo-test"))


def test_only_the_owner_reads(made):
    files = [path for path in made.folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert made.folder.stat().st_mode & 0o777 == 0o700


def test_made_once(made):
    before = {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()}
    secrets.create(made.folder, services=SERVICES, principals=("gateway", "insurer-amo-test"))
    assert {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()} == before


def test_two_systems_share_nothing(made, tmp_path):
    other = secrets.create(tmp_path / "other", services=SERVICES, principals=("gateway", "insurer-amo-test"))
    for path in made.folder.rglob("*"):
        if path.is_file():
            assert path.read_bytes() != (other.folder / path.relative_to(made.folder)).read_bytes()


def test_services_can_use_them(made):
    token = ServiceIdentity("gateway", read_jwk(made.service_key_file("gateway"))).token("access_control")
    assert ServiceVerifier(read_jwk(made.jwks_file), "access_control", ("gateway",)).verify(token) == "gateway"
    keys = FileKeyProvider(made.keys_dir("access_control"), secrets.KEK)
    key = new_key()
    assert keys.unwrap(keys.wrap(key)) == key
    assert read_hex_key(made.hash_key_file("access_control")) != read_hex_key(made.hash_key_file("history_ingestion"))


def test_the_newest_kek_is_current_and_a_retired_one_is_not_made_again(made):
    folder = made.keys_dir("access_control")
    for number in (2, 10):
        assert FileKeyProvider(folder, secrets.KEK).add(f"kek-{number}")
    (folder / "kek-1.key").unlink()
    secrets.create(made.folder, services=SERVICES, principals=("gateway", "insurer-amo-test"))
    assert made.current_kek("access_control") == "kek-10"
    assert sorted(path.name for path in folder.iterdir()) == ["kek-10.key", "kek-2.key"]
    assert {folder / "kek-2.key", folder / "kek-10.key"} <= set(made.of("access_control"))


def test_public_keys_hold_nothing_private(made):
    keys = json.loads(made.jwks_file.read_text())["keys"]
    assert {key["kid"] for key in keys} == {*SERVICES, secrets.PERMITS_KID}
    assert not any("d" in key for key in keys)


def test_passwords_by_principal_leave_out_the_super_users(made):
    assert set(made.kafka_passwords()) == {"gateway", "insurer-amo-test"}
    assert set(made.postgres_passwords()) == set(SERVICES)
