"""Who is kept out of `clipseek serve`, and what they cannot send. Every case is an attack."""

from __future__ import annotations

import asyncio
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image
from starlette.types import ASGIApp, Receive, Scope, Send

from searchengine.errors import InputError
from serving.access import (
    POLICY,
    Asked,
    Endpoint,
    as_forwarded,
    host_is_ours,
    is_loopback,
    refusal,
    token_is_shown,
)
from serving.app import Guard
from serving.connections.proxy import read_proxy
from serving.pictures import MAX_BYTES
from serving.server import address_of, choose_endpoint, choose_token
from tests.conftest import Workbench
from tests.support.serving import HERE, PORT, png, visit

TOKEN = "a-token-of-some-length"
OUT = Endpoint("0.0.0.0", "desk.lan", PORT, TOKEN)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8765", 200),
        ("localhost:8765", 200),
        ("LOCALHOST:8765", 200),
        ("localhost.:8765", 200),
        ("localhost..:8765", 421),
        (".:8765", 421),
        ("evil.example.:8765", 421),
        ("[::1]:8765", 200),
        ("evil.example:8765", 421),
        ("evil.example", 421),
        ("127.0.0.1.evil.example:8765", 421),
        ("localhost.evil.example:8765", 421),
        ("127.0.0.1:80", 421),
        ("127.0.0.1", 421),
        ("127.0.0.1:" + "8" * 5000, 421),
        ("192.168.1.5:8765", 421),
        ("", 421),
    ],
)
def test_a_name_that_is_not_ours_is_refused(colours: Workbench, host: str, status: int) -> None:
    """DNS rebinding: a stranger's page makes its own name resolve to this machine."""
    with visit(colours) as client:
        for path in ("/", "/api/search?q=red", "/static/style.css"):
            assert client.get(path, headers={"host": host}).status_code == status


def test_on_all_addresses_numbers_and_the_own_name_are_ours() -> None:
    for host, ours in (
        ("desk.lan:8765", True),
        ("192.168.1.5:8765", True),
        ("[fe80::1]:8765", True),
        ("localhost:8765", True),
        ("evil.example:8765", False),
        ("desk.lan.evil.example:8765", False),
    ):
        assert host_is_ours(OUT, host) is ours, host


CROSS_SITE = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:3000"},
    {"origin": "https://127.0.0.1:8765"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
]


@pytest.mark.parametrize("headers", CROSS_SITE)
@pytest.mark.parametrize("path", ["/api/pictures", "/api/search", "/api/describe", "/pictures"])
def test_another_page_can_send_nothing(
    colours: Workbench, path: str, headers: dict[str, str]
) -> None:
    with visit(colours) as client:
        answer = client.post(path, files={"image": png("red")}, headers=headers)
        assert answer.status_code == 403
        assert answer.json()["detail"].startswith("another web page asked for this")


@pytest.mark.parametrize("headers", CROSS_SITE)
@pytest.mark.parametrize("path", ["/api/search?q=red", "/api/images/1/file", "/api/info"])
def test_another_page_can_read_nothing(
    colours: Workbench, path: str, headers: dict[str, str]
) -> None:
    """As `<img src>` or `<script src>` it would tell whether a picture is there."""
    with visit(colours) as client:
        assert client.get(path, headers=headers).status_code == 403


def test_our_own_page_a_link_and_a_program_are_let_in(colours: Workbench) -> None:
    own = {"origin": "http://127.0.0.1:8765", "sec-fetch-site": "same-origin"}
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    with visit(colours) as client:
        upload = {"image": png("red")}
        assert client.post("/api/pictures", files=upload, headers=own).status_code == 201
        assert client.post("/api/pictures", files=upload).status_code == 201
        assert client.get("/?q=red", headers=link).status_code == 200


def test_no_other_page_is_allowed_by_cors(colours: Workbench) -> None:
    with visit(colours) as client:
        answer = client.options(
            "/api/search",
            headers={"origin": "http://evil.example", "access-control-request-method": "POST"},
        )
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_every_answer_has_the_headers(colours: Workbench) -> None:
    with visit(colours) as client:
        answers = [
            client.get("/"),
            client.get("/?q=red&after=never"),
            client.get("/nothing"),
            client.get("/api/images/1/thumbnail"),
            client.get("/static/main.js"),
            client.get("/", headers={"host": "evil.example"}),
        ]
    for answer in answers:
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "unsafe" not in POLICY


