"""triage gather, sources, add and why, over real HTTP on loopback."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.desk import Desk
from tests.documents import YEARLY
from tests.feeds import announcement, announcement_feed, api_entry, api_feed, daily_entry, daily_list, daily_page, oai_list, oai_record
from tests.servers import Reply, ScriptedServer
from tests.workspaces import make_workspace, record
from tests.workspaces import put as put_records
from triage.adding import Reference, read_reference
from triage.cli import run_command_line
from triage.errors import UsageError
from triage.sources.registry import ENRICHMENT_NAMES, VENUE_NAMES

FEED = "/atom/cs.CV+cs.CL+cs.LG"
DAY = "2024-05-27"


class Gathering(Desk):
    """A desk whose sources are all a scripted server."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], server: ScriptedServer) -> None:
        super().__init__(folder, capsys)
        self.server = server
        tables = "".join(
            f'[sources.{name}]\nbase_url = "{server.url}"\npace = 0\n'
            for name in ("arxiv", "huggingface", "openalex", "semanticscholar", "cvf")
        )
        (folder / "triage.toml").write_text(f"[web]\nattempts = 1\n{tables}")
        server.say(f"/api/daily_papers?date={DAY}&limit=100", Reply.text(daily_list("2405.00001", "2405.00002"), "application/json"))
        server.say(FEED, Reply.text(announcement_feed([announcement("2405.00001", day=DAY)]), "application/atom+xml"))


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Gathering]:
    with ScriptedServer() as server:
        yield Gathering(tmp_path / "workspace", capsys, server)


def test_a_run_begins_with_gathering_and_says_partial_when_a_feed_fails(desk: Gathering) -> None:
    desk.server.say(FEED, Reply(500))
    partial = desk.json("run", "--date", DAY, status=3)
    assert (partial["status"], [failure["step"] for failure in partial["failures"]]) == ("partial", ["gather arxiv"])
    assert desk.rows("SELECT count(*) FROM works") == [(2,)]
    desk.server.say(FEED, Reply.text(announcement_feed([announcement("2405.00001", day=DAY)]), "application/atom+xml"))
    whole = desk.json("run", "--date", DAY)
    steps = {step["step"]: step for step in whole["steps"]}
    assert (whole["status"], steps["gather arxiv"]["new"], steps["gather huggingface"]["new"]) == ("complete", 1, 0)
    assert desk.rows("SELECT source, count(*) FROM records GROUP BY ALL ORDER BY ALL") == [("arxiv", 1), ("huggingface", 2)]
    again = desk.json("run", "--date", DAY)
    assert sum(step["new"] for step in again["steps"]) == 0


def test_a_dry_run_says_what_it_would_ask_and_does_nothing(desk: Gathering) -> None:
    before = sorted(desk.folder.rglob("*"))
    planned = desk.json("run", "--dry-run", "--date", DAY)
    assert (planned["venues"], planned["catalogues"]) == ([], [])
    assert planned["requests"] == [
        {"source": "arxiv", "day": DAY, "url": f"{desk.server.url}{FEED}"},
        {"source": "huggingface", "day": DAY, "url": f"{desk.server.url}/api/daily_papers?date={DAY}&limit=100"},
    ]
    assert len(desk.json("run", "--dry-run")["requests"]) == 8
    assert "would ask huggingface" in desk.printed("run", "--dry-run")
    settings = (desk.folder / "triage.toml").read_text()
    (desk.folder / "triage.toml").write_text(f'[venues]\ngather = ["cvpr-2025"]\n{settings}')
    assert "would gather cvpr-2025 from virtual, cvf" in desk.printed("run", "--dry-run")
    assert "would ask openalex about 0 works in 0 requests" in desk.printed("run", "--dry-run")
    (desk.folder / "triage.toml").write_text(settings)
    assert (desk.server.seen, sorted(desk.folder.rglob("*"))) == ([], before)


def test_dates_and_names_that_cannot_be_are_refused(desk: Gathering) -> None:
    assert desk("gather", "--date", "2099-01-01") == 2
    assert desk("gather", "--date", "yesterday") == 2
    assert desk("gather", "--source", "nowhere") == 2
    assert desk.server.seen == []


def test_sources_are_listed_before_and_after(desk: Gathering) -> None:
    before = [row for row in desk.json("sources") if row["kind"] == "feed"]
    assert [(row["name"], row["enabled"], row["state"], row["records"]) for row in before] == [
        ("arxiv", True, "never asked", 0),
        ("huggingface", True, "never asked", 0),
    ]
    desk.server.say(FEED, Reply.text("<p>moment</p>", "text/html"))
    assert desk("gather", "--date", DAY) == 3
    arxiv, huggingface, *others = desk.json("sources")
    assert [row["name"] for row in others] == [*VENUE_NAMES, *ENRICHMENT_NAMES]
    assert {row["state"] for row in others} == {"never asked"}
    assert [row["name"] for row in others if not row["enabled"]] == ["dblp"], "nobody said yet who asks"
    assert [(one["host"], one["seconds_apart"], one["robots"]) for one in huggingface["hosts"]] == [(desk.server.place, 0, "obeyed")]
    (aaai,) = [row for row in others if row["name"] == "aaai"]
    (host,) = aaai["hosts"]
    assert (host["host"], host["seconds_apart"], host["requests_per_night"]) == ("ojs.aaai.org", 3, 5000)
    assert host["robots"] == "obeyed, but for its interface"  # OAI-PMH
    assert (arxiv["state"], arxiv["lacking"], arxiv["last_success"]) == ("parsed none", [DAY], None)
    assert (huggingface["state"], huggingface["records"], huggingface["completeness"]) == ("complete", 2, 1.0)
    shown = desk.printed("sources")
    assert "arxiv: parsed none; 0 records, 0% of the days whole, no success yet" in shown
    assert f"lacks {DAY}" in shown
    assert f"huggingface: complete; 2 records, read up to {DAY}, 100% of the days whole, last success" in shown
    assert "asks ojs.aaai.org: 3 s apart, 5000 requests a night, robots.txt obeyed" in shown
    assert "dblp: asked once [web] contact is given" in shown


# -- triage sources parse


def parse(file: Path, content: bytes, *arguments: str) -> int:
    file.write_bytes(content)
    return run_command_line(["sources", "parse", arguments[0], str(file), *arguments[1:]])


DAILY = "https://huggingface.co/api/daily_papers?date=2024-05-27&limit="
DOCUMENTED = YEARLY.count("\n- [")
FULL = daily_list(*[f"2405.{n:05}" for n in range(50)])
PARSED: list[tuple[str, bytes, tuple[str, ...], int, int]] = [
    ("a list", daily_list("2405.00001", "2405.00002"), ("huggingface",), 0, 2),
    ("compressed", gzip.compress(daily_list("2405.00001"), mtime=0), ("huggingface",), 0, 1),
    ("a full page", FULL, ("huggingface", "--url", f"{DAILY}50"), 3, 50),
    ("the same of a larger page", FULL, ("huggingface", "--url", f"{DAILY}100"), 0, 50),
    ("the page", daily_page([daily_entry("2405.00001")], date="2024-05-27"), ("huggingface",), 0, 1),
    ("texts", b'["one", "two"]', ("huggingface",), 1, 0),
    ("a cut list", daily_list("2405.00001")[:-9], ("huggingface",), 1, 0),
    ("a document", YEARLY.replace("2023", "2024").encode(), ("documents",), 0, DOCUMENTED),
    ("no document", b"A line of nothing.", ("documents",), 1, 0),
    ("a feed", announcement_feed([announcement("2405.00001")]), ("arxiv",), 0, 1),
    ("a look-up", api_feed([api_entry("2405.00001")]), ("arxiv", "--url", "https://export.arxiv.org/api/query?id_list=2405.00001"), 0, 1),
    (
        "a look-up that lacks one",
        api_feed([api_entry("2405.00001")]),
        ("arxiv", "--url", "https://x.org/api/query?id_list=2405.00001,2405.00002"),
        3,
        1,
    ),
    ("a harvest", oai_list(f"<ListRecords>{oai_record('2405.00001')}</ListRecords>"), ("arxiv",), 0, 1),
    ("a page where a feed is due", b"<html><body>Rate exceeded.</body></html>", ("arxiv",), 1, 0),
    ("cut gzip", gzip.compress(daily_list("2405.00001"), mtime=0)[:40], ("huggingface",), 2, 0),
    ("an unknown source", b"[]", ("nowhere",), 2, 0),
]


