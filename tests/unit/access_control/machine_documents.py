"""What the machine of lives holds acts on documents to; `law.py` is the oracle (domain rules, 4.9)."""

from itertools import product
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from services.access_control.domain import decide
from services.access_control.domain.cases import ActOnDocument
from services.access_control.domain.requests import ON_DOCUMENTS
from services.access_control.domain.verdict import Sight
from shared.contracts.common import FurtherAct
from tests.unit.access_control.cast import (
    APP,
    CARER,
    GUARDIAN,
    HOLDER,
    INSURER,
    MATRIX,
    MOTHER,
    OPERATOR,
    changed,
    consult,
)

DOCUMENT = UUID(int=77)
ACTS = sorted(ON_DOCUMENTS.values())


class ActsOnDocuments:
    """A part of a machine: acts on documents by everybody, on the record as it is after each step."""

    professionals = ()
    turn = 0

    @rule(by=st.sampled_from([HOLDER, HOLDER, MOTHER, GUARDIAN]), masked=st.booleans())
    def mask_by_default(self, by, masked) -> None:
        if self.ask(FurtherAct.MASK_BY_DEFAULT, by, self.free(by), masked=masked):
            self.law.happened("default", masked=masked)

    @invariant()
    def acts_on_documents_are_decided_as_the_law_says(self) -> None:
        """One act after the other, step by step: all of them at each step would take most of the time."""
        law, now = self.law, self.law.now
        assert self.record.masks_by_default is law.masks_by_default
        self.turn += 1
        act = ACTS[self.turn % len(ACTS)]
        for who, asked_for in product(self.professionals, (True, False)):
            sights = {
                "all": Sight(masked=True, withheld=True),
                "read": consult(self.record, who, now, self.policy).scope,
                "own": Sight(frozenset(), own=who.number, own_structure=who.structure),
                "his": Sight(frozenset(), own=who.number),
                None: None,
            }
            verdict = self.on_a_document(act, who, asked_for=asked_for)
            assert verdict.permitted is (verdict.scope is not None)
            assert verdict.scope == sights[law.acts_on(who, act, asked_for)], (who, act, verdict, law.log)
        theirs = {"seen": Sight(masked=True), "deposited": Sight(masked=True, holders=True), None: None}
        for actor in (HOLDER, MOTHER, GUARDIAN, CARER):
            verdict = self.on_a_document(act, actor)
            assert verdict.scope == theirs[law.side_acts_on(actor, act)], (actor, act, verdict, law.log)
        for stranger in (changed(HOLDER, app=APP), INSURER, OPERATOR):
            assert not self.on_a_document(act, stranger).permitted

    def on_a_document(self, act, actor, *, asked_for=False):
        on_it = ActOnDocument(act, actor, DOCUMENT, at_request=asked_for, opinion="agrees")
        return decide.act(self.record, on_it, self.law.now, MATRIX, self.policy)
