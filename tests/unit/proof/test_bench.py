"""The benchmarks' own parts: quantiles, targets, processor times, the client, and what makes a figure void."""

import asyncio
import itertools
import json
import subprocess
import sys
import time
from uuid import uuid4

import psutil
import pytest

from deploy.proof.bench import documents, report
from deploy.proof.bench.__main__ import ALONE, GROUPS, _claims
from deploy.proof.bench.client import Connections, Seen, closed_loop, open_loop, prepared
from deploy.proof.bench.cpu import Meter, Reading, between, nearest
from deploy.proof.bench.figures import TARGETS, Figure, quantile, rounded, spread
from deploy.proof.bench.steady import unsustained
from deploy.proof.checker import Claims
from services.document.domain import cda
from shared.contracts.http_document import DEPOSIT_HEADER, DepositMetadata, from_header


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_quantile_is_one_of_the_values(share, expected) -> None:
    assert quantile(list(range(100, 0, -1)), share) == expected


def test_nothing_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.99)


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0.0), (123456.0, 123500.0), (0.0123456, 0.01235)])
def test_four_digits_are_kept(value, expected) -> None:
    assert rounded(value) == expected


def test_a_target_knows_which_side_is_better() -> None:
    assert TARGETS["chain.deposits_per_s"].reached(4000, 4000)
    assert not TARGETS["chain.deposits_per_s"].reached(3999, 4000)
    assert TARGETS["deposit.stored_p99_ms"].reached(80, 80)
    assert not TARGETS["deposit.stored_p99_ms"].reached(81, 80)


def test_a_figure_with_a_fault_is_void_and_says_why(tmp_path) -> None:
    figure = Figure("chain.deposits_per_s", {"deposits": 3})
    for value in (9000.0, 7000.0, 8000.0):
        figure.add(value, calibration_s=0.05)
    report.write(tmp_path / "a" / "b.json", {"calibration_s": 0.05}, [figure], {"ok": True})
    told = json.loads((tmp_path / "a" / "b.json").read_text())["figures"][0]
    assert (told["median"], told["min"], told["max"], told["verdict"]["ok"]) == (8000, 7000, 9000, True)
    figure.faults.append("2 deposits lost")
    assert not figure.counts
    assert figure.plain()["verdict"] == {"ok": False, "reasons": ["2 deposits lost"]}
    assert "void" in [str(cell) for cell in report.table([figure]).columns[-1].cells]


def test_a_figure_claims_that_what_it_measured_was_done() -> None:
    figures = [Figure(name, {}, runs=[1.0]) for name in TARGETS]
    assert not [kind for kind in ("requests", "deposits", "reads", "mails") if not getattr(_claims(figures), kind)]
    assert _claims([Figure("door.deposits_per_s", {}, runs=[1.0])]) == Claims(deposits=1)
    assert _claims([Figure("door.deposits_per_s", {}, faults=["it did not come to rest"])]) == Claims()


def test_a_figure_measured_while_others_worked_is_marked() -> None:
    figure = Figure("chain.deposits_per_s", {})
    figure.add(1.0, others_cores=0.1)
    assert not figure.disturbed
    figure.add(1.0, others_cores=0.9)
    assert figure.plain()["disturbed"]
    assert "chain.deposits_per_s *" in report.table([figure]).columns[0].cells


def test_a_figure_that_was_never_measured_is_void() -> None:
    figure = Figure("history.lines_per_s", {}, faults=["not answered"])
    assert not figure.counts
    assert "median" not in figure.plain()
    assert report.table([figure]).row_count == 1


def test_use_counts_new_processes_whole_and_others_apart() -> None:
    before = Reading(100.0, {"a": (1, 5.0), "b": (2, 1.0)}, own=1.0, busy=10.0)
    after = Reading(102.0, {"a": (1, 6.0), "b": (7, 0.5)}, own=1.2, busy=13.0)
    use = between(before, after)
    assert use.by_process == {"a": 1.0, "b": 0.5}
    assert use.system == pytest.approx(1.5)
    assert use.cores == pytest.approx(0.75)
    assert use.others == pytest.approx(3.0 - 0.2 - 1.5)
    assert nearest([before, after], 101.6) is after


