"""Fetching a file from an address that came with a citizen's message: never from inside our network.

An address is followed only to http and https, and only to addresses of the public Internet. The name is resolved once
and the connection goes to that very address, so that a name which resolves differently a moment later gains nothing.
Each redirect is checked the same way. Hosts that are configured (an API, a media host) are exempt: they may be inside.
A bearer token goes to configured hosts only.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Collection
from typing import TYPE_CHECKING, Any

from connectors.base import AccountTrouble, Final, Transient

if TYPE_CHECKING:
    import httpx

MOST_REDIRECTS = 3
FETCH_SECONDS = 110.0  # the whole file
CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
_REDIRECTS = (301, 302, 303, 307, 308)
_PORTS = {"http": 80, "https": 443}
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public Internet; also not one that merely wraps an inner IPv4 address."""
    try:
        found: Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    for one in _with_wrapped(found):
        inside = one.is_private or one.is_loopback or one.is_link_local or one.is_multicast or one.is_unspecified
        site_local = isinstance(one, ipaddress.IPv6Address) and one.is_site_local  # fec0::/10, withdrawn (RFC 3879)
        if inside or site_local or one.is_reserved or not one.is_global:
            return False
    return True


def _with_wrapped(address: Address) -> list[Address]:
    """The address, or the IPv4 addresses that it stands for (mapped, NAT64), or both (6to4, Teredo)."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    wrapped: list[Address] = [address]
    if address.sixtofour is not None:
        wrapped.append(address.sixtofour)
    if address.teredo is not None:
        wrapped += address.teredo
    return wrapped


def place(url: str) -> str:
    """`host:port` of a URL, as hosts are configured; empty where it has none."""
    import httpx

    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, UnicodeError):
        return ""
    return _place(parsed) if parsed.host else ""


def _place(url: httpx.URL) -> str:
    return f"{url.host.rstrip('.').lower()}:{url.port or _PORTS.get(url.scheme, 0)}"


async def fetch(
    url: str,
    limit: int,
    *,
    configured: Collection[str] = (),
    bearer: str | None = None,
    insecure: bool = False,
    seconds: float = FETCH_SECONDS,
) -> AsyncIterator[bytes]:
    """The bytes at an address, in pieces. `configured` are `host:port` (see `place`) that may be inside.

    With a bearer, nothing but configured hosts is asked, and only over https unless `insecure`.
    Raises `Final` (refused, gone, larger than `limit`), `AccountTrouble` (a host that may not have the bearer, 401) or
    `Transient`. No text of an error holds the address.
    """
    import httpx

    deadline = asyncio.get_running_loop().time() + seconds
    # Compression is declined and the bytes are taken as they come: a small answer cannot become a large one.
    headers = {"Accept-Encoding": "identity"}
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    async with httpx.AsyncClient(timeout=timeout, trust_env=False, headers=headers) as client:
        try:
            async with asyncio.timeout_at(deadline):
                response = await _open(client, url, configured, bearer, insecure)
            try:
                _check(response, limit)
                body, size = response.aiter_raw(), 0
                while True:
                    async with asyncio.timeout_at(deadline):
                        piece = await anext(body, None)
                    if piece is None:
                        return
                    size += len(piece)
                    if size > limit:
                        raise Final("larger than the limit")
                    yield piece
            finally:
                await response.aclose()
        except TimeoutError:
            raise Transient("the file did not come in time") from None
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise Transient(f"the file does not come: {type(error).__name__}") from None


async def _open(
    client: httpx.AsyncClient, url: str, configured: Collection[str], bearer: str | None, insecure: bool
) -> httpx.Response:
    """The answer behind at most three redirects, its body unread."""
    import httpx

    for _ in range(MOST_REDIRECTS + 1):
        try:
            target = httpx.URL(url)
        except (httpx.InvalidURL, ValueError, UnicodeError):
            raise Final("refused: not an address") from None
        request = await _request(client, target, configured, bearer, insecure)
        response = await client.send(request, stream=True)
        if response.status_code not in _REDIRECTS:
            return response
        location = response.headers.get("location", "")
        await response.aclose()
        try:
            url = str(target.join(location))
        except (httpx.InvalidURL, ValueError, UnicodeError):
            raise Final("refused: redirected to what is no address") from None
    raise Final("refused: too many redirects")


async def _request(
    client: httpx.AsyncClient, url: httpx.URL, configured: Collection[str], bearer: str | None, insecure: bool
) -> httpx.Request:
    if url.scheme not in _PORTS or not url.host:
        raise Final("refused: neither http nor https")
    if url.userinfo:
        raise Final("refused: a password in the address")
    known = _place(url) in configured
    if bearer is not None:
        if not known:
            raise AccountTrouble(f"the file is at {url.host[:100]}, which is not in media_hosts: no token goes there")
        if url.scheme != "https" and not insecure:
            raise AccountTrouble(f"the file is at {url.host[:100]} without https: no token goes there")
        return client.build_request("GET", url, headers={"Authorization": f"Bearer {bearer}"})
    if known:
        return client.build_request("GET", url)
    address = await _resolve(url.host, url.port or _PORTS[url.scheme])
    # To the address that was checked; TLS still asks for, and verifies, the name.
    extensions: dict[str, Any] = {"sni_hostname": url.host} if url.scheme == "https" else {}
    default = url.port is None or url.port == _PORTS[url.scheme]
    name = f"[{url.host}]" if ":" in url.host else url.host
    host = name if default else f"{name}:{url.port}"
    return client.build_request("GET", url.copy_with(host=address), headers={"Host": host}, extensions=extensions)


async def _resolve(host: str, port: int) -> str:
    """One public address of the host. Raises `Final` when any of its addresses is not public."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise Final("refused: not a host name") from None
    except OSError:
        raise Transient("the file's host has no address now") from None
    addresses = [str(one[4][0]) for one in found]
    if not addresses or not all(map(is_public, addresses)):
        raise Final("refused: the address leads inside")
    return next((one for one in addresses if ":" not in one), addresses[0])  # many machines have no IPv6 to the outside


def _check(response: httpx.Response, limit: int) -> None:
    status = response.status_code
    if status == 401:
        raise AccountTrouble("the media host refuses the token (401)")
    if status == 429 or status >= 500:
        raise Transient(f"the file does not come ({status})")
    if status != 200:
        raise Final(f"the file is gone ({status})")
    if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise Final("refused: compressed, though that was declined")
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise Final("larger than the limit")
