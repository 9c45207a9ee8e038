"""Facts are read as of one moment: what the clock begins while they are read has them read again."""

from dataclasses import MISSING, fields, replace
from types import SimpleNamespace

import pytest

from deploy.proof.checker import gather as module
from deploy.proof.checker.facts import Facts

NOTHING = Facts(**{one.name: () for one in fields(Facts) if one.default is MISSING})
SOURCES = SimpleNamespace(admin_url="", services=())


@pytest.fixture
def looks(monkeypatch):
    """How often everything was read, where the counters stand at each time they are asked for."""

    def arrange(*counters, still=True):
        found = []
        standing = iter(counters)

        async def counted(_self):
            return {("access.reviews", 0): next(standing)}

        async def quiet(_sources):
            return 0.5 if still else None

        async def look(*_):
            found.append(1)
            return replace(NOTHING, partitions=len(found))

        monkeypatch.setattr(module.Databases, "counters", counted)
        monkeypatch.setattr(module, "quiet", quiet)
        monkeypatch.setattr(module, "_look", look)
        return found

    return arrange


async def test_what_stands_still_is_read_once(looks):
    found = looks(2, 2)
    await module.gather(SOURCES)
    assert len(found) == 1


async def test_what_moved_meanwhile_is_read_again_and_the_last_reading_counts(looks):
    found = looks(2, 8, 8, 8)
    facts = await module.gather(SOURCES)
    assert len(found) == facts.partitions == 2


async def test_what_moves_all_the_time_is_given_as_it_was_seen_last(looks):
    found = looks(*range(100))
    facts = await module.gather(SOURCES)
    assert 1 < len(found) == facts.partitions < 10


async def test_what_never_comes_to_rest_is_read_once(looks):
    found = looks(*range(100), still=False)
    await module.gather(SOURCES)
    assert len(found) == 1
