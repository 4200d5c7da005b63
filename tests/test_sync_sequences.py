"""Any sequence of a person's edits and a machine's changes loses no tick, no edited word and no free text.

The code that decides is the program's own (comparing, hearing, growing); only the warehouse is a model in memory here, so that
thousands of sequences can be played. tests/test_sync.py does the same things with the real one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from triage.comparing import ListFile, Removals, choose_base, compare, judge
from triage.formats.checklist import Block, BlockFields, Checklist, order_key, parse, render_block
from triage.growth import Fact, ListName, Wanted
from triage.hearing import hear
from triage.lists import Standing, text_of
from triage.models import Record
from triage.returned import Returned, State, States
from triage.text import canonical_url, title_key
from triage.words import Word

LIST = ListName("lists/2023.md", "yearly", 2023)
START = datetime(2026, 11, 23)  # noqa: DTZ001  as the warehouse keeps it, UTC without zone


@dataclass
class Paper:
    """A paper of the model: what the machine says of it, what a person said, and every name it had."""

    key: str
    said: dict[str, Any]
    proposed: bool = True
    decision: str | None = None
    decided_at: datetime | None = None
    withdrawn: bool = False
    corrections: dict[str, Any] = field(default_factory=dict)
    typed: str | None = None
    names: set[str] = field(default_factory=set)

    @property
    def shown(self) -> dict[str, Any]:
        return {**self.said, **self.corrections, **({"type": self.typed or None} if self.typed is not None else {})}

    def remember(self) -> None:
        self.names |= {title_key(self.shown["title"]), canonical_url(self.shown["url"]) or ""}


class World:
    """One list, its warehouse in memory, and the person who edits it."""

    def __init__(self, count: int = 4) -> None:
        self.clock = START
        self.papers: dict[str, Paper] = {}
        self.states: list[State] = []
        self.clashes: set[tuple[str, str]] = set()
        self.text = ""
        self.made = 0
        for _ in range(count):
            self.gather()
        self.render()

    def now(self) -> datetime:
        self.clock += timedelta(seconds=1)
        return self.clock

    # --- the machine

    def gather(self) -> str:
        self.made += 1
        n = self.made
        key = f"p{n}"
        said = {
            "title": f"Paper {n} on {'Pruning Merging Caching Tuning'.split()[n % 4]}", "url": f"https://example.org/{(n * 37) % 11}/{n}",
            "venue": "AAAI CVPR ICML".split()[n % 3], "year": 2023, "type": "Token Pruning", "abstract": f"{key} abstract. We prune tokens of it.",
        }  # fmt: skip
        self.papers[key] = Paper(key, said)
        self.papers[key].remember()
        return key

    def facts(self) -> dict[str, Fact]:
        return {
            p.key: Fact(
                work_id=p.key, decision=p.decision, decided_at=p.decided_at, year=2023, home_year=2023, withdrawn=p.withdrawn,
                corrections=dict(p.corrections), typed=p.typed, labelled_by_person=p.typed is not None, shown=p.shown,
            )
            for p in self.papers.values()
        }  # fmt: skip

    def wanted(self) -> list[Wanted]:
        due = [p for p in self.papers.values() if p.decision == "selected" or (p.proposed and p.decision is None)]
        blocks = []
        for p in due:
            ticked = p.decision == "selected"
            blocks.append(
                Wanted(p.key, BlockFields(**p.shown, ticked=ticked, why=None if ticked else f"0.50 · {p.said['type']} · lexical"))
            )
        return sorted(blocks, key=lambda one: order_key(one.fields.venue, one.fields.url, one.fields.title))

    def find(self, listed: Checklist | None) -> dict[int, str]:
        found = {}
        for place, block in enumerate(listed.blocks if listed else ()):
            names = {canonical_url(block.url) or "-", title_key(block.title)}
            links = [p.key for p in self.papers.values() if canonical_url(block.url) in p.names]
            titles = [p.key for p in self.papers.values() if names & p.names]
            if links or len(titles) == 1:
                found[place] = (links or titles)[0]
        return found

    def held(self) -> dict[tuple[str, str], frozenset[str]]:
        return {(LIST.path, key): frozenset(name for k, name in self.clashes if k == key) for key, _ in self.clashes}

    def render(self) -> None:
        base = parse(self.states[0].text) if self.states else None
        text = text_of(Standing(LIST, base, self.find(base)), self.facts(), self.wanted(), self.held())
        self.keep(text, read=False)
        self.text = text

    def keep(self, text: str, *, read: bool) -> None:
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        if not self.states or self.states[0].sha256 != sha256:
            self.states.insert(0, State(text, sha256, self.now(), read, written=not read))

    def sync(self, removals: Removals = "ask") -> str | None:
        """Read the file back; why it was left, if it was."""
        returned = Returned(LIST.path, self.text, hashlib.sha256(self.text.encode()).hexdigest())
        states = States({LIST.path: self.states}, {})
        if states.is_read(returned) or states.never_written(returned):
            return None
        one = ListFile(LIST, returned, self.states, old=states.put_back(returned) is not None)
        choose_base(one, removals)
        one.works = (self.find(one.base), self.find(one.theirs))
        judge(one, removals)
        if one.left:
            return one.left
        compare(one, self.facts(), self.wanted(), self.held())
        assert one.told is not None
        heard = hear([one.told])
        edited = {(work, edit.field) for work, edit in one.told.edits}
        self.clashes = {one for one in self.clashes if one not in edited} | {(work, clash.field) for _, work, clash in heard.clashes}
        for word in heard.words:
            self.take(word)
        if not one.old:
            self.keep(self.text, read=True)
        return None

    def take(self, word: Word) -> None:
        """A word as decisions.jsonl and the warehouse take it."""
        if not isinstance(word.work, str):
            record = word.work.identifiers["record"]
            if word.what == "added":
                said = Record.model_validate_json(word.value or "")
                fields = {
                    "title": said.title,
                    "url": said.url,
                    "venue": said.venue,
                    "year": said.year,
                    "type": None,
                    "abstract": said.abstract,
                }
                self.papers.setdefault(record, Paper(record, fields, proposed=False))
            paper = self.papers[record]
        else:
            paper = self.papers[word.work]
        if word.what == "correction":
            paper.corrections |= json.loads(word.value or "{}")
        elif word.what == "type":
            paper.typed = word.value
        elif word.what == "undo":
            paper.withdrawn, paper.decision = True, None
        elif word.what in ("selected", "rejected"):
            paper.decision, paper.decided_at = word.what, self.now()
        paper.remember()

    def night(self, removals: Removals = "ask") -> None:
        if self.sync(removals) is None:
            self.render()

    # --- the person

    def block(self, key: str) -> Block | None:
        listed = parse(self.text)
        return next((listed.blocks[place] for place, found in self.find_in_file(listed).items() if found == key), None)

    def find_in_file(self, listed: Checklist) -> dict[int, str]:
        """Which block tells of which paper, whatever was edited: its abstract begins with the paper's key."""
        return {n: block.abstract.split(" ")[0] for n, block in enumerate(listed.blocks) if block.abstract}

    def put(self, block: Block, new: str) -> None:
        assert self.text.count(block.text) == 1
        self.text = self.text.replace(block.text, new)


