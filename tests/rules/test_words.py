"""The project speaks of itself only: no machine, no neighbour, no ticket, no place that packages come from."""

import re
import subprocess
from pathlib import Path

import pytest

LOCK = "uv.lock"
CI = ".ci/"
MYSELF = "tests/rules/test_words.py"
LAST_RULE = 73
"""Access rules are numbered AR-001 to AR-073."""

FORBIDDEN = {
    "a folder beside the project": (re.compile(r"\.\./shared"), (CI,)),
    "a work session": (re.compile(r"\b(this|previous|next|last) session\b", re.IGNORECASE), ()),
    "a ticket's number": (re.compile(r"\b(issues?|tickets?|PR|pull request)\s+#?\d+\b|\(#\d+\)", re.IGNORECASE), ()),
    "a path of one machine": (re.compile(r"(?<![\w.}>])/(work|root|opt|Users|home)/[\w.-]+|\b[A-Z]:\\\\?Users"), ()),
    "a package registry": (
        re.compile(
            r"\b(pypi\.org|pythonhosted\.org|maven\.org|maven\.apache\.org|npmjs\.(org|com)|mvnrepository\.com)\b"
        ),
        (LOCK,),
    ),
    "a writing tool": (re.compile(r"\b(claude|anthropic|chatgpt|copilot|co-authored-by)\b", re.IGNORECASE), ()),
}
"""What is forbidden: the words, and the files that may have them."""
RULE_ID = re.compile(r"\bAR-(\d+)\b")


def forbidden(path: str, text: str) -> list[str]:
    return [
        f"{path}:{number}: {what}: {match.group()}"
        for what, (pattern, excepted) in FORBIDDEN.items()
        if not path.startswith(excepted)
        for number, line in enumerate(text.splitlines(), 1)
        if (match := pattern.search(line))
    ]


def unknown_rules(path: str, text: str) -> list[str]:
    return [
        f"{path}: AR-{digits} is no access rule (AR-001 to AR-{LAST_RULE:03})"
        for digits in RULE_ID.findall(text)
        if len(digits) != len("001") or not 1 <= int(digits) <= LAST_RULE
    ]


def tracked(root: Path) -> list[str]:
    """Files that git knows or would take; where there is no repository, every file but what is made."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode == 0:
        return [name for name in answer.stdout.splitlines() if (root / name).is_file()]
    rooms = ("services", "shared", "deploy", "tests")
    return [str(path.relative_to(root)) for room in rooms for path in (root / room).rglob("*") if path.is_file()]


def readable(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""  # a picture or an archive


@pytest.fixture(scope="module")
def texts(root) -> dict[str, str]:
    found = {name: readable(root / name) for name in tracked(root) if name != MYSELF}
    assert len(found) > 1
    return found


def test_no_forbidden_words(texts) -> None:
    assert [line for name, text in texts.items() for line in forbidden(name, text)] == []


def test_cited_access_rules_exist(texts) -> None:
    assert [line for name, text in texts.items() if name != LOCK for line in unknown_rules(name, text)] == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("README.md", "see ../" + "shared/design.md"),
        ("shared/service.py", "# agreed in this " + "session"),
        ("shared/service.py", "# see issue " + "3"),
        ("shared/service.py", "# fixes issue " + "#12"),
        ("CHANGES.md", "- relay heals (#12)"),
        ("Makefile", "cd /wo" + "rk/main"),
        ("deploy/x.py", 'CACHE = "/root/.cache"'),
        ("deploy/x.py", 'CACHE = "/home/jean/.cache"'),
        ("deploy/kafka/jars.lock", "https://repo1.mav" + "en.org/maven2"),
        ("pyproject.toml", 'index = "https://pyp' + 'i.org/simple"'),
        ("README.md", "Co-Authored-By: somebody"),
    ],
)
def test_forbidden_words_are_found(path, line) -> None:
    assert forbidden(path, f"first\n{line}\n")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (".ci/run", "if [[ -d ../" + "shared/inputs ]]; then"),
        ("uv.lock", 'source = { registry = "https://pyp' + 'i.org/simple" }'),
        ("shared/service.py", "session_timeout_s = 6.0  # a session of Kafka"),
        ("services/gateway/api.py", "/DocumentReference/{id}/wo" + "rk/"),
        ("services/gateway/api.py", 'url = f"{base}/home/page"'),
        ("deploy/docker/Dockerfile", "RUN useradd carnet"),
        ("shared/contracts/topics.py", "of the record, see AR-018"),
    ],
)
def test_innocent_words_pass(path, line) -> None:
    assert forbidden(path, line) == []


@pytest.mark.parametrize("cited", ["AR-000", "AR-074", "AR-999", "AR-21", "AR-0021"])
def test_an_unknown_access_rule_is_found(cited) -> None:
    assert unknown_rules("a.py", f"by {cited}.")


@pytest.mark.parametrize("cited", ["AR-001", "AR-073"])
def test_a_known_access_rule_passes(cited) -> None:
    assert unknown_rules("a.py", f"by {cited}.") == []


def test_what_is_said_to_stand_in_the_readme_does(root, texts) -> None:
    headings = [line.lower() for line in (root / "README.md").read_text().splitlines() if line.startswith("#")]
    programs = [text for name, text in texts.items() if name.startswith(("deploy/", "services/", "shared/"))]
    referred = {word.lower() for text in programs for word in re.findall(r"README's (\w+)", text)}
    assert [word for word in referred if not any(word in heading for heading in headings)] == []
