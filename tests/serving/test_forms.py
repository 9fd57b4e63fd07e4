"""What a request sends is understood, or refused: nothing else is done than was asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import Workbench
from tests.serving.test_api import get, problem
from tests.support.serving import png, visit


def test_an_album_is_removed_only_by_who_names_no_images(colours: Workbench) -> None:
    with visit(colours) as client:

        def take(**sent: object) -> object:
            return client.request("DELETE", "/api/albums/Warm", **sent)  # type: ignore[arg-type]

        client.post("/api/albums/Warm", data={"id": [1, 2, 3]})
        for sent in (
            {"params": {"id": ""}},
            {"params": {"ids": 1}},
            {"params": {"q": "red"}},
            {"data": {"id": ""}},
        ):
            problem(take(**sent), 400, "give ids of images to take out")
        problem(take(json={"id": [1]}), 415, "not as application/json")
        assert take(data={"id": 1}).json() == {"name": "Warm", "taken": 1, "removed": False}  # type: ignore[attr-defined]
        assert [each["id"] for each in get(client, "/api/albums/Warm")["members"]] == [2, 3]


@pytest.mark.parametrize(
    "path", ["/api/search", "/api/albums/Warm", "/api/archive", "/api/vectors", "/api/describe"]
)
def test_what_is_no_form_is_refused(colours: Workbench, path: str) -> None:
    with visit(colours) as client:
        problem(client.post(path, json={"id": [1], "q": "red"}), 415, "send a form, as application")
        problem(client.post(path, content=b"id=1"), 415, "name its content type")
        assert get(client, "/api/albums")["albums"] == []


def test_a_form_that_was_cut_off_is_no_other_question(colours: Workbench) -> None:
    boundary = "--x\r\ncontent-disposition: form-data; name="
    whole = f'{boundary}"q"\r\n\r\nred\r\n{boundary}"image"; filename="a.png"\r\n\r\n'.encode()
    whole += png("blue") + b"\r\n--x--\r\n"
    with visit(colours) as client:

        def send(body: bytes) -> object:
            told = {"content-type": "multipart/form-data; boundary=x"}
            return client.post("/api/search", content=body, headers=told)

        assert len(send(whole).json()["hits"]) == 6  # type: ignore[attr-defined]
        for end in (-12, -9, -5, 60):
            problem(send(whole[:end]), 400, "cut off before its end")
        problem(
            client.post(
                "/api/search", content=b"x", headers={"content-type": "multipart/form-data"}
            ),
            400,
            "cannot be read: Missing boundary in multipart$",
        )


@pytest.mark.parametrize(
    "url",
    [
        "/api/search?q=red&k=1&k=2",
        "/api/search?q=red&offset=1&offset=2",
        "/api/searches?q=red&k=1&k=2",
        "/api/describe?id=1&id=2",
        "/api/images/1/thumbnail?size=small&size=large",
        "/duplicates?offset=1&offset=2",
    ],
)
def test_what_is_wanted_once_is_given_once(colours: Workbench, url: str) -> None:
    with visit(colours) as client:
        problem(client.get(url), 400, "is given 2 times; give it once")
        first, _, last = url.rpartition("&")
        assert (
            client.get(f"{first}&{first.rpartition('&')[2].rpartition('?')[2]}").status_code != 400
        ), last


def test_the_terminal_says_nothing_of_a_broken_form(
    colours: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    body = (
        b'--x\r\ncontent-disposition: form-data; name="image"; filename="\r\n"\r\n\r\n\r\n--x--\r\n'
    )
    with visit(colours) as client:
        told = {"content-type": "multipart/form-data; boundary=x"}
        problem(client.post("/api/search", content=body, headers=told), 400, "cannot be read")
    assert not caplog.records


def test_an_empty_picture_is_said(colours: Workbench) -> None:
    with visit(colours) as client:
        answer = client.post("/api/pictures", files={"image": ("a.jpg", b"")})
        problem(answer, 400, "^no picture came, or an empty file; send one")


def test_an_archive_takes_ids_alone(colours: Workbench) -> None:
    with visit(colours) as client:
        for sent in ({"ids": 1}, {"id": 1, "k": 2}):
            problem(client.post("/api/archive", data=sent), 400, "ids of images of the library")
        problem(client.post("/api/archive", data={"id": ""}), 400, "takes 1 to 1,000 images, not 0")


def test_an_album_takes_more_images_than_a_search_has_hits(colours: Workbench) -> None:
    with visit(colours) as client:
        answer = client.post("/api/albums/Many", data={"id": [1, 2, 3] * 1_000})
        assert answer.json()["added"] == 3
        problem(client.post("/api/albums/x", files={"image": png("red")}), 400, "no pictures")
        problem(client.post("/api/albums/x", data={"q": ""}), 400, "nothing to save")


def test_who_writes_at_the_same_time_waits(colours: Workbench) -> None:
    with visit(colours) as client, ThreadPoolExecutor(8) as askers:
        answers = askers.map(
            lambda each: client.post(f"/api/albums/{each % 3}", data={"id": each % 6 + 1}),
            range(24),
        )
        assert [answer.status_code for answer in answers] == [200] * 24
        assert {each["images"] for each in get(client, "/api/albums")["albums"]} == {2}


def test_what_is_not_utf_8_is_refused_and_not_looked_for_as_something_else(
    colours: Workbench,
) -> None:
    latin = "caf%E9"
    form = {"content-type": "application/x-www-form-urlencoded"}
    with visit(colours) as client:
        for address in (f"/api/search?q={latin}", f"/api/search?{latin}=red", f"/?q={latin}"):
            assert client.get(address).status_code == 400
        problem(client.get(f"/api/albums/{latin}"), 400, "the address is not encoded as UTF-8")
        problem(client.post(f"/api/albums/{latin}", data={"id": 1}), 400, "the address is not")
        sent = client.post("/api/search", content=f"q={latin}".encode(), headers=form)
        problem(sent, 400, "the field q is not encoded as UTF-8")
        assert get(client, "/api/albums")["albums"] == []
        assert client.get("/api/search?q=caf%C3%A9").status_code == 200
