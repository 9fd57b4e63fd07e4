"""Who is kept out of `clipseek serve`, and what they cannot send. Every case is an attack."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator

import pytest
from PIL import Image

from serving.access import POLICY, Endpoint, host_is_ours, is_loopback
from serving.pictures import MAX_BYTES
from serving.server import choose_endpoint, choose_token
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
