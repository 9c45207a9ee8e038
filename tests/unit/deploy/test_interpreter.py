"""The interpreter of the environment: the first that will do, unless another is clearly faster."""

import sys

import pytest

from deploy.interpreter import Candidate, chosen, main, probed


def script(folder, name, text):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_the_first_is_taken_where_the_others_are_not_clearly_faster():
    assert chosen([Candidate(1.0, "first"), Candidate(0.95, "second"), Candidate(1.2, "third")]) == "first"


def test_the_fastest_is_taken_where_it_is_clearly_faster():
    assert chosen([Candidate(1.0, "first"), Candidate(0.8, "second"), Candidate(0.7, "third")]) == "third"


def test_where_none_will_do_none_is_taken(tmp_path, capsys):
    assert chosen([]) is None
    assert main([str(tmp_path / "absent")]) == 1
    assert capsys.readouterr().out == ""


def test_a_python_that_will_do_is_probed():
    found = probed(sys.executable)
    assert found is not None
    assert found.path == sys.executable
    assert found.seconds > 0


@pytest.mark.parametrize(
    "text", ["exit 1", "exit 127", "kill -9 $$"], ids=["too old or lacking a module", "a shim of nothing", "killed"]
)
def test_one_that_fails_is_passed_over(tmp_path, text):
    assert probed(script(tmp_path, "python3", text)) is None
    assert probed(str(tmp_path)) is None


def test_a_python_too_old_says_so_itself(tmp_path):
    old = script(
        tmp_path, "python3", f"exec {sys.executable} -c \"import sys; sys.version_info = (3, 10); exec('''$3''')\""
    )
    assert probed(old) is None


def test_of_several_names_of_one_python_the_first_place_counts(tmp_path, capsys):
    slow = script(tmp_path, "slow", "echo 1.0 /slow/python")
    fast = script(tmp_path, "fast", "echo 0.5 /fast/python")
    assert main([slow, fast, slow, str(tmp_path / "absent")]) == 0
    assert capsys.readouterr().out == "/fast/python\n"
    assert main([fast, slow]) == 0
    assert capsys.readouterr().out == "/fast/python\n"
