"""Explanations in words: each step of a decision with its sentence, for the holder's side alone."""

from pydantic import AwareDatetime, BaseModel

from shared.contracts.further_reasons import code
from shared.contracts.http_explanations import (
    ChangeSaid,
    Explained,
    Explanation,
    Hidden,
    SeenAs,
    StepSaid,
    hidden_sentence,
)
from shared.contracts.reason_sentences import sentence

_OF_A_DOCUMENT = {
    "shown": ("Un tel document serait montré.", "Such a document would be shown."),
    "reached": ("Cela pourrait être fait à un tel document.", "It could be done to such a document."),
}
"""The last step where nothing of the document stands against it."""
_NOT_TOLD = (
    "Ce qui avait été décidé à ce moment n'est plus connu ; il l'est à partir de la date indiquée.",
    "What had been decided at that moment is not known; it is from the date told here.",
)


class Step(BaseModel):
    """What one step of the decision said; without a code it let the decision go on."""

    step: str
    rules: tuple[str, ...]
    code: str | None = None
    sentence: str | None = None


class Told(BaseModel):
    """What would be decided, and why."""

    permitted: bool
    code: str
    sentence: str
    steps: tuple[Step, ...]
    types: tuple[str, ...] | None = None
    """Document types that would be shown; null means every type, where it is permitted."""
    masked: bool
    """Documents masked to professionals would be shown."""
    own: bool
    """His own documents would be shown whatever their type or mask."""
    holders: bool
    """For an act on documents: on those alone that the holder's side deposited."""


class ExplanationTold(BaseModel):
    """Why a look is permitted or not at a moment."""

    at: AwareDatetime
    told_from: AwareDatetime
    """From this moment on it can be told."""
    explained: Told | None = None
    """Null where the moment lies before that."""
    sentence: str
    matrix_version: str | None = None
    rights_version: int


class ChangeTold(BaseModel):
    """Whether the change that was imagined would be permitted."""

    permitted: bool
    code: str
    sentence: str


class Sight(BaseModel):
    """What one of them would see: now, and after the change where one was imagined and would be permitted."""

    now: Told
    after: Told | None = None


class Sights(BaseModel):
    """What they would see, in the order in which they were named."""

    seen: tuple[Sight, ...]
    change: ChangeTold | None = None
    rights_version: int


def explanation_told(explanation: Explanation, language: str) -> ExplanationTold:
    """An explanation in words."""
    explained = told(explanation.explained, language) if explanation.explained is not None else None
    return ExplanationTold(
        at=explanation.at,
        told_from=explanation.told_from,
        explained=explained,
        sentence=explained.sentence if explained is not None else _NOT_TOLD[not language.startswith("fr")],
        matrix_version=explanation.matrix_version,
        rights_version=explanation.rights_version,
    )


def sights(seen: SeenAs, language: str) -> Sights:
    """What others would see, in words."""
    return Sights(
        seen=tuple(
            Sight(now=told(one.now, language), after=told(one.after, language) if one.after is not None else None)
            for one in seen.seen
        ),
        change=_change(seen.change, language) if seen.change is not None else None,
        rights_version=seen.rights_version,
    )


def told(explained: Explained, language: str) -> Told:
    """What would be decided, in words: the last step says it."""
    steps = tuple(_step(one, language) for one in explained.steps)
    last = explained.steps[-1].code if explained.steps and explained.steps[-1].code else explained.code
    return Told(
        permitted=explained.permitted,
        code=last,
        sentence=words(last, language),
        steps=steps,
        types=tuple(sorted(explained.types)) if explained.types is not None else None,
        masked=explained.masked,
        own=explained.own,
        holders=explained.holders,
    )


def words(value: str, language: str) -> str:
    """The sentence of any code that an explanation may hold; the code itself where this version knows none."""
    known = code(value)
    if known is not None:
        return sentence(known, language)
    if value in Hidden.__members__.values():
        return hidden_sentence(Hidden(value), language)
    spoken = _OF_A_DOCUMENT.get(value)
    return spoken[not language.startswith("fr")] if spoken is not None else value


def _step(said: StepSaid, language: str) -> Step:
    spoken = words(said.code, language) if said.code is not None else None
    return Step(step=said.step, rules=said.rules, code=said.code, sentence=spoken)


def _change(said: ChangeSaid, language: str) -> ChangeTold:
    return ChangeTold(permitted=said.permitted, code=said.code, sentence=words(said.code, language))
