"""The files and batches of the scripted server: what is sent is kept, and answered when the test says so.

server.batches.fail_next = "create"      # the batch is made, and the connection dropped before the answer
server.batches.finish()                  # open batches are answered by the server's scripts
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Batches", "Reply"]


@dataclass(frozen=True)
class Reply:
    """Status and body of one answer; a status of 0 is a connection dropped before it, -1 one dropped in the middle."""

    status: int
    body: bytes


@dataclass
class Batches:
    """State of the server. `answer` gives (HTTP status, body) for the body of one request."""

    answer: Callable[[dict[str, Any]], tuple[int, bytes]]
    files: dict[str, bytes] = field(default_factory=dict)
    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    fail_next: Literal["", "upload", "create", "look", "download"] = ""
    supported: bool = True
    extra_lines: list[bytes] = field(default_factory=list)
    """Lines of nonsense at the head of a file of answers."""

    def handle(self, method: str, path: str, body: bytes) -> Reply | None:
        """The answer to a request about files or batches; None for any other."""
        path = path.partition("?")[0]
        if not re.match(r"/v1/(files|batches)\b", path):
            return None
        if not self.supported:
            return _told({"error": {"message": "no such route"}}, 404)
        failing, what = self.fail_next, self._what(method, path)
        if failing == what:
            self.fail_next = ""
            if what != "create":
                return Reply(-1 if what == "download" else 0, b'{"custom_id')
        reply = self._reply(method, path, body)
        return Reply(0, b"") if failing == what == "create" else reply

    @staticmethod
    def _what(method: str, path: str) -> str:
        if method == "POST":
            return "upload" if path.endswith("/files") else "create"
        return "download" if path.endswith("/content") else "look"

    def _reply(self, method: str, path: str, body: bytes) -> Reply:
        parts = path.split("/")[2:]
        if method == "POST" and parts == ["files"]:
            name = f"file-{len(self.files) + 1}"
            boundary = body.split(b"\r\n", 1)[0]
            [content] = [part.split(b"\r\n\r\n", 1)[1][:-2] for part in body.split(boundary) if b'name="file"' in part]
            self.files[name] = content
            return _told(
                {
                    "id": name,
                    "object": "file",
                    "bytes": len(content),
                    "created_at": 1,
                    "filename": "x",
                    "purpose": "batch",
                    "status": "processed",
                }
            )
        if method == "POST":
            wanted = json.loads(body)
            name = f"batch_{len(self.made) + 1}"
            self.made[name] = {
                "id": name, "object": "batch", "created_at": 1, "status": "in_progress", "output_file_id": None, "error_file_id": None, **wanted
            }  # fmt: skip
            return _told(self.made[name])
        if parts == ["batches"]:
            return _told({"object": "list", "data": list(self.made.values()), "has_more": False})
        if parts[0] == "batches":
            batch = self.made.get(parts[1])
            return _told(batch) if batch else _told({"error": {"message": "no such batch"}}, 404)
        return Reply(200, self.files[parts[1]])

    def finish(self, status: str = "completed", *, answered: int | None = None) -> None:
        """Answer open batches, or only the first so many of their requests."""
        for batch in self.made.values():
            if batch["status"] != "in_progress":
                continue
            good: list[bytes] = list(self.extra_lines)
            bad: list[bytes] = []
            for line in self.files[batch["input_file_id"]].splitlines()[:answered]:
                request = json.loads(line)
                code, body = self.answer(request["body"])
                response = {"status_code": code, "request_id": "r", "body": json.loads(body)}
                (good if code == 200 else bad).append(
                    json.dumps({"id": "x", "custom_id": request["custom_id"], "response": response, "error": None}).encode()
                )
            batch["status"] = status
            for key, lines in (("output_file_id", good), ("error_file_id", bad)):
                if lines:
                    batch[key] = f"file-{len(self.files) + 1}"
                    self.files[batch[key]] = b"\n".join(lines) + b"\n"


def _told(value: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())