def test_another_address_needs_a_token() -> None:
    assert choose_token("127.0.0.1") is choose_token("localhost") is choose_token("::1") is None
    first, second = choose_endpoint("0.0.0.0", 1).token, choose_endpoint("192.168.1.5", 1).token
    assert first
    assert second
    assert first != second
    assert len(first) >= 32
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("desk.lan")


def test_without_the_token_nothing_is_told(colours: Workbench) -> None:
    with visit(colours, OUT) as client:
        for path in (
            "/",
            "/?token=wrong",
            "/api/search?q=red",
            "/api/images/1/file",
            "/api/health",
        ):
            answer = client.get(path)
            assert answer.status_code == 401, path
            assert "red" not in answer.text
        for headers in (
            {"authorization": "Bearer wrong"},
            {"authorization": TOKEN},
            {"cookie": f"clipseek-{PORT}=wrong"},
            {"cookie": f"other={TOKEN}"},
        ):
            assert client.get("/api/info", headers=headers).status_code == 401
        assert client.post("/api/pictures", files={"image": png("red")}).status_code == 401


def test_with_the_token_everything_is_open(colours: Workbench) -> None:
    with visit(colours, OUT) as client:
        bearer = {"authorization": f"Bearer {TOKEN}"}
        assert client.get("/api/info", headers=bearer).status_code == 200
        answer = client.get(f"/?q=a+b&token={TOKEN}")
        assert answer.status_code == 303
        assert answer.headers["location"] == "/?q=a+b"  # the token does not stay in the address
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert client.get("/?q=a+b").status_code == 200  # the cookie came along


def test_a_name_that_is_not_ours_is_refused_with_the_token_too(colours: Workbench) -> None:
    with visit(colours, OUT) as client:
        headers = {"authorization": f"Bearer {TOKEN}", "host": "evil.example:8765"}
        assert client.get("/api/info", headers=headers).status_code == 421


BEHIND = Endpoint(
    "127.0.0.1",
    "127.0.0.1",
    PORT,
    None,
    read_proxy(["photos.example.org", "nas.example:8443"], "/photos", ["10.1.0.0/16"]),
)
"""Behind a proxy that is called by two names and believed from one network."""


def behind(token: str | None = None, *trusted: str) -> Endpoint:
    return replace(
        BEHIND, token=token, proxy=read_proxy(["photos.example.org"], "/photos", trusted)
    )


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("photos.example.org", None, 200),
        ("PHOTOS.example.org:9000", None, 200),
        ("photos.example.org.", None, 200),
        ("photos.example.org.:9000", "https://photos.example.org.:9000", 200),
        ("photos.example.org.", "https://evil.example.", 403),
        ("photos.example.org", "https://photos.example.org", 200),
        ("photos.example.org", "http://photos.example.org", 200),
        ("photos.example.org:9000", "https://photos.example.org:9000", 200),
        ("nas.example:8443", "https://nas.example:8443", 200),
        ("nas.example", "https://nas.example:8443", 200),  # a proxy that leaves out the port
        ("127.0.0.1:8765", "http://127.0.0.1:8765", 200),
        ("nas.example:9000", None, 421),
        ("other.example.org", None, 421),
        ("photos.example.org.evil.example", None, 421),
        ("evil-photos.example.org", None, 421),
        ("photos.example.org:x", None, 421),
        ("photos.example.org", "https://evil.example", 403),
        ("photos.example.org", "https://photos.example.org:9000", 403),
        ("photos.example.org", "https://nas.example:8443", 403),
        ("photos.example.org", "null", 403),
        ("127.0.0.1:8765", "https://127.0.0.1:8765", 403),
        ("127.0.0.1:8765", "https://photos.example.org", 403),
    ],
)
def test_the_names_of_a_proxy_are_ours(
    colours: Workbench, host: str, origin: str | None, status: int
) -> None:
    with visit(colours, BEHIND) as client:
        headers = {"host": host, **({"origin": origin} if origin else {})}
        assert client.get("/photos/api/info", headers=headers).status_code == status
        assert client.get("/api/info", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        ("10.1.2.3", "photos.example.org", 200),
        ("::ffff:10.1.2.3", "photos.example.org", 200),
        ("10.1.2.3", "evil.example, photos.example.org", 200),
        ("10.1.2.3", "photos.example.org, evil.example", 421),
        ("10.1.2.3", "evil.example", 421),
        ("10.2.2.3", "photos.example.org", 421),
        ("127.0.0.1", "photos.example.org", 421),
    ],
)
def test_what_a_proxy_says_is_believed_of_the_trusted_alone(
    peer: str, forwarded: str, status: int
) -> None:
    headers = {"host": "inside:80", "x-forwarded-host": forwarded, "x-forwarded-proto": "https"}
    asked = as_forwarded(BEHIND.proxy, Asked("GET", "/", "", headers), peer)
    assert (refusal(BEHIND, asked) is None) is (status == 200)
    assert asked.scheme == ("https" if peer.endswith("10.1.2.3") else "http")


