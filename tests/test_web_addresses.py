"""Where the HTTP door goes and where it does not: hosts, private addresses, names that lead inside, certificates, proxies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.doors import ask, open_door, web_settings
from tests.servers import Reply, ScriptedServer, certificate
from triage.errors import AddressRefusedError, FetchError, RedirectRefusedError, SettingsError
from triage.web.policy import is_public
from triage.web.transport import CheckedTransport

NAME = "papers.example"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "10.0.0.8", "172.16.3.4", "192.168.1.1", "169.254.169.254", "fd00:ec2::254",
        "fe80::1", "fe80::1%eth0", "100.64.0.1", "224.0.0.1", "ff0e::1", "240.0.0.1", "255.255.255.255", "198.51.100.7",
        "::ffff:127.0.0.1", "::ffff:10.0.0.8", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:c0a8:101::1",
        "2001:0:7f00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_addresses_of_private_networks_are_told(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:2800:220:1::1", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"]
)
def test_addresses_of_the_internet_are_told(address: str) -> None:
    assert is_public(address)


def unreachable(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.url} was asked")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1/feed", "private network"),
        ("http://[::1]/", "private network"),
        ("http://[::ffff:127.0.0.1]/", "private network"),
        ("http://169.254.169.254/latest/meta-data/", "private network"),
        ("http://10.0.0.8/", "private network"),
        ("http://localhost:8080/", "private network"),
        ("http://feeds.localhost/", "private network"),
        ("https://elsewhere.example/", "none of the source's"),
        ("https://huggingface.co.elsewhere.example/", "none of the source's"),
        ("https://huggingface.co./", "none of the source's"),
        ("https://huggingface.co@elsewhere.example/", "user name"),
        ("https://ann:secret@huggingface.co/", "user name"),
        ("ftp://huggingface.co/", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("//huggingface.co/", "only http and https"),
        ("https:///feed", "none of the source's"),
        ("https://huggingface.co:99999/", "no port 99999"),
        ("https://narrow.example/", "none of the source's"),
        ("https://xn--/", "no address"),
        ("https://[::1/", "no address"),
        ("https://huggingface.co/\x00", "no address"),
    ],
)
def test_some_addresses_are_never_asked(tmp_path: Path, url: str, said: str) -> None:
    hosts = (
        "huggingface.co",
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "169.254.169.254",
        "10.0.0.8",
        "localhost",
        "feeds.localhost",
        "narrow.example:8443",
    )
    with open_door(tmp_path, web_settings(None), transport=httpx.MockTransport(unreachable)) as door:
        with pytest.raises(AddressRefusedError, match=said) as raised:
            ask(door, url, hosts=hosts)
        assert [(row.failure, row.status) for row in door.drain()] == [("address refused", None)]
    assert raised.value.hint


@pytest.mark.parametrize("url", ["https://huggingface.co/api", "http://HuggingFace.co:8080/", "https://narrow.example:8443/"])
def test_a_host_allows_every_port_unless_it_names_one(tmp_path: Path, url: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=[]))
    with open_door(tmp_path, web_settings(None), transport=transport) as door:
        assert ask(door, url, hosts=("huggingface.co", "narrow.example:8443")).body == b"[]"


def test_hosts_of_the_settings_take_the_place_of_the_sources_own(tmp_path: Path) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=[]))
    settings = web_settings(None, table='hosts = ["mirror.example"]')
    with open_door(tmp_path, settings, transport=transport) as door:
        assert ask(door, "https://mirror.example/", hosts=("huggingface.co",)).status == 200
        with pytest.raises(AddressRefusedError):
            ask(door, "https://huggingface.co/", hosts=("huggingface.co",))


# -- names


class Names:
    """A name server of our own: the answers for NAME one after the other, the last for ever."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> tuple[str, ...]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("93.184.216.34", "127.0.0.1"), ("::ffff:127.0.0.1",), ("169.254.169.254",)])
def test_a_name_that_leads_inside_is_refused(tmp_path: Path, addresses: tuple[str, ...]) -> None:
    with ScriptedServer() as server:
        server.say("/feed", Reply.json([]))
        with (
            open_door(tmp_path, web_settings(None), transport=CheckedTransport(look_up=Names(addresses))) as door,
            pytest.raises(AddressRefusedError, match=NAME) as raised,
        ):
            ask(door, f"http://{NAME}:{server.port}/feed", hosts=(NAME,))
        assert server.seen == []
    assert "allow_private" in (raised.value.hint or "")


def test_the_address_that_was_checked_is_the_one_that_is_asked(tmp_path: Path) -> None:
    """One look-up a request: a second one, which could answer differently, is never made."""
    with ScriptedServer() as server:
        server.say("/feed", Reply.json([]))
        names = Names(("127.0.0.1",), ("93.184.216.34",))
        base = f"http://{NAME}:{server.port}"
        with open_door(tmp_path, web_settings(base), transport=CheckedTransport(look_up=names)) as door:
            assert ask(door, f"{base}/feed").url == f"{base}/feed"
        assert names.asked == [(NAME, server.port)]
        assert server.seen[0].headers["host"] == f"{NAME}:{server.port}"