EDITS = ("tick", "untick", "type", "venue", "title", "heading", "link", "abstract", "free", "remark")
FIELD = {"type": "type", "venue": "venue", "title": "title", "heading": "title", "link": "url", "abstract": "abstract"}


def edit(world: World, what: str, key: str, n: int) -> tuple[str, Any] | None:
    """One edit of the block of a paper, and what it means: (field, value)."""
    block = world.block(key)
    if block is None:
        return None
    text = block.text
    if what in ("tick", "untick"):
        world.put(block, text.replace("- [ ]", "- [x]", 1) if what == "tick" else text.replace("- [x]", "- [ ]", 1))
        return ("ticked", what == "tick")
    if what == "free":
        world.put(block, text.rstrip() + f"\n\nfree text {n}\n\n")
        return ("free", f"free text {n}")
    if what == "remark":
        world.put(block, text.replace("<details>", f"remark {n}\n\n<details>", 1))
        return ("free", f"remark {n}")
    old: Any = {"title": block.title, "heading": block.heading, "link": block.link}.get(what) or getattr(block, FIELD[what])
    new = {"link": f"https://example.org/mine/{n}", "abstract": f"{key} abstract {n}, as I see it."}.get(what, f"My Own {what.title()} {n}")
    before = {"type": "**Type**: ", "venue": "**Conference**: ", "title": "] ", "heading": ". ", "link": "**Link**: ", "abstract": "\n"}[
        what
    ]
    if what == "type" and old is None:
        world.put(block, text.replace("**Type**:", f"**Type**: {new}", 1))
    else:
        assert f"{before}{old}" in text
        world.put(block, text.replace(f"{before}{old}", f"{before}{new}", 1))
    return (FIELD[what], new)


