"""The contracts as files for those who do not read Python: one JSON Schema per message type, one AsyncAPI document.

    python -m shared.contracts.artefacts             after a change of messages or topics
    python -m shared.contracts.artefacts --release   at a release: today's schemas become what readers may rely on

Both are committed. Tests fail when a file differs from the code, and when a schema would break a reader of the
released one (`compatibility`). Every type is released from its first day: a type without a baseline could change in
any way. A release that would break a reader is refused, so that it can't silence the tests.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.contracts.asyncapi import document
from shared.contracts.common import Body
from shared.contracts.compatibility import breaks, forgets
from shared.contracts.topics import message_types, registry

FOLDER = Path(__file__).parent
SCHEMAS = FOLDER / "schemas"
RELEASED = FOLDER / "released"
ASYNCAPI = FOLDER / "asyncapi.json"
COMMAND = "python -m shared.contracts.artefacts"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class BreakingError(Exception):
    """Today's schemas would break who relies on the released ones; the text says which and how."""


def messages() -> dict[str, type[Body]]:
    """Every message type of the registry by its name."""
    topics = registry(("any",), 1).values()
    return dict(sorted(item for topic in topics for item in message_types(topic).items()))


def schema_of(body: type[Body]) -> dict[str, Any]:
    """What a reader accepts as the body of a message."""
    return {"$schema": _DIALECT, "$id": f"urn:{body.type_name}", **body.model_json_schema(mode="validation")}


def render(value: Mapping[str, Any]) -> str:
    """A value as it stands in its file: the same value gives the same text."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def schemas() -> dict[Path, str]:
    """The text of each schema by its path below `schemas/` and `released/`."""
    return {Path(f"{name}.json"): render(schema_of(body)) for name, body in messages().items()}


def files() -> dict[Path, str]:
    """Every generated file with its text; what was released is not generated anew."""
    return {**{SCHEMAS / name: text for name, text in schemas().items()}, ASYNCAPI: render(document())}


def broken() -> list[str]:
    """What of today would break a reader or a message of the last release; none is []."""
    found: list[str] = []
    today = messages()
    for path in sorted(RELEASED.glob("*.json")):
        if path.stem not in today:
            found.append(f"{path.stem} was released and is gone")
            continue
        old, new = json.loads(path.read_text(encoding="utf-8")), schema_of(today[path.stem])
        found += [f"{path.stem}: {what}" for what in (*breaks(old, new), *forgets(old, new))]
    return found


def write(*, release: bool = False) -> None:
    """Write the files and remove schemas of types that are no more; with `release` replace the baseline too.

    Raises:
        BreakingError: The release would break a reader; nothing was written.
    """
    wanted = files()
    if release:
        if differences := broken():
            raise BreakingError("; ".join(differences))
        wanted |= {RELEASED / name: text for name, text in schemas().items()}
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in set(SCHEMAS.glob("*.json")) - set(wanted):
        path.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog=COMMAND, description="Write the JSON Schemas and the AsyncAPI document.")
    parser.add_argument("--release", action="store_true", help="today's schemas become the released ones")
    write(release=parser.parse_args().release)
