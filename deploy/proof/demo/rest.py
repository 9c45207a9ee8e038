"""Contents at rest: encrypted, without a trace of what they say, and the same bytes once opened with the right keys."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from deploy.local.secrets import Secrets
from deploy.proof.checker.databases import Databases
from deploy.proof.demo.documents import Played
from deploy.proof.demo.ledger import Ledger
from services.document.content import ContentUnreadableError, read, unseal
from shared.contracts.topics import DOCUMENT
from shared.security import FileKeyProvider, SecurityError, Wrapped, unwrap_with

_MARKER_BYTES: Final = 24
_MARKERS: Final = 16
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_HEAD: Final = 64
_WORDS: Final = (b"ClinicalDocument", b"urn:hl7-org:v3", b"recordTarget")


async def check(databases: Databases, secrets: Secrets, folder: Path, played: Sequence[Played], ledger: Ledger) -> None:
    """Look at the file of each document in the content store."""
    sql = (
        "SELECT d.id, d.object, d.content_key, d.sha256, d.size, d.status, k.key_id, k.wrapped_key "
        "FROM document d JOIN record_key k USING (record) WHERE d.id = ANY($1::uuid[])"
    )
    rows = await databases.rows(DOCUMENT, sql, [one.document for one in played])
    by_id = {row["id"]: row for row in rows}
    provider = FileKeyProvider(secrets.keys_dir(DOCUMENT), secrets.current_kek(DOCUMENT))
    for one in played:
        wrong = _fault(one, by_id.get(one.document), provider, folder)
        ledger.expect("encrypted at rest", one.case.name, wrong, f"Look at the content store, {folder}.")


def _fault(one: Played, row: Any, provider: FileKeyProvider, folder: Path) -> str | None:
    """What is wrong with a stored content; None where nothing is."""
    if row is None or row["status"] != "current":
        return "the document service has no current document of this id"
    try:
        sealed = read(folder, row["object"])
        key = unwrap_with(provider.unwrap(Wrapped(row["key_id"], row["wrapped_key"])), row["content_key"])
        content = unseal(sealed, key, row["id"], row["sha256"], row["size"])
    except (OSError, SecurityError, ContentUnreadableError) as error:
        return f"the content does not open: {error}"
    if any(marker in sealed for marker in markers(one.case.content, one.case.ins.number)):
        return "the stored content shows parts of the document in the clear"
    if _ZSTD in sealed[:_HEAD]:
        return "the stored content is compressed and not encrypted"
    return None if content == one.case.content else "the stored content is another than the one that was sent"


def markers(content: bytes, number: str) -> Iterator[bytes]:
    """What would show that a content lies there in the clear: words of every CDA, the identity, pieces of the text."""
    yield from (word for word in _WORDS if word in content)
    yield number.encode()
    step = max(_MARKER_BYTES, len(content) // _MARKERS)
    yield from (content[at : at + _MARKER_BYTES] for at in range(0, len(content) - _MARKER_BYTES, step))
