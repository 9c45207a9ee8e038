"""The demonstration in small, on a whole system: verified, repeatable, and honest where something is wrong."""

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from deploy.local.home import Home
from deploy.local.system import LocalSystem
from deploy.proof import demo, made
from deploy.proof.demo.cases import case_of
from deploy.proof.demo.documents import Documents
from deploy.proof.demo.door import opened
from deploy.proof.demo.holders import Holders
from deploy.proof.demo.ledger import Ledger
from deploy.proof.demo.scene import Scene
from shared.terminology.ins import NIR, TEST_NIR

CHANGED = made.make("biology").replace(b"<title>", b"<title>X")
"""Another content under the unique id of a document that is played."""
pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A document as it should be, one of a type outside the list, one of a real kind of identity, a broken one."""
    folder = tmp_path_factory.mktemp("samples")
    (folder / "good.xml").write_bytes(made.make("biology"))
    (folder / "foreign.xml").write_bytes(made.make("synthesis").replace(b'code="60591-5"', b'code="00000-0"'))
    (folder / "real.xml").write_bytes(made.make("imaging").replace(TEST_NIR.encode(), NIR.encode()))
    (folder / "broken.xml").write_bytes(made.make("discharge").replace(b"recordTarget", b"recordNobody"))
    (folder / "short.xml").write_bytes(made.make("discharge")[:-30])
    (folder / "deep").mkdir()
    (folder / "deep" / "notes.txt").write_text("nothing")
    return folder


def played(system: LocalSystem | Home, folder: Path) -> tuple[bool, str]:
    shown = io.StringIO()
    console = Console(file=shown, width=200)
    size = demo.Size(people=30, with_record=5, folder=str(folder))
    ok = demo.run(system, size=size, console=console)
    sys.stdout.write(shown.getvalue())
    return ok, shown.getvalue()


@pytest.fixture(scope="module")
def first(carnet: LocalSystem, samples: Path) -> tuple[bool, str]:
    """What the first performance said."""
    return played(carnet, samples)


def test_every_step_is_verified(first):
    ok, shown = first
    assert ok, shown
    assert "foreign.xml: refused as it should be" in shown
    assert "broken.xml: refused as it should be" in shown
    assert "short.xml: refused as it should be" in shown
    assert "deep/notes.txt" in shown.partition("Passed over")[2]
    assert "real.xml (a copy with an identity of test)" in shown
    assert "dr-noir refused (blocked), insurer refused (excluded_actor)" in shown
    assert "297 lines accepted" in shown
    assert "dr-noir: breaks the glass (bris de glace): reads for half an hour" in shown
    assert "SAMU: yes, then no (emergency_opposed)" in shown
    assert "operator: answers the case" in shown
    assert "missing" not in shown.partition("who  ")[2].partition("Verified")[0]
    assert "FAULTS" not in shown


def test_it_is_verified_again_where_the_documents_are_already(first, carnet, samples):
    (samples / "second.xml").write_bytes(CHANGED)
    ok, shown = played(carnet.home, samples)
    assert ok, shown
    assert "2 documents stood in their record already" in shown
    assert "second.xml: refused as it should be" in shown


async def test_only_a_broken_document_is_refused_for_its_fault_and_proves_nothing(first, carnet):
    short = made.make("discharge")[:-40]
    ledger, scene, case = Ledger(), Scene.of(carnet), case_of("short.xml", short)
    async with opened(scene.gateway, scene.issuer, ledger) as door:
        holders = Holders(door, ledger)
        await holders.prepare([case.ins])
        documents = Documents(door, ledger, print)
        await documents.play([(case, holders.by_ins[case.ins])], lambda: None)
        documents.conclude([case])
    assert documents.refused == {"short.xml": "not_xml"}
    assert [failure.step for failure in ledger.failures] == ["a document was taken"]


async def test_another_content_under_a_known_unique_id_is_a_failure(first, carnet):
    ledger, scene, case = Ledger(), Scene.of(carnet), case_of("changed.xml", CHANGED)
    async with opened(scene.gateway, scene.issuer, ledger) as door:
        holders = Holders(door, ledger)
        await holders.prepare([case.ins])
        documents = Documents(door, ledger, print)
        await documents.play([(case, holders.by_ins[case.ins])], lambda: None)
    (failure,) = ledger.failures
    assert (failure.step, failure.subject) == ("deposited", "changed.xml")
    assert "unique_id_used" in failure.wrong
    assert not documents.played


def test_no_document_is_a_failure_that_is_told(carnet, tmp_path):
    (tmp_path / "caf\udce9.bin").write_bytes(b"rubbish")
    ok, shown = played(carnet, tmp_path)
    assert not ok
    assert "CARNET_SAMPLES" in shown
    assert "caf\\xe9.bin" in shown.partition("Passed over")[2]
