"""How tests log where none sets it up."""

import structlog


def plain() -> None:
    """Log as structlog does by itself, but no error with the variables of its frames: drawing them takes seconds."""
    structlog.reset_defaults()
    *others, _ = structlog.get_config()["processors"]
    last = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*others, last])
