"""robots.txt, a night's budget and logins, over real HTTP on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from tests.doors import NOW, QUICK, SOURCE, Naps, ask, json_request, open_door, web_settings
from tests.servers import Reply, ScriptedServer
from triage.errors import BudgetSpentError, FetchError, RateLimitedError, RobotsRefusedError, SettingsError, SourceError, UnreachableError
from triage.settings import load_settings
from triage.sources.registry import every_source
from triage.web import Door, RobotsCopy, Validators
from triage.web.exchange import rule_of
from triage.web.login import Credentials, find_credentials
from triage.web.pacing import NIGHT, OTHER, rule_for
from triage.web.robots import TOKEN, disallowing_rule

RULES = "User-agent: *\nDisallow: /private\nAllow: /private/feed\nCrawl-delay: 4\n"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        for path in ("/feed", "/private/list", "/private/feed"):
            running.say(path, Reply.json([]))
        yield running


def robots(text: str, **fields: object) -> Reply:
    return Reply.text(text, "text/plain", **fields)


def test_a_disallowed_address_is_refused_with_its_rule_and_never_asked(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/robots.txt", robots("\ufeff" + RULES))  # some editors put a byte-order mark in front
    with open_door(tmp_path, web_settings(server.url, robots=True)) as door:
        ask(door, f"{server.url}/feed")
        with pytest.raises(RobotsRefusedError, match="Disallow: /private") as refused:
            ask(door, f"{server.url}/private/list")
        ask(door, f"{server.url}/private/feed")
        rows = door.drain()
    assert (refused.value.rule, refused.value.passing) == ("Disallow: /private", False)
    assert (server.targets(), len(server.robots)) == (["/feed", "/private/feed"], 1)
    assert [(row.key, row.url.removeprefix(server.url), row.status, row.failure) for row in rows] == [
        ("2026-11-22", "/feed", 200, None),
        ("2026-11-22", "/private/feed", 200, None),
        ("2026-11-22", "/private/list", None, "disallowed"),
        ("robots.txt", "/robots.txt", 200, None),
    ]


def test_a_redirect_to_what_is_disallowed_is_not_followed(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/robots.txt", robots(RULES))
    server.say("/feed", Reply(302, headers={"Location": "/private/list"}))
    with open_door(tmp_path, web_settings(server.url, robots=True)) as door, pytest.raises(RobotsRefusedError):
        ask(door, f"{server.url}/feed")
    assert server.targets() == ["/feed"]


@pytest.mark.parametrize(("pace", "waits"), [("0", 4.0), ("9", 9.0)])
def test_the_larger_of_our_pace_and_its_crawl_delay_holds(server: ScriptedServer, tmp_path: Path, pace: str, waits: float) -> None:
    server.say("/robots.txt", robots(RULES))
    naps = Naps()
    with open_door(tmp_path, web_settings(server.url, table=f"pace = {pace}", robots=True), sleep=naps) as door:
        ask(door, f"{server.url}/feed")
        ask(door, f"{server.url}/feed?again")
    assert waits - 2 < naps.seconds[-1] <= 2 * waits


@pytest.mark.parametrize(("wish", "asked"), [("43200", False), ("1e400", True), ("nan", True), ("-5", True), ("soon", True)])
def test_a_site_that_wants_to_be_asked_twice_a_day_is_not_asked(server: ScriptedServer, tmp_path: Path, wish: str, asked: bool) -> None:
    server.say("/robots.txt", robots(f"User-agent: *\nCrawl-delay: {wish}\n"))
    with open_door(tmp_path, web_settings(server.url, robots=True)) as door:
        if asked:
            ask(door, f"{server.url}/feed")
        else:
            with pytest.raises(RobotsRefusedError, match="Crawl-delay"):
                ask(door, f"{server.url}/feed")
    assert server.targets() == (["/feed"] if asked else [])


@pytest.mark.parametrize(
    "reply",
    [Reply(404), Reply(410), Reply(403), Reply.text("<p>nothing here</p>", "text/html"), Reply(302, headers={"Location": "http://127.0.0.2:9/"})],
    ids=["404", "410", "403", "a page", "elsewhere"],
)  # fmt: skip
def test_a_host_without_robots_txt_may_be_asked(server: ScriptedServer, tmp_path: Path, reply: Reply) -> None:
    server.say("/robots.txt", reply)
    with open_door(tmp_path, web_settings(server.url, robots=True)) as door:
        assert ask(door, f"{server.url}/private/list").body == b"[]"
        assert [row.failure for row in door.drain()] == [None, None], "that there is none is no failure"


@pytest.mark.parametrize(
    ("reply", "error"), [(Reply(503), UnreachableError), (Reply(hang_up=True), UnreachableError), (Reply(429), RateLimitedError)]
)
def test_a_robots_txt_that_cannot_be_had_keeps_us_away_for_now(
    server: ScriptedServer, tmp_path: Path, reply: Reply, error: type[FetchError]
) -> None:
    server.say("/robots.txt", reply)
    with open_door(tmp_path, web_settings(server.url, robots=True)) as door:
        for _ in range(2):
            with pytest.raises(error, match=r"/robots\.txt"):
                ask(door, f"{server.url}/feed")
    assert (server.targets(), len(server.robots)) == ([], 2)  # two attempts, once a night
    copy = {f"{server.url}/robots.txt": RobotsCopy(RULES, NOW - timedelta(days=3))}
    with open_door(tmp_path, web_settings(server.url, robots=True), robots=copy) as door:
        ask(door, f"{server.url}/feed")
        with pytest.raises(RobotsRefusedError):
            ask(door, f"{server.url}/private/list")


def test_a_copy_is_believed_for_a_day_and_then_asked_for_conditionally(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/robots.txt", robots(RULES, headers={"ETag": '"one"'}), Reply(304))
    address = f"{server.url}/robots.txt"
    with open_door(tmp_path, web_settings(server.url, robots=True)) as door:
        ask(door, f"{server.url}/feed")
        (row,) = [row for row in door.drain() if row.key == "robots.txt"]
    known = {address: Validators(str(row.sha256), row.etag)}
    for hours, asked in ((23, 1), (25, 2)):
        copy = {address: RobotsCopy(RULES, NOW - timedelta(hours=hours))}
        with (
            open_door(tmp_path, web_settings(server.url, robots=True), robots=copy, known=known) as door,
            pytest.raises(RobotsRefusedError),
        ):
            ask(door, f"{server.url}/private/list")
        assert len(server.robots) == asked
    assert server.robots[-1].headers["if-none-match"] == '"one"'


def test_interfaces_for_programs_are_asked_under_their_own_terms() -> None:
    def exempt(url: str) -> bool:
        import httpx

        parts = httpx.URL(url)
        return rule_of(url).is_interface(parts.host, parts.path)

    assert exempt("https://export.arxiv.org/api/query?id_list=1")
    assert exempt("https://api.openalex.org/works")
    assert exempt("https://huggingface.co/api/daily_papers")
    assert not exempt("https://huggingface.co/papers")
    assert not exempt("https://openaccess.thecvf.com/CVPR2025")
    assert not exempt("http://127.0.0.1:8000/api/query"), "a mirror is a site like any other"


@pytest.mark.parametrize(
    ("text", "path", "rule"),
    [
        ("User-agent: *\nDisallow: /a\nDisallow: /a/b", "/a/b/c", "Disallow: /a/b"),
        ("User-agent: *\nDisallow: /\n\nUser-agent: triage-papers\nDisallow: /secret # ours", "/secret/1", "Disallow: /secret"),
        ("USER-AGENT: *\r\nDISALLOW: /*.pdf$", "/x/y.pdf", "Disallow: /*.pdf$"),
    ],
)
def test_the_rule_that_forbids_is_named(text: str, path: str, rule: str) -> None:
    assert not Protego.parse(text).can_fetch(f"https://example.org{path}", TOKEN)
    assert disallowing_rule(text, f"https://example.org{path}") == rule


LINES = st.sampled_from(
    ["User-agent: *", "User-agent: triage-papers", "Disallow: /a", "Allow: /a/b", "Disallow:", "Crawl-delay: x", "# no"]
)


@given(st.lists(LINES | st.text(max_size=20)).map("\n".join))
def test_no_robots_txt_breaks_anything(text: str) -> None:
    url = "https://example.org/a/b"
    if not Protego.parse(text).can_fetch(url, TOKEN):
        assert disallowing_rule(text, url).startswith("Disallow")


# -- the table and the night's budget


def test_every_source_is_asked_as_the_one_table_says() -> None:
    paces = {name: {rule_for(host).pace for host in source.hosts} for name, source in every_source().items()}
    assert paces == {
        "arxiv": {3}, "huggingface": {1}, "aaai": {3}, "acl": {1}, "cvf": {1}, "virtual": {10}, "neurips": {1}, "pmlr": {1}, "ecva": {1},
        "ijcai": {10}, "openreview": {7.2}, "semanticscholar": {3}, "openalex": {1}, "dblp": {2},
    }  # fmt: skip
    assert not [name for name, source in every_source().items() if hasattr(source, "pace")], "the pace stands in one place"
    virtual = rule_for("icml.cc")
    assert (virtual.pace_at("/virtual/2025/poster/1"), virtual.pace_at("/static/virtual/data/icml-2025-orals-posters.json")) == (10, 1)
    assert OTHER.pace_at("/static/virtual/data/x") == 1


def test_a_night_makes_so_many_requests_and_the_next_one_goes_on(server: ScriptedServer, tmp_path: Path) -> None:
    settings = web_settings(server.url, table="pace = 0\nrequests_per_night = 3")

    def asked(hours: float) -> list[str]:
        with open_door(tmp_path, settings, clock=lambda: NOW + timedelta(hours=hours)) as door:
            answers = door.fetch_all([json_request(f"{server.url}/feed?{n}") for n in range(2)], source=SOURCE, hosts=())
            kinds = [answer.kind if isinstance(answer, SourceError) else "good" for _, answer in answers]
            assert len(door.drain()) == kinds.count("good"), "what waits was not asked"
        return kinds

    assert [asked(0), asked(1), asked(2)] == [["good", "good"], ["good", "budget spent"], ["budget spent", "budget spent"]]
    with open_door(tmp_path, settings) as door, pytest.raises(BudgetSpentError, match="3 requests of this night") as spent:
        ask(door, f"{server.url}/feed")
    assert (spent.value.until, spent.value.passing) == (NOW + NIGHT, False)
    assert asked(24) == ["good", "good"]
    assert asked(-100) == ["good", "good"], "a clock that was set back locks nobody out"
    assert len(server.seen) == 7


def test_damaged_counts_and_settings_of_the_budget(server: ScriptedServer, tmp_path: Path) -> None:
    with open_door(tmp_path, web_settings(server.url, web=f"{QUICK}requests_per_night = 1")) as door:
        ask(door, f"{server.url}/feed")
        (file,) = (tmp_path / ".triage" / "pace").glob("*.night")
        file.write_text("2026-11")
        ask(door, f"{server.url}/feed")
        with pytest.raises(BudgetSpentError):
            ask(door, f"{server.url}/feed")
    with pytest.raises(SettingsError, match="requests_per_night"):
        load_settings("[web]\nrequests_per_night = 0\n", name="f.toml", environ={})


# -- logins


def openreview(server: ScriptedServer, folder: Path, credentials: Credentials) -> Door:
    text = f'[web]\n{QUICK}\n[sources.openreview]\nbase_url = "{server.url}"\npace = 0\n'
    settings = load_settings(text, name="f.toml", environ={})
    return Door(settings, raw=folder / "raw", known={}, clock=lambda: NOW, sleep=Naps(), credentials={"openreview": credentials})


def notes(door: Door, server: ScriptedServer) -> bytes:
    return door.fetch(json_request(f"{server.url}/notes"), source="openreview", hosts=()).body


def test_a_login_is_made_once_and_the_token_goes_with_every_request(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/login", Reply.json({"token": "tok-123"}))
    server.say("/notes", Reply.json({"notes": []}))
    with openreview(server, tmp_path, Credentials(name="ann@example.org", password="pass-word")) as door:
        assert notes(door, server) == notes(door, server) == b'{"notes": []}'
        rows = door.drain()
    assert server.targets() == ["/login", "/notes", "/notes"]
    assert json.loads(server.seen[0].body) == {"id": "ann@example.org", "password": "pass-word"}
    assert [seen.headers.get("authorization") for seen in server.seen] == [None, "Bearer tok-123", "Bearer tok-123"]
    assert [row.failure for row in rows] == [None] * 4
    kept = b"".join(path.read_bytes() for path in (tmp_path / "raw").rglob("*.gz"))
    assert b"tok-123" not in kept
    assert all(row.sha256 is None for row in rows if row.key == "login")


@pytest.mark.parametrize(
    ("reply", "said"),
    [(Reply(403), "check the name"), (Reply.json({"mfaPending": True}), "second factor"), (Reply.text("<p>", "text/html"), "OPENREVIEW_TOKEN")],
)  # fmt: skip
def test_a_login_that_fails_says_what_to_do(server: ScriptedServer, tmp_path: Path, reply: Reply, said: str) -> None:
    server.say("/login", reply)
    with openreview(server, tmp_path, Credentials(name="a", password="pass-word")) as door:
        for _ in range(2):
            with pytest.raises(SourceError) as refused:
                notes(door, server)
    assert server.targets() == ["/login"]
    assert said in str(refused.value.hint)
    assert "pass-word" not in f"{refused.value} {refused.value.hint} {Credentials(name='a', password='pass-word')!r}"


def test_a_token_of_the_environment_needs_no_login(server: ScriptedServer, tmp_path: Path) -> None:
    server.say("/notes", Reply.json({"notes": []}))
    found = find_credentials({"OPENREVIEW_TOKEN": "tok-9", "S2_API_KEY": "key-1"})
    assert dict(found["semanticscholar"].headers) == {"x-api-key": "key-1"}
    with openreview(server, tmp_path, found["openreview"]) as door:
        notes(door, server)
    assert server.seen[0].headers["authorization"] == "Bearer tok-9"
    assert find_credentials({}) == {}


@pytest.mark.parametrize("environ", [{"OPENREVIEW_USERNAME": "a"}, {"OPENREVIEW_PASSWORD": "p"}, {"OPENREVIEW_TOKEN": "a b"}])
def test_half_a_login_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="OPENREVIEW"):
        find_credentials(environ)
