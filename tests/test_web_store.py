"""The raw store, the body reader and the settings of the HTTP door."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.errors import SettingsError, TooLargeError, TruncatedError, WorkspaceError
from triage.settings import load_settings
from triage.web import RawStore
from triage.web.body import Body

FORMS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "bare": lambda body: zlib.compress(body)[2:-4],
}


@settings(max_examples=25)
@given(st.binary(max_size=5000))
def test_what_is_saved_is_loaded_and_always_the_same_file(body: bytes) -> None:
    with TemporaryDirectory() as folder:
        raw, other = RawStore(Path(folder) / "a"), RawStore(Path(folder) / "b")
        sha256 = raw.save(body)
        assert raw.load(sha256) == raw.find(sha256) == body
        assert raw.path(sha256) == raw.folder / sha256[:2] / f"{sha256}.gz"
        assert other.save(body) == raw.save(body) == sha256
        assert raw.path(sha256).read_bytes() == other.path(sha256).read_bytes()


@pytest.mark.parametrize("junk", [b"", b"junk", gzip.compress(b"another body", mtime=0), gzip.compress(b"the body", mtime=0)[:-5]])
def test_a_damaged_body_is_noticed_and_mended(tmp_path: Path, junk: bytes) -> None:
    raw = RawStore(tmp_path)
    sha256 = raw.save(b"the body")
    raw.path(sha256).write_bytes(junk)
    with pytest.raises(WorkspaceError, match=sha256):
        raw.load(sha256)
    assert raw.find(sha256) is None
    assert raw.save(b"the body") == sha256
    assert raw.load(sha256) == b"the body"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "f" * 63, "f" * 64 + "\n"])
def test_only_hashes_name_bodies(tmp_path: Path, name: str) -> None:
    with pytest.raises(WorkspaceError, match="no SHA-256"):
        RawStore(tmp_path).load(name)


def test_the_same_body_can_be_saved_by_many_at_once(tmp_path: Path) -> None:
    raw = RawStore(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        saved = set(threads.map(raw.save, [b"the body" * 5000] * 32))
    assert len(saved) == 1
    assert [path.suffix for path in tmp_path.glob("*/*")] == [".gz"], "no temporary file is left"


@given(st.binary(max_size=3000), st.sampled_from(sorted(FORMS)), st.integers(min_value=1, max_value=600))
def test_a_body_in_any_pieces_is_the_same_body(content: bytes, form: str, piece: int) -> None:
    sent = FORMS[form](content)
    body = Body("http://a.example/", encoding="deflate" if form == "bare" else form, largest=10_000)
    for start in range(0, len(sent), piece):
        body.feed(sent[start : start + piece])
    assert body.finish() == content


@given(st.binary(min_size=1, max_size=3000), st.sampled_from(["gzip", "deflate"]), st.data())
def test_a_compressed_body_that_was_cut_is_never_taken_for_whole(content: bytes, form: str, data: st.DataObject) -> None:
    sent = FORMS[form](content)
    body = Body("http://a.example/", encoding=form, largest=10_000)
    body.feed(sent[: data.draw(st.integers(min_value=0, max_value=len(sent) - 1))])
    with pytest.raises(TruncatedError):
        body.finish()


@given(st.integers(min_value=1, max_value=2000), st.sampled_from(sorted(FORMS)))
def test_the_last_byte_that_fits_fits(size: int, form: str) -> None:
    sent = FORMS[form](bytes(range(256)) * 8)
    encoding = "deflate" if form == "bare" else form
    whole = Body("http://a.example/", encoding=encoding, largest=2048)
    whole.feed(sent)
    assert whole.size == len(whole.finish()) == 2048
    with pytest.raises(TooLargeError):
        Body("http://a.example/", encoding=encoding, largest=2048 - size).feed(sent)


def test_a_compressed_nothing_without_end_is_too_large() -> None:
    body = Body("http://a.example/", encoding="gzip", largest=1000)
    with pytest.raises(TooLargeError):
        for _ in range(100):
            body.feed(gzip.compress(b"", mtime=0))


# -- settings


def test_every_source_has_a_table_and_the_defaults_leave_it_as_it_is() -> None:
    sources = load_settings("", name="f.toml", environ={}).sources
    names = "aaai acl cvf virtual neurips pmlr ecva ijcai openreview huggingface arxiv semanticscholar openalex dblp fulltext"
    assert list(type(sources).model_fields) == names.split()
    for name in names.split():
        table = sources.named(name)
        assert (table.base_url, table.pace, table.hosts, table.enabled) == (None, None, None, None)
    assert sources.named("documents") == sources.named("acl")
    assert sources.named("named") == sources.named("acl"), "a method is no table"
    assert sources.arxiv.categories == ("cs.CV", "cs.CL", "cs.LG")


def test_tables_and_environment_variables_set_a_source() -> None:
    text = '[sources.arxiv]\nbase_url = "http://127.0.0.1:8123/"\nhosts = ["mirror.example:8443"]\ncategories = ["cs.CV", "quant-ph"]\nenabled = false\n'
    loaded = load_settings(text, name="f.toml", environ={"TRIAGE_SOURCES__ARXIV__PACE": "0.5", "TRIAGE_GATHER__SINCE": "3"})
    arxiv = loaded.sources.arxiv
    assert (arxiv.base_url, arxiv.hosts, arxiv.enabled, arxiv.pace) == ("http://127.0.0.1:8123", ("mirror.example:8443",), False, 0.5)
    assert arxiv.categories == ("cs.CV", "quant-ph")
    assert loaded.gather.since == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sources.arxxiv]\npace = 1\n", ["f.toml:1", "sources.arxxiv", "did you mean 'arxiv'", "allowed: aaai, acl, arxiv, cvf, dblp"]),
        ("[sources.acl]\n\ncategories = []\n", ["f.toml:3", "sources.acl.categories", "allowed: base_url, enabled, hosts, pace"]),
        ("[sources]\narxiv.pase = 1\n", ["f.toml:2", "sources.arxiv.pase", "did you mean 'pace'"]),
        ('[sources.arxiv]\ncategories = ["cs.CV", "../x"]\n', ["f.toml:2", "sources.arxiv.categories.1", "../x"]),
        ("[sources.arxiv]\ncategories = []\n", ["f.toml:2", "sources.arxiv.categories"]),
        ("[sources.cvf]\npace = -1\n", ["f.toml:2", "sources.cvf.pace", "greater than or equal to 0"]),
        ("[sources.cvf]\npace = nan\n", ["f.toml:2", "sources.cvf.pace"]),
        ('[sources.cvf]\nbase_url = "ftp://a.example"\n', ["f.toml:2", "http(s) address", "ftp://a.example"]),
        ('[sources.cvf]\nbase_url = "http://ann:x@a.example"\n', ["f.toml:2", "without a user name"]),
        ('[sources.cvf]\nbase_url = "http://a.example:99999"\n', ["f.toml:2", "Port out of range"]),
        ('[sources.cvf]\nhosts = ["https://a.example/"]\n', ["f.toml:2", "sources.cvf.hosts.0"]),
        ("[sources]\ncvf = 1\n", ["f.toml:2", "sources.cvf"]),
        ('[web]\ncontact = "ann (at) example"\n', ["f.toml:2", "web.contact", "part of a header"]),
        ('[web]\npurpose = "a\\nb"\n', ["f.toml:2", "web.purpose", "part of a header"]),
        ("[web]\nattempts = 0\n", ["f.toml:2", "web.attempts"]),
        ('[web]\nproxy = "socks5://a.example:1"\n', ["f.toml:2", "web.proxy", "http(s)"]),
        ("[gather]\nsince = 0\n", ["f.toml:2", "gather.since"]),
    ],
)
def test_a_wrong_setting_of_the_door_says_file_line_and_what_is_allowed(text: str, said: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(text, name="f.toml", environ={})
    for part in said:
        assert part in str(refused.value)
