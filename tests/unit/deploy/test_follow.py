"""What the logs know of one flow: its own lines alone, whatever else stands in a file."""

import json
from uuid import uuid4

from deploy.local import follow

ONE = uuid4()


def line(**fields: object) -> str:
    told = {"event": "request_answered", "service": "gateway", "timestamp": "2026-11-26T09:00:00.000001Z"}
    return json.dumps(told | fields)


def test_the_lines_of_a_flow_are_found_in_every_log(tmp_path) -> None:
    (tmp_path / "gateway.log").write_text(
        "\n".join(
            [
                line(correlation=str(ONE), status=201, level="info"),
                line(correlation=str(uuid4()), status=404),
                f"Kafka says {ONE}",
                f'{{"cut": "{ONE}',
                f'["{ONE}"]',
                line(correlation=str(ONE), timestamp="yesterday"),
            ]
        )
    )
    (tmp_path / "document.log").write_text(line(request=str(ONE), event="message_failed", service="document") + "\n")
    facts = list(follow.in_logs(tmp_path, ONE))
    assert [(fact.service, fact.what, fact.told) for fact in facts] == [
        ("document", "log: message_failed", f"request={ONE}"),
        ("gateway", "log: request_answered", "status=201"),
    ]
