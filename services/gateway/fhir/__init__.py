"""FHIR R4 as the PDSm guide profiles it, mapped to and from what the services speak. Pure: no input, no output.

`publish` reads a simplified publication (ITI-105), `search` the parameters of ITI-67, `views` writes DocumentReference
and searchset, `audit` writes AuditEvent, `errors` writes OperationOutcome.
"""
