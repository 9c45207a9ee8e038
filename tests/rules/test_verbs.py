"""The verbs of the Makefile: what they run, that a failure is one, and what is said where Python is missing."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

VERBS = ("run", "demo", "test", "check", "bench", "clean")
FAKE = """#!/bin/sh
echo "$(basename $0) $@" >> calls
case "$*" in *"$FAILING"*) exit $CODE;; esac
"""


@pytest.fixture
def project(root, tmp_path) -> Path:
    """A project whose tools only note how they were called, and fail on demand."""
    shutil.copy(root / "Makefile", tmp_path)
    for name in ("pyproject.toml", "uv.lock"):
        (tmp_path / name).touch()
    for folder in ("tests/rules", "tests/unit", "tests/integration", "tests/reliability", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    for tool in ("python", "carnet", "ruff", "mypy"):
        path = tmp_path / ".venv/bin" / tool
        path.write_text(FAKE)
        path.chmod(0o755)
    (tmp_path / ".venv/.synced").touch()
    return tmp_path


def make(folder: Path, *arguments: str, failing: str = "nothing of this", code: int = 1) -> tuple[int, str, list[str]]:
    """Exit code, what was said, and the calls of the tools."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    answer = subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env=environment | {"FAILING": failing, "CODE": str(code)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    calls = folder / "calls"
    return answer.returncode, answer.stdout + answer.stderr, calls.read_text().splitlines() if calls.exists() else []


def test_make_alone_lists_the_verbs(project) -> None:
    code, said, calls = make(project)
    assert code == 0
    assert all(f"make {verb} " in said for verb in VERBS)
    assert calls == []


def test_test_runs_fast_ones_in_parallel_and_reliability_alone_and_last(project) -> None:
    code, _, calls = make(project, "test")
    assert code == 0
    assert [call.split(" -n ")[0] for call in calls] == [
        "python -m pytest tests/rules tests/unit",
        "python -m pytest tests/integration",
        "python -m pytest tests/reliability",
    ]
    assert [call.split(" -n ")[1].split()[0] for call in calls] == ["auto", "auto", "0"]


@pytest.mark.parametrize("failing", ["tests/unit", "tests/integration", "tests/reliability"])
@pytest.mark.parametrize("code", [1, 2, 4])
def test_a_failure_of_any_stage_fails_and_the_others_still_run(project, failing, code) -> None:
    status, _, calls = make(project, "test", failing=failing, code=code)
    assert status != 0
    assert len(calls) == 3


def test_that_no_test_was_found_is_a_failure_unless_somebody_chose_among_them(project) -> None:
    assert make(project, "test", failing="tests/integration", code=5)[0] != 0
    assert make(project, "test", "ARGS=-k block", failing="tests/integration", code=5)[0] == 0
    assert make(project, "test", "ARGS=-k block", failing="tests/integration", code=1)[0] != 0


def test_the_benchmarks_run_with_the_long_ones_and_last(project) -> None:
    (project / "tests/benchmarks").mkdir()
    assert not [call for call in make(project, "test")[2] if "benchmarks" in call]
    (project / "calls").unlink()
    assert "pytest tests/benchmarks -n 0 " in make(project, "test", "LONG=1")[2][-1]


def test_an_absent_folder_is_no_failure(project) -> None:
    shutil.rmtree(project / "tests/reliability")
    shutil.rmtree(project / "tests/integration")
    code, _, calls = make(project, "test")
    assert code == 0
    assert len(calls) == 1


def test_backend_and_long_reach_pytest(project) -> None:
    _, _, calls = make(project, "test", "BACKEND=containers", "LONG=1", "ARGS=-k block")
    assert all(call.endswith("--backend=containers -m long or not long -k block") for call in calls)


@pytest.mark.parametrize("failing", ["check .", "format --check", ""])
def test_check_fails_where_one_of_its_tools_does(project, failing) -> None:
    code, _, calls = make(project, "check", failing=failing)
    assert code != 0
    assert calls == ["ruff check .", "ruff format --check .", "mypy "]


@pytest.mark.parametrize(
    ("verb", "call"),
    [("run", "carnet up --demo"), ("demo", "carnet demo"), ("bench", "python -m deploy.proof.bench")],
)
def test_verbs_of_the_system(project, verb, call) -> None:
    code, _, calls = make(project, verb)
    assert code == 0
    assert [line.strip() for line in calls] == [call]
    assert make(project, verb, failing="")[0] != 0


def test_where_no_python_is_new_enough_it_says_so(project) -> None:
    (project / ".venv/.synced").unlink()
    code, said, calls = make(project, "check", "PYTHON=/nowhere/python")
    assert code != 0
    assert "No Python >= 3.11" in said
    assert "make PYTHON=" in said
    assert calls == []


def test_ci_runs_check_and_test_strictly(root) -> None:
    script = root / ".ci/run"
    text = script.read_text(encoding="utf-8")
    assert script.stat().st_mode & stat.S_IXUSR
    assert "set -euo pipefail" in text
    assert text.index("make check") < text.index("make test")