CHANGES = ("gather", "withdraw", "relabel", "other venue", "other abstract")


def change(world: World, what: str, key: str, n: int) -> None:
    """One thing a night may bring."""
    paper = world.papers.get(key)
    if what == "gather":
        world.gather()
    elif paper is None:
        return
    elif what == "withdraw":
        paper.proposed = not paper.proposed
    elif what == "relabel":
        paper.said["type"] = f"Type {n}"
    elif what == "other venue":
        paper.said["venue"] = f"VENUE{n}"
    else:
        paper.said["abstract"] = f"{key} abstract. Version {n}."


KEYS = st.sampled_from([f"p{n}" for n in range(1, 7)])
NUMBERS = st.integers(1, 9)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from((*EDITS, "take out", "swap", "by hand")), KEYS, NUMBERS),
        st.tuples(st.sampled_from(CHANGES), KEYS, NUMBERS),
        st.just(("night", "", 0)),
    ),
    max_size=14,
)


@dataclass
class Memory:
    """What the person meant: fields and ticks, lines of free text, papers taken out."""

    meant: dict[tuple[str, str], Any] = field(default_factory=dict)
    free: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)


@given(STEPS)
def test_no_tick_no_edited_word_and_no_free_text_is_lost(steps: list[tuple[str, str, int]]) -> None:
    world, memory = World(), Memory()
    for number, (what, key, n) in enumerate([*steps, ("night", "", 0), ("night", "", 0)]):
        if what == "night":
            world.night()
            check(world, memory)
        elif what in CHANGES:
            change(world, what, key, n)
        elif what == "swap":
            swap(world, n)
        elif what == "by hand":
            write_in(world, memory, number)
        elif what == "take out":
            take_out(world, memory, key)
        elif (told := edit(world, what, key, number)) and key not in memory.gone:
            name, value = told
            if name == "free":
                memory.free.add(value)
            else:
                memory.meant[key, name] = value
    before = world.text
    world.night()
    assert world.text == before


def write_in(world: World, memory: Memory, number: int) -> None:
    title, url = f"By Hand {number}", f"https://example.org/hand/{number}"
    fields = BlockFields(title=title, url=url, venue="ZZZ", year=2023, ticked=True, abstract=f"hand{number} x")
    world.text = world.text.rstrip("\n") + "\n\n" + render_block(99, fields)
    memory.free.add(f"- [x] {title} | {url}")


def take_out(world: World, memory: Memory, key: str) -> None:
    """Cut a block after a night, but not the last one: a file without its end is asked about."""
    world.night()
    block = world.block(key)
    if block and parse(world.text).blocks[-1].text != block.text and not any(line in block.text for line in memory.free):
        world.put(block, "")
        memory.gone.add(key)
        world.night()


def swap(world: World, n: int) -> None:
    listed = parse(world.text)
    if len(listed.blocks) > n + 1:
        one, other = listed.blocks[n], listed.blocks[n + 1]
        if one.text.endswith("\n\n") and other.text.endswith("\n\n"):
            world.text = world.text.replace(one.text + other.text, other.text + one.text)


