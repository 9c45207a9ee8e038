"""The bytes of e-mails: what mail programs read from them is what the library would have written."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

import services.notification
from services.notification.domain.deliveries import Due
from services.notification.domain.letters import Letter, Letters, Matter
from services.notification.domain.mails import Mails
from services.notification.domain.notices import Event
from shared.contracts.common import ActorKind
from shared.contracts.http_notification import Email, Language

WHEN = datetime(2026, 7, 14, 22, 5, 59, tzinfo=UTC)
LETTERS = Letters(Path(services.notification.__file__).parent, "https://espace.example/")
MAILS = Mails(LETTERS, "ne-pas-repondre@carnet.example")
DUE = Due(
    notice=UUID("7f1f9f0e-0a4f-4ba5-8d5c-7a43c9c2a001"),
    record=uuid4(),
    matter=Matter.of(Event.DOCUMENT_ADDED, "", ActorKind.PROFESSIONAL, WHEN, Language.FRENCH),
    not_before=WHEN + timedelta(minutes=2),
    attempt=1,
    address="camille.secret@example.org",
)

CONTACTS = st.from_regex(get_args(Email)[1].pattern.strip("^$"), fullmatch=True)
"""Addresses as the contract describes them."""


def composed(**changes: Any) -> bytes:
    """The e-mail of a notice that differs in this; what it says is changed by the names of its parts."""
    said = {name: changes.pop(name) for name in Matter._fields if name in changes}
    if when := changes.pop("occurred_at", None):
        said["minute"] = when.replace(second=0, microsecond=0)
    return MAILS.compose(replace(DUE, matter=DUE.matter._replace(**said), **changes))


def read(content: bytes) -> EmailMessage:
    mail = message_from_bytes(content, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def text(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return "\n".join(part.get_content().splitlines())


def test_headers_and_texts_are_those_of_the_notice() -> None:
    mail = read(composed())
    letter = LETTERS.write(DUE.matter)
    assert {name: str(mail[name]) for name in mail if name not in {"MIME-Version", "Content-Type"}} == {
        "To": "camille.secret@example.org",
        "Date": "Tue, 14 Jul 2026 22:07:59 +0000",
        "Message-ID": "<7f1f9f0e-0a4f-4ba5-8d5c-7a43c9c2a001@carnet.example>",
        "From": "ne-pas-repondre@carnet.example",
        "Subject": letter.subject,
        "Auto-Submitted": "auto-generated",
        "Content-Language": "fr",
    }
    assert len(mail.keys()) == len(set(mail.keys()))
    assert (text(mail), text(mail, "html")) == (letter.text, letter.html)
    assert not mail.defects


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("event", [Event.ACCESS, Event.DOCUMENT_ADDED, Event.CLOSED])
def test_any_relay_takes_it(event: Event, language: Language) -> None:
    content = composed(event=event, language=language)
    assert content.isascii()  # also one without 8BITMIME
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content)
    assert max(map(len, content.splitlines())) <= 78


def test_every_attempt_is_the_same_e_mail() -> None:
    assert composed() == composed(attempt=7)


def test_neighbours_have_their_own_headers() -> None:
    other = read(composed(notice=uuid4(), address="dominique@example.net"))
    assert other["To"] == "dominique@example.net"
    assert other["Message-ID"] != read(composed())["Message-ID"]
    assert "camille" not in other.as_string()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "15/07/2026 à 00:05"),
        ({"occurred_at": WHEN + timedelta(seconds=1)}, "15/07/2026 à 00:06"),
        ({"language": Language.ENGLISH}, "15/07/2026 at 00:05"),
        ({"who": ActorKind.STRUCTURE}, "par un établissement de santé"),
        ({"event": Event.DOCUMENT_CHANGED}, "remplacé"),
        ({"event": Event.BLOCK, "variant": "unblock"}, "débloqu"),
    ],
)
def test_what_differs_in_the_letter_is_not_mixed_up(changes: dict[str, Any], expected: str) -> None:
    composed()
    assert expected in text(read(composed(**changes)))


def test_letters_of_one_kind_and_minute_are_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    write = LETTERS.write

    def counted(matter: Matter) -> Letter:
        written.append(matter)
        return write(matter)

    monkeypatch.setattr(LETTERS, "write", counted)
    mails = Mails(LETTERS, "ne-pas-repondre@carnet.example")
    for second in range(59):
        when = WHEN.replace(second=second)
        matter = Matter.of(Event.DOCUMENT_ADDED, "", ActorKind.PROFESSIONAL, when, Language.FRENCH)
        mails.compose(replace(DUE, notice=uuid4(), matter=matter))
    assert len(written) == 1


@given(CONTACTS)
def test_an_address_of_the_contract_stands_in_its_header_as_it_is(address: str) -> None:
    content = composed(address=address)
    assert content.startswith(f"To: {address}\r\nDate: ".encode())
    assert read(content).keys() == read(composed()).keys()


@pytest.mark.parametrize(
    "address",
    [
        *("a@b.fr\nBcc: c@d.fr", "a@b.fr\r\nBcc: c@d.fr", "a@b.fr\n", "a@b.fr\r\n", "\ra@b.fr", "a@b.fr\x0bx"),
        *("a@b.fr, c@d.fr", "<a@b.fr>", "camille.été@b.fr", "a@", "", None),
    ],
)
def test_no_address_brings_a_header_of_its_own(address: str | None) -> None:
    with pytest.raises(ValueError, match="no address") as caught:
        composed(address=address)
    assert not address or address not in str(caught.value)


def test_an_unknown_variant_is_an_error_and_no_empty_e_mail() -> None:
    with pytest.raises(KeyError):
        composed(event=Event.BLOCK)
