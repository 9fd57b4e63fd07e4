"""Listening: the endpoint is chosen, the application run, until it is stopped."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from searchengine.errors import InputError, MissingExtraError, reason_of
from serving.access import NO_PROXY, Endpoint, is_loopback
from serving.connections.crowd import BoundedListener, Crowd
from serving.connections.limits import Limits, limits_here
from serving.connections.proxy import Proxy

BACKLOG = 128
"""Connections that may wait to be taken."""

SEND_BUFFER = 256 * 2**10
"""Bytes that the system holds for a client that reads slowly. Left to itself it takes megabytes,
and shows no progress until a third of them is gone."""

GRACE_SECONDS = 2
"""How long answers under way are waited for after Ctrl-C."""

EVERY_ADDRESS = ("0.0.0.0", "::")
"""Listening on all addresses of this machine."""

MIN_TOKEN = 16
"""Characters of a token that somebody chose: fewer could be tried out."""


def serve(
    library: str | Path | None,
    *,
    host: str,
    port: int,
    listening: Callable[[str], None],
    proxy: Proxy = NO_PROXY,
    limits: Limits | None = None,
    index_command: Sequence[str] = (),
    origins: frozenset[str] = frozenset(),
    create: bool = False,
) -> None:
    """Serve a library until SIGINT or SIGTERM; with `create` an empty one is made where none is.

    `listening` is told the address of the page, token and all, when requests are taken. Any thread
    of the server may read the library while another process writes it. `proxy` is what stands
    before the server; `limits` are those of its connections, for this process without;
    `index_command` indexes the folders that people name on the page; web pages of `origins` may ask
    the API. Raises InputError where the address cannot be listened on or the token is too short,
    MissingExtraError without the packages of the `web` extra, and the library's errors.
    """
    try:
        import uvicorn

        from serving.app import make_app
        from serving.connections.timed import TimedProtocol
    except ImportError as error:
        what = "clipseek serve needs starlette, uvicorn and jinja2"
        raise MissingExtraError(what, "web") from error
    from searchengine.library.cached.opening import following
    from searchengine.library.library import open_library
    from serving.thumbnails import default_cache

    crowd = Crowd(limits or limits_here())
    with (
        open_library(library, create=create) as opened,
        following(opened),
        BoundedListener(listen(host, port), crowd) as listener,
    ):
        endpoint = choose_endpoint(host, listener.getsockname()[1], proxy, origins)
        config = uvicorn.Config(
            make_app(opened, endpoint, default_cache(), index_command),
            # uvicorn makes one of these for each connection.
            http=cast(Any, partial(TimedProtocol, crowd=crowd)),
            ws="none",
            log_level="error",  # what strangers send is no news
            access_log=False,
            proxy_headers=False,  # who asks is who is connected
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        listening(address_of(endpoint))
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:  # how a server is meant to end
            return


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises InputError with the reason why there can be none."""
    name = host.strip("[]")
    try:
        family = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((name, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host}:{port}: {reason_of(error)}; choose another --port or --host"
        ) from error
    # Inherited by every connection. Without it each answer to a connection that stays open waits
    # 40 ms: its body is held back until the other side has acknowledged its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return listener


def choose_token(host: str, proxy: Proxy = NO_PROXY) -> str | None:
    """None on this machine's own address; else $CLIPSEEK_TOKEN, or a new one.

    Behind a proxy on this machine $CLIPSEEK_TOKEN alone counts: proxies ask who comes themselves.
    Raises InputError for one that could be guessed, or cannot be typed.
    """
    chosen = os.environ.get("CLIPSEEK_TOKEN")
    if is_loopback(host) and not (proxy.hosts and chosen):
        return None
    if chosen is not None and not chosen.isprintable():
        raise InputError("CLIPSEEK_TOKEN holds characters that cannot be printed; choose another")
    if chosen is not None and len(chosen) < MIN_TOKEN:
        raise InputError(
            f"CLIPSEEK_TOKEN has {len(chosen)} characters; use {MIN_TOKEN} or more, or unset it "
            "for a new one"
        )
    return chosen or secrets.token_urlsafe(24)


def choose_endpoint(
    host: str, port: int, proxy: Proxy = NO_PROXY, origins: frozenset[str] = frozenset()
) -> Endpoint:
    """What is asked of those who come to this address. Raises InputError as `choose_token`."""
    bare = host.strip("[]")
    name = socket.gethostname() if bare in EVERY_ADDRESS else bare
    return Endpoint(bare, name, port, choose_token(host, proxy), proxy, origins)


def address_of(endpoint: Endpoint) -> str:
    """What to open in a browser."""
    name = f"[{endpoint.name}]" if ":" in endpoint.name else endpoint.name
    query = f"?token={quote(endpoint.token, safe='')}" if endpoint.token else ""
    return f"http://{name}:{endpoint.port}{endpoint.proxy.base}/{query}"