@pytest.mark.parametrize("case", PARSED, ids=lambda case: case[0])
def test_a_saved_answer_is_read_as_the_source_reads_it(
    case: tuple[str, bytes, tuple[str, ...], int, int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, content, arguments, status, count = case
    assert parse(tmp_path / "answer", content, *arguments) == status
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.out.split("\n") if line]
    assert len(lines) == count
    assert printed.err.startswith({0: "complete: ", 3: "incomplete: ", 1: "triage: refused: ", 2: "triage: "}[status])
    for line in lines:
        assert list(line) == [
            "source", "source_key", "title", "abstract", "authors", "url", "venue", "year", "published", "track", "acceptance", "identifiers",
        ]  # fmt: skip
        assert (line["source"], line["acceptance"], line["year"]) == (arguments[0], None, 2024)


def test_a_missing_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["sources", "parse", "arxiv", str(tmp_path / "none")]) == 2
    assert "cannot be read" in capsys.readouterr().err


# -- triage add


@pytest.mark.parametrize(
    "words",
    [
        "2305.17530", "2305.17530v2", "arXiv:2305.17530", "arxiv:2305.17530v1", "https://arxiv.org/abs/2305.17530", "https://arxiv.org/pdf/2305.17530v3.pdf",
        "http://www.arxiv.org/abs/2305.17530", "https://huggingface.co/papers/2305.17530", "https://alphaxiv.org/abs/2305.17530",
        "10.48550/arXiv.2305.17530", "doi:10.48550/arxiv.2305.17530", "https://doi.org/10.48550/arXiv.2305.17530", " 2305.17530 ",
    ],
)  # fmt: skip
def test_ways_to_name_an_arxiv_paper(words: str) -> None:
    assert read_reference(words) == Reference("arxiv", "2305.17530")


def test_old_ids_have_a_slash() -> None:
    assert read_reference("arXiv:cs/0101001v1") == Reference("arxiv", "cs/0101001")


@pytest.mark.parametrize(
    ("words", "doi"),
    [
        ("10.1145/3292500.3330701", "10.1145/3292500.3330701"),
        ("https://doi.org/10.1109/CVPR.2023.1", "10.1109/cvpr.2023.1"),
        ("https://aclanthology.org/2023.acl-long.1/", "10.18653/v1/2023.acl-long.1"),
        ("https://aclanthology.org/P19-1001", "10.18653/v1/p19-1001"),
    ],
)
def test_ways_to_name_a_doi(words: str, doi: str) -> None:
    assert read_reference(words) == Reference("doi", doi)


def test_a_venues_page_of_a_paper() -> None:
    url = "https://openaccess.thecvf.com/content/CVPR2025/html/Made_CVPR_2025_paper.html"
    assert read_reference(url) == Reference("page", url)


