"""Errors for who runs Carnet: their text goes into the log, which shows no other error's text.

OperatorError
├── SettingError          a setting is missing or can't be used
├── TopicMissingError     a topic is not as the registry says            (shared.messaging)
├── StoppedLineError      too many messages failed: a line was stopped   (shared.messaging)
└── OutboxError           the outbox can't be sent on                    (shared.messaging)

The text is one sentence of our own code: what was wrong, what was expected, the next step. It may hold names of
settings, files, services, topics, and numbers; never a value of a message, a row, a request or a secret, and never
another error's text. What is logged of it passes the allow-list like any other `reason`.
"""

from pathlib import Path

from pydantic import ValidationError

LONGEST = 400
"""Characters of a sentence that the log takes: a longer one would be refused whole."""


class OperatorError(Exception):
    """Something that an operator mends; the text says how."""


class SettingError(OperatorError, ValueError):
    """A setting is missing, or what it names can't be used."""


def secret_in(file: Path | None, setting: str) -> str | None:
    """The secret that stands in a file, without the end of its line; None where no file is set.

    Raises:
        SettingError: the file can't be read; the text names the setting and the file, and never what it holds.
    """
    if file is None:
        return None
    try:
        return file.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise SettingError(
            f"the file {file.name} that {setting} names can't be read ({type(error).__name__}): "
            "put it there and let this service read it, or correct the setting",
        ) from None


def refused_settings(error: ValidationError, prefix: str) -> SettingError:
    """What pydantic found wrong with settings, without the values: one of them may be a secret."""
    found = "; ".join(
        f"{prefix}{'_'.join(str(part) for part in one['loc']).upper()}: {one['msg']}" if one["loc"] else one["msg"]
        for one in error.errors(include_url=False, include_input=False, include_context=False)
    )
    return SettingError(f"the settings can't be used: {found}"[:LONGEST])
