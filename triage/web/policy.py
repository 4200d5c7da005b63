"""Which addresses may be asked: only http(s), only a source's own hosts, nothing on a private network.

A request's address is made by a source, but the next page's address and every redirect come from outside.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import httpx

from triage.settings import SourceSettings, WebSettings

__all__ = ["Policy", "is_public", "policy_for"]

_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's own.

    Not so are loopback, private, link-local (cloud metadata), shared, reserved, unspecified and multicast ones,
    nor IPv6 addresses that wrap such an IPv4 address (mapped, 6to4, Teredo, NAT64).
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if ip in _NAT64:
            wrapped.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        inner = [str(v4) for v4 in wrapped if v4 is not None]
        if inner:
            return all(is_public(v4) for v4 in inner)
    return ip.is_global and not ip.is_multicast


@dataclass(frozen=True)
class Policy:
    """What one source may ask.

    `allowed` holds hosts ("host" with any port, "host:port" with that port only), `own` the "host:port" of a
    configured base_url, which may be private; `allow_private` lifts that bar for all.
    """

    allowed: frozenset[str]
    own: str | None
    allow_private: bool

    def objection(self, url: httpx.URL) -> str | None:
        """Why `url` must not be asked; None when it may. Names are looked up later, by the transport."""
        if url.scheme not in _PORTS:
            return f"only http and https are asked, not {url.scheme[:20]!r}"
        if url.userinfo:
            return "an address with a user name or password"
        if url.port is not None and not 0 < url.port < 65_536:
            return f"there is no port {url.port}"
        if not url.host or (url.host not in self.allowed and _place(url) not in self.allowed):
            return f"host {_place(url)[:100]!r} is none of the source's ({', '.join(sorted(self.allowed))})"
        if not self.private_allowed(url) and not is_public_host(url.host):
            return "an address on a private network or this machine"
        return None

    def private_allowed(self, url: httpx.URL) -> bool:
        """Whether the host of `url` may turn out to be on a private network."""
        return self.allow_private or _place(url) == self.own


def is_public_host(host: str) -> bool:
    """False for a private IP address and for the names of this machine; other names are True until looked up."""
    try:
        return is_public(host)
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")


def policy_for(web: WebSettings, table: SourceSettings, hosts: tuple[str, ...]) -> Policy:
    """The hosts of the source, or those its settings name instead, and the configured base_url's."""
    allowed = set(hosts if table.hosts is None else table.hosts)
    own = None
    if table.base_url is not None:
        own = _place(httpx.URL(table.base_url))
        allowed.add(own)
    return Policy(frozenset(allowed), own, web.allow_private)


def _place(url: httpx.URL) -> str:
    return f"{url.host}:{url.port or _PORTS.get(url.scheme, 0)}"