def check(world: World, memory: Memory) -> None:
    for (key, name), value in memory.meant.items():
        paper, block = world.papers[key], world.block(key)
        if key in memory.gone:
            assert paper.decision == "rejected"
        elif name == "ticked":
            assert (paper.decision == "selected") is value
            assert not value or (block is not None and block.ticked)
        elif (key, name) in world.clashes:
            assert block is not None
            beside = {"title": block.heading, "url": block.link}.get(name)  # heading and tick line may each say their own
            assert value in (getattr(block, name), beside)
        else:
            assert paper.shown[name] == value, (key, name)
            assert block is None or getattr(block, name) == value
    for text in memory.free:
        assert text in world.text
    listed = parse(world.text)
    assert [block.number for block in listed.blocks] == list(range(1, len(listed.blocks) + 1))
    told = list(world.find_in_file(listed).values())
    assert len(told) == len(set(told))


HUMAN = st.lists(st.tuples(st.sampled_from((*EDITS, "take out")), st.sampled_from(["p1", "p2"]), NUMBERS), max_size=4)
MACHINE = st.lists(st.tuples(st.sampled_from(CHANGES), st.sampled_from(["p3", "p4"]), NUMBERS), max_size=4)


def edited(world: World, edits: list[tuple[str, str, int]]) -> None:
    for number, (what, key, _) in enumerate(edits):
        if what != "take out":
            edit(world, what, key, number)
        elif block := world.block(key):
            world.put(block, "")


def changed(world: World, changes: list[tuple[str, str, int]]) -> None:
    for what, key, n in changes:
        change(world, what, key, n)


@given(HUMAN, MACHINE)
def test_the_end_is_the_same_whichever_comes_first(edits: list[tuple[str, str, int]], changes: list[tuple[str, str, int]]) -> None:
    ends = []
    for order in ("both at once", "person first", "machine first"):
        world = World()
        if order == "machine first":
            changed(world, changes)
            world.night("accept")
        edited(world, edits)
        if order == "person first":
            world.night("accept")
        if order != "machine first":
            changed(world, changes)
        world.night("accept")
        world.night("accept")
        words = {p.key: (p.decision, p.corrections, p.typed, p.said, p.proposed) for p in world.papers.values()}
        # an edited link or venue is another place in the order, and text behind the last block stands at the end of the file:
        # which neighbours a new block meets depends on when it comes, what the file holds does not; so it is where a block
        # is taken out beside one whose venue changed, which stays at its old place
        did, came = {what for what, _, _ in edits}, {what for what, _, _ in changes}
        astray = {"link", "venue", "free"} | ({"take out"} if "other venue" in came else set())
        moved = "gather" in came and bool(astray & did)
        lines = [line for line in world.text.split("\n") if line]  # a block that is cut out leaves its blank line
        if moved and {"free", "take out"} <= did:  # cut out with its block by the person, where that is not the last one
            lines = [line for line in lines if not line.startswith("free text ")]
        text = sorted(line for line in lines if not line.startswith("## ")) if moved else lines
        ends.append((text, words, world.clashes))
    assert ends[0] == ends[1]
    assert ends[0] == ends[2]


def test_a_file_cut_anywhere_rejects_nothing() -> None:
    whole = World()
    for cut in range(0, len(whole.text), 7):
        world = World()
        world.text = world.text[:cut]
        world.night()
        assert {p.decision for p in world.papers.values()} == {None}
        assert not any(p.corrections for p in world.papers.values()), cut


def test_a_list_of_a_hundred_loses_at_most_five_percent_by_hand() -> None:
    for count, left in ((5, False), (6, True)):
        world = World(100)
        for block in parse(world.text).blocks[10 : 10 + count]:
            world.text = world.text.replace(block.text, "")
        assert (world.sync() is not None) is left
        rejected = sum(p.decision == "rejected" for p in world.papers.values())
        assert rejected == (0 if left else count)


def test_a_rendering_that_never_stood_in_the_file_takes_nothing_out_of_it() -> None:
    """A new warehouse wrote its own version down, and left the file alone because it did not know it."""
    text = World(6).text
    state = State(text, hashlib.sha256(text.encode()).hexdigest(), START, read=False, written=False)
    theirs = text.replace(parse(text).blocks[3].text, "")
    for written, gone in ((True, [3]), (False, [])):
        one = ListFile(LIST, Returned(LIST.path, theirs, hashlib.sha256(theirs.encode()).hexdigest()), [replace(state, written=written)])
        choose_base(one, "ask")
        judge(one, "ask")
        assert (one.gone, one.left) == (gone, None)
