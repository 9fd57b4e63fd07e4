"""Who may ask: the decisions that keep other machines and other web pages out. Pure.

- Host: a page of a stranger can make its own name resolve to this machine (DNS rebinding); its
  requests then carry that name, which is none of ours.
- Origin and Sec-Fetch-Site: a page of a stranger can send requests here with the person's browser.
  Nothing but a link that is followed is answered to it, other ports of this machine included.
- Token: whoever comes over the network shows it, as a cookie, a bearer token, or once in the URL.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl

from serving.problems import Problem

LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "::1"))
SAFE_METHODS = frozenset(("GET", "HEAD"))
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

    @property
    def cookie(self) -> str:
        """The name of the cookie: cookies do not tell ports apart, so their names have to."""
        return f"clipseek-{self.port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def refusal(
    endpoint: Endpoint, method: str, path: str, headers: Mapping[str, str]
) -> Problem | None:
    """Why a request is refused whatever it asks for; None where it is let in.

    `headers` has lower-case names. The token is not looked at here.
    """
    if not host_is_ours(endpoint, headers.get("host", "")):
        return Problem(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"this server is not {headers.get('host', '')[:100]!r}; use the address that "
            "clipseek serve printed",
        )
    if not origin_is_ours(method, path, headers):
        return Problem(
            HTTPStatus.FORBIDDEN,
            "another web page asked for this; open the page of clipseek serve itself",
        )
    return None


def host_is_ours(endpoint: Endpoint, host: str) -> bool:
    """Whether a Host header names this server. Names that we do not know may be a stranger's."""
    name, port = _split(host)
    if port != endpoint.port:
        return False
    if name in LOOPBACK_NAMES or name == endpoint.name.lower():
        return True
    # Reached by number no name was resolved, so none was rebound.
    address = _address(name)
    return address is not None and not is_loopback(endpoint.host)


def origin_is_ours(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from our own page, from the address bar, a link, or no browser."""
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{headers.get('host', '')}":
        return False
    site = headers.get("sec-fetch-site", "none")
    if site in ("same-origin", "none"):
        return True
    followed = headers.get("sec-fetch-mode") == "navigate" and method in SAFE_METHODS
    return followed and not path.startswith("/api/")


def token_is_shown(endpoint: Endpoint, path: str, query: str, headers: Mapping[str, str]) -> bool:
    """Whether a request carries the token, where one is asked for."""
    if endpoint.token is None or path.startswith(OPEN_PATHS):
        return True
    shown = [token_in_query(query), _bearer(headers.get("authorization", ""))]
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(endpoint.cookie)
    except CookieError:
        cookie = None
    shown.append(cookie.value if cookie else "")
    return any(hmac.compare_digest(text.encode(), endpoint.token.encode()) for text in shown)


def token_in_query(query: str) -> str:
    """The token in a URL's query; "" without one."""
    return dict(parse_qsl(query)).get("token", "")


def _bearer(authorization: str) -> str:
    scheme, _, value = authorization.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def _split(host: str) -> tuple[str, int]:
    """Name and port of a Host header, the name in lower case and without brackets."""
    name, separator, port = host.lower().rpartition(":")
    if not separator or host.endswith("]"):
        name, port = host.lower(), "80"
    is_number = port.isascii() and port.isdigit() and len(port) <= 5
    return name.strip("[]"), int(port) if is_number else -1


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
