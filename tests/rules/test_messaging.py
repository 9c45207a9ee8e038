"""How Kafka is spoken: what is easy to lose or to disorder with is not there at all."""

import ast

import pytest

from tests.rules.conftest import last_name

MESSAGING = "shared/messaging"
SUBSCRIBER = {"group_id": None, "ack_policy": "AckPolicy.MANUAL", "auto_offset_reset": "'earliest'", "batch": "True"}
REQUIRED = {
    "KafkaBroker": {"allow_auto_create_topics": "False"},
    "AIOKafkaProducer": {"acks": "'all'", "enable_idempotence": "True"},
    "AIOKafkaConsumer": {"group_id": None, "enable_auto_commit": "False", "auto_offset_reset": None},
}
"""Arguments that a call has to name, with the value it has to give or None for any."""
RAW = {"KafkaMessage", "StreamMessage", "ConsumerRecord", "bytes", "Any", "object"}


def named(module, name):
    """Calls of something with that last name; `subscriber` only as a method, what it returns is called too."""
    calls = [call for call in module.calls() if last_name(call.func) == name]
    return [call for call in calls if name != "subscriber" or isinstance(call.func, ast.Attribute)]


def lacking(call, wanted):
    """Arguments that are not named or have another value."""
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    return [
        f"{name}={value or '…'}"
        for name, value in wanted.items()
        if name not in given or (value is not None and given[name] not in {value, value.split(".")[-1]})
    ]


def batch_publishing(modules):
    return [
        f"{module.path}:{node.lineno}: publish_batch partitions without the key, so one record's order is lost"
        for module in modules
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Attribute) and node.attr == "publish_batch")
        or (isinstance(node, ast.Constant) and node.value == "publish_batch")
    ]


def direct_publishing(modules):
    return [
        f"{module.path}:{call.lineno}: {ast.unparse(call.func)}; messages leave by Outbox or Producer of {MESSAGING}"
        for module in modules
        if not module.within(MESSAGING)
        for call in module.calls()
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in {"publish", "publisher", "request", "send_and_wait"}
        and "broker" in last_name(call.func.value).lower()
    ]


def subscribers(modules):
    found = []
    for module in modules:
        for call in named(module, "subscriber"):
            place = f"{module.path}:{call.lineno}"
            if not module.within(MESSAGING):
                found.append(f"{place}: a subscriber; only {MESSAGING} makes them")
            found += [f"{place}: the subscriber has to say {argument}" for argument in lacking(call, SUBSCRIBER)]
    return found


def clients(modules):
    return [
        f"{module.path}:{call.lineno}: {name} has to say {argument}"
        for module in modules
        for name, wanted in REQUIRED.items()
        for call in named(module, name)
        for argument in lacking(call, wanted)
    ]


def typed_bodies(modules):
    """A batch subscriber with a typed body loses the whole batch for one bad record: bodies come raw."""
    return [
        f"{module.path}:{function.lineno}: {function.name} takes {ast.unparse(argument.annotation)}; take raw records"
        for module in modules
        for function in subscribed(module)
        for argument in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        if argument.annotation is not None and not raw(argument.annotation)
    ]


