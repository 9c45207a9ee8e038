"""HTTP of access_control, for the gateway alone.

No problem told here repeats what was sent: it may identify a person.
"""

from typing import NamedTuple

from fastapi import APIRouter, Depends

from services.access_control.api.explanations import explanations
from services.access_control.api.extracts import applications
from services.access_control.api.identities import identities
from services.access_control.api.oversight import oversight
from services.access_control.api.records import records
from services.access_control.repository import Contests, Delegates, Extracts, Moves, People, Snapshots, Written
from services.access_control.settings import Settings
from shared.http import callers
from shared.security import ServiceVerifier

__all__ = ["Stores", "routes"]


class Stores(NamedTuple):
    """From what the routes answer."""

    people: People
    moves: Moves
    delegates: Delegates
    snapshots: Snapshots
    written: Written
    contests: Contests
    extracts: Extracts


def routes(stores: Stores, services: ServiceVerifier, settings: Settings) -> tuple[APIRouter, ...]:
    """The routes."""
    guards = [Depends(callers(services, "gateway"))]
    return (
        records(APIRouter(dependencies=guards), stores.people, stores.delegates, settings),
        identities(APIRouter(dependencies=guards), stores.moves, settings),
        explanations(APIRouter(dependencies=guards), stores.snapshots, settings.policy),
        oversight(APIRouter(dependencies=guards), stores.written, stores.contests),
        applications(APIRouter(dependencies=guards), stores.extracts),
    )
