"""The words of e-mails: complete in both languages, and without anything about health or persons."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import services.notification
from services.notification.domain.letters import Letters
from services.notification.domain.notices import Event
from shared.contracts.common import Act, ActorKind
from shared.contracts.http_notification import Language

FOLDER = Path(services.notification.__file__).parent
URL = "https://espace.example/"
WHEN = datetime(2026, 7, 14, 22, 5, tzinfo=UTC)
LETTERS = Letters(FOLDER, URL)
VARIANTS = {Event.AUTHORISATION: (Act.AUTHORISE, Act.REVOKE, Act.DECLARE), Event.BLOCK: (Act.BLOCK, Act.UNBLOCK)}
ALL = [(event, variant) for event in Event for variant in VARIANTS.get(event, ("",))]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("who", [*ActorKind])
@pytest.mark.parametrize(("event", "variant"), ALL)
def test_every_event_has_a_letter(event: Event, variant: str, who: ActorKind, language: Language) -> None:
    letter = LETTERS.write(event, variant, who, WHEN, language)
    assert letter.subject
    assert "\n" not in letter.subject
    for text in (letter.text, letter.html):
        assert URL in text
        assert "15/07/2026" in text  # in Paris it is already the next day
        assert "00:05" in text
        assert not re.search(r"[{}]|None|undefined", text)
    assert f'<html lang="{language}">' in letter.html


def test_it_says_who_by_kind_only() -> None:
    letter = LETTERS.write(Event.ACCESS, "", ActorKind.PROFESSIONAL, WHEN, Language.FRENCH)
    assert "consulté par un professionnel de santé." in letter.text
    letter = LETTERS.write(Event.ACCESS, "", ActorKind.STRUCTURE, WHEN, Language.ENGLISH)
    assert "consulted by a care facility." in letter.text


def test_html_is_escaped_and_text_is_not() -> None:
    letter = Letters(FOLDER, "https://espace.example/?a=1&b=<2>").write(
        Event.AUTHORISATION, "revoke", ActorKind.INSURER, WHEN, Language.FRENCH
    )
    assert "https://espace.example/?a=1&b=<2>" in letter.text
    assert "par l'assurance maladie." in letter.text
    assert "a=1&amp;b=&lt;2&gt;" in letter.html


def test_an_unknown_variant_is_an_error_and_no_empty_letter() -> None:
    with pytest.raises(KeyError):
        LETTERS.write(Event.BLOCK, "", ActorKind.PATIENT, WHEN, Language.FRENCH)


def test_no_text_for_an_event_that_is_never_told() -> None:
    assert set(LETTERS._texts) == {(event.value, str(variant)) for event, variant in ALL}
