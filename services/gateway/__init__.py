"""gateway: the door of Carnet, for professionals' software, patients' portals, structures and insurers.

Owns
    nothing durable.
Takes
    FHIR R4 over HTTP (PDSm: ITI-105 deposit, ITI-67 search, ITI-68 retrieve, update of metadata; AuditEvent) and plain
    JSON for records and rights, with access tokens of Pro Santé Connect or the patient's provider; as replies, without
    a group, `access.decisions` and `document.events`.
Gives
    `record.requests`; answers built from the owners' views over internal HTTP.

The gateway knows who asks and what is asked; whether it may be done is access_control's to decide.

Where to look: `domain/users.py` (claims to actor), `domain/answers.py` (reasons to statuses), `fhir/` (FHIR to and from
our words), `api/requests.py` (asking through Kafka), `api/door.py` (what every route needs), `clients.py` (the owners).
"""
