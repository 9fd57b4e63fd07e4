"""Who may ask: the decisions that keep other machines and other web pages out. Pure.

- Host: a page of a stranger can make its own name resolve to this machine (DNS rebinding); its
  requests then carry that name, which is none of ours.
- Origin and Sec-Fetch-Site: a page of a stranger can send requests here with the person's browser.
  Nothing but a link that is followed is answered to it, other ports of this machine included.
- Pages that were named: they may read what the API answers, and change nothing.
- Token: whoever comes over the network shows it, as a cookie, a bearer token, or once in the URL.
- Index runs read folders: who comes over a proxy shows the token too.
- Proxy: what stands before this server may be asked for by other names, over https. These names are
  told beforehand; what a proxy says of the request is believed of those that are named.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, unquote_plus

from searchengine.errors import InputError
from serving.connections.proxy import Proxy, has_port, ip_address, split_host, undotted
from serving.problems import Problem

LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))
SAFE_METHODS = frozenset(("GET", "HEAD"))
ASKING_BY_POST = frozenset(
    f"/api/{name}" for name in ("search", "searches", "vectors", "describe", "pictures", "archive")
)
"""Where POST asks, and changes nothing of the library."""

_ORIGIN = re.compile(r"https?://[^/?#@\s*]+", re.IGNORECASE)

OPEN_PATHS = ("/static/",)
"""What the page that asks for the token needs itself; it tells nothing of the library."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # Not "no-referrer", under which browsers send "Origin: null" with our own forms.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


NO_PROXY = Proxy()

FORWARDING = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers of what came through a proxy."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the server listens, and what it asks of those who come."""

    host: str
    """What it listens on: a name or an address."""
    name: str
    """What it is called in addresses."""
    port: int
    token: str | None
    """None only on a loopback address."""
    proxy: Proxy = NO_PROXY
    origins: frozenset[str] = frozenset()
    """Of other web pages that may ask the API."""

    @property
    def cookie(self) -> str:
        """The name of the cookie: cookies do not tell ports apart, so their names have to."""
        return f"clipseek-{self.port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    address = ip_address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as far as it decides whether it is answered."""

    method: str
    path: str
    """Without the base path of a proxy."""
    query: str
    headers: Mapping[str, str]
    """With lower-case names."""
    scheme: str = "http"
    """As the person's browser has it: "https" only where a trusted proxy says so."""

    @property
    def is_preflight(self) -> bool:
        """Whether a browser asks beforehand what another web page may."""
        return self.method == "OPTIONS" and "access-control-request-method" in self.headers

    @property
    def intended(self) -> str:
        """The method that it is about."""
        asked_for = self.headers.get("access-control-request-method", "")
        return asked_for if self.is_preflight else self.method

    @property
    def host(self) -> str:
        """What the server was called, without a dot at its end; "" where nothing was said."""
        return undotted(self.headers.get("host", "").lower())


def as_forwarded(proxy: Proxy, asked: Asked, peer: str | None) -> Asked:
    """The request as it came to the proxy, if it is one that is trusted. `peer` is an address."""
    address = ip_address(peer or "")
    if address is None or not any(address in network for network in proxy.trusted):
        return asked
    said = {name: _last(asked.headers.get(f"x-forwarded-{name}", "")) for name in ("host", "proto")}
    headers = {**asked.headers, "host": said["host"] or asked.host}
    scheme = "https" if said["proto"].lower() == "https" else asked.scheme
    return replace(asked, headers=headers, scheme=scheme)


def refusal(endpoint: Endpoint, asked: Asked) -> Problem | None:
    """Why a request is refused whatever it asks for; None where it is let in.

    The token is not looked at here.
    """
    if not host_is_ours(endpoint, asked.host):
        return Problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"this server is not {asked.host[:100]!r}; use the address that clipseek serve "
            "printed, or have it answer to that name with --allow-host",
        )
    if not (origin_is_ours(endpoint, asked) or is_named(endpoint, asked)):
        return Problem(
            HTTPStatus.FORBIDDEN,
            "another web page asked for this; open the page of clipseek serve itself",
        )
    return None


def may_index(endpoint: Endpoint, headers: Mapping[str, str]) -> bool:
    """Whether who is let in may have folders of this machine indexed: from it, or with the token.

    Through a proxy, which need not say that it is one, anybody may come as from this machine.
    `headers` have lower-case names.
    """
    if endpoint.token is not None:
        return True
    return endpoint.proxy == NO_PROXY and not any(name in headers for name in FORWARDING)