def test_nothing_that_is_forwarded_is_believed_by_default(colours: Workbench) -> None:
    with visit(colours) as client:
        headers = {"host": "evil.example", "x-forwarded-host": "127.0.0.1:8765"}
        assert client.get("/api/info", headers=headers).status_code == 421
        headers = {"x-forwarded-host": "evil.example"}
        assert client.get("/api/info", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("hosts", "base", "trusted", "says"),
    [
        (["https://photos.example.org"], "", [], "--allow-host takes a name"),
        (["*"], "", [], "--allow-host"),
        (["a/b"], "", [], "--allow-host"),
        (["a:99999x"], "", [], "--allow-host"),
        ([""], "", [], "--allow-host"),
        ([], "photos", [], "begins with /"),
        ([], "/a b", [], "begins with /"),
        ([], "//evil.example", [], "begins with /"),
        ([], "/../x", [], "begins with /"),
        ([], "", ["everybody"], "--trust-proxy takes"),
    ],
)
def test_a_proxy_that_makes_no_sense_is_an_error(
    hosts: list[str], base: str, trusted: list[str], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        read_proxy(hosts, base, trusted)


def test_a_proxy_is_read_as_people_write_it() -> None:
    proxy = read_proxy(["Bücher.example"], "/photos/", ["172.17.0.1/16", "fd00::1"])
    assert proxy.hosts == ("xn--bcher-kva.example",)
    assert proxy.base == "/photos"
    assert [str(network) for network in proxy.trusted] == ["172.17.0.0/16", "fd00::1/128"]


def test_everything_is_under_the_base_path(colours: Workbench) -> None:
    """Whether the proxy takes it off or leaves it."""
    with visit(colours, BEHIND) as client:
        pages = [client.get(f"{start}/?q=red&camera=").text for start in ("", "/photos")]
        assert pages[0] == pages[1]
        detail = client.get("/photos/images/1").text
        lost = client.get("/photos/nowhere", headers={"accept": "text/html"}).text
        for page in (pages[0], detail, lost):
            urls = re.findall(r'(?:href|src|action)="([^"]*)"', page)
            assert len(urls) >= 6
            assert [url for url in urls if not url.startswith(("/photos/", "#"))] == []
            for url in urls:
                if "#" not in url and not url.endswith(
                    ("/pictures", "/archive")
                ):  # what is posted to
                    assert client.get(url.replace("&amp;", "&")).status_code == 200, url
        found = client.get("/photos/api/search?q=red").json()
        assert all(url.startswith("/photos/api/") for url in found["thumbnails"].values())
        record = client.get("/api/images/1").json()
        assert record["file"].startswith("/photos/api/images/1/file")
        assert client.get(record["thumbnail"]).status_code == 200
        assert client.get("/photos/api/openapi.json").json()["servers"] == [{"url": "/photos"}]
        kept = client.post("/photos/api/pictures", files={"image": png("red")})
        assert kept.headers["location"] == kept.json()["preview"]
        assert client.get(kept.headers["location"]).status_code == 200
        sent = client.post("/photos/pictures", files={"image": png("red")})
        assert sent.headers["location"].startswith("/photos/?picture=")
        assert client.get("/photosx/").status_code == 404


def test_the_token_through_a_proxy(colours: Workbench) -> None:
    endpoint = behind(TOKEN, "0.0.0.0/0")
    headers = {"host": "photos.example.org", "x-forwarded-proto": "https"}
    asked = as_forwarded(endpoint.proxy, Asked("GET", "/", "", headers), "10.0.0.1")
    assert asked.scheme == "https"
    with visit(colours, endpoint) as client:
        for path in ("/", "/photos/", "/photos"):
            assert client.get(path, headers=headers).status_code == 401
            answer = client.get(f"{path}?token={TOKEN}&q=a%20b", headers=headers)
            assert answer.headers["location"] == "/photos/?q=a%20b"
            cookie = answer.headers["set-cookie"]
            assert "Path=/photos" in cookie
            assert TOKEN not in answer.headers["location"]
            client.cookies.clear()


def test_the_cookie_is_for_https_where_the_page_is(colours: Workbench) -> None:
    for trusted, secure in ((["0.0.0.0/0"], True), ([], False)):
        guard = Guard(_nothing, behind(TOKEN, *trusted))
        headers = {"host": "photos.example.org", "x-forwarded-proto": "https"}
        sent = asyncio.run(_ask(guard, f"/?token={TOKEN}", headers))
        assert sent[0]["status"] == 303
        cookies = [value for name, value in sent[0]["headers"] if name == b"set-cookie"]
        assert (b"Secure" in cookies[0]) is secure


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError("this is not to be reached")


async def _ask(app: ASGIApp, url: str, headers: dict[str, str]) -> list[Any]:
    """What is sent for a GET from 10.0.0.1, as ASGI's messages."""
    path, _, query = url.partition("?")
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "client": ("10.0.0.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await app(scope, receive, send)
    return sent


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/",
        "///evil.example",
        "/%2Fevil.example",
        "/\\evil.example",
        "http://evil.example/",
    ],
)
def test_the_redirect_stays_here(path: str) -> None:
    headers = {"host": f"desk.lan:{PORT}"}
    guard = Guard(_nothing, OUT)
    sent = asyncio.run(_ask(guard, f"{unquote(path)}?token={TOKEN}", headers))
    (location,) = [value.decode() for name, value in sent[0]["headers"] if name == b"location"]
    assert urlsplit(location).netloc == ""
    assert re.match(r"/[^/\\]", location)