def subscribed(module):
    """Functions given to a subscriber, as decorated or by a call of it."""
    functions = [node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    decorated = [
        function
        for function in functions
        if any("subscriber" in ast.unparse(decorator) for decorator in function.decorator_list)
    ]
    given = {
        last_name(argument)
        for call in module.calls()
        if "subscriber" in ast.unparse(call.func).split(".")[-1] or "subscriber(" in ast.unparse(call.func)
        for argument in call.args
    }
    return decorated + [function for function in functions if function.name in given and function not in decorated]


def raw(annotation):
    names = {last_name(node) for node in ast.walk(annotation)} - {""}
    return names <= RAW | {"list", "tuple", "Sequence", "Annotated"} and not isinstance(annotation, ast.Constant)


RULES = (batch_publishing, direct_publishing, subscribers, clients, typed_bodies)
GOOD = "group_id=g, ack_policy=AckPolicy.MANUAL, auto_offset_reset='earliest', batch=True"
INSIDE, OUTSIDE = "shared/messaging/_lane.py", "services/audit/handlers.py"

VIOLATIONS = [
    (batch_publishing, INSIDE, "await broker.publish_batch(*bodies, topic=t)"),
    (batch_publishing, INSIDE, "send = getattr(broker, 'publish_batch')"),
    (direct_publishing, OUTSIDE, "await self._broker.publish(body, topic=t)"),
    (direct_publishing, OUTSIDE, "@broker.publisher('t')\ndef f(): ..."),
    (subscribers, OUTSIDE, f"broker.subscriber('t', {GOOD})"),
    *[
        (subscribers, INSIDE, f"broker.subscriber('t', {changed})")
        for changed in (
            GOOD.replace("group_id=g, ", ""),
            GOOD.replace("MANUAL", "ACK"),
            GOOD.replace("earliest", "latest"),
            GOOD.replace(", batch=True", ""),
            GOOD.replace("ack_policy=AckPolicy.MANUAL, ", ""),
        )
    ],
    (clients, INSIDE, "KafkaBroker(bootstrap)"),
    (clients, INSIDE, "kafka.KafkaBroker(bootstrap, allow_auto_create_topics=True)"),
    (clients, INSIDE, "AIOKafkaProducer(acks=1, enable_idempotence=True)"),
    (clients, INSIDE, "AIOKafkaProducer(acks='all')"),
    (clients, INSIDE, "AIOKafkaConsumer(group_id=None, auto_offset_reset='latest')"),
    (typed_bodies, INSIDE, f"@broker.subscriber('t', {GOOD})\nasync def f(body: list[Deposited]): ..."),
    (
        typed_bodies,
        INSIDE,
        f"s = broker.subscriber('t', {GOOD})\nclass A:\n def take(self, b: Deposited): ...\nsubscriber(x.take)",
    ),
    (typed_bodies, INSIDE, f"broker.subscriber('t', {GOOD})(take)\ndef take(b: 'list[Deposited]'): ..."),
]

ALLOWED = [
    (direct_publishing, OUTSIDE, "await producer.publish(message)"),
    (direct_publishing, INSIDE, "await broker.publish(body)"),
    (subscribers, INSIDE, f"broker.subscriber(*topics, {GOOD}, max_records=5)"),
    (subscribers, INSIDE, f"broker.subscriber(t, {GOOD.replace('AckPolicy.', '')})"),
    (clients, INSIDE, "AIOKafkaProducer(**more, acks='all', enable_idempotence=True)"),
    (clients, INSIDE, "KafkaBroker(bootstrap, allow_auto_create_topics=False)"),
    (typed_bodies, INSIDE, f"@broker.subscriber('t', {GOOD})\nasync def f(m: KafkaMessage, raw: list[bytes]): ..."),
    (typed_bodies, OUTSIDE, "def f(message: Deposited): ..."),
]


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_the_rule(rule, house):
    assert rule(house) == []


def test_there_is_something_to_hold_the_rules_against(house):
    """Without these the rules on subscribers and clients would say nothing."""
    messaging = [module for module in house if module.within(MESSAGING)]
    assert [call for module in messaging for call in named(module, "subscriber")]
    assert [call for module in messaging for name in REQUIRED for call in named(module, name)]
    assert [function for module in messaging for function in subscribed(module)]


@pytest.mark.parametrize(("rule", "path", "source"), VIOLATIONS)
def test_the_rule_bites(rule, path, source, planted):
    assert rule(planted(**{path: source}))


@pytest.mark.parametrize(("rule", "path", "source"), ALLOWED)
def test_the_rule_lets_pass(rule, path, source, planted):
    assert rule(planted(**{path: source})) == []


def test_each_rule_has_a_planted_violation():
    assert {rule for rule, *_ in VIOLATIONS} == set(RULES)