def host_is_ours(endpoint: Endpoint, host: str) -> bool:
    """Whether a Host header names this server. Names that we do not know may be a stranger's."""
    if is_allowed(endpoint, host):
        return True
    name, port = split_host(host)
    if port != endpoint.port:
        return False
    if name in LOOPBACK_NAMES or name == endpoint.name.lower():
        return True
    # Reached by number no name was resolved, so none was rebound.
    address = ip_address(name)
    return address is not None and not is_loopback(endpoint.host)


def is_allowed(endpoint: Endpoint, host: str) -> bool:
    """Whether a Host header is a name that the server was told: with any port, or with its own."""
    host = host.lower()
    name, port = split_host(host)
    for allowed in endpoint.proxy.hosts:
        own_name, own_port = split_host(allowed)
        fits = not has_port(allowed) or port in (own_port, 80)
        if name == own_name and port >= 0 and fits:
            return True
    return False


def origin_is_ours(endpoint: Endpoint, asked: Asked) -> bool:
    """Whether a request comes from our own page, from the address bar, a link, or no browser."""
    origin = asked.headers.get("origin")
    if origin is not None and undotted(origin.lower()) not in _own_origins(endpoint, asked.host):
        return False
    site = asked.headers.get("sec-fetch-site", "none")
    if site in ("same-origin", "none"):
        return True
    followed = asked.headers.get("sec-fetch-mode") == "navigate" and asked.method in SAFE_METHODS
    return followed and not asked.path.startswith("/api/")


def read_origins(given: Sequence[str]) -> frozenset[str]:
    """The origins of web pages as they were named. Raises InputError for what is none."""
    for origin in given:
        if not _ORIGIN.fullmatch(origin):
            raise InputError(
                f"{origin!r} is no origin of a web page; write it as browsers do, as in "
                "https://photos.example.org or http://localhost:3000"
            )
    return frozenset(origin.lower() for origin in given)


def is_named(endpoint: Endpoint, asked: Asked) -> bool:
    """Whether another web page asks that was named, for what it may have: answers of the API.

    It may change nothing: not what is in albums, nor what is indexed.
    """
    is_asking = asked.intended in SAFE_METHODS or (
        asked.intended == "POST" and asked.path in ASKING_BY_POST
    )
    origin = asked.headers.get("origin", "").lower()
    return is_asking and origin in endpoint.origins and asked.path.startswith("/api/")


def headers_for(asked: Asked) -> dict[str, str]:
    """What tells the browser that a named web page may read an answer."""
    headers = {
        "access-control-allow-origin": asked.headers["origin"],
        "cross-origin-resource-policy": "cross-origin",
        "vary": "origin",
    }
    if asked.is_preflight:
        headers["access-control-allow-methods"] = asked.intended
        headers["access-control-allow-headers"] = "authorization, content-type, range"
        headers["access-control-max-age"] = "600"
    return headers


def _own_origins(endpoint: Endpoint, host: str) -> set[str]:
    """The origins of our page where it is called `host`: over https only by a name we were told.

    A proxy may leave out the port that the browser has.
    """
    if not is_allowed(endpoint, host):
        return {f"http://{host}"}
    names = {
        host,
        *(name for name in endpoint.proxy.hosts if split_host(name)[0] == split_host(host)[0]),
    }
    return {f"{scheme}://{name}" for scheme in ("http", "https") for name in names}


def token_is_shown(endpoint: Endpoint, asked: Asked) -> bool:
    """Whether a request carries the token, where one is asked for."""
    if endpoint.token is None or asked.path.startswith(OPEN_PATHS):
        return True
    try:
        cookie = SimpleCookie(asked.headers.get("cookie", "")).get(endpoint.cookie)
    except CookieError:
        cookie = None
    token = endpoint.token.encode()
    shown = (
        (token_in_query(asked.query).encode(errors="replace"), token),
        # Headers are read as Latin-1, whatever their bytes mean.
        (_bearer(asked.headers.get("authorization", "")).encode("latin-1", "replace"), token),
        (cookie.value.encode(errors="replace") if cookie else b"", cookie_value(endpoint).encode()),
    )
    return sum(hmac.compare_digest(given, wanted) for given, wanted in shown) > 0


def cookie_value(endpoint: Endpoint) -> str:
    """The token as a cookie holds it, in ASCII."""
    return quote(endpoint.token or "", safe="")


def token_in_query(query: str) -> str:
    """The token in a URL's query; "" without one."""
    return dict(parse_qsl(query)).get("token", "")


def without_token(query: str) -> str:
    """A URL's query without the token, the rest of it as it was.

    >>> without_token("q=a+b&token=secret&x=%20")
    'q=a+b&x=%20'
    """
    parts = [part for part in query.split("&") if part]
    return "&".join(part for part in parts if unquote_plus(part.partition("=")[0]) != "token")


def _last(values: str) -> str:
    """Of several that proxies have added one after another, that of the nearest."""
    return values.rpartition(",")[2].strip()


def _bearer(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""
