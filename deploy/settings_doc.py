"""Every setting with its type, default and meaning, as `deploy/settings.md`; made from the settings classes themselves.

    python -m deploy.settings_doc     after a change of settings

A test fails when the file differs from the code and when a setting has no description.
"""

import importlib
import inspect
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from shared import settings as common

ROOT = Path(__file__).resolve().parents[1]
FILE = Path(__file__).with_name("settings.md")
COMMAND = "python -m deploy.settings_doc"
PREFIX = "CARNET_"

OF_THE_COMMAND = {
    "CARNET_CACHE": "Folder for what is fetched once (Kafka's jars and its start-up cache); default: the user's cache",
    "CARNET_GATEWAY_URL": "Address of the gateway for `carnet identity` and `extract`; default: the one that is up",
    "CARNET_HOME": "Folder of the local system: data, secrets, logs; default: the user's data folder",
    "CARNET_INS_OID": "OID of the identities for `carnet identity`; default: that of a NIR, locally that of tests",
    "CARNET_JAVA": "A Java ≥ 17 to run Kafka with; default: the one that comes with the environment",
    "CARNET_KAFKA": "host:port of a broker that exists, used instead of starting one",
    "CARNET_KAFKA_ADMIN_PASSWORD_FILE": "File with the password of that broker's administrator",
    "CARNET_KAFKA_ADMIN_USER": "Principal of that broker's administrator",
    "CARNET_PORTS": "Ports of this machine that a local system may take, first-last; default: 20000-31999",
    "CARNET_OPERATOR": "Which operator of the local cast asks: `operator` (default) or `second-operator`",
    "CARNET_OPERATOR_TOKEN_FILE": "File with the operator's access token, for those commands; locally it is made",
    "CARNET_POSTGRES": "postgresql://admin:password@host:port of a server that exists, used instead of starting one",
    "CARNET_SAMPLES": "Folder below which the demonstration looks for CDA documents; default: documents made by itself",
}
"""Variables of the command `carnet` and of the tests, by name: they belong to no service."""


def settings_classes() -> dict[str, list[type[BaseSettings]]]:
    """Settings classes by heading: those that every service has, then each service's own."""
    found = {"Every service": _declared_in(common)}
    for path in sorted((ROOT / "services").glob("*/settings.py")):
        module = importlib.import_module(f"services.{path.parent.name}.settings")
        found[f"Service {path.parent.name}"] = _declared_in(module)
    return {heading: classes for heading, classes in found.items() if classes}


def _declared_in(module: Any) -> list[type[BaseSettings]]:
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseSettings) and value.__module__ == module.__name__
    ]


def own_fields(settings: type[BaseSettings]) -> dict[str, FieldInfo]:
    """The fields that this class declares or overrides, without those that it inherits."""
    return {
        name: settings.model_fields[name] for name in settings.model_fields if name in inspect.get_annotations(settings)
    }


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def render() -> str:
    """The whole document."""
    lines = [
        "# Settings",
        "",
        f"Made by `{COMMAND}`; do not edit. Every setting is read from the environment; secrets are read from the file",
        "that a setting ending in `_FILE` or `_DIR` names.",
    ]
    for heading, classes in settings_classes().items():
        rows = [_row(name, field) for settings in classes for name, field in own_fields(settings).items()]
        if rows:
            lines += [
                "",
                f"## {heading}",
                "",
                "| variable | type | default | meaning |",
                "| --- | --- | --- | --- |",
                *rows,
            ]
    lines += ["", "## The command `carnet`", "", "| variable | meaning |", "| --- | --- |"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in sorted(OF_THE_COMMAND.items())]
    return "\n".join(lines) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    cells = (f"`{variable(name)}`", _kind(field.annotation), _default(field), field.description or "")
    return "| " + " | ".join(cell.replace("|", "\\|").replace("<", "\\<") for cell in cells) + " |"


def _kind(annotation: Any) -> str:
    if get_origin(annotation) in {Union, UnionType}:
        return ", ".join(_kind(part) for part in get_args(annotation) if part is not NoneType)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(str(member.value) for member in annotation)
    known = {int: "whole number", float: "number", str: "text", bool: "true, false", Path: "path"}
    return known.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=False)
    if value is PydanticUndefined or field.is_required():
        return "required"
    if value is None or value == "":
        return "none"
    return f"`{value.value if isinstance(value, Enum) else value}`"


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