def test_allow_private_lets_sources_answer_from_inside(tmp_path: Path) -> None:
    with ScriptedServer() as server:
        server.say("/feed", Reply.json([]))
        settings = web_settings(None, web="allow_private = true")
        with open_door(tmp_path, settings, transport=CheckedTransport(look_up=Names(("127.0.0.1",)))) as door:
            assert ask(door, f"http://{NAME}:{server.port}/feed", hosts=(NAME,)).body == b"[]"
            assert ask(door, f"{server.url}/feed", hosts=("127.0.0.1",)).body == b"[]"


def test_a_stand_in_opens_its_own_port_only(tmp_path: Path) -> None:
    with ScriptedServer() as stand_in, ScriptedServer() as neighbour:
        stand_in.say("/feed", Reply(302, headers={"Location": f"{neighbour.url}/secret"}))
        with open_door(tmp_path, web_settings(stand_in.url)) as door:
            with pytest.raises(RedirectRefusedError, match="none of the source's"):
                ask(door, f"{stand_in.url}/feed")
            with pytest.raises(RedirectRefusedError, match="private network"):
                ask(door, f"{stand_in.url}/feed", hosts=("127.0.0.1",))
        assert neighbour.seen == []


def test_the_next_address_is_tried_when_one_is_dead(tmp_path: Path) -> None:
    with ScriptedServer() as server:
        server.say("/feed", Reply.json([]))
        base = f"http://{NAME}:{server.port}"
        with open_door(tmp_path, web_settings(base), transport=CheckedTransport(look_up=Names(("::1", "127.0.0.1")))) as door:
            assert ask(door, f"{base}/feed").body == b"[]"


# -- certificates


def test_the_certificate_must_be_the_names_although_the_address_is_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trusted, context = certificate(tmp_path, NAME)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with ScriptedServer(tls=context) as server:
        server.say("/feed", Reply.json([]))
        server.say("/plain", Reply(302, headers={"Location": f"http://{NAME}/feed"}))
        good, other = f"https://{NAME}:{server.port}", f"https://other.example:{server.port}"
        with open_door(tmp_path, web_settings(good), transport=CheckedTransport(look_up=Names(("127.0.0.1",)))) as door:
            assert ask(door, f"{good}/feed").body == b"[]"
            with pytest.raises(RedirectRefusedError, match="from https to plain http"):
                ask(door, f"{good}/plain", hosts=(NAME,))
        with (
            open_door(tmp_path, web_settings(other), transport=CheckedTransport(look_up=Names(("127.0.0.1",)))) as door,
            pytest.raises(FetchError, match="certificate is not trusted") as raised,
        ):
            ask(door, f"{other}/feed")
        assert (raised.value.kind, raised.value.passing) == ("unreachable", False)
        assert len(server.seen) == 2


def test_certificates_that_cannot_be_read_are_told_before_anything_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "gone.pem"))
    with (
        pytest.raises(SettingsError, match=r"certificates cannot be read: .*No such file"),
        open_door(tmp_path, web_settings("https://a.example")),
    ):
        pass


# -- proxies


def test_proxies_of_the_environment_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    with ScriptedServer() as server:
        server.say("/feed", Reply.json([]))
        with open_door(tmp_path, web_settings(server.url)) as door:
            assert ask(door, f"{server.url}/feed").body == b"[]"


def test_a_configured_proxy_is_asked_for_the_sources_but_not_for_a_stand_in_here(tmp_path: Path) -> None:
    with ScriptedServer() as proxy, ScriptedServer() as stand_in:
        proxy.say("http://huggingface.co/api", Reply.json(["by proxy"]))
        stand_in.say("/api", Reply.json(["direct"]))
        settings = web_settings(stand_in.url, web=f'proxy = "{proxy.url}"')
        with open_door(tmp_path, settings) as door:
            assert ask(door, "http://huggingface.co/api", hosts=("huggingface.co",)).body == b'["by proxy"]'
            assert ask(door, f"{stand_in.url}/api").body == b'["direct"]'
        assert proxy.targets() == ["http://huggingface.co/api"]


@pytest.mark.parametrize("answer", [lambda: OSError("no such host"), lambda: UnicodeError("label too long")])
def test_a_name_without_an_address_is_unreachable(tmp_path: Path, answer: Callable[[], Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def look_up(*_: object, **__: object) -> object:
        raise answer()

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with open_door(tmp_path, web_settings(None)) as door, pytest.raises(FetchError, match="no answer") as raised:
        ask(door, f"https://{NAME}/feed", hosts=(NAME,))
    assert raised.value.kind == "unreachable"
