"""The benchmarks run in their small form, on a system of their own. By command: `make test LONG=1`."""

import json
import subprocess
import sys

import pytest

from deploy.proof.bench.figures import TARGETS

BY_OPTION = {"run.first_deposit_bare_s"}


@pytest.mark.timeout(600)
def test_every_figure_is_measured_and_counts(tmp_path) -> None:
    report = tmp_path / "quick.json"
    command = [sys.executable, "-m", "deploy.proof.bench", "--quick", "--out", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    told = json.loads(report.read_text())
    assert told["machine"]["calibration_s"] > 0
    assert told["verdict"]["ok"], told["verdict"]["reasons"]
    assert {figure["name"] for figure in told["figures"]} == TARGETS.keys() - BY_OPTION
    for figure in told["figures"]:
        assert figure["verdict"]["ok"], figure
        assert 0 < figure["min"] <= figure["median"] <= figure["max"], figure
    assert done.returncode == 0, done.stdout[-3000:]
