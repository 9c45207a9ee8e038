"""What this process committed to its outbox a moment ago: the relay need not read it back."""

from collections.abc import Iterable

from shared.messaging._cursors import Cursor
from shared.messaging.outbox import Place, Stored

MOST = 1000
"""Messages kept for a place; beyond, and so through an outage, they stay in the outbox alone."""


class HandOver:
    """Messages by place and number. Nothing is lost with it: whatever it lacks is read from the outbox."""

    def __init__(self) -> None:
        self._rows: dict[Place, dict[int, Stored]] = {}

    def add(self, stored: Iterable[Stored]) -> set[Place]:
        """Keep messages; gives their places."""
        places: set[Place] = set()
        for one in stored:
            place = one.message.place
            places.add(place)
            rows = self._rows.setdefault(place, {})
            if len(rows) >= MOST:
                rows.clear()
            rows[one.number] = one
        return places

    def follows(self, cursor: Cursor) -> bool:
        """True where the message after a cursor is here."""
        return cursor.number + 1 in self._rows.get(cursor.place, {})

    def behind(self, cursor: Cursor) -> list[Stored]:
        """The messages that follow a cursor without a gap; none where the first of them is not here."""
        rows = self._rows.get(cursor.place, {})
        found: list[Stored] = []
        while (one := rows.get(cursor.number + 1 + len(found))) is not None:
            found.append(one)
        return found

    def forget(self, cursor: Cursor) -> None:
        """Let go what a cursor has passed."""
        rows = self._rows.get(cursor.place, {})
        for number in [number for number in rows if number <= cursor.number]:
            del rows[number]

    def clear(self) -> None:
        """Let go everything."""
        self._rows.clear()
