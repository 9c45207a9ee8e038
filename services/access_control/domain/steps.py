"""A branch of the decision: steps in order, the first that denies decides; a last one says what is permitted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from services.access_control.domain.verdict import Said, Verdict, deny
from shared.contracts.further_reasons import Code

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Step(Generic[C]):
    """One question: why not, or None where the decision goes on."""

    code: str
    """Its place in the order: `E4`."""
    rules: tuple[str, ...]
    """The access rules that it applies."""
    ask: Callable[[C], Code | None]


@dataclass(frozen=True, slots=True)
class Grant(Generic[C]):
    """The last step: what is permitted, or why nothing is."""

    code: str
    rules: tuple[str, ...]
    ask: Callable[[C], Verdict]


@dataclass(frozen=True, slots=True)
class Branch(Generic[C]):
    """One branch of the domain rules, 4.7."""

    steps: tuple[Step[C], ...]
    grant: Grant[C]


def run(branch: Branch[C], case: C) -> Verdict:
    """Decide."""
    for step in branch.steps:
        code = step.ask(case)
        if code is not None:
            return deny(code)
    return branch.grant.ask(case)


def run_and_tell(branch: Branch[C], case: C) -> Verdict:
    """Decide by the same steps, and keep what each of them said."""
    trail: list[Said] = []
    for step in branch.steps:
        code = step.ask(case)
        trail.append(Said(step.code, step.rules, code))
        if code is not None:
            return replace(deny(code), trail=tuple(trail))
    verdict = branch.grant.ask(case)
    trail.append(Said(branch.grant.code, branch.grant.rules, verdict.code))
    return replace(verdict, trail=tuple(trail))
