"""Several questions at once, vectors, other web pages that were named, and the page of the API."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from searchengine.errors import InputError
from serving.access import read_origins
from serving.programs.page import operations
from tests.conftest import Run, Workbench
from tests.serving.test_api import _fits, get, id_of, problem
from tests.support.fake import FakeEncoder
from tests.support.serving import HERE, png, visit

ORIGIN = "http://localhost:3000"
NAMED = replace(HERE, origins=frozenset([ORIGIN]))
FROM_THERE = {"origin": ORIGIN, "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}


class Counting(FakeEncoder):
    """Remembers what it encoded together."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def encode_texts(self, texts: Any) -> Any:
        self.batches.append(list(texts))
        return super().encode_texts(texts)


def test_several_questions_have_the_answers_of_each(colours: Workbench) -> None:
    texts = ["red", "blue - green", "yellow", "red"]
    with visit(colours) as client:
        alone = [get(client, "/api/search", q=text, k=3)["hits"] for text in texts]
        together = get(client, "/api/searches", q=texts, k=3)["answers"]
        posted = client.post("/api/searches", data={"q": texts, "k": "3"}).json()["answers"]
        schemas = get(client, "/api/openapi.json")["components"]["schemas"]
    assert [answer["q"] for answer in together] == texts
    assert [answer["hits"] for answer in together] == alone
    assert posted == together
    _fits({"answers": together}, schemas["Answers"], schemas, "Answers")


def test_their_texts_are_encoded_together(colours: Workbench) -> None:
    colours.encoder = counting = Counting()
    texts = [f"red {number}" for number in range(20)]
    with visit(colours) as client:
        get(client, "/api/search", q="warm")
        counting.batches.clear()
        get(client, "/api/searches", q=texts)
    asked = [batch for batch in counting.batches if set(batch) & set(texts)]
    assert sorted(text for batch in asked for text in batch) == sorted(texts)
    assert len(asked) <= 2, "the first may be taken before the others are there"


def test_filters_hold_for_all_of_them(colours: Workbench) -> None:
    below = colours.paint("below/cyan.png", "cyan")
    colours.index()
    with visit(colours) as client:
        answers = get(client, "/api/searches", q=["red", "blue"], under=str(below.parent))
        for answer in answers["answers"]:
            assert [hit["path"] for hit in answer["hits"]] == [str(below)]
        problem(client.get("/api/searches"), 400, "q is given 0 times; give 1 to 100")
        problem(client.get("/api/searches?q=a&colour=red"), 400, "unknown parameter 'colour'")
        problem(client.get("/api/searches?q=a&offset=3"), 400, "unknown parameter 'offset'")
        many = client.post("/api/searches", data={"q": ["red"] * 101})
        problem(many, 400, "q is given 101 times")
        upload = client.post("/api/searches?q=a", files={"image": png("red")})
        problem(upload, 400, "searches takes texts alone")


def test_vectors_are_the_stored_ones_and_those_of_searches(colours: Workbench) -> None:
    with visit(colours) as client:
        red, blue = id_of(client, "red.png"), id_of(client, "blue.png")
        answer = get(client, "/api/vectors", id=[blue, red], q=["red", "blue - 2:green"])
        posted = client.post("/api/vectors", data={"id": [str(blue)], "q": "red"}).json()
        schemas = get(client, "/api/openapi.json")["components"]["schemas"]
        hits = get(client, "/api/search", q="blue - 2:green", k=6)["hits"]
    assert (answer["encoder"], answer["dim"], answer["fingerprint"]) == ("fake", 8, "fake")
    with colours.open() as library:
        stored = library.vectors([colours.photos / "blue.png", colours.photos / "red.png"])
    np.testing.assert_allclose([each["vector"] for each in answer["images"]], stored, atol=1e-6)
    assert [each["id"] for each in answer["images"]] == [blue, red]
    [plain] = FakeEncoder().encode_texts(["red"])
    np.testing.assert_allclose(answer["texts"][0]["vector"], plain, atol=1e-6)
    score = np.dot(answer["texts"][1]["vector"], answer["images"][0]["vector"])
    assert score == pytest.approx(next(hit["score"] for hit in hits if hit["id"] == blue), abs=1e-3)
    assert posted["images"] == answer["images"][:1]
    assert posted["texts"] == answer["texts"][:1]
    _fits(answer, schemas["Vectors"], schemas, "Vectors")


