"""Sentence embeddings over a real, tiny ONNX model; models fetched from a loopback server. All texts are made."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.desk import Desk
from tests.servers import Reply, ScriptedServer
from tests.tiny_models import make_model
from triage.embedding import file_sha256, load_embedder
from triage.embedding_models import KNOWN, known_models, model_folder, open_embedder, pull, state
from triage.errors import FetchError, SettingsError, UsageError
from triage.labelling import Labeller, Paper
from triage.labelling.embedding import EmbeddingLabeller, Vectors
from triage.models import Label
from triage.runs import system_clock
from triage.seeds import packaged_taxonomy
from triage.settings import load_settings
from triage.workspace import Workspace

TAXONOMY = packaged_taxonomy()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    make_model(folder)
    return folder


# ---- the model


def test_vectors_have_length_one_and_the_order_of_the_texts(folder: Path) -> None:
    embedder = load_embedder(folder)
    texts = ["serving " * 40, "prism", "", "Serving requests!", "nothing known here"]
    vectors = embedder.embed(texts)
    assert [round(float(np.linalg.norm(v)), 5) for v in vectors] == [1, 1, 0, 1, 1]  # an empty text points nowhere
    alone = [embedder.embed([text])[0] for text in texts]
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(vectors, alone, strict=True))  # padding changes nothing
    assert float(vectors[0] @ vectors[3]) > 0.9
    assert float(vectors[0] @ vectors[1]) < 0.1
    assert embedder.embed([]) == []


def test_a_model_is_known_by_its_files_and_its_pooling(folder: Path, tmp_path: Path) -> None:
    sha256 = make_model(tmp_path / "other", words=("serving", "prism"), token_types=False)
    assert load_embedder(tmp_path / "other", sha256=sha256).embed(["serving"])[0].shape == (3,)
    ids = {load_embedder(folder).id, load_embedder(folder, pooling="first").id, load_embedder(tmp_path / "other").id}
    assert len(ids) == 3
    with pytest.raises(SettingsError, match=f"its SHA-256 is {sha256}, not the 0000"):
        load_embedder(tmp_path / "other", sha256="0" * 64)


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json"])
def test_what_is_no_model_is_refused_with_what_to_do(file: str, tmp_path: Path) -> None:
    make_model(tmp_path)
    (tmp_path / file).write_bytes(b"{something else")
    with pytest.raises(SettingsError, match="no model that can be loaded"):
        load_embedder(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(SettingsError, match="cannot be read") as refused:
        load_embedder(tmp_path)
    assert "triage models pull" in str(refused.value.hint)


def test_without_the_extra_the_message_names_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **fields: Any) -> Any:
        if name == "onnxruntime":
            raise ImportError("No module named 'onnxruntime'")
        return real(name, *rest, **fields)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError) as refused:
        load_embedder(folder)
    assert "triage-papers[embeddings]" in str(refused.value.hint)


# ---- the producer


class Given:
    """A labeller with an answer given beforehand."""

    name = "lexical"

    def __init__(self, *labels: tuple[str, float]) -> None:
        self.labels = tuple(Label(label=name, confidence=confidence, producer="lexical") for name, confidence in labels)

    def label(self, papers: list[Paper]) -> list[tuple[Label, ...]]:
        return [self.labels for _ in papers]


def labelled(folder: Path, paper: Paper, *base: tuple[str, float], claimed: float = 1.0) -> tuple[Label, ...]:
    labeller: Labeller = EmbeddingLabeller(Given(*base), TAXONOMY, Vectors(load_embedder(folder)), lambda _: claimed)  # type: ignore[arg-type]
    return labeller.label([paper])[0]


SERVING = Paper("w1", "Queue before the GPU", "Many people wait. Requests stand in a queue before the hardware. We like it.")


def test_it_fills_where_no_rule_fires_and_quotes_the_nearest_sentence(folder: Path) -> None:
    (label,) = labelled(folder, SERVING)
    assert (label.label, label.producer) == ("inference/systems", "embedding")
    assert label.confidence is not None
    assert 0.5 <= label.confidence <= 0.75
    (evidence,) = label.evidence
    text = {"title": SERVING.title, "abstract": SERVING.abstract or ""}[evidence.field]
    assert text[evidence.start : evidence.end] == evidence.quote
    assert "queue" in evidence.quote.lower()
    (label,) = labelled(folder, SERVING, ("other", 0.5))
    assert label.label == "inference/systems"
    assert [x.label for x in labelled(folder, SERVING, ("survey", 0.9))] == ["inference/systems", "survey"]


def test_it_says_nothing_where_it_knows_nothing_better(folder: Path) -> None:
    assert labelled(folder, SERVING, ("compression/pruning", 0.6)) == ()  # a rule is never overruled
    assert labelled(folder, SERVING, claimed=0.1) == ()  # nothing is claimed to be cheaper
    assert labelled(folder, Paper("w2", "Colours of rooms", "We look at walls.")) == ()  # as far from every label
    assert labelled(folder, Paper("w3", "", None)) == ()


def test_it_orders_what_the_rules_hold_equally_likely(folder: Path) -> None:
    labels = labelled(folder, SERVING, ("token-reduction/merging", 0.8), ("inference/systems", 0.795), ("compression/pruning", 0.6))
    assert [x.label for x in labels] == ["inference/systems", "token-reduction/merging", "compression/pruning"]
    assert {x.producer for x in labels} == {"embedding"}
    assert labelled(folder, SERVING, ("token-reduction/merging", 0.9), ("inference/systems", 0.79)) == ()
    assert labelled(folder, SERVING, ("inference/systems", 0.8), ("token-reduction/merging", 0.79)) == ()


def test_no_text_is_embedded_twice(folder: Path) -> None:
    embedder = load_embedder(folder)
    first = Vectors(embedder)
    first.of(["serving", "prism", "serving"])
    assert len(first.made) == 2
    second = Vectors(embedder, first.made)
    assert np.array_equal(second.of(["prism"])["prism"], first.of(["prism"])["prism"])
    assert second.made == {}


# ---- in a workspace

PAPERS = """\
# 2024 Papers

