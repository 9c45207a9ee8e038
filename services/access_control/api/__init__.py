"""HTTP of access_control, for the gateway alone.

No problem told here repeats what was sent: it may identify a person.
"""

from fastapi import APIRouter, Depends

from services.access_control.api.explanations import explanations
from services.access_control.api.records import records
from services.access_control.repository import Delegates, People, Snapshots
from services.access_control.settings import Settings
from shared.http import callers
from shared.security import ServiceVerifier

__all__ = ["routes"]


def routes(
    people: People, delegates: Delegates, snapshots: Snapshots, services: ServiceVerifier, settings: Settings
) -> tuple[APIRouter, ...]:
    """The routes."""
    guards = [Depends(callers(services, "gateway"))]
    return (
        records(APIRouter(dependencies=guards), people, delegates, settings),
        explanations(APIRouter(dependencies=guards), snapshots, settings.policy),
    )
