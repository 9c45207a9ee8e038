"""The words of e-mails: complete in both languages, and without anything about health or persons."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import services.notification
from services.notification.domain.letters import Letters, Matter
from services.notification.domain.notices import Event
from shared.contracts.common import Act, ActorKind, FurtherAct
from shared.contracts.http_notification import Language

FOLDER = Path(services.notification.__file__).parent
URL = "https://espace.example/"
WHEN = datetime(2026, 7, 14, 22, 5, tzinfo=UTC)
LETTERS = Letters(FOLDER, URL)
VARIANTS: dict[Event, tuple[str, ...]] = {
    Event.ACCESS: ("", "extract_approved", "extract_taken"),
    Event.EMERGENCY_ACCESS: ("", "treating"),
    Event.REGULATION_ACCESS: ("", "treating"),
    Event.AUTHORISATION: (
        Act.AUTHORISE,
        Act.REVOKE,
        Act.DECLARE,
        FurtherAct.AUTHORISE_FOR,
        FurtherAct.CONSENT_SESSION,
        FurtherAct.CONSENT_TEAM,
        FurtherAct.END_TEAM,
        FurtherAct.NAME_ADMINISTRATOR,
        FurtherAct.REMOVE_ADMINISTRATOR,
    ),
    Event.BLOCK: (Act.BLOCK, Act.UNBLOCK),
    Event.DOCUMENT_CHANGED: ("", "changed"),
    Event.SETTINGS: (
        *(FurtherAct.WISH, FurtherAct.OPT_OUT, FurtherAct.OPPOSE_HEIRS),
        *(FurtherAct.AGREE_APP, FurtherAct.WITHDRAW_APP, FurtherAct.MASK_BY_DEFAULT),
    ),
    Event.ENDED: ("", "for_holder"),
    Event.OF_AGE: ("", "soon"),
    Event.REPRESENTED_OF_AGE: ("", "soon"),
    Event.OPENED: ("", FurtherAct.ACTIVATE),
    Event.SUSPENDED: (FurtherAct.SUSPEND, FurtherAct.OBJECT),
    Event.DELETED: ("requested", "foreseen", ""),
    Event.CONTESTED: ("", "answered"),
    Event.REOPENED: ("", FurtherAct.LIFT, FurtherAct.DECEASE),
}
ALL = [(event, str(variant)) for event in Event for variant in VARIANTS.get(event, ("",))]
TO_OTHERS = {(row["code"], row["variant"]) for row in LETTERS._texts.values() if row["recipient"] in {"mt", "carer"}}
OF_THE_HOLDER = {
    Language.FRENCH: r"\b(votre dossier|vos traces|bloquer)\b",
    Language.ENGLISH: r"\b(your (shared|record|traces)|block the access)\b",
}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("who", [*ActorKind])
@pytest.mark.parametrize(("event", "variant"), ALL)
def test_every_event_has_a_letter(event: Event, variant: str, who: ActorKind, language: Language) -> None:
    letter = LETTERS.write(Matter.of(event, variant, who, WHEN, language))
    assert letter.subject
    assert "\n" not in letter.subject
    for text in (letter.text, letter.html):
        assert URL in text
        assert "15/07/2026" in text  # in Paris it is already the next day
        assert "00:05" in text
        assert not re.search(r"[{}]|None|undefined", text)
    assert f'<html lang="{language}">' in letter.html


def test_it_says_who_by_kind_only() -> None:
    letter = LETTERS.write(Matter.of(Event.ACCESS, "", ActorKind.PROFESSIONAL, WHEN, Language.FRENCH))
    assert "consulté par un professionnel de santé." in letter.text
    letter = LETTERS.write(Matter.of(Event.ACCESS, "", ActorKind.STRUCTURE, WHEN, Language.ENGLISH))
    assert "consulted by a care facility." in letter.text


def test_html_is_escaped_and_text_is_not() -> None:
    letter = Letters(FOLDER, "https://espace.example/?a=1&b=<2>").write(
        Matter.of(Event.AUTHORISATION, "revoke", ActorKind.INSURER, WHEN, Language.FRENCH)
    )
    assert "https://espace.example/?a=1&b=<2>" in letter.text
    assert "par l'assurance maladie." in letter.text
    assert "a=1&amp;b=&lt;2&gt;" in letter.html


def test_an_unknown_variant_is_an_error_and_no_empty_letter() -> None:
    with pytest.raises(KeyError):
        LETTERS.write(Matter.of(Event.BLOCK, "", ActorKind.PATIENT, WHEN, Language.FRENCH))


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("event", "variant"), sorted(TO_OTHERS))
def test_who_is_not_the_holder_is_not_written_to_as_if(event: str, variant: str, language: Language) -> None:
    letter = LETTERS.write(Matter.of(Event(event), variant, ActorKind.PROFESSIONAL, WHEN, language))
    for text in (letter.subject, letter.text, letter.html):
        assert not re.search(OF_THE_HOLDER[language], text, re.IGNORECASE)
    assert re.search(OF_THE_HOLDER[language], written_to_the_holder(language))


def written_to_the_holder(language: Language) -> str:
    return LETTERS.write(Matter.of(Event.EMERGENCY_ACCESS, "", ActorKind.PROFESSIONAL, WHEN, language)).text


def test_no_text_for_an_event_that_is_never_told() -> None:
    assert set(LETTERS._texts) == {(event.value, str(variant)) for event, variant in ALL}


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("event", "variant"), [(Event.DOCUMENT_CHANGED, "changed"), (Event.OPENED_BY_TIME, "")])
def test_ar_023_029_no_letter_says_what_was_masked_or_withheld(event: Event, variant: str, language: Language) -> None:
    letter = LETTERS.write(Matter.of(event, variant, ActorKind.PROFESSIONAL, WHEN, language))
    said = f"{letter.subject} {letter.text} {letter.html}"
    words = r"masqu|mask|visib|cach|hidd|hide|withh|retenu|annonc|announc|archiv|mois|month"
    assert not re.search(words, said, re.IGNORECASE)