def test_the_meter_sees_a_child_of_a_process_at_work() -> None:
    burn = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'for _ in range(10**8): pass'])"
    with subprocess.Popen([sys.executable, "-c", burn]) as process:
        meter = Meter(lambda: {"burner": process.pid, "gone": 2**22 + 1})
        before = meter.read()
        deadline = time.monotonic() + 20
        while between(before, meter.read()).by_process["burner"] < 0.1:
            assert time.monotonic() < deadline, "the child's time was not seen"
            time.sleep(0.02)
        assert between(before, meter.read()).by_process["gone"] == 0
        for child in psutil.Process(process.pid).children():
            child.kill()


def test_a_document_has_one_kibibyte_and_passes_inspection() -> None:
    ins = documents.ins_of(7)
    unique, content = documents.cda(ins)
    assert len(content) == documents.BODY_BYTES
    inspected = cda.inspect(content)
    assert (inspected.unique_id, inspected.patients) == (str(unique), {ins})
    assert ins.key_is_valid()


def test_a_staging_says_what_the_document_says() -> None:
    person = documents.Person(documents.ins_of(7), uuid4())
    headers, content = documents.staging(person)
    metadata = from_header(DepositMetadata, headers[DEPOSIT_HEADER])
    assert metadata.record == person.record
    assert metadata.unique_id == cda.inspect(content).unique_id


def test_lines_differ_and_go_round_the_persons() -> None:
    persons = [documents.Person(documents.ins_of(number), uuid4()) for number in (1, 2)]
    found = [line for _, line in itertools.islice(documents.lines(persons, "t"), 4)]
    assert len({line.line for line in found}) == 4
    assert [line.matricule for line in found] == [person.ins.number for person in persons] * 2


async def serve(answer):
    """A server that answers each request with what `answer` says of its number."""
    numbers = itertools.count()

    async def talk(reader, writer) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(size)
                told = answer(next(numbers))
                if told is None:
                    return
                for part in told:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0)
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def ok(_: int) -> list[bytes]:
    return [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", b"\r\nhe", b"llo"]


async def test_answers_in_pieces_are_put_together() -> None:
    server, url = await serve(ok)
    async with server:
        seen = await closed_loop(url, iter([prepared("GET", "/x")] * 20), connections=3)
    assert len(seen.latencies_ms) == 20
    assert not seen.refused
    assert spread(seen.latencies_ms)["of"] == 20


async def test_refusals_and_lost_connections_are_faults_and_the_load_goes_on() -> None:
    def answer(number: int) -> list[bytes] | None:
        if number == 3:
            return None
        return [b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy"] if number == 5 else ok(number)

    server, url = await serve(answer)
    async with server:
        seen = await closed_loop(url, iter([prepared("POST", "/x", b"body")] * 10), connections=1)
    assert len(seen.latencies_ms) == 8
    assert dict(seen.refused) == {"no answer": 1, "HTTP 503": 1}
    assert "1 answers HTTP 503: busy" in seen.faults()


def test_deposits_that_pile_up_before_they_are_accepted_are_a_fault() -> None:
    assert unsustained(Seen(latencies_ms=[5.0] * 100)) == []
    assert unsustained(Seen(latencies_ms=[5.0] * 98 + [1001.0] * 2))


async def test_an_open_loop_counts_from_the_planned_moment() -> None:
    """A slow server makes later requests late too, not only the one it is busy with."""
    server, url = await serve(ok)
    gate = asyncio.Lock()
    async with server, Connections(url, 1) as pool:

        async def ask(_: int):
            async with gate:
                await asyncio.sleep(0.02)
                return await pool.ask(prepared("GET", "/x"))

        seen = await open_loop(ask, rate=500, until=lambda at: at >= 0.05)
    assert len(seen.latencies_ms) >= 20
    assert max(seen.latencies_ms) > 5 * min(seen.latencies_ms)


def test_every_figure_belongs_to_a_group() -> None:
    groups = [name for name, _ in (*GROUPS, *ALONE)]
    assert {name for name in TARGETS if not any(name.startswith(group) for group in groups)} == set()