@pytest.mark.parametrize(
    "words", ["A Made Title", "2305", "", "10.48550/arxiv.x", "https://example.org/paper/1", "https://openreview.net/forum?id=x"]
)
def test_what_cannot_be_looked_up_is_refused_with_what_to_do(words: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_reference(words)
    assert "triage import" in str(caught.value.hint)


def test_a_paper_is_added_and_goes_through_every_step(desk: Gathering) -> None:
    title = "Pruning Visual Tokens in Made Vision-Language Models"
    desk.server.say("/api/query", Reply.text(api_feed([api_entry("2401.00005", title=title)]), "application/atom+xml"))
    added = desk.json("add", "https://huggingface.co/papers/2401.00005", "arXiv:2401.00005v1")
    assert desk.server.targets() == ["/api/query?id_list=2401.00005&max_results=1"]
    (paper,) = added["papers"]
    assert (paper["title"], paper["state"]) == (title, "proposed")
    assert [step["what"] for step in paper["steps"]][:3] == ["gathered", "screened", "proposed"]
    assert desk.rows("SELECT source, source_key FROM records") == [("arxiv", "2401.00005")]
    assert "proposed: Pruning" in desk.printed("add", "2401.00005")
    assert desk("add", "https://example.org/1") == 2


def _pages(name: str) -> bytes:
    return (Path(__file__).parent / "pages" / name).read_bytes()


def test_a_doi_is_asked_at_the_catalogues_until_one_knows_it(desk: Gathering) -> None:
    works = Reply.text(_pages("openalex/works.json"), "application/json")
    none = Reply.json({"meta": {"count": 0}, "results": []})
    for path, answer in ((_openalex("10.1109/cvpr99.2031.00042"), works), (_openalex("10.1/nowhere"), none)):
        desk.server.say(path, answer)
    desk.server.say("/graph/v1/paper/batch?" + _fields(desk), Reply.json([None]))
    added = desk.json("add", "https://doi.org/10.1109/CVPR99.2031.00042")
    assert [(paper["title"], paper["state"]) for paper in added["papers"]] == [("Cheap Eyes for Expensive Words", "below threshold")]
    assert desk.rows("SELECT source, identifiers['doi'] FROM records") == [("openalex", "10.1109/cvpr99.2031.00042")]
    missing = desk.json("add", "10.1/nowhere", status=3)
    assert [(failure["kind"], failure["item"]) for failure in missing["failures"]][-1] == ("not found", "10.1/nowhere")
    assert desk.rows("SELECT count(*) FROM records") == [(1,)]


def _openalex(doi: str) -> str:
    from triage.sources.enrichment import Wanted
    from triage.sources.openalex import OpenAlex

    return OpenAlex().batches([Wanted("k", "", {"doi": doi})], base_url="")[0].request.url


def _fields(desk: Gathering) -> str:
    from triage.sources.enrichment import Wanted
    from triage.sources.semanticscholar import SemanticScholar

    (batch,) = SemanticScholar().batches([Wanted("k", "", {"doi": "10.1/nowhere"})], base_url=desk.server.url)
    return batch.request.url.partition("?")[2]


def test_a_page_of_one_paper_is_read_and_a_listing_is_refused(desk: Gathering) -> None:
    path = "/content/CVPR2025/html/Sample_Made__Tokens_and_Nothing_Else._CVPR_2025_paper.html"
    desk.server.say(path, Reply.text(_pages("cvf/paper.html"), "text/html"))
    desk.server.say("/CVPR2025?day=all", Reply.text(_pages("cvf/listing_new.html"), "text/html"))
    added = desk.json("add", f"https://openaccess.thecvf.com{path}")
    assert [paper["title"] for paper in added["papers"]] == ["Made Tokens and Nothing Else."]
    assert desk.rows("SELECT source, venue, year, url, abstract IS NOT NULL FROM records") == [
        ("cvf", "CVPR", 2025, f"https://openaccess.thecvf.com{path}", True)
    ]
    refused = desk.json("add", "https://openaccess.thecvf.com/CVPR2025?day=all", status=3)
    assert [failure["kind"] for failure in refused["failures"]] == ["not one paper"]
    assert desk.rows("SELECT count(*) FROM records") == [(1,)]
    for file in desk.folder.glob("*.duckdb*"):
        file.unlink()
    desk.server.seen.clear()
    desk.json("identify")
    assert desk.rows("SELECT source, title FROM records") == [("cvf", "Made Tokens and Nothing Else.")]
    assert desk.server.targets() == []


def test_an_id_that_arxiv_does_not_know_is_a_failure_and_the_others_are_added(desk: Gathering) -> None:
    desk.server.say("/api/query", Reply.text(api_feed([api_entry("2401.00005")]), "application/atom+xml"))
    added = desk.json("add", "2401.00005", "2401.99999", status=3)
    assert [paper["state"] for paper in added["papers"]] == ["below threshold", "never gathered"]
    assert [failure["kind"] for failure in added["failures"]] == ["not found"]
    desk.server.say("/api/query", Reply(503))
    assert desk.json("add", "2401.00006", status=3)["failures"][0]["kind"] == "bad status"
    assert desk.rows("SELECT name, state FROM sources") == [
        ("arxiv", "never asked"),
        ("huggingface", "never asked"),
    ]  # a look-up is no night


# -- triage why


def why(desk: Desk, *words: str) -> list[dict[str, Any]]:
    found = desk.json("why", *words)
    assert isinstance(found, list)
    return found


def test_why_follows_a_paper_from_the_feed_to_the_list(desk: Gathering) -> None:
    title = "Merging Visual Tokens for Faster Made Vision-Language Models"
    broken = daily_entry("2405.00009")
    del broken["paper"]["title"]
    answer = Reply.json([daily_entry("2405.00001", title), daily_entry("2405.00002", "A Made Study of Sea Birds"), broken])
    desk.server.say(f"/api/daily_papers?date={DAY}&limit=100", answer)
    desk.server.say(FEED, Reply.text(announcement_feed([announcement("2405.00001", title=title, day=DAY)]), "application/atom+xml"))
    assert desk("gather", "--date", DAY) == 3
    assert [one["state"] for one in why(desk, "2405.00001")] == ["unmatched", "unmatched"]
    assert desk("run", "--date", DAY) == 3
    for words in (
        "2405.00001",
        "arXiv:2405.00001v2",
        "https://huggingface.co/papers/2405.00001",
        "10.48550/arXiv.2405.00001",
        title,
        "visual tokens for",
    ):
        (one,) = why(desk, *words.split(" "))
        assert (one["title"], one["state"]) == (title, "proposed"), words
    said = {step["what"]: step["said"] for step in one["steps"]}
    assert said["matched"].startswith("arxiv 2405.00001 and huggingface 2405.00001 are one work: the same")
    assert "at or above the threshold 0.35" in said["screened"]
    assert why(desk, one["work_id"][:8])[0]["title"] == title
    (birds,) = why(desk, "sea birds")
    assert birds["state"] == "below threshold"
    assert "below the threshold 0.35" in birds["steps"][-1]["said"]
    (refused,) = why(desk, "2405.00009")
    assert (refused["state"], refused["steps"][0]["what"]) == ("refused", "refused")
    assert "title" in refused["steps"][0]["said"]
    (never,) = why(desk, "2405.77777")
    assert never["state"] == "never gathered"
    printed = desk.printed("why", "2405.00001")
    assert f"{title}: proposed" in printed
    assert "gathered: from huggingface as 2405.00001" in printed


def test_why_tells_a_persons_words(desk: Gathering) -> None:
    assert desk("import", desk.file("list.md", YEARLY)) == 0
    (one,) = why(desk, "https://example.org/acl/1?utm_source=x")
    assert one["state"] == "selected"
    spoken = {step["what"]: step for step in one["steps"]}
    assert spoken["type"]["said"].startswith("Token Pruning by ")
    assert spoken["selected"]["said"].endswith(" in import list.md")
    assert spoken["selected"]["when"]
    assert [one["state"] for one in why(desk, "Seen but Not Chosen")] == ["unscreened"]


def test_why_names_the_work_that_a_veto_kept_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(tmp_path / "workspace", capsys)
    title = "The Same Made Title"
    first = record("a", title, venue="CVPR", year=2023, authors=("Ann Made",), identifiers={"doi": "10.1000/a"})
    second = record("b", title, venue="CVPR", year=2023, authors=("Ann Made",), identifiers={"doi": "10.1000/b"})
    put_records(make_workspace(tmp_path / "workspace"), [first, second])
    found = why(desk, "the same made title")
    assert len(found) == 2
    apart = [step["said"] for step in found[0]["steps"] if step["what"] == "kept apart"]
    assert apart == [
        f"from {found[1]['work_id']} {title!r}, which has the same title: for review (thesamemadetitle (two identifiers of one scheme))"
    ]
