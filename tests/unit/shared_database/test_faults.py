"""Every class of error has one action, told here by its SQLSTATE and in the code by its class."""

import inspect

import asyncpg
import pytest

from shared.database import Action, action_of, is_refusal, is_transient

BY_CODE = {
    "42P01": Action.WAIT,  # no such table: the migrations were not run
    "40001": Action.REPEAT,  # serialization
    "40P01": Action.REPEAT,  # deadlock
    "55P03": Action.REPEAT,  # a lock is not available
}
BY_CLASS = {
    "08": Action.REPEAT,  # the connection
    "25": Action.REPEAT,  # the state of the transaction
    "53": Action.REPEAT,  # resources
    "57": Action.REPEAT,  # an operator, a shutdown, a time-out
    "28": Action.WAIT,  # the password
    "3D": Action.WAIT,  # no such database
    "22": Action.PARK,  # data
    "23": Action.PARK,  # constraints
}
"""Every other class stops the line."""


def classes(base):
    found = [one for _, one in inspect.getmembers(asyncpg.exceptions, inspect.isclass) if issubclass(one, base)]
    return [one for one in found if issubclass(one, Exception) and not issubclass(one, Warning)]


OF_THE_SERVER = [one for one in classes(asyncpg.PostgresError) if one.sqlstate]
OF_THE_CLIENT = classes((asyncpg.InterfaceError, asyncpg.InternalClientError))


@pytest.mark.parametrize("kind", OF_THE_SERVER, ids=lambda kind: kind.__name__)
def test_an_error_of_the_server_has_the_action_of_its_code(kind):
    expected = BY_CODE.get(kind.sqlstate) or BY_CLASS.get(kind.sqlstate[:2], Action.STOP)
    assert action_of(kind("planted")) is expected


@pytest.mark.parametrize("kind", OF_THE_CLIENT, ids=lambda kind: kind.__name__)
def test_an_error_of_the_client_is_repeated(kind):
    assert action_of(kind.__new__(kind)) is Action.REPEAT


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (ConnectionRefusedError(), Action.REPEAT),
        (FileNotFoundError(), Action.REPEAT),
        (TimeoutError(), Action.REPEAT),
        (asyncpg.PostgresError("of a code that nobody knows"), Action.STOP),
        (asyncpg.UnknownPostgresError("of a code that nobody knows"), Action.STOP),
        (ZeroDivisionError(), Action.PARK),
        (KeyError(), Action.PARK),
        (LookupError(), Action.PARK),
    ],
    ids=repr,
)
def test_other_errors(error, action):
    assert action_of(error) is action


@pytest.mark.parametrize("action", Action)
def test_each_action_is_somebodys(action):
    """An action that no class has would be a rule that nothing keeps."""
    errors = [kind("planted") for kind in OF_THE_SERVER]
    mine = [error for error in errors if action_of(error) is action]
    assert mine
    assert {is_transient(error) for error in mine} == {action is Action.REPEAT}
    assert {is_refusal(error) for error in mine} == {action is Action.WAIT}