def test_vectors_of_what_is_none(colours: Workbench) -> None:
    with visit(colours) as client:
        problem(client.get("/api/vectors"), 400, "no vectors of nothing")
        problem(client.get("/api/vectors?id=999"), 404, "999")
        problem(client.get("/api/vectors?id=x"), 400, "id must be a whole number")
        problem(client.get("/api/vectors?q=red+-+red"), 400, "cancel each other out")
        problem(client.get("/api/vectors?path=/etc/passwd"), 400, "unknown parameter 'path'")
        many = client.post("/api/vectors", data={"id": ["1"] * 501})
        problem(many, 400, "id is given 501 times")


def test_a_page_that_was_named_reads_answers_and_changes_nothing(colours: Workbench) -> None:
    with visit(colours, NAMED) as client:
        answer = client.get("/api/search?q=red", headers=FROM_THERE)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert answer.headers["vary"] == "origin"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert "access-control-allow-credentials" not in answer.headers
        wrong = client.get("/api/search?colour=red", headers=FROM_THERE)
        assert wrong.status_code == 400
        assert wrong.headers["access-control-allow-origin"] == ORIGIN, "it may read what was wrong"
        upload = {"image": png("red")}
        assert client.post("/api/search", files=upload, headers=FROM_THERE).status_code == 200
        for method, path in (
            ("POST", "/api/albums/x"), ("DELETE", "/api/albums/x"), ("POST", "/api/index"),
            ("GET", "/"), ("GET", "/library"),
        ):  # fmt: skip
            refused = client.request(method, path, headers=FROM_THERE)
            assert refused.status_code == 403, path
            assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:3001", "https://localhost:3000", "http://localhost", "null",
     "http://localhost:3000.evil.example"],
)  # fmt: skip
def test_another_origin_than_the_named_is_refused(colours: Workbench, origin: str) -> None:
    with visit(colours, NAMED) as client:
        answer = client.get("/api/info", headers={**FROM_THERE, "origin": origin})
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


def test_a_preflight_is_answered_without_the_token_and_the_request_is_not(
    colours: Workbench,
) -> None:
    token = "a token of some length"
    asked = {**FROM_THERE, "access-control-request-headers": "authorization"}
    with visit(colours, replace(NAMED, token=token)) as client:
        before = client.options(
            "/api/info", headers={**asked, "access-control-request-method": "GET"}
        )
        assert before.status_code == 204
        assert before.headers["access-control-allow-methods"] == "GET"
        assert "authorization" in before.headers["access-control-allow-headers"]
        assert client.get("/api/info", headers=FROM_THERE).status_code == 401
        shown = {**FROM_THERE, "authorization": f"Bearer {token}"}
        assert client.get("/api/info", headers=shown).status_code == 200
        writing = client.options(
            "/api/albums/x", headers={**asked, "access-control-request-method": "DELETE"}
        )
        assert writing.status_code == 403


def test_origins_are_read_as_browsers_write_them() -> None:
    assert read_origins(["http://LocalHost:3000"]) == {"http://localhost:3000"}
    for wrong in ("*", "localhost:3000", "http://a/", "http://", "null", "http://*.a.example"):
        with pytest.raises(InputError, match="is no origin of a web page"):
            read_origins([wrong])


def test_the_command_line_refuses_what_is_no_origin(run: Run, colours: Workbench) -> None:
    done = run("serve", "--allow-origin", "*")
    assert (done.code, "is no origin of a web page" in done.err) == (1, True)


def test_the_page_has_a_form_for_everything_that_is_described(colours: Workbench) -> None:
    with visit(colours) as client:
        page = client.get("/api", headers={"accept": "text/html"}).text
        described = get(client, "/api/openapi.json")["paths"]
    told = {(each.method.lower(), each.path) for each in operations()}
    assert told == {(method, path) for path, item in described.items() for method in item}
    forms = re.findall(r'<form action="(/api[^"]*)" method="\w+" data-method="(\w+)"', page)
    assert {(method.lower(), path) for path, method in forms} == told
    parameters = described["/api/search"]["get"]["parameters"]
    form = page.partition('action="/api/search" method="get"')[2].partition("</form>")[0]
    for name in (each["name"] for each in parameters):
        assert f'name="{name}"' in form
    assert not re.findall(r'(?:src|href|action)="(?!/)', page), "nothing is from elsewhere"
