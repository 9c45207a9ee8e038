"""The words of an e-mail: that something changed, what kind of person did it and when, and the way to the space.

No health data, no title, no name and no number: an e-mail is read by whoever sees the screen (domain rule of
notifications). All of it comes from this service's own texts.
"""

import csv
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notification.domain.notices import Event
from shared.contracts.common import ActorKind
from shared.contracts.http_notification import Language

_PARIS = ZoneInfo("Europe/Paris")
_FORMATS = {Language.FRENCH: "%d/%m/%Y à %H:%M", Language.ENGLISH: "%d/%m/%Y at %H:%M"}
_WHO = {
    Language.FRENCH: {
        ActorKind.PROFESSIONAL: "un professionnel de santé",
        ActorKind.STRUCTURE: "un établissement de santé",
        ActorKind.PATIENT: "vous-même",
        ActorKind.REPRESENTATIVE: "votre représentant",
        ActorKind.INSURER: "l'assurance maladie",
        ActorKind.OPERATOR: "l'opérateur du service",
    },
    Language.ENGLISH: {
        ActorKind.PROFESSIONAL: "a health professional",
        ActorKind.STRUCTURE: "a care facility",
        ActorKind.PATIENT: "yourself",
        ActorKind.REPRESENTATIVE: "your representative",
        ActorKind.INSURER: "the health insurance",
        ActorKind.OPERATOR: "the operator of the service",
    },
}


class Matter(NamedTuple):
    """All that a letter says, and in which language; a tuple, since letters are kept by it."""

    event: Event
    variant: str
    """Which of the event's texts."""
    who: ActorKind | None
    minute: datetime
    """When it happened; letters say no more of the time."""
    language: Language

    @classmethod
    def of(
        cls, event: Event, variant: str, who: ActorKind | None, occurred_at: datetime, language: Language
    ) -> "Matter":
        """What the letter about an event says."""
        return cls(event, variant, who, occurred_at.replace(second=0, microsecond=0), language)


@dataclass(frozen=True, slots=True)
class Letter:
    """An e-mail's texts."""

    subject: str
    text: str
    html: str


class Letters:
    """Writes letters from the table of events and one template per language and form."""

    def __init__(self, folder: Path, portal_url: str) -> None:
        """Read the texts of a service's folder (`data`, `templates`).

        Raises:
            OSError, KeyError, jinja2.TemplateError: a text is missing or broken; found at the start, not at a notice.
        """
        with (folder / "data" / "notification_events.csv").open(encoding="utf-8", newline="") as file:
            self._texts = {(row["code"], row["variant"]): row for row in csv.DictReader(file)}
        environment = Environment(
            loader=FileSystemLoader(folder / "templates"),
            autoescape=select_autoescape(("html",), default=False),  # the plain text has nothing to escape
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates = {
            (language, form): environment.get_template(f"notice.{language}.{form}")
            for language in Language
            for form in ("txt", "html")
        }
        self._portal_url = portal_url

    def write(self, matter: Matter) -> Letter:
        """The letter about one event.

        Raises:
            KeyError: the event has no text in this variant.
        """
        language, who = matter.language, matter.who
        texts = self._texts[matter.event, matter.variant]
        sentence = texts[f"sentence_{language}"].format(who=_WHO[language][who] if who else "")
        words = {
            "subject": texts[f"subject_{language}"],
            "sentence": sentence,
            "when": matter.minute.astimezone(_PARIS).strftime(_FORMATS[language]),
            "portal_url": self._portal_url,
            "recipient": texts["recipient"],
        }
        return Letter(
            subject=words["subject"],
            text=self._templates[language, "txt"].render(words),
            html=self._templates[language, "html"].render(words),
        )