## 1. Queue before the GPU
- [x] Queue before the GPU | https://example.org/queue
- **Link**: https://example.org/queue
- **Conference**: MADE
- **Year**: 2024

<details>
<summary><strong>Abstract</strong></summary>

Vision-language models are costly. Requests stand in a queue before the hardware. It is 3x faster and 60% cheaper.

</details>

---

## 2. Token Pruning for VLMs
- [x] Token Pruning for VLMs | https://example.org/pruning
- **Link**: https://example.org/pruning
- **Conference**: MADE
- **Year**: 2024

<details>
<summary><strong>Abstract</strong></summary>

We prune visual tokens. Latency falls by 40%.

</details>

---
"""


def step(report: Any, name: str) -> Any:
    return next((one for one in report["steps"] if one["step"] == name), None)


def test_a_run_fills_once_and_goes_on_without_its_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path / "desk", capsys)
    assert desk("import", desk.file("a.md", PAPERS)) == 0
    assert step(desk.json("run"), "label embedding") is None
    before = desk.rows("SELECT title, labels, labelled_by FROM works ORDER BY title")

    monkeypatch.setenv("TRIAGE_EMBEDDING__MODEL", "tiny")
    told = desk.json("run", status=3)  # the folder is not there
    assert "neither a folder nor a known model" in told["failures"][0]["message"]
    assert desk.rows("SELECT title, labels, labelled_by FROM works ORDER BY title") == before

    make_model(desk.folder / "tiny")
    assert desk.printed("models", "check") == "tiny: works, 4 dimensions\n"
    first = step(desk.json("run"), "label embedding")
    assert (first["read"], first["new"]) == (2, 2)
    assert first["counts"]["filled"] == 1
    assert first["counts"]["texts embedded"] > len(TAXONOMY.labels)
    assert desk.rows("SELECT title, labels, labelled_by FROM works ORDER BY title") == [
        ("Queue before the GPU", ["inference/systems"], "embedding"),
        ("Token Pruning for VLMs", ["token-reduction/pruning"], "lexical"),
    ]
    second = step(desk.json("run"), "label embedding")
    assert (second["new"], second["known"]) == (0, 2)

    # read again on demand: nothing is embedded twice
    again = step(desk.json("label", "--work", desk.rows("SELECT work_id FROM works WHERE title LIKE 'Queue%'")[0][0]), "label embedding")
    assert (again["new"], again["counts"]["filled"], again["counts"]["texts embedded"]) == (1, 1, 0)

    make_model(desk.folder / "tiny", words=("nothing", "known"))  # another model: read anew, and what the first one said is withdrawn
    third = step(desk.json("run"), "label embedding")
    assert (third["new"], third["counts"]["filled"]) == (2, 0)
    assert desk.rows("SELECT count(*) FROM works WHERE list_contains(labels, 'inference/systems')") == [(0,)]


# ---- models by name


def hub(folder: Path, server: ScriptedServer, desk: Path, *, sha256: str | None = None) -> Workspace:
    """A workspace with the model `mine` of a hub on loopback, reached as the hub's mirror."""
    files = {"onnx/model.onnx": sha256 or file_sha256(folder / "model.onnx"), "tokenizer.json": file_sha256(folder / "tokenizer.json")}
    desk.mkdir(exist_ok=True)
    (desk / "triage.toml").write_text(
        f'[web]\nattempts = 1\n[sources.huggingface]\nbase_url = "{server.url}"\npace = 0\n[embedding]\nmodel = "mine"\n'
        f'[embedding.models.mine]\nurl = "https://huggingface.co/me/mine/resolve/abc/"\nfiles = {{ {", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in files.items())} }}\n',
        encoding="utf-8",
    )
    server.say("/me/mine/resolve/abc/onnx/model.onnx", Reply.text((folder / "model.onnx").read_bytes(), "application/octet-stream"))
    server.say("/me/mine/resolve/abc/tokenizer.json", Reply.text((folder / "tokenizer.json").read_bytes(), "text/plain; charset=utf-8"))
    return Workspace.open(desk, environ={})