def test_the_token_of_a_program_is_taken_where_it_asks(colours: Workbench) -> None:
    """No redirect: programs keep no cookies, and an upload would be lost on the way."""
    with visit(colours, OUT) as client:
        found = client.get(f"/api/search?q=red&token={TOKEN}")
        assert found.status_code == 200
        assert "set-cookie" not in found.headers
        sent = client.post(f"/api/pictures?token={TOKEN}", files={"image": png("red")})
        assert sent.status_code == 201
        assert client.post("/api/pictures?token=no", files={"image": png("red")}).status_code == 401
        assert client.head("/api/info").status_code == 401
        assert client.options("/api/info").status_code == 401
        refused = client.get("/api/info")
        assert refused.headers["www-authenticate"] == "Bearer"
        assert client.head(f"/?token={TOKEN}").status_code == 303


@pytest.mark.parametrize("token", ["pässword-日本語-long", 'a+b&c=d%20e;f,g h#?/"', "x" * 4000])
def test_a_token_may_be_of_any_letters(colours: Workbench, token: str) -> None:
    endpoint = replace(OUT, token=token)
    address = urlsplit(address_of(endpoint))
    with visit(colours, endpoint) as client:
        assert client.get("/api/info?token=other").status_code == 401
        assert client.get("/api/info?token=%ff%ed%a0%80").status_code == 401
        bearer = {b"authorization": f"Bearer {token}".encode()}
        assert client.get("/api/info", headers=bearer).status_code == 200
        answer = client.get(f"/?{address.query}")
        assert answer.status_code == 303
        assert client.get("/api/info").status_code == 200  # by the cookie


def test_a_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def noted(given: bytes, wanted: bytes) -> bool:
        compared.append((given, wanted))
        return given == wanted

    monkeypatch.setattr("serving.access.hmac.compare_digest", noted)
    for query, headers in (
        ("token=wrong", {}),
        (f"token={TOKEN}", {}),
        ("", {"authorization": f"Bearer {TOKEN}", "cookie": "a=b"}),
    ):
        token_is_shown(OUT, Asked("GET", "/", query, headers))
        assert len(compared) == 3
        compared.clear()


