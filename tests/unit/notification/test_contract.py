"""Contacts and settings: what is refused."""

import pytest
from pydantic import ValidationError

from services.notification.settings import Settings
from shared.contracts.http_notification import Contact


@pytest.mark.parametrize("email", ["a@b.fr", "prenom.nom+dmp@exemple.fr", "x_y-z@sub.domain.example", " a@b.fr "])
def test_addresses_that_are_taken(email: str) -> None:
    assert Contact(email=email).email == email.strip()


@pytest.mark.parametrize(
    "email",
    [
        "",
        "a",
        "a@b",
        "a@@b.fr",
        "a b@c.fr",
        "a@b.fr\nBcc: c@d.fr",
        "é@b.fr",
        "<a@b.fr>",
        "a@b.fr, c@d.fr",
        "a" * 250 + "@b.fr",
    ],
)
def test_addresses_that_are_refused(email: str) -> None:
    with pytest.raises(ValidationError):
        Contact(email=email)


def test_a_contact_printed_shows_no_address() -> None:
    assert "secret" not in repr(Contact(email="secret@example.org"))


@pytest.mark.parametrize(
    "changes",
    [
        {"environment": "production", "portal_url": "https://espace.example/"},
        {"environment": "production", "smtp_tls": "starttls", "portal_url": "http://espace.example/"},
        {"mail_from": "Carnet <a@b.fr>"},
        {"portal_url": "javascript:alert(1)"},
    ],
)
def test_settings_that_are_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings(**changes)


def test_settings_of_production() -> None:
    settings = Settings(environment="production", smtp_tls="tls", portal_url="https://espace.example/")
    assert settings.smtp_tls == "tls"
