"""What a person says about works, what follows, and what is shown: through the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.workspaces import ask, in_run, make_workspace, put, record
from triage.cli import run_command_line
from triage.decisions import append_decisions, load_decisions
from triage.errors import DocumentError
from triage.evaluation.identity import evaluate_identity
from triage.identity import identify
from triage.models import Decision, WorkReference
from triage.runs import Run
from triage.workspace import Workspace

TITLE = "A Made Title About Pruning Visual Tokens"
OTHER = "What Another Group Wrote on Caching"


def word(key: str, what: str, title: str, *, value: str | None = None, hour: int = 1, **work: Any) -> Decision:
    when = datetime(2026, 11, 1, hour, tzinfo=UTC)
    reference = WorkReference(title=title, **work)
    return Decision.model_validate(
        {"id": key, "when": when, "who": "Ann", "where": "test", "what": what, "value": value, "work": reference}
    )


def say(workspace: Workspace, *words: Decision) -> None:
    def work(run: Run) -> None:
        append_decisions(workspace, words)
        load_decisions(run)
        identify(run)

    in_run(workspace, work)


def works(workspace: Workspace) -> list[list[str]]:
    return [row[0] for row in ask(workspace, "SELECT list(source_key ORDER BY source_key) AS k FROM records GROUP BY work_id ORDER BY k")]


def work_of(workspace: Workspace, key: str) -> str:
    return str(ask(workspace, f"SELECT work_id FROM records WHERE source_key = '{key}'")[0][0])


def triage(workspace: Workspace, *arguments: str) -> int:
    return run_command_line(["works", *arguments, "--workspace", str(workspace.root)])


@pytest.fixture
def two(tmp_path: Path) -> Workspace:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", TITLE, venue="arXiv", year=2022), record("b", OTHER, venue="CVPR", year=2023)])
    return workspace


def test_merge_holds_through_everything_and_is_undone(two: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert triage(two, "merge", work_of(two, "a"), work_of(two, "b")) == 0
    assert works(two) == [["a", "b"]]
    put(two, [record("a", TITLE + " Again", venue="arXiv", year=2022), record("c", "Something Else Entirely")])
    assert works(two) == [["a", "b"], ["c"]]
    two.warehouse_path.unlink()
    put(two, [record("a", TITLE, venue="arXiv", year=2022), record("b", OTHER, venue="CVPR", year=2023)])
    in_run(two, lambda run: (load_decisions(run), identify(run)))
    assert works(two) == [["a", "b"]]
    decision = ask(two, "SELECT decision_id FROM decisions WHERE what = 'same'")[0][0]
    assert triage(two, "undo", decision) == 0
    assert works(two) == [["a"], ["b"]]
    assert decision in capsys.readouterr().out


def test_a_split_never_comes_together_again_until_a_person_merges(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", TITLE), record("b", TITLE), record("c", TITLE)])
    record_id = ask(workspace, "SELECT record_id FROM records WHERE source_key = 'b'")[0][0]
    assert triage(workspace, "split", work_of(workspace, "a"), record_id) == 0
    assert works(workspace) == [["a", "c"], ["b"]]
    put(workspace, [record("b", TITLE.upper()), record("d", TITLE)])
    assert works(workspace) in ([["a", "c", "d"], ["b"]], [["a", "c"], ["b", "d"]])
    assert triage(workspace, "split", work_of(workspace, "a"), record_id) == 2
    assert triage(workspace, "merge", work_of(workspace, "a"), work_of(workspace, "b")) == 0
    assert works(workspace) == [["a", "b", "c", "d"]]


def test_not_same_leaves_the_queue_and_forestalls_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("a", TITLE, identifiers={"doi": "10.1/a"}), record("b", TITLE, identifiers={"doi": "10.1/b"})])
    assert triage(workspace, "review", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["pairs"]) == 1
    assert triage(workspace, "not-same", work_of(workspace, "a"), work_of(workspace, "b")) == 0
    capsys.readouterr()
    assert triage(workspace, "review") == 0
    assert capsys.readouterr().out == "nothing to review\n"
    put(workspace, [record("b", TITLE, identifiers={"doi": "10.1/a"})])
    assert works(workspace) == [["a"], ["b"]]


def test_facts_follow_a_merge_and_come_back_with_the_split(two: Workspace) -> None:
    def label(run: Run) -> None:
        with run.warehouse.burst() as con:
            for key in ("a", "b"):
                con.execute(
                    "INSERT INTO store.labelling (labelling_id, work_id, producer, display, run_id, made_at)"
                    " SELECT 'l' || source_key, work_id, 'lexical', source_key, ?, ? FROM main.records WHERE source_key = ?",
                    [run.id, run.now(), key],
                )

    in_run(two, label)
    before = ask(two, "SELECT labelling_id, work_id FROM store.labelling ORDER BY ALL")
    assert triage(two, "merge", work_of(two, "a"), work_of(two, "b")) == 0
    assert ask(two, "SELECT count(*), count(DISTINCT work_id) FROM store.labelling WHERE work_id IN (SELECT work_id FROM works)") == [
        (2, 1)
    ]
    assert triage(two, "undo", ask(two, "SELECT decision_id FROM decisions WHERE what = 'same'")[0][0]) == 0
    assert ask(two, "SELECT labelling_id, work_id FROM store.labelling ORDER BY ALL") == before


def test_ticks_that_disagree_go_to_review_until_the_person_speaks(two: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    say(two, word("d1", "selected", TITLE, hour=1), word("d2", "rejected", OTHER, hour=2))
    assert triage(two, "merge", work_of(two, "a"), work_of(two, "b")) == 0
    assert ask(two, "SELECT list_sort([kept_what, other_what]) FROM tick_conflicts") == [(["rejected", "selected"],)]
    assert ask(two, "SELECT count(*) FROM decisions WHERE what IN ('selected', 'rejected') AND work_id IS NOT NULL") == [(2,)]
    capsys.readouterr()
    assert triage(two, "review") == 0
    assert "you said" in capsys.readouterr().out
    later = word("d3", "selected", TITLE).model_copy(update={"when": datetime(2030, 1, 1, tzinfo=UTC)})
    say(two, later)
    assert ask(two, "SELECT count(*) FROM tick_conflicts") == [(0,)]
    assert ask(two, "SELECT decision FROM works") == [("selected",)]


def test_a_promotion_is_reported_and_the_work_stays_in_its_list(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("pre", TITLE, venue="arXiv", year=2022, url="https://arxiv.org/abs/2201.00001")])
    say(workspace, word("d1", "selected", TITLE, year=2022))
    report = put(workspace, [record("pub", TITLE, venue="CVPR", year=2023, url="https://example.org/cvpr/1")])
    assert report.counts["promoted"] == 1
    assert report.messages == (f"promotion: {TITLE}: arXiv 2022 -> CVPR 2023",)
    assert ask(workspace, "SELECT from_venue, to_venue, to_year, to_url FROM promotions") == [
        ("arXiv", "CVPR", 2023, "https://example.org/cvpr/1")
    ]
    assert ask(workspace, "SELECT venue, year, home_year, decision FROM works") == [("CVPR", 2023, 2022, "selected")]
    say(workspace, word("d2", "selected", TITLE, hour=3, year=2023))
    assert ask(workspace, "SELECT home_year FROM works") == [(2023,)]
    again = put(workspace, [record("pub", TITLE, venue="CVPR", year=2023, url="https://example.org/cvpr/2")])
    assert again.counts["promoted"] == 0


def test_a_split_taken_back_promotes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = make_workspace(tmp_path)
    put(workspace, [record("pre", TITLE, venue="arXiv", year=2022)], [record("pub", TITLE, venue="CVPR", year=2023)])
    assert ask(workspace, "SELECT count(*) FROM promotions") == [(1,)]
    published = ask(workspace, "SELECT record_id FROM records WHERE source_key = 'pub'")[0][0]
    assert triage(workspace, "split", work_of(workspace, "pre"), published) == 0
    assert triage(workspace, "undo", ask(workspace, "SELECT decision_id FROM decisions WHERE what = 'not-same'")[0][0]) == 0
    assert works(workspace) == [["pre", "pub"]]
    assert ask(workspace, "SELECT count(*) FROM promotions") == [(1,)]
    assert "promotion" not in capsys.readouterr().out


def test_a_merge_tells_what_became_of_works_records_and_words(two: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    say(two, word("d1", "selected", OTHER), word("d2", "type", OTHER, value="Token Pruning"))
    first, second = work_of(two, "a"), work_of(two, "b")
    assert triage(two, "merge", first, second) == 0
    decision = ask(two, "SELECT decision_id FROM decisions WHERE what = 'same'")[0][0]
    assert works(two) == [["a", "b"]]
    stays = work_of(two, "a")
    gone, shown = (second, OTHER) if stays == first else (first, TITLE)
    told = capsys.readouterr().out.splitlines()
    assert told[0] in {
        f'{x} "{t}" and {y} "{u}" are one work now' for x, t, y, u in ((first, TITLE, second, OTHER), (second, OTHER, first, TITLE))
    }
    assert told[1] == f'  {stays} "{OTHER}": 2 records, 1 of them from {gone} "{shown}"'
    origin = f", from {second}" if stays == first else ""
    assert sorted(told[2:4]) == [f'    the Type "Token Pruning"{origin}', f'    your word "selected"{origin}']
    assert told[-1] == f"written to decisions.jsonl as {decision}; to take it back: triage works undo {decision}"
    assert not [line for line in told if "decisions:" in line]
    assert triage(two, "undo", decision) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "taken back: one work is 2 works again"
    assert sorted(line.split(":")[0] for line in told[1:] if line.startswith("  w")) == sorted(
        [f'  {first} "{TITLE}"', f'  {second} "{OTHER}"']
    )
    assert "undo" not in told[-1]


def test_a_split_and_a_not_same_tell_what_they_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = make_workspace(tmp_path)
    long = "A Made Title " + "About Pruning Visual Tokens " * 4
    put(workspace, [record("a", long), record("b", long), record("c", OTHER)])
    taken = ask(workspace, "SELECT record_id FROM records WHERE source_key = 'b'")[0][0]
    work = work_of(workspace, "a")
    assert triage(workspace, "split", work, taken) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f'{work} "{long[:59].rstrip()}…" is 2 works now, and they never come together again by themselves'
    assert sum(": 1 record" in line for line in told) == 2
    assert told[2] == f'  {work_of(workspace, "b")} "{long[:59].rstrip()}…": 1 record, from {work}' or told[1].endswith(f"from {work}")
    assert triage(workspace, "show", work) == 0
    assert "the same title; a person said they are two" in capsys.readouterr().out
    assert triage(workspace, "not-same", work, work_of(workspace, "c"), "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert "are two papers, whatever a rule may find" in answer["told"][0]
    assert answer["decision"] in {row[0] for row in ask(workspace, "SELECT decision_id FROM decisions")}
    assert triage(workspace, "undo", answer["decision"]) == 0
    assert capsys.readouterr().out.startswith("taken back: nothing moved")
    assert triage(workspace, "undo", answer["decision"]) == 2
    assert "taken back already" in capsys.readouterr().err


def test_a_merge_says_which_of_two_words_counts(two: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    say(two, word("d1", "type", TITLE, value="Token Pruning", hour=1), word("d2", "type", OTHER, value="Caching", hour=2))
    assert triage(two, "merge", work_of(two, "a"), work_of(two, "b")) == 0
    told = capsys.readouterr().out
    assert 'the Type "Caching"' in told
    assert 'the Type "Token Pruning"' in told
    assert ask(two, "SELECT type FROM works") == [("Caching",)]


def test_the_link_follows_the_venues_entry_and_a_correction_comes_first(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    put(
        workspace,
        [
            record("1", TITLE, source="openreview", venue="ICML", year=2023, url="https://openreview.net/forum?id=x"),
            record("2", TITLE, source="pmlr", venue="ICML", year=2023, url="https://proceedings.mlr.press/v1/x.html"),
            record("3", TITLE, source="virtual", venue="ICML", year=2023, url="https://icml.cc/virtual/2023/poster/1"),
        ],
    )
    # seeds/venues.yaml: ICML since 2021 is shown by its virtual site, although PMLR serves it too
    assert ask(workspace, "SELECT w.url, w.best_record_id = r.record_id FROM store.work w JOIN records r USING (work_id, url)") == [
        ("https://icml.cc/virtual/2023/poster/1", True)
    ]
    say(workspace, word("d1", "correction", TITLE, value=json.dumps({"url": "https://example.org/mine", "year": 2024})))
    assert ask(workspace, "SELECT url, year FROM works") == [("https://example.org/mine", 2024)]
    put(workspace, [record("2", TITLE + ".", source="pmlr", venue="ICML", year=2023, url="https://proceedings.mlr.press/v1/x.html")])
    assert ask(workspace, "SELECT url, year FROM works") == [("https://example.org/mine", 2024)]
    say(workspace, word("d2", "undo", TITLE, value="d1", hour=2))
    assert ask(workspace, "SELECT year, url FROM works") == [(2023, "https://icml.cc/virtual/2023/poster/1")]


def test_show_tells_why_each_record_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace = make_workspace(tmp_path)
    put(
        workspace,
        [
            record("a", TITLE, venue="arXiv", year=2022, identifiers={"arxiv": "2201.00001"}),
            record("b", "PruneIt: " + TITLE, venue="CVPR", year=2023, identifiers={"arxiv": "2201.00001"}),
            record("c", TITLE, venue="arXiv", year=2022, identifiers={"arxiv": "2201.00002"}),
        ],
    )
    assert triage(workspace, "show", work_of(workspace, "a")[:6], "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [(r["source_key"], r["best"]) for r in told["records"]] == [("b", True), ("a", False)]
    assert [link["rule"] for link in told["records"][1]["why"]] == ["arxiv", "core"]
    assert told["records"][1]["why"][0]["evidence"] == "2201.00001"
    assert [(other["status"], "two identifiers" in other["evidence"]) for other in told["apart"]][-1][1]
    assert triage(workspace, "show", work_of(workspace, "a")) == 0
    out = capsys.readouterr().out
    assert "the same arXiv id" in out
    assert "the same title but for a name in front" in out
    assert triage(workspace, "show", "wzzz") == 2


def csv_files(folder: Path, rows: list[str], pairs: list[str]) -> tuple[Path, Path]:
    unified, truth = folder / "unified.csv", folder / "pairs.csv"
    unified.write_text("id,src,title,authors,year,venue,doi\n" + "\n".join(rows) + "\n")
    truth.write_text("a,b\n" + "\n".join(pairs) + "\n")
    return unified, truth


def test_eval_counts_closures_across_sources(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        f"1,a,{TITLE},Ann Smith; Bo Li,2022,arXiv,", f"2,b,{TITLE},\"Smith, A. and Li, B.\",2023,CVPR,", f"3,b,PruneIt: {TITLE},,2023,CVPR,",
        "4,a,Something Else Entirely Now,,,,10.48550/arXiv.2201.00001v2", "5,b,Something Else Entirely,,0,,https://doi.org/10.48550/arxiv.2201.00001",
        "6,b,,,,,", f"7,a,{OTHER},,2020,,", "8,b,An Unrelated Heading,,2020,,",
    ]  # fmt: skip
    files = csv_files(tmp_path, rows, ["1,2", "2,3", "4,5", "7,8"])
    assert run_command_line(["eval", "identity", *map(str, files), "--json"]) == 0
    score = json.loads(capsys.readouterr().out)
    assert (score["truth"], score["matched"], score["true"], score["changed"], score["changed_found"]) == (4, 3, 3, 3, 2)
    assert (score["precision"], score["recall"]) == (1.0, 0.75)
    assert {rule["rule"] for rule in score["rules"]} >= {"arxiv", "title", "core"}
    assert run_command_line(["eval", "identity", *map(str, files)]) == 0
    assert "precision 1.0000  recall 0.7500" in capsys.readouterr().out


def test_eval_counts_inside_one_source(tmp_path: Path) -> None:
    score = evaluate_identity(*csv_files(tmp_path, [f"1,s,{TITLE},,,,", f"2,s,{TITLE},,,,", f"3,s,{OTHER},,,,"], ["1,2"]))
    assert (score.records, score.truth, score.matched, score.true, score.f1) == (3, 1, 1, 1, 1.0)


@pytest.mark.parametrize(
    ("unified", "pairs", "reason"),
    [
        ("name,title\n1,x\n", "a,b\n", "no column id"),
        ("id,title\n1,x\n1,y\n", "a,b\n", "stands here twice"),
        ("id,title\n,x\n", "a,b\n", "without id"),
        ("id,title\n1,x\n", "a,b\n1,9\n", "no record has the id '9'"),
        ("", "a,b\n", "no column"),
    ],
)
def test_eval_refuses_files_with_their_line(unified: str, pairs: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text(unified)
    (tmp_path / "p.csv").write_text(pairs)
    with pytest.raises(DocumentError, match=reason):
        evaluate_identity(tmp_path / "u.csv", tmp_path / "p.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_eval_reads_files_as_other_programs_write_them(encoding: str, tmp_path: Path) -> None:
    unified, pairs = tmp_path / "u.csv", tmp_path / "p.csv"
    rows = [
        "1,Étude des motifs rares,1999.0,nan,x",
        "2,Étude des motifs rares.,(1999),nan,x",
        "3,A Wholly Different Heading,2001,nan,x",
        "4,Étude des motifs rares,2003,,",
    ]
    unified.write_bytes(("ID, Title,Year,DOI,venue\r\n" + "\r\n".join(rows) + "\r\n").encode(encoding))
    pairs.write_bytes("a,b,note\r\n1,2,é\r\n\r\n".encode(encoding))
    score = evaluate_identity(unified, pairs)
    assert (score.records, score.truth, score.matched, score.true) == (4, 1, 1, 1)


def test_eval_survives_anything_in_the_cells(tmp_path: Path) -> None:
    rows = [
        "1,a,שלום עולם,,99999,,not a doi", "2,b,Ã©tÃ© \u0301\u0301,;;;,-3,,10.1/x", f"3,a,{'w ' * 3000},{'; '.join(f'A{n} B{n}' for n in range(2000))},x,arXiv,",
        "4,b,Word,Li,2020,,", "5,a,word,\"Li, Wei\",2020,,", "6,b,???,,,,", "7,a,???,,,,", "8,a,\"a\nb\",,,,",
    ]  # fmt: skip
    score = evaluate_identity(*csv_files(tmp_path, rows, []))
    assert (score.records, score.truth, score.recall) == (8, 0, None)
