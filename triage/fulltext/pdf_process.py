"""Reads a PDF from standard input in a process of its own and prints its text, one JSON string a page.

A hostile PDF can make any reader use up time and memory; here it can only use up this process, whose time and memory
are limited. Run as a file, with the limits as arguments: seconds of CPU, bytes of memory, pages, characters.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys


def main() -> int:
    seconds, memory, pages, characters = map(int, sys.argv[1:5])
    with contextlib.suppress(ImportError):  # no such limits on Windows; the parent's clock still holds
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    import logging

    logging.disable(logging.CRITICAL)
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(sys.stdin.buffer.read()))
    for number in range(min(len(reader.pages), pages)):
        text = reader.pages[number].extract_text()[:characters]
        sys.stdout.write(json.dumps(text) + "\n")
        sys.stdout.flush()  # what was read stays read, whatever the next page does
        characters -= len(text)
        if characters <= 0:
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
