"""Reading a body within its limits: nothing beyond the bytes allowed is ever held, compressed or not."""

from __future__ import annotations

import zlib

from triage.errors import TooLargeError, TruncatedError, WrongMediaTypeError

__all__ = ["ENCODINGS", "Body"]

ENCODINGS = "gzip, deflate"
"""For Accept-Encoding: what the standard library can undo a piece at a time."""

_GZIP, _ZLIB, _BARE = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS  # zlib's names for the three wrappings


class Body:
    """The body of one answer from `url`, at most `largest` bytes, fed with what comes off the wire.

    `encoding` is the Content-Encoding header. Raises WrongMediaTypeError for one that was not asked for.
    """

    def __init__(self, url: str, *, encoding: str, largest: int) -> None:
        self._encoding = encoding.strip().lower()
        if self._encoding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
            raise WrongMediaTypeError(
                f"its content encoding {self._encoding[:40]!r} was not asked for",
                url=url,
                hint="something between here and the site changes it",
            )
        self._url = url
        self._largest = largest
        self._came = 0
        self._head = b""
        self._body = bytearray()
        self._window: int | None = None
        self._inflate = zlib.decompressobj()

    @property
    def size(self) -> int:
        """Bytes so far, decompressed."""
        return len(self._body)

    def feed(self, chunk: bytes) -> None:
        """Take what came next. Raises TooLargeError at the first byte too many, TruncatedError for damaged compression."""
        self._came += len(chunk)
        self.check(self._came)  # also of a compressed body: empty blocks without end have no content
        if self._encoding in {"", "identity"}:
            self._body += chunk
            return
        try:
            self._decompress(chunk)
        except zlib.error as error:
            raise TruncatedError(f"its compressed body is damaged ({error})", url=self._url, hint="the next run asks again") from error

    def finish(self) -> bytes:
        """The whole body. Raises TruncatedError when the compressed data has no end."""
        if self._encoding not in {"", "identity"} and not self._inflate.eof:
            raise TruncatedError(
                f"its compressed body ends too early, after {self._came} bytes", url=self._url, hint="the next run asks again"
            )
        return bytes(self._body)

    def check(self, size: int) -> None:
        """Raise TooLargeError when `size` bytes are more than allowed."""
        if size > self._largest:
            raise TooLargeError(
                f"more than the {self._largest:,} bytes allowed", url=self._url, hint="the site has changed; the rest was not read"
            )

    def _decompress(self, chunk: bytes) -> None:
        if self._window is None:
            chunk = self._head = self._head + chunk
            if len(chunk) < 2:
                return
            self._window = self._wrapping(chunk)
            self._inflate = zlib.decompressobj(self._window)
        while chunk:
            if self._inflate.eof:  # gzip allows one member behind the other (RFC 1952, 2.2)
                self._inflate = zlib.decompressobj(self._window)
            # one byte more than fits is enough to know, however much a bomb would become
            self._body += self._inflate.decompress(chunk, self._largest - len(self._body) + 1)
            self.check(len(self._body))
            chunk = self._inflate.unconsumed_tail or self._inflate.unused_data

    def _wrapping(self, head: bytes) -> int:
        if self._encoding != "deflate":
            return _GZIP
        # some servers send deflate without its zlib header (RFC 9110, 8.4.1.2); the header's check bits tell
        return _ZLIB if head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0 else _BARE
