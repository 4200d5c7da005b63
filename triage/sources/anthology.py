"""How the Anthology names events, collections, volumes and papers, whichever of its forms is read.

Identifiers: https://aclanthology.org/info/ids/
"""

from __future__ import annotations

import re

__all__ = ["COLLECTION", "EVENTS", "NAME", "NEW_IDS", "WITH_ABSTRACT", "event_of", "named", "track_of", "year_of"]

NAME = "acl"
"""The source's name."""

EVENTS = {"acl": ("ACL", "P"), "emnlp": ("EMNLP", "D"), "naacl": ("NAACL", "N"), "eacl": ("EACL", "E")}
"""Name as shown, and the letter of the collections before 2020 (P19 is ACL 2019)."""

NEW_IDS = 2020
"""Since then collections are named <year>.<venue>, and Findings exist."""

WITH_ABSTRACT = 0.9
"""Share of an event's papers since 2020 that have an abstract in a whole file: all of 774 in the recorded 2022.acl."""

COLLECTION = re.compile(r"[A-Z]\d{2}|\d{4}\.\w+")

_LETTERS = {letter: event for event, (_, letter) in EVENTS.items()}
_PAPER = re.compile(r"(?P<collection>\d{4}\.\w+)-(?P<volume>\w+)\.(?P<number>\d+)")
_OLD_PAPER = re.compile(r"(?P<collection>[A-Z]\d{2})-(?P<digits>\d{4})")


def named(identifier: str) -> tuple[str, str, str] | None:
    """(collection, volume, number) of a paper's id: 2023.acl-long.721 is (2023.acl, long, 721); None for no id.

    Of the ids before 2020 the volume is one digit, two for workshops.
    """
    if found := _PAPER.fullmatch(identifier):
        return found["collection"], found["volume"], found["number"].lstrip("0") or "0"
    if old := _OLD_PAPER.fullmatch(identifier):
        two = old["collection"][0] == "W" or (old["collection"] == "D19" and old["digits"] >= "5000")
        volume, number = (old["digits"][:2], old["digits"][2:]) if two else (old["digits"][:1], old["digits"][1:])
        return old["collection"], volume.lstrip("0") or "0", number.lstrip("0") or "0"
    return None


def event_of(collection: str, volume: str, venue: str = "") -> str | None:
    """The event a volume is shown under: a volume of Findings is that of its event; otherwise `venue` as the file says it."""
    own = collection.partition(".")[2] or _LETTERS.get(collection[0], "")
    if own == "findings":
        return EVENTS[volume][0] if volume in EVENTS else "Findings"
    if own in EVENTS:
        return EVENTS[own][0]
    found = venue or own
    return (EVENTS[found][0] if found in EVENTS else found) or None


def year_of(collection: str) -> int | None:
    """2022 of "2022.acl"; of the old letters' two digits, which run from 1965 to 2019."""
    if "." in collection:
        return int(collection[:4])
    digits = int(collection[1:])
    return 1900 + digits if digits >= 65 else 2000 + digits


def track_of(collection: str, name: str, title: str) -> str | None:
    """ "long", "demo"; "findings"; a numbered volume says in its title what it is ("(Volume 1: Long Papers)")."""
    if collection.endswith(".findings"):
        return "findings"
    if not name.isdigit():
        return name or None
    part = re.search(r"\(Volume \d+: ([^()]+)\)", title)
    return (part[1] if part else title) or None
