"""Connections to addresses that were looked up and checked here, so that a name cannot lead inside.

A name that is checked and then looked up again by the connecting library can answer differently the second
time (DNS rebinding). So the name is looked up once, every address it has must be public, and the connection
goes to one of those addresses, with the name in the Host header and in the certificate check.

Proxies and .netrc of the environment are not read: a proxy looks names up itself, which would void the
check, and a proxy variable set for something else would send a stand-in on this machine's loopback away. A
network whose only way out is a proxy names it in `[web] proxy`; then the proxy is trusted with that check.
Certificates of the environment (SSL_CERT_FILE) do count.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import httpx

from triage.errors import AddressRefusedError, SettingsError
from triage.web.policy import is_public, is_public_host

__all__ = ["CheckedTransport", "look_up"]

LookUp = Callable[[str, int], Awaitable[tuple[str, ...]]]

_MOST_ADDRESSES = 4  # tried one after the other; big sites have dozens
_IDLE = httpx.Limits(max_connections=8, max_keepalive_connections=2, keepalive_expiry=30)  # pacing allows fewer at once


async def look_up(host: str, port: int) -> tuple[str, ...]:
    """The IP addresses of a name, in the system's order of preference (RFC 6724). Raises OSError when it has none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:  # a label that is empty or too long
        raise OSError(f"{host[:100]!r} is no host name") from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class CheckedTransport(httpx.AsyncBaseTransport):
    """httpx's transport behind the look-up and the check. One pool of connections a host name.

    A request whose extension `private_allowed` is true may go to a private address. Raises
    AddressRefusedError, else what httpx raises; SettingsError when the environment's certificates cannot be read.
    """

    def __init__(self, *, proxy: str = "", look_up: LookUp = look_up) -> None:
        self._proxy = proxy
        self._look_up = look_up
        try:
            self._tls = httpx.create_ssl_context()
        except OSError as error:
            hint = "check SSL_CERT_FILE and SSL_CERT_DIR in the environment"
            raise SettingsError(f"the trusted certificates cannot be read: {error}", hint=hint) from error
        self._pools: dict[str, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        if self._proxy and is_public_host(host):
            return await self._pool(host, self._proxy).handle_async_request(request)
        addresses = await self._addresses(request)
        if not request.extensions.get("private_allowed") and not all(map(is_public, addresses)):
            # also when only one is private: a public name has no such address, unless somebody tries it on
            raise AddressRefusedError(
                f"{host} leads to an address on a private network or this machine ({', '.join(addresses[:_MOST_ADDRESSES])})",
                url=str(request.url),
                hint="[web] allow_private = true allows it; a stand-in named in base_url is always allowed",
            )
        pool = self._pool(host)
        *others, last = addresses[:_MOST_ADDRESSES]
        for address in others:
            with contextlib.suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await pool.handle_async_request(_at(request, address))
        return await pool.handle_async_request(_at(request, last))

    async def _addresses(self, request: httpx.Request) -> tuple[str, ...]:
        seconds = request.extensions.get("timeout", {}).get("connect")
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        try:
            async with asyncio.timeout(seconds):
                addresses = await self._look_up(request.url.host, port)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("no answer from the name server", request=request) from error
        except OSError as error:
            raise httpx.ConnectError(f"the host has no address ({error.strerror or error})", request=request) from error
        if not addresses:
            raise httpx.ConnectError("the host has no address", request=request)
        return addresses

    def _pool(self, host: str, proxy: str | None = None) -> httpx.AsyncHTTPTransport:
        # by name, not by address: two names behind one address (a CDN) have certificates of their own
        if host not in self._pools:
            self._pools[host] = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, limits=_IDLE, proxy=proxy)
        return self._pools[host]

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()


def _at(request: httpx.Request, address: str) -> httpx.Request:
    """The same request, sent to `address`; the Host header is already there and stays."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )
