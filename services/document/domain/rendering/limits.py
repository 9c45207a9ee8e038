"""How much of a document one page shows: whatever a file holds, its page stays small enough for any browser.

What is left out is told in the page, with the limit that it passed; the original holds it.
"""

from typing import Final

MAX_ELEMENTS: Final = 60_000
"""Elements of narrative in one page; published examples have at most 900."""
MAX_CHARACTERS: Final = 2_000_000
"""Characters of narrative in one page."""
MAX_SECTIONS: Final = 1_000
"""Sections in one page; published examples have at most 30."""
MAX_FIELD: Final = 1_000
"""Characters of one field of the header."""
MAX_REPEATS: Final = 20
"""Authors, names or identifiers told of one kind."""
MAX_IMAGE_BYTES: Final = 4 * 1024 * 1024
"""Largest image shown, in bytes."""
MAX_PIXELS: Final = 40_000_000
"""Largest image shown, in pixels: a small file can unfold to gigabytes in the browser's memory."""
MAX_EMBEDDED_BYTES: Final = 10 * 1024 * 1024
"""Images and attachments that one page carries altogether, in bytes before base64."""
MAX_MEDIA: Final = 200
"""Images and attachments told of in one page."""
MAX_REFERENCES: Final = 16
"""Images and attachments that one place of the narrative refers to."""
MAX_SPAN: Final = 100
"""Columns or rows that one cell spans: a browser lays out each of them."""


class FullError(Exception):
    """A limit of the page is reached; its text tells which, in French, for the page."""


class Budget:
    """What may still be written into one page."""

    def __init__(self) -> None:
        self._elements = MAX_ELEMENTS
        self._characters = MAX_CHARACTERS
        self._sections = MAX_SECTIONS
        self._bytes = MAX_EMBEDDED_BYTES

    def element(self) -> None:
        """Count an element.

        Raises:
            FullError: There were enough.
        """
        if not self._elements:
            raise FullError(f"plus de {MAX_ELEMENTS} éléments de texte")
        self._elements -= 1

    def section(self) -> None:
        """Count a section.

        Raises:
            FullError: There were enough.
        """
        if not self._sections:
            raise FullError(f"plus de {MAX_SECTIONS} sections")
        self._sections -= 1

    def characters(self, text: str) -> str:
        """What of a text may still be written; who has written it asks `whole`."""
        taken = text[: self._characters]
        self._characters -= len(taken)
        return taken

    def whole(self, text: str, taken: str) -> None:
        """Go on only where all of a text was taken.

        Raises:
            FullError: It was cut.
        """
        if len(taken) < len(text):
            raise FullError(f"plus de {MAX_CHARACTERS} caractères de texte")

    def carries(self, size: int) -> bool:
        """Count a content of this size, in bytes; False where it no longer fits."""
        if size > self._bytes:
            return False
        self._bytes -= size
        return True
