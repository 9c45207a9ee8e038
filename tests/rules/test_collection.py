"""Tests come in one order, whatever order sets happen to have: test processes that differ in it refuse to begin."""

import os
import subprocess
import sys

SEEDS = ("1", "2")
COLLECT = (
    sys.executable,
    "-m",
    "pytest",
    "--collect-only",
    "-q",
    "-p",
    "no:cacheprovider",
    "tests/unit",
    "tests/contracts",
)


def test_every_process_finds_the_same_tests_in_the_same_order(root) -> None:
    """A case taken from a set has another place, or another name, at another seed."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    asked = [
        subprocess.Popen(COLLECT, cwd=root, env=own | {"PYTHONHASHSEED": seed}, stdout=subprocess.PIPE, text=True)
        for seed in SEEDS
    ]
    first, second = ([line for line in one.communicate(timeout=200)[0].splitlines() if "::" in line] for one in asked)
    assert [one.returncode for one in asked] == [0, 0]
    assert len(first) > len(SEEDS)
    assert [pair for pair in zip(first, second, strict=True) if pair[0] != pair[1]] == []