def test_the_token_behind_a_proxy_is_the_one_that_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = read_proxy(["photos.example.org"], "", [])
    monkeypatch.delenv("CLIPSEEK_TOKEN", raising=False)
    assert choose_token("127.0.0.1", proxy) is None
    assert choose_token("0.0.0.0", proxy)
    monkeypatch.setenv("CLIPSEEK_TOKEN", TOKEN)
    assert choose_token("127.0.0.1", proxy) == TOKEN
    assert choose_token("127.0.0.1") is None
    for bad in ("short", "x" * 20 + "\udcff", "x" * 20 + "\n"):
        monkeypatch.setattr("serving.server.os.environ", {"CLIPSEEK_TOKEN": bad})
        with pytest.raises(InputError, match="CLIPSEEK_TOKEN"):
            choose_token("127.0.0.1", proxy)


def test_an_upload_over_the_limit_is_refused_before_it_is_read(colours: Workbench) -> None:
    with visit(colours) as client:
        headers = {"content-length": str(10**12), "content-type": "multipart/form-data; boundary=x"}
        answer = client.post("/api/pictures", content=b"", headers=headers)
    assert answer.status_code == 413
    assert "32 MB" in answer.json()["detail"]


def test_an_upload_that_does_not_say_its_length_is_cut_off(colours: Workbench) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'--x\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        while sent < 4 * MAX_BYTES:
            sent += 2**20
            yield b"\0" * 2**20

    headers = {"content-type": "multipart/form-data; boundary=x"}
    with visit(colours) as client:
        answer = client.post("/api/pictures", content=endless(), headers=headers)
    assert answer.status_code == 413


def _bomb() -> bytes:
    """A PNG of 100 KB that claims 30,000 by 30,000 pixels, and means it."""
    buffer = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_decompression_bomb_is_refused_unopened(colours: Workbench) -> None:
    bomb = _bomb()
    assert len(bomb) < 500_000
    with visit(colours) as client:
        answer = client.post("/api/search", files={"image": bomb})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "64 megapixels" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.html", b"<script>alert(1)</script>"),
        ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
        ("script.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
        ("photo.nef", b"II*\0" + bytes(64)),
        ("photo.jpg", b"\xff\xd8\xff\xe0 cut off"),
        ("packed.png", zlib.compress(b"x" * 100)),
    ],
)
def test_what_is_no_picture_is_refused(colours: Workbench, name: str, data: bytes) -> None:
    with visit(colours) as client:
        answer = client.post("/api/pictures", files={"image": (name, data)})
    assert answer.status_code == 415
    assert "cannot be used" in answer.json()["detail"]


def test_uploads_are_taken_in_one_field_and_one_at_a_time(colours: Workbench) -> None:
    with visit(colours) as client:
        wrong = client.post("/api/search", files={"file": png("red")})
        two = client.post("/api/search", files=[("image", png("red")), ("image", png("blue"))])
        none = client.post("/api/pictures", files={})
    assert [answer.status_code for answer in (wrong, two, none)] == [400, 400, 400]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static//etc/passwd",
        "/api/pictures/..%2f..%2fetc%2fpasswd",
        "/api/images/..%2f1/file",
        "/api/images/1/file/../../../etc/passwd",
    ],
)
def test_no_path_leads_out(colours: Workbench, path: str) -> None:
    with visit(colours) as client:
        answer = client.get(path)
    assert answer.status_code in (404, 410)
    assert "import" not in answer.text
    assert "root:" not in answer.text


def test_what_is_asked_comes_back_as_text(colours: Workbench) -> None:
    nasty = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    with visit(colours, HERE) as client:
        answer = client.get("/", params={"q": nasty, "camera": nasty, "under": nasty})
        wrong = client.get("/", params={"q": "x", "after": nasty})
    for page in (answer.text, wrong.text):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert" in page


def test_nothing_in_the_page_needs_another_server_or_inline_script(colours: Workbench) -> None:
    from pathlib import Path

    import serving

    files = [
        p for p in Path(serving.__file__).parent.rglob("*") if p.suffix in (".html", ".js", ".css")
    ]
    assert len(files) >= 10
    for file in files:
        text = file.read_text("utf-8")
        assert "http://" not in text.replace("http://www.w3.org/", ""), file
        assert "https://" not in text, file
        assert "style=" not in text, file
        assert not any(f" on{event}=" in text for event in ("click", "load", "error")), file
