"""Gathering over real HTTP on loopback: what is due, what is believed, and that a bad night is repaired by the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.feeds import announcement, announcement_feed, daily_entry, daily_list
from tests.servers import Reply, ScriptedServer, Zeros, bomb
from tests.workspaces import START, Ticking, ask, make_workspace
from triage import pipeline
from triage.errors import UsageError
from triage.gather import gather
from triage.runs import Run
from triage.workspace import Workspace

FEED = "/atom/cs.CV+cs.CL+cs.LG"
TODAY = START.date()  # Monday 2026-11-23, 02:00 UTC: Sunday evening in New York
CLONE = Path(__file__).resolve().parent.parent


def daily(day: date) -> str:
    return f"/api/daily_papers?date={day}&limit=100"


def feed(body: bytes) -> Reply:
    return Reply.text(body, "application/atom+xml")


def daily_reply(*identifiers: str) -> Reply:
    return Reply.text(daily_list(*identifiers), "application/json")


class Night:
    """A workspace whose sources are all the scripted server, and runs at chosen moments."""

    def __init__(self, folder: Path, server: ScriptedServer) -> None:
        self.server = server
        self.folder = folder
        make_workspace(folder)
        tables = "".join(f'[sources.{name}]\nbase_url = "{server.url}"\npace = 0\n' for name in ("arxiv", "huggingface"))
        (folder / "triage.toml").write_text(f"[web]\nattempts = 1\nread_seconds = 2\n{tables}")
        self.workspace = Workspace.open(folder, environ={})

    def settings(self, text: str) -> None:
        """Add to triage.toml, or put something in front of what is there."""
        path = self.folder / "triage.toml"
        path.write_text(f"{text}\n{path.read_text()}")
        self.workspace = Workspace.open(self.folder, environ={})

    def usual(self) -> None:
        """Two papers on every weekday of a month at Hugging Face, none on weekends; a feed that is empty as on any Sunday."""
        for back in range(-7, 25):
            day = TODAY - timedelta(days=back)
            papers = () if day.weekday() >= 5 else (f"2611.{day.day:02}001", f"2611.{day.day:02}002")
            self.server.say(daily(day), daily_reply(*papers))
        self.server.say(FEED, feed(announcement_feed([], updated="2026-11-22T05:00:10+00:00")))

    def run(self, *names: str, at: datetime = START, day: date | None = None) -> Run:
        with pipeline.begin(self.workspace, "gather", clock=Ticking(at)) as run:
            gather(run, names or None, date=day)
        return run

    def asked(self) -> list[str]:
        """What was asked since the last call; days are asked two at a time, in an order that may differ."""
        targets = sorted(self.server.targets())
        self.server.seen.clear()
        return targets

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return ask(self.workspace, sql)

    def status(self, source: str = "huggingface") -> dict[str, str]:
        return {f"{day}": status for day, status in self.rows(f"SELECT day, status FROM store.day WHERE source = '{source}' ORDER BY day")}

    def end_state(self) -> list[list[tuple[Any, ...]]]:
        """Everything gathering leaves, apart from when it came about and what failed on the way."""
        return [
            self.rows("SELECT source, source_key, title, abstract, authors, published FROM records ORDER BY ALL"),
            self.rows("SELECT source, day, status, records, nothing, by_hand FROM store.day ORDER BY ALL"),
            self.rows("SELECT name, enabled, records, last_day, completeness, lacking, state, reason FROM sources"),
        ]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    with ScriptedServer() as server:
        made = Night(tmp_path / "workspace", server)
        made.usual()
        yield made


def kinds(run: Run) -> list[str]:
    return [failure.kind for failure in run.failures]


WEEK = [TODAY - timedelta(days=back) for back in range(6, -1, -1)]


def test_the_first_night_reads_a_week_and_keeps_what_it_was_told(night: Night) -> None:
    run = night.run()
    assert run.status == "complete"
    assert night.asked() == [*map(daily, WEEK), FEED]
    arxiv, huggingface = run.reports[-2:]
    assert (arxiv.step, arxiv.read) == ("gather arxiv", 0)
    assert (huggingface.step, huggingface.read, huggingface.new) == ("gather huggingface", 10, 10)
    assert night.status() == {str(day): "open" if day == TODAY else "final" for day in WEEK}
    assert night.status("arxiv") == {"2026-11-22": "final"}
    assert night.rows("SELECT count(*) FROM store.fetch WHERE failure IS NULL AND key <> 'robots.txt'") == [(8,)]
    assert night.rows("SELECT name, state, records, last_day, completeness, lacking FROM sources") == [
        ("arxiv", "truly none", 0, date(2026, 11, 22), 1.0, []),
        ("huggingface", "complete", 10, TODAY, 1.0, []),
    ]


def test_a_second_run_asks_only_for_the_open_day_and_finds_nothing_new(night: Night) -> None:
    night.run()
    night.asked()
    before = night.rows("SELECT source, source_key, first_run FROM records ORDER BY ALL")
    report = night.run(at=START + timedelta(hours=1)).reports[-1]
    assert night.asked() == [daily(TODAY)]
    assert (report.read, report.new, report.known) == (2, 0, 2)
    assert night.rows("SELECT source, source_key, first_run FROM records ORDER BY ALL") == before


def test_the_next_night_reads_the_day_again_because_it_may_have_grown(night: Night) -> None:
    night.run()
    night.asked()
    night.server.say(daily(TODAY), daily_reply("2611.23001", "2611.23002", "2611.23003"))
    night.server.say(FEED, feed(announcement_feed([announcement("2611.00001", day="2026-11-23")])))
    run = night.run(at=START + timedelta(days=1))
    assert night.asked() == [daily(TODAY), daily(TODAY + timedelta(days=1)), FEED]
    assert [(report.read, report.new) for report in run.reports[-2:]] == [(1, 1), (5, 3)]
    assert night.status()[str(TODAY)] == "final"
    assert night.status("arxiv") == {"2026-11-22": "final", "2026-11-23": "final"}
    assert run.status == "complete"


def test_a_missed_week_is_caught_up(night: Night) -> None:
    night.run(at=START - timedelta(days=7))
    night.asked()
    night.run("huggingface", at=START)
    assert night.asked() == [daily(TODAY - timedelta(days=back)) for back in range(7, -1, -1)]


def test_an_unchanged_answer_is_not_sent_again_and_still_settles_the_day(night: Night) -> None:
    first = Reply.text(daily_list("2611.23001"), "application/json", headers={"ETag": '"one"'})
    night.server.say(daily(TODAY), first, Reply(304, headers={"ETag": '"one"'}))
    night.run("huggingface")
    night.asked()
    report = night.run("huggingface", at=START + timedelta(days=1)).reports[-1]
    assert night.server.seen[0].headers["if-none-match"] == '"one"'
    assert (report.new, night.status()[str(TODAY)]) == (2, "final")  # the two are Tuesday's


class Weekday(NamedTuple):
    moment: datetime
    updated: str
    status: str
    failures: list[str]
    state: str
    day: str


@pytest.mark.parametrize(
    "case",
    [
        Weekday(datetime(2026, 11, 22, 2, 0, tzinfo=UTC), "2026-11-21T05:00:10+00:00", "complete", [], "truly none", "2026-11-21"),
        Weekday(
            datetime(2026, 11, 24, 2, 0, tzinfo=UTC), "2026-11-23T05:00:10+00:00", "partial", ["parsed none"], "parsed none", "2026-11-23"
        ),
    ],
)
def test_an_empty_feed_is_fine_on_a_weekend_and_a_failure_on_a_weekday(night: Night, case: Weekday) -> None:
    night.server.say(FEED, feed(announcement_feed([], updated=case.updated)))
    run = night.run("arxiv", at=case.moment)
    assert (run.status, kinds(run)) == (case.status, case.failures)
    assert night.rows("SELECT state, lacking FROM sources WHERE name = 'arxiv'") == [
        (case.state, [date.fromisoformat(case.day)] if case.failures else [])
    ]
    night.asked()
    night.run("arxiv", at=case.moment + timedelta(hours=1))
    assert night.asked() == ([FEED] if case.failures else [])  # what was whole is not asked for again, what was not is


JSON = {"Content-Type": "application/json"}
GOOD = daily_list("2611.18001", "2611.18002")


class Bad(NamedTuple):
    """A bad answer for one day, the kind of failure it is, and whether it leaves papers of its own."""

    note: str
    day: date
    reply: Reply
    kind: str


BAD = [
    Bad(
        "a list of another day",
        date(2026, 11, 4),
        Reply.text(GOOD.replace(b'"upvotes"', b'"submittedOnDailyAt": "2026-11-18", "x"'), "application/json"),
        "incomplete",
    ),
    Bad("truncated JSON", date(2026, 11, 5), Reply.text(GOOD[:-40], "application/json"), "not what the source gives"),
    Bad("a body cut off", date(2026, 11, 6), Reply.text(GOOD, "application/json", length=len(GOOD) + 100, cut=True), "truncated"),
    Bad(
        "HTML that calls itself JSON",
        date(2026, 11, 9),
        Reply.text("<!doctype html><p>moment</p>", "application/json"),
        "not what the source gives",
    ),
    Bad("HTML", date(2026, 11, 10), Reply.text("<!doctype html><p>moment</p>", "text/html"), "wrong media type"),
    Bad("404", date(2026, 11, 11), Reply(404), "bad status"),
    Bad("503", date(2026, 11, 12), Reply(503), "bad status"),
    Bad("a redirect to another host", date(2026, 11, 13), Reply(302, headers={"Location": "http://127.0.0.2:9/"}), "redirect refused"),
    Bad("invalid UTF-8", date(2026, 11, 16), Reply.text(b'["\xff"]', "application/json"), "not what the source gives"),
    Bad("no answer", date(2026, 11, 17), Reply(hang_up=True), "unreachable"),
    Bad("200 MB", date(2026, 11, 2), Reply(body=Zeros(200), headers=JSON, length=200 * 2**20), "too large"),
    Bad("a gzip bomb", date(2026, 11, 3), Reply(body=bomb(100), headers=JSON | {"Content-Encoding": "gzip"}), "too large"),
    Bad("429 that does not say how long", date(2026, 11, 7), Reply(429), "rate limited"),
    Bad("a body that stalls", date(2026, 11, 19), Reply.text(GOOD, "application/json", length=len(GOOD) + 100, stall=True), "stalled"),
    Bad("an empty list on a weekday", date(2026, 11, 18), Reply.text("[]", "application/json"), "parsed none"),
]


def test_bad_answers_are_failed_days_and_the_next_night_repairs_them(night: Night, tmp_path: Path) -> None:
    night.settings("[gather]\nsince = 20")
    for bad in BAD:
        night.server.say(daily(bad.day), bad.reply)
    moment = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
    run = night.run("huggingface", at=moment)
    assert run.status == "partial"
    told = {(day, failure.kind) for failure in run.failures for day in failure.item.split(", ")}
    assert told == {(str(bad.day), bad.kind) for bad in BAD}
    assert all(failure.step == "gather huggingface" and failure.message and failure.hint for failure in run.failures)
    assert night.rows("SELECT step, item, kind, message, hint FROM failures ORDER BY ALL") == sorted(
        (failure.step, failure.item, failure.kind, failure.message, failure.hint) for failure in run.failures
    )
    status = night.status()
    assert {day for day in status if status[day] == "failed"} == {str(bad.day) for bad in BAD}
    assert len(status) == 20
    assert night.rows("SELECT state, lacking FROM sources WHERE name = 'huggingface'") == [("incomplete", sorted(bad.day for bad in BAD))]
    night.usual()
    night.asked()
    repaired = night.run("huggingface", at=moment + timedelta(days=1))
    assert repaired.status == "complete"
    assert set(night.asked()) == {daily(bad.day) for bad in BAD} | {daily(date(2026, 11, 20)), daily(date(2026, 11, 21))}
    other = Night(tmp_path / "other", night.server)
    other.settings("[gather]\nsince = 20")
    other.run("huggingface", at=moment)
    other.run("huggingface", at=moment + timedelta(days=1))
    assert night.end_state() == other.end_state()


def test_a_site_that_wants_to_be_left_alone_is_left_alone(night: Night) -> None:
    night.server.say(daily(WEEK[0]), Reply(429, headers={"Retry-After": "4000"}))
    run = night.run("huggingface")
    assert night.asked() == [daily(WEEK[0])]
    assert (kinds(run), run.reports[-1].failed) == (["rate limited"], 7)


def test_one_source_that_fails_leaves_the_others_alone(night: Night) -> None:
    night.server.say(FEED, Reply(500))
    run = night.run()
    assert run.status == "partial"
    assert [(failure.step, failure.kind) for failure in run.failures] == [("gather arxiv", "bad status")]
    arxiv, huggingface = run.reports[-2:]
    assert (arxiv.read, arxiv.failed, huggingface.new) == (1, 1, 10)
    assert night.rows("SELECT name, state, last_success IS NULL FROM sources") == [
        ("arxiv", "unreachable", True),
        ("huggingface", "complete", False),
    ]
    night.usual()
    assert night.run(at=START + timedelta(hours=1)).status == "complete"
    assert night.rows("SELECT state, lacking FROM sources WHERE name = 'arxiv'") == [("truly none", [])]


def test_a_site_that_cannot_be_reached_is_asked_once_and_told_once(night: Night) -> None:
    for day in WEEK:
        night.server.say(daily(day), Reply(hang_up=True))
    run = night.run("huggingface")
    assert night.asked() == [daily(WEEK[0])]
    assert (kinds(run), run.reports[-1].failed, run.reports[-1].read) == (["unreachable"], 7, 7)
    assert all(str(day) in run.failures[0].item for day in WEEK)
    assert set(night.status().values()) == {"failed"}
    night.usual()
    assert night.run("huggingface").status == "complete"
    assert set(night.status().values()) == {"final", "open"}


def test_a_day_that_failed_keeps_what_an_earlier_reading_gave(night: Night) -> None:
    night.run("huggingface")
    night.server.say(daily(TODAY), Reply(404))
    night.run("huggingface", at=START + timedelta(hours=1))
    assert night.rows(f"SELECT status, records FROM store.day WHERE day = '{TODAY}'") == [("failed", 2)]
    night.server.say(daily(TODAY - timedelta(days=4)), Reply(404))
    night.run("huggingface", day=TODAY - timedelta(days=4))  # a day that is final stays so, whatever the site says later
    assert night.status()[str(TODAY - timedelta(days=4))] == "final"


def test_full_pages_are_followed_to_the_last(night: Night) -> None:
    day = TODAY - timedelta(days=4)
    night.server.say(daily(day), daily_reply(*[f"2611.{n:05}" for n in range(100)]))
    night.server.say(f"{daily(day)}&p=1", daily_reply("2611.90001"))
    run = night.run("huggingface")
    assert (run.status, night.rows(f"SELECT status, records FROM store.day WHERE day = '{day}'")) == ("complete", [("final", 101)])
    night.server.say(f"{daily(day)}&p=1", daily_reply(*[f"2611.{n:05}" for n in range(100)]))
    again = night.run("huggingface", day=day)
    assert (again.status, kinds(again)) == ("partial", ["incomplete"])
    assert "the papers of the one before" in again.failures[0].message


def test_days_the_feed_no_longer_shows_are_told_once(night: Night) -> None:
    night.server.say(FEED, feed(announcement_feed([announcement("2611.18001", day="2026-11-18")])))
    assert night.run("arxiv", at=datetime(2026, 11, 19, 2, 0, tzinfo=UTC)).status == "complete"
    night.server.say(FEED, Reply(500))
    night.run("arxiv", at=datetime(2026, 11, 22, 2, 0, tzinfo=UTC))  # Saturday's cannot be had, and there is none
    night.server.say(FEED, feed(announcement_feed([announcement("2611.23001", day="2026-11-23")])))
    run = night.run("arxiv", at=datetime(2026, 11, 24, 2, 0, tzinfo=UTC))
    assert (run.reports[-1].new, kinds(run), run.failures[0].item) == (1, ["missed"], "2026-11-19, 2026-11-20")
    assert night.status("arxiv") == {"2026-11-18": "final", "2026-11-19": "failed", "2026-11-20": "failed", "2026-11-23": "final"}
    night.server.say(FEED, feed(announcement_feed([announcement("2611.24001", day="2026-11-24")])))
    assert night.run("arxiv", at=datetime(2026, 11, 25, 2, 0, tzinfo=UTC)).status == "complete"


def test_an_empty_weekday_is_told_on_its_night_and_not_again_as_missed(night: Night) -> None:
    night.server.say(FEED, feed(announcement_feed([announcement("2611.24001", day="2026-11-24")])))
    night.run("arxiv", at=datetime(2026, 11, 25, 2, 0, tzinfo=UTC))
    night.server.say(FEED, feed(announcement_feed([], updated="2026-11-25T05:00:10+00:00")))
    assert kinds(night.run("arxiv", at=datetime(2026, 11, 26, 2, 0, tzinfo=UTC))) == ["parsed none"]
    night.server.say(FEED, feed(announcement_feed([announcement("2611.26001", day="2026-11-26")])))
    assert night.run("arxiv", at=datetime(2026, 11, 27, 2, 0, tzinfo=UTC)).status == "complete"
    assert night.rows("SELECT state, lacking FROM sources WHERE name = 'arxiv'") == [("complete", [date(2026, 11, 25)])]


def test_a_feed_that_stands_still_is_noticed(night: Night) -> None:
    night.server.say(FEED, feed(announcement_feed([announcement("2611.19001", day="2026-11-19")])))
    moment = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
    assert night.run("arxiv", at=moment).status == "complete"
    assert night.run("arxiv", at=moment + timedelta(days=4)).status == "complete"  # a long weekend
    late = night.run("arxiv", at=moment + timedelta(days=6))
    assert (kinds(late), night.rows("SELECT state FROM sources WHERE name = 'arxiv'")) == (["stands still"], [("stands still",)])


def test_a_day_asked_for_by_hand_moves_nothing(night: Night) -> None:
    old = date(2024, 5, 27)
    night.server.say(daily(old), daily_reply("2405.00001"))
    assert night.run("huggingface", day=old).status == "complete"
    assert night.asked() == [daily(old)]
    night.run("huggingface")
    assert night.asked() == [daily(day) for day in WEEK]
    with pytest.raises(UsageError, match="lies ahead"):
        night.run("huggingface", day=TODAY + timedelta(days=1))
    with pytest.raises(UsageError, match="no source"):
        night.run("nowhere")


def test_a_refused_paper_is_a_row_and_the_others_are_kept(night: Night) -> None:
    broken = daily_entry("2611.17009")
    del broken["paper"]["title"]
    night.server.say(daily(WEEK[0]), Reply.json([daily_entry("2611.17001"), broken]))
    run = night.run("huggingface")
    report = run.reports[-1]
    assert (report.read, report.new, report.refused) == (10, 9, 1)
    assert kinds(run) == ["refused"]
    assert "2611.17009" in run.failures[0].item
    assert night.status()[str(WEEK[0])] == "final"


def test_a_source_that_is_switched_off_is_asked_only_by_name(night: Night) -> None:
    text = (night.folder / "triage.toml").read_text()
    (night.folder / "triage.toml").write_text(text.replace("[sources.huggingface]", "[sources.huggingface]\nenabled = false"))
    night.workspace = Workspace.open(night.folder, environ={})
    night.run()
    assert night.asked() == [FEED]
    assert night.rows("SELECT name, enabled, state FROM sources") == [("arxiv", True, "truly none"), ("huggingface", False, "never asked")]
    night.run("huggingface", day=TODAY)
    assert night.asked() == [daily(TODAY)]


def test_a_new_warehouse_is_made_from_raw_without_asking(night: Night) -> None:
    night.run()
    night.run(at=START + timedelta(days=1))
    night.asked()
    before = night.end_state()[:2]
    for file in night.folder.glob("*.duckdb*"):
        file.unlink()
    with pipeline.begin(night.workspace, "identify", clock=Ticking(START + timedelta(days=1, hours=1))) as run:
        assert [(report.step, report.new) for report in run.reports[:2]] == [("restore arxiv", 0), ("restore huggingface", 10)]
    assert night.asked() == []
    assert night.end_state()[:2] == before
    night.run("huggingface", at=START + timedelta(days=1, hours=2))
    assert night.asked() == [daily(TODAY + timedelta(days=1))]
    with (night.folder / "raw" / "answers.jsonl").open("a") as index:
        index.write('{"source": "hugg')  # a crash in the middle of a line
    assert night.run("huggingface", at=START + timedelta(days=1, hours=3)).status == "complete"


# -- drift


def month(night: Night, count: int, *, day: date, papers: Sequence[str]) -> None:
    """`count` papers on every weekday before `day`, which has `papers`."""
    night.settings("[gather]\nsince = 20")
    for back in range(25):
        one = TODAY - timedelta(days=back)
        ids = [] if one.weekday() >= 5 else [f"2611.{one.day:02}{n:03}" for n in range(count)]
        night.server.say(daily(one), daily_reply(*ids))
    night.server.say(daily(day), daily_reply(*papers))


def test_a_day_with_far_fewer_papers_than_usual_needs_attention_once(night: Night) -> None:
    friday = date(2026, 11, 20)
    month(night, 30, day=friday, papers=["2611.20001", "2611.20002"])
    night.run("huggingface", at=datetime(2026, 11, 20, 2, 0, tzinfo=UTC))  # Friday's list has just begun; the days before are the measure
    run = night.run("huggingface", at=datetime(2026, 11, 21, 2, 0, tzinfo=UTC))
    assert (run.status, kinds(run)) == ("partial", ["needs attention"])
    assert "2 papers where 30 are usual" in run.failures[0].message
    assert (night.status()[str(friday)], night.rows("SELECT state FROM sources WHERE name = 'huggingface'")) == (
        "failed",
        [("needs attention",)],
    )
    assert night.rows("SELECT count(*) FROM records WHERE source_key LIKE '2611.20%'") == [(2,)], "what came is kept"
    night.asked()
    again = night.run("huggingface", at=datetime(2026, 11, 22, 2, 0, tzinfo=UTC))
    assert daily(friday) in night.asked()
    assert (again.status, night.status()[str(friday)]) == ("complete", "final"), "a day that is really small is told once"


def test_a_list_that_shrinks_overwrites_nothing(night: Night) -> None:
    night.server.say(daily(TODAY), daily_reply(*[f"2611.23{n:03}" for n in range(40)]))
    night.run("huggingface")
    before = night.rows("SELECT source_key, title FROM records ORDER BY ALL")
    poorer = [daily_entry(f"2611.23{n:03}", f"A poorer title {n}") for n in range(20)]
    night.server.say(daily(TODAY), Reply.json(poorer))
    run = night.run("huggingface", at=START + timedelta(hours=2))
    assert [(failure.kind, failure.message) for failure in run.failures] == [
        ("needs attention", "huggingface 2026-11-23: 20 papers where there were 40")
    ]
    assert night.rows("SELECT source_key, title FROM records ORDER BY ALL") == before
    night.server.say(daily(TODAY), daily_reply(*[f"2611.23{n:03}" for n in range(41)]))
    assert night.run("huggingface", at=START + timedelta(hours=4)).status == "complete"
    assert len(night.rows("SELECT source_key FROM records")) == len(before) + 1


def test_a_feed_most_of_which_cannot_be_read_needs_attention(night: Night) -> None:
    broken = [daily_entry(f"2611.23{n:03}") for n in range(3)]
    for entry in broken:
        del entry["paper"]["title"]
    night.server.say(daily(TODAY), Reply.json([daily_entry("2611.23009"), *broken]))
    run = night.run("huggingface")
    assert kinds(run) == ["needs attention", "refused", "refused", "refused"]
    assert "3 of 4 papers could not be read" in run.failures[0].message


# The places between which a process can die: before anything is written, between the raw index and the
# commit, inside the transaction, behind it.
POINTS = ["append_answers", "keep_records", "_keep_state", "_tell"]

KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from tests.workspaces import Ticking
from triage import harvest, pipeline
from triage.gather import gather
from triage.workspace import Workspace

def die(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(harvest, sys.argv[2], die)
with pipeline.begin(Workspace.open(Path(sys.argv[1]), environ={}), "gather", clock=Ticking()) as run:
    gather(run, ["huggingface"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_the_next_run_ends_where_one_run_would_have(night: Night, point: str, tmp_path: Path) -> None:
    environ = os.environ | {"PYTHONPATH": str(CLONE)}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(night.folder), point], env=environ, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert night.run("huggingface", at=START + timedelta(hours=1)).status == "complete"
    assert night.rows("SELECT status FROM runs ORDER BY started_at") == [("interrupted",), ("complete",)]
    other = Night(tmp_path / "other", night.server)
    other.run("huggingface")
    assert night.end_state() == other.end_state()
    assert list(night.folder.rglob("*.tmp")) == []
