"""The text formats people keep: read and written without loss, pure functions, no I/O.

A format is a module with `NAME`, `recognises(text) -> bool` and `read(text) -> ParsedDocument`; it
joins by one line in `FORMATS`. Recognition goes by content, never by the file's name.
"""

from __future__ import annotations

from typing import Protocol

from triage.errors import DocumentError
from triage.models import ParsedDocument

__all__ = ["Format", "formats", "read_document"]


class Format(Protocol):
    """One document format: `recognises` is cheap and strict, `read` keeps what it can and names the rest."""

    @property
    def NAMES(self) -> tuple[str, ...]: ...  # noqa: N802  a module's constant

    def recognises(self, text: str) -> bool: ...

    def read(self, text: str) -> ParsedDocument: ...


def formats() -> tuple[Format, ...]:
    """All formats, the strictest first."""
    from triage.formats import checklist, cvinw, huggingface_page

    return (checklist, cvinw, huggingface_page)


def read_document(text: str, *, name: str) -> ParsedDocument:
    """Read a document by its content; `name` is only used to say what was refused.

    Raises DocumentError when no format recognises it.
    """
    for form in formats():
        if form.recognises(text):
            return form.read(text)
    known = ", ".join(n for form in formats() for n in form.NAMES)
    raise DocumentError(
        f"{name}: none of the known documents ({known})",
        hint="see the README, 'Documents you can import', for what each looks like",
    )