def test_a_model_is_fetched_checked_and_used(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from triage.cli import run_command_line

    with ScriptedServer() as server:
        workspace = hub(folder, server, tmp_path / "desk")
        assert state(workspace, "mine") == "not here"
        with pytest.raises(SettingsError, match="mine is not here") as refused:
            open_embedder(workspace)
        assert refused.value.hint == "get it: triage models pull mine"
        assert run_command_line(["models", "pull", "mine", "--workspace", str(workspace.root)]) == 0
        assert "fetched, every file has its hash" in capsys.readouterr().out
        assert len(server.seen) == 2
        assert pull(workspace, "mine", clock=system_clock) == "ready"
        assert len(server.seen) == 2
    assert sorted(p.name for p in model_folder(workspace, "mine").iterdir()) == ["model.onnx", "tokenizer.json"]
    assert sorted(p.name for p in (workspace.root / ".triage" / "models").iterdir()) == ["mine"]
    embedder = open_embedder(workspace)
    assert embedder is not None
    assert embedder.id == load_embedder(folder).id
    assert run_command_line(["models", "list", "--json", "--workspace", str(workspace.root)]) == 0
    listed = {one["name"]: one["state"] for one in json.loads(capsys.readouterr().out)["models"]}
    assert listed == {**dict.fromkeys(KNOWN, "not here"), "mine": "ready"}
    (model_folder(workspace, "mine") / "tokenizer.json").write_text("{}")
    assert state(workspace, "mine") == "damaged"


def test_a_wrong_hash_is_refused_and_nothing_stays(folder: Path, tmp_path: Path) -> None:
    with ScriptedServer() as server:
        workspace = hub(folder, server, tmp_path / "desk", sha256="0" * 64)
        with pytest.raises(SettingsError, match="nothing of it was kept"):
            pull(workspace, "mine", clock=system_clock)
    assert list((workspace.root / ".triage" / "models").iterdir()) == []


def test_a_pull_that_was_cut_goes_on_from_what_came_whole(folder: Path, tmp_path: Path) -> None:
    with ScriptedServer() as server:
        workspace = hub(folder, server, tmp_path / "desk")
        path = "/me/mine/resolve/abc/tokenizer.json"
        whole = Reply.text((folder / "tokenizer.json").read_bytes(), "application/json")
        server.say(path, Reply.text(b"{", "application/json", cut=True, length=100), whole)
        with pytest.raises(FetchError):
            pull(workspace, "mine", clock=system_clock)
        assert state(workspace, "mine") == "not here"
        assert pull(workspace, "mine", clock=system_clock) == "not here"
        assert [one.target.rpartition("/")[2] for one in server.seen] == ["model.onnx", "tokenizer.json", "tokenizer.json"]
    assert state(workspace, "mine") == "ready"


def test_a_file_that_is_too_large_is_not_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.embedding_models._LARGEST", 50)
    with ScriptedServer() as server:
        workspace = hub(folder, server, tmp_path / "desk")
        with pytest.raises(FetchError, match="more than the 50 bytes allowed"):
            pull(workspace, "mine", clock=system_clock)
    assert state(workspace, "mine") == "not here"


@pytest.mark.parametrize(
    "files",
    [
        '{ "../model.onnx" = "SHA", "tokenizer.json" = "SHA" }',
        '{ "/etc/model.onnx" = "SHA", "tokenizer.json" = "SHA" }',
        '{ "a/../../model.onnx" = "SHA", "tokenizer.json" = "SHA" }',
        '{ "a\\\\model.onnx" = "SHA", "tokenizer.json" = "SHA" }',
        '{ "model.onnx" = "SHA" }',
        '{ "model.onnx" = "no hash", "tokenizer.json" = "SHA" }',
    ],
)
def test_no_file_of_a_model_leads_elsewhere(files: str) -> None:
    text = f'[embedding.models.mine]\nurl = "https://huggingface.co/me/mine"\nfiles = {files.replace("SHA", "0" * 64)}\n'
    with pytest.raises(SettingsError):
        load_settings(text, name="f.toml", environ={})


def test_no_name_of_a_model_leads_elsewhere(tmp_path: Path) -> None:
    workspace, _ = Workspace.init(tmp_path, environ={})
    assert list(known_models(workspace)) == list(KNOWN)
    for name in ("../../outside", "", ".", "none"):
        with pytest.raises(UsageError, match="no model"):
            model_folder(workspace, name)
    with pytest.raises(SettingsError):
        load_settings('[embedding.models."../out"]\nurl = "https://huggingface.co/me"\nfiles = {}\n', name="f.toml", environ={})
