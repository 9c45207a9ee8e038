"""The routes of every deposit and every read, without what the framework does to find out a route's parameters.

That is a third of its work on a request.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

ModelT = TypeVar("ModelT", bound=BaseModel)
Endpoint = Callable[[Request], Awaitable[Response]]
Check = Callable[[Request], Awaitable[str]]
"""Gives the caller's name, or raises a Problem where it may not call."""


def post(router: APIRouter, path: str, check: Check) -> Callable[[Endpoint], Endpoint]:
    """Add a route for POST that only those may call whom `check` admits."""

    def added(endpoint: Endpoint) -> Endpoint:
        async def admitted(request: Request) -> Response:
            await check(request)
            return await endpoint(request)

        router.add_route(path, admitted, methods=["POST"])
        return endpoint

    return added


async def body_of(request: Request, model: type[ModelT]) -> ModelT:
    """What a request's body says, in JSON.

    Raises:
        RequestValidationError: It has not the form of the model.
    """
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults]) from None
