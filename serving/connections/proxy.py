"""What stands before the server: the names, the path and the proxies it is told of. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from searchengine.errors import InputError

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?)(:[0-9]{1,5})?")
_LAST_DOT = re.compile(r"(?<=[^.])\.(?=(:[0-9]*)?$)")
_BASE = re.compile(r"(/[A-Za-z0-9._~-]+)+")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Proxy:
    """What stands before the server; nothing by default."""

    hosts: tuple[str, ...] = ()
    """Further names it is called by, in lower case, with a port or without."""
    base: str = ""
    """The path under which all of it is, as in "/photos"."""
    trusted: tuple[Network, ...] = ()
    """From where X-Forwarded-Host and X-Forwarded-Proto are believed."""


def without_base(base: str, path: str) -> str:
    """A path as this server knows it, whether a proxy has taken its base path off or not.

    >>> without_base("/photos", "/photos/api/info"), without_base("/photos", "/photoshop")
    ('/api/info', '/photoshop')
    """
    if base and path == base:
        return "/"
    return path[len(base) :] if base and path.startswith(f"{base}/") else path


def read_proxy(hosts: Sequence[str], base: str, trusted: Sequence[str]) -> Proxy:
    """What somebody says of the proxy before the server. Raises InputError for what is none."""
    return Proxy(
        hosts=tuple(_read_host(host) for host in hosts),
        base=_read_base(base),
        trusted=tuple(network for text in trusted for network in _read_networks(text)),
    )


def _read_host(text: str) -> str:
    try:
        host = text.strip().encode("idna").decode("ascii").lower()
    except UnicodeError:
        host = ""
    if not _HOST.fullmatch(host) or (has_port(host) and split_host(host)[1] < 0):
        raise InputError(
            f"--allow-host takes a name as in a web address, photos.example.org or "
            f"photos.example.org:8443; not {text!r}"
        )
    return host


def _read_base(text: str) -> str:
    base = text.strip().rstrip("/")
    if base and (not _BASE.fullmatch(base) or {".", ".."} & set(base.split("/"))):
        raise InputError(f"--base-path takes a path that begins with /, as /photos; not {text!r}")
    return base


def _read_networks(text: str) -> list[Network]:
    names = ["127.0.0.0/8", "::1"] if text == "loopback" else [text]
    try:
        return [ipaddress.ip_network(name, strict=False) for name in names]
    except ValueError as error:
        raise InputError(
            f"--trust-proxy takes loopback, an address or a network, as 172.17.0.0/16; not {text!r}"
        ) from error


def undotted(host: str) -> str:
    """A host, or an origin, without the dot that ends a whole name.

    >>> undotted("photos.example.org.:8765"), undotted("localhost")
    ('photos.example.org:8765', 'localhost')
    """
    return _LAST_DOT.sub("", host)


def has_port(host: str) -> bool:
    """Whether a host says its port too."""
    return ":" in host.rpartition("]")[2]


def split_host(host: str) -> tuple[str, int]:
    """Name and port of a Host header, the name in lower case and without brackets.

    The port is -1 where it is no number.
    """
    name, separator, port = host.lower().rpartition(":")
    if not separator or host.endswith("]"):
        name, port = host.lower(), "80"
    is_number = port.isascii() and port.isdigit() and len(port) <= 5
    return name.strip("[]"), int(port) if is_number else -1


def ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host is, IPv4 where it is that inside IPv6; None for a name."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
