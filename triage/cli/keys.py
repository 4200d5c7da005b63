"""Single keys from a terminal. A key pressed while a sheet is still being drawn is not lost and not echoed."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

import click

__all__ = ["Keys"]


class Keys:
    """`with Keys() as keys: keys.next()`; `keys.line(text)` asks for a line in between, as a terminal usually does."""

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno()
        self._usual: list[int | list[bytes | int]] | None = None

    def __enter__(self) -> Keys:
        with contextlib.suppress(ImportError):  # no termios: click's way, which drops what is pressed too early
            import termios

            self._usual = termios.tcgetattr(self._fd)
            self._single()
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def next(self) -> str:
        """The next key; "" at the end of input, "\x03" for Ctrl-C."""
        if self._usual is None:
            return click.getchar()
        pressed = os.read(self._fd, 1)
        if pressed and pressed[0] >= 0xC0:  # the first byte of a character in UTF-8: its rest is there already
            pressed += os.read(self._fd, 2 if pressed[0] >= 0xE0 else 1)
        return pressed.decode("utf-8", "replace")

    def line(self, text: str) -> str:
        """A line, empty when only Enter was pressed. Raises click.Abort at the end of input."""
        with self._usually():
            line: str = click.prompt(text, default="", show_default=False)
            return line

    @contextlib.contextmanager
    def _usually(self) -> Iterator[None]:
        self._restore()
        try:
            yield
        finally:
            self._single()

    def _single(self) -> None:
        if self._usual is not None:
            import termios

            single = termios.tcgetattr(self._fd)
            single[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)  # Ctrl-C is a key like others here
            single[6][termios.VMIN], single[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._fd, termios.TCSADRAIN, single)  # without throwing away what was pressed before

    def _restore(self) -> None:
        if self._usual is not None:
            import termios

            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._usual)
