"""Settings of the document service."""

from pathlib import Path

from pydantic import Field

from services.document.domain.cda import MAX_BYTES
from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """What is particular to document: where contents lie, how large they may be, how long what is useless stays."""

    content_dir: Path = Field(Path("content"), description="Folder of the encrypted contents")
    content_threads: int = Field(8, ge=1, le=64, description="Contents written or read at the same time")
    max_content_bytes: int = Field(MAX_BYTES, ge=1, description="Largest document taken, in bytes")
    max_patient_bytes: int = Field(5 * 1024 * 1024, ge=1, description="Largest document taken of a patient, in bytes")
    refused_kept_s: float = Field(86_400.0, ge=60, description="A refused deposit and its outcome are kept this long")
    consulted_kept_s: float = Field(86_400.0, ge=60, description="A used permit is remembered this long")
    orphan_age_s: float = Field(3600.0, ge=120, description="A content of no deposit is removed at this age")
    collection_interval_s: float = Field(10.0, gt=0, description="Pause between two turns of the collection")
