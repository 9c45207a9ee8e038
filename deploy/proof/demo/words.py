"""Words that may stand in no topic, log, page or e-mail: who the patients are, and what their documents say."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from deploy.proof.demo.documents import Played
from deploy.proof.demo.holders import Holder
from deploy.proof.judgement import judge

_PIECES: Final = 4
_PIECE_SIGNS: Final = 24
_DISTINCT: Final = 10
_TITLE_SIGNS: Final = 16


def of(holders: Iterable[Holder], played: Sequence[Played], written: Iterable[str]) -> list[str]:
    """Numbers, addresses and names of patients; titles and pieces of their documents; what people wrote."""
    found = [word for one in holders for word in (one.ins.number, one.patient.email, one.patient.family_name)]
    found += [word for one in played for word in (*_title(one.case.content), *_pieces(one.case.content))]
    return list(dict.fromkeys(filter(None, (*found, *written))))


def _title(content: bytes) -> Iterator[str]:
    """The title, where it is long enough to say something: "Document" stands in many a sentence."""
    header = judge(content).header
    if header is not None and len(header.title) >= _TITLE_SIGNS and " " in header.title:
        yield header.title


def _pieces(content: bytes) -> Iterator[str]:
    """Pieces of a document that stand nowhere by chance: neither blanks nor a ruler."""
    text = content.decode("utf-8", "replace")
    step = max(_PIECE_SIGNS, len(text) // _PIECES)
    pieces = (text[at : at + _PIECE_SIGNS] for at in range(step // 2, len(text) - _PIECE_SIGNS, step))
    yield from (piece for piece in pieces if len(set(piece)) >= _DISTINCT)
