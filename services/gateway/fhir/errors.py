"""Errors of the FHIR door: an HTTP status and an OperationOutcome that a person understands."""

from collections.abc import Iterable
from typing import Any


class FhirError(Exception):
    """A request can't be served as it stands.

    `diagnostics` says what is wrong, what was expected and what to do, and never holds an identity, a title or content.
    `expression` is the FHIR path of the element, `code` the issue type (`invalid`, `required`, `code-invalid`, …).
    """

    def __init__(self, status: int, code: str, diagnostics: str, expression: str | None = None) -> None:
        super().__init__(diagnostics)
        self.status = status
        self.code = code
        self.diagnostics = diagnostics
        self.expression = expression

    def outcome(self) -> dict[str, Any]:
        """The OperationOutcome to answer with."""
        return operation_outcome(self.code, self.diagnostics, self.expression)


def operation_outcome(
    code: str,
    diagnostics: str,
    expression: str | None = None,
    severity: str = "error",
    *,
    reason: str | None = None,
    finer: Iterable[str] = (),
) -> dict[str, Any]:
    """An OperationOutcome with one issue.

    Args:
        code: Issue type of FHIR (`invalid`, `forbidden`, `timeout`, `duplicate`, `informational`, …).
        diagnostics: The sentence for people.
        expression: FHIR path of the element at fault.
        severity: `fatal`, `error`, `warning` or `information`.
        reason: The services' own reason code, for programs.
        finer: Further codes of theirs, which say the same more exactly, or more.
    """
    issue: dict[str, Any] = {"severity": severity, "code": code, "diagnostics": diagnostics}
    if reason:
        codes = dict.fromkeys((reason, *finer))
        issue["details"] = {"coding": [{"system": "urn:carnet:reason", "code": one} for one in codes]}
    if expression:
        issue["expression"] = [expression]
    return {"resourceType": "OperationOutcome", "issue": [issue]}
