"""The HTTP API, asked in this process: the same answers as the command line, and nothing else."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from searchengine.files import read_file
from searchengine.types import Pixels
from serving import counts, pictures
from serving.albums.api import ROUTES as ALBUM_ROUTES
from serving.api import ROUTES
from serving.indexing.api import ROUTES as INDEX_ROUTES
from serving.programs.api import ROUTES as PROGRAM_ROUTES
from tests.conftest import Run, Workbench
from tests.support.fake import FakeEncoder
from tests.support.serving import names, png, visit


def get(client: TestClient, url: str, **parameters: str | int | float | Sequence[str | int]) -> Any:
    response = client.get(url, params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


def id_of(client: TestClient, name: str) -> int:
    found = get(client, "/api/search", q="grey", k=100)["hits"]
    (image_id,) = [hit["id"] for hit in found if Path(hit["path"]).name == name]
    return int(image_id)


def problem(response: Any, status: int, says: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert re.search(says, body["detail"]), body["detail"]


def test_hits_are_the_objects_of_the_command_line(colours: Workbench, run: Run) -> None:
    lines = run("search", "blue", "--json", "--top", 3).out.splitlines()
    with visit(colours) as client:
        answer = get(client, "/api/search", q="blue", k=3)
    assert answer["hits"] == [json.loads(line) for line in lines]
    assert answer["images"] == 6
    assert answer["thumbnails"].keys() == {str(hit["id"]) for hit in answer["hits"]}


def test_pages_continue_each_other(colours: Workbench) -> None:
    with visit(colours) as client:
        everything = get(client, "/api/search", q="red", k=6)["hits"]
        pages = [get(client, "/api/search", q="red", k=2, offset=at)["hits"] for at in (0, 2, 4)]
    assert [hit for page in pages for hit in page] == everything


def test_operators_and_weights_mean_what_they_mean_elsewhere(colours: Workbench) -> None:
    with visit(colours) as client:
        hits = get(client, "/api/search", q="yellow - 2:red + blue", k=6)["hits"]
    encoder = colours.encoder
    yellow, red, blue = encoder.encode_texts(["yellow", "red", "blue"])
    query = (yellow - 2 * red + blue) / np.linalg.norm(yellow - 2 * red + blue)
    images = encoder.encode_images([Image.open(hit["path"]) for hit in hits])
    assert [hit["score"] for hit in hits] == pytest.approx((images @ query).tolist(), abs=2e-3)


@pytest.mark.parametrize("form", ["{path}", "file://{path}", "+ {path}", "a - 2:{path}"])
def test_text_that_names_a_file_is_text(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    def refuse(path: Path) -> bytes:
        raise AssertionError(f"{path} was read for a text")

    monkeypatch.setattr("searchengine.retrieval.pictures.read_file", refuse)
    monkeypatch.setattr("serving.pictures.read_image", refuse)
    text = form.format(path=colours.photos / "red.png")
    with visit(colours) as client:
        hits = get(client, "/api/search", q=text, k=6)["hits"]
    assert max(hit["score"] for hit in hits) < 0.99  # grey, as the fake encoder reads it


def test_text_that_names_a_url_is_text(colours: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("something was fetched for a text")

    monkeypatch.setattr("searchengine.retrieval.pictures.read_url", refuse)
    with visit(colours) as client:
        for text in (
            "http://169.254.169.254/x.jpg",
            "red https://localhost/a.png - blue HTTP://[::1]/b",
        ):
            get(client, "/api/search", q=text)


def test_an_operator_at_the_end_is_somebody_typing(colours: Workbench) -> None:
    with visit(colours) as client:
        unfinished = get(client, "/api/search", q="blue -")["hits"]
        assert unfinished == get(client, "/api/search", q="blue")["hits"]


def test_an_uploaded_picture_finds_itself(colours: Workbench) -> None:
    data = (colours.photos / "green.png").read_bytes()
    with visit(colours) as client:
        answer = client.post("/api/search?k=2", files={"image": ("../../x.png", data)}).json()
    assert names(answer)[0] == "green.png"
    assert answer["hits"][0]["score"] == pytest.approx(1.0, abs=2e-3)


def test_an_uploaded_picture_is_encoded_as_it_was_decoded_and_not_as_its_preview(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[tuple[int, int]] = []
    preprocess = FakeEncoder.preprocess

    def noted(self: FakeEncoder, image: Image.Image) -> Pixels:
        encoded.append(image.size)
        return preprocess(self, image)

    monkeypatch.setattr(FakeEncoder, "preprocess", noted)
    with visit(colours) as client:
        client.post("/api/pictures", files={"image": png("red", (900, 600))})
    assert encoded == [(900, 600)]


def test_words_and_an_upload_are_one_query(colours: Workbench) -> None:
    with visit(colours) as client:
        answer = client.post(
            "/api/search", data={"q": "green", "k": "6"}, files={"image": png("red")}
        ).json()
    encoder = colours.encoder
    total = (
        encoder.encode_texts(["green"])[0]
        + encoder.encode_images([Image.new("RGB", (9, 9), "red")])[0]
    )
    images = encoder.encode_images([Image.open(hit["path"]) for hit in answer["hits"]])
    scores = images @ (total / np.linalg.norm(total))
    assert [hit["score"] for hit in answer["hits"]] == pytest.approx(scores.tolist(), abs=3e-3)


def test_a_picture_is_kept_for_later_searches_and_forgotten_in_time(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "HELD", 2)
    with visit(colours) as client:
        kept = client.post("/api/pictures", files={"image": png("blue")})
        assert kept.status_code == 201
        key = kept.json()["picture"]
        assert kept.headers["location"] == kept.json()["preview"]
        assert names(get(client, "/api/search", picture=key))[0] == "blue.png"
        preview = client.get(kept.json()["preview"])
        assert Image.open(io.BytesIO(preview.content)).getpixel((5, 5)) == (0, 0, 254)
        for colour in ("red", "green"):
            client.post("/api/pictures", files={"image": png(colour)})
        problem(client.get("/api/search", params={"picture": key}), 410, "upload it again")
        problem(client.get("/api/search", params={"picture": "../etc"}), 400, "no key")


def test_liked_and_disliked_images_move_the_query(colours: Workbench) -> None:
    with visit(colours) as client:
        liked = [id_of(client, "blue.png"), id_of(client, "green.png")]
        disliked = id_of(client, "white.png")
        hits = get(
            client, "/api/search", q="red", like=[liked[0], f"3:{liked[1]}"], unlike=disliked
        )["hits"]
    encoder = colours.encoder
    [text] = encoder.encode_texts(["red"])
    blue, green, white = encoder.encode_images(
        [Image.open(colours.photos / f"{name}.png") for name in ("blue", "green", "white")]
    )
    moved = text + 0.75 * (blue + 3 * green) / 4 - 0.5 * white
    images = encoder.encode_images([Image.open(hit["path"]) for hit in hits])
    scores = images @ (moved / np.linalg.norm(moved))
    assert [hit["score"] for hit in hits] == pytest.approx(scores.tolist(), abs=3e-3)


def test_less_like_this_alone_leads_away(colours: Workbench) -> None:
    with visit(colours) as client:
        red = id_of(client, "red.png")
        assert names(get(client, "/api/search", unlike=red, k=6))[-1] == "red.png"
        assert names(get(client, "/api/search", like=red, k=6))[0] == "red.png"


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({}, "nothing to search for"),
        ({"q": "-"}, "nothing to search for"),
        ({"q": "red - red"}, "cancel each other out"),
        ({"q": "red + + blue", "k": "0"}, "k must be"),
        ({"q": "x", "k": "1001"}, "from 1 to 1,000"),
        ({"q": "x", "offset": "-1"}, "offset must be"),
        ({"q": "x", "colour": "red"}, "unknown parameter 'colour'"),
        ({"q": "x", "after": "yesterday"}, "after: 'yesterday' is no date"),
        ({"q": "x", "orientation": "round"}, "landscape, portrait, square"),
        ({"q": "x", "dated": "maybe"}, "dated must be yes or no, not 'maybe'"),
        ({"q": "x", "min_score": "nan"}, "from -1 to 1"),
        ({"q": "x", "under": "/a\0b"}, "NUL"),
        ({"q": "x" * 1001}, "1,001 characters"),
        ({"q": "9999999:x"}, "weight over 1000"),
        ({"like": "one"}, "like=one is no image id"),
        ({"like": "0:1"}, "no image id"),
        ({"q": "x", "camera": ["a", "b"]}, "camera is given 2 times"),
    ],
)
def test_what_makes_no_sense_is_a_problem_that_says_so(
    colours: Workbench, parameters: dict[str, str], says: str
) -> None:
    with visit(colours) as client:
        problem(client.get("/api/search", params=parameters), 400, says)


def _with_exif(path: Path, taken: str, camera: str, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = camera.split(" ", 1)
    exif.get_ifd(0x8769)[0x9003] = taken
    Image.new("RGB", size, "red").save(path, exif=exif)


@pytest.fixture
def varied(bench: Workbench) -> Workbench:
    """Pictures of two folders, two years, three cameras and three shapes."""
    (bench.photos / "deep" / "er").mkdir(parents=True)
    _with_exif(bench.photos / "deep" / "a.jpg", "2020:06:01 12:00:00", "Canon EOS 5D", (40, 30))
    _with_exif(
        bench.photos / "deep" / "er" / "b.jpg",
        "2021:01:01 00:00:00",
        "Canon EOS 5D Mark II",
        (30, 40),
    )
    _with_exif(bench.photos / "c.jpg", "2020:01:01 00:00:00", "Nikon D70", (30, 30))
    os.utime(bench.paint("deep/d.png", "blue"), (datetime(2021, 5, 5).timestamp(),) * 2)
    bench.index()
    return bench


def test_filters_and_their_counts_agree(varied: Workbench) -> None:
    """Every count is what a search with that choice gives."""
    with visit(varied) as client:
        facets = get(client, "/api/facets")
        assert facets["images"] == 4
        assert [(Path(f["path"]).name, f["images"]) for f in facets["folders"]] == [("deep", 3)]
        assert facets["years"] == [{"year": 2021, "images": 2}, {"year": 2020, "images": 2}]
        assert facets["cameras"] == [
            {"camera": "Canon EOS 5D", "images": 2},
            {"camera": "Canon EOS 5D Mark II", "images": 1},
            {"camera": "Nikon D70", "images": 1},
        ]
        chosen = (
            [({"under": f["path"]}, f["images"]) for f in facets["folders"]]
            + [({"camera": c["camera"]}, c["images"]) for c in facets["cameras"]]
            + [({"orientation": o["orientation"]}, o["images"]) for o in facets["orientations"]]
            + [
                ({"after": str(y["year"]), "before": str(y["year"] + 1)}, y["images"])
                for y in facets["years"]
            ]
            + [({"dated": "no"}, facets["undated"]), ({"dated": "yes"}, 4 - facets["undated"])]
        )
        assert len(chosen) == 11
        assert facets["undated"] == 1
        for where, images in chosen:
            answer = get(client, "/api/search", q="red", **where)
            assert len(answer["hits"]) == answer["images"] == images, where


def test_facets_take_no_score(varied: Workbench) -> None:
    with visit(varied) as client:
        problem(client.get("/api/facets?q=red&min_score=0.5"), 400, "leave out min_score")
        described = get(client, "/api/openapi.json")["paths"]
    told = [p["name"] for p in described["/api/facets"]["get"]["parameters"]]
    assert "min_score" not in told
    assert "q" in told


def test_counts_keep_the_other_filters_and_drop_their_own(varied: Workbench) -> None:
    with visit(varied) as client:
        facets = get(
            client, "/api/facets", under=str(varied.photos / "deep"), camera="Canon EOS 5D"
        )
    assert facets["images"] == 2
    assert [c["images"] for c in facets["cameras"]] == [2, 1]
    assert [(Path(f["path"]).name, f["images"]) for f in facets["folders"]] == [("er", 1)]
    assert {o["orientation"] for o in facets["orientations"]} == {"landscape", "portrait"}


def test_counts_follow_the_catalog(varied: Workbench) -> None:
    with visit(varied) as client:
        assert get(client, "/api/facets")["images"] == 4
        varied.paint("new.png", "green")
        varied.index()
        assert get(client, "/api/facets")["images"] == 5


def test_counting_takes_a_tenth_of_the_time_at_most(
    varied: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "GOOD_FOR", 10**9)
    with visit(varied) as client:
        get(client, "/api/facets")
        varied.paint("new.png", "green")
        varied.index()
        assert get(client, "/api/facets")["images"] == 4  # counted a little while ago
        assert len(get(client, "/api/search", q="green")["hits"]) == 5  # never what is found


def test_new_images_are_found_without_a_restart_while_a_writer_is_at_work(
    colours: Workbench,
) -> None:
    with visit(colours) as client:
        assert len(get(client, "/api/search", q="cyan", k=100)["hits"]) == 6
        colours.paint("cyan.png", "cyan")
        colours.index()
        with colours.open() as library, library.writing():
            assert names(get(client, "/api/search", q="cyan"))[0] == "cyan.png"
        colours.photos.joinpath("cyan.png").unlink()
        colours.index()
        assert "cyan.png" not in names(get(client, "/api/search", q="cyan"))


def test_an_index_run_and_visitors_do_not_disturb_each_other(bench: Workbench) -> None:
    bench.paint("first.png", "red")
    bench.index()
    for number in range(120):
        bench.paint(f"{number:03}.png", (number, 2 * number, 90))
    with visit(bench) as client:
        run = threading.Thread(target=bench.index)
        run.start()
        seen = []
        while run.is_alive():
            answer = get(client, "/api/search", q="red", k=1000)
            seen.append(len(answer["hits"]))
            for url in list(answer["thumbnails"].values())[-2:]:
                assert client.get(url).status_code == 200
        run.join()
        assert seen == sorted(seen)
        assert len(get(client, "/api/search", q="red", k=1000)["hits"]) == 121


def test_describe_ranks_the_stored_captions(colours: Workbench) -> None:
    with colours.open() as library:
        library.add_captions(
            [(str(colours.photos / f"{name}.png"), f"a {name} wall") for name in ("red", "blue")]
        )
        texts = library.describe(colours.photos / "blue.png", k=2)
    with visit(colours) as client:
        by_id = get(client, "/api/describe", id=id_of(client, "blue.png"), k=2)["texts"]
        upload = {"image": (colours.photos / "blue.png").read_bytes()}
        by_upload = client.post("/api/describe?k=2", files=upload).json()["texts"]
        assert [text["text"] for text in by_id] == [text.text for text in texts]
        assert [text["text"] for text in by_upload] == [text.text for text in texts]
        assert by_id[0]["score"] == pytest.approx(texts[0].score, abs=2e-3)
        problem(client.get("/api/describe"), 400, "one image: an id, or an upload")


def test_an_image_says_what_the_catalog_lists(varied: Workbench) -> None:
    with visit(varied) as client:
        record = get(client, f"/api/images/{id_of(client, 'c.jpg')}")
    assert record["path"] == str(varied.photos / "c.jpg")
    assert (record["width"], record["height"], record["format"]) == (30, 30, "JPEG")
    assert (record["camera"], record["taken_at"]) == ("Nikon D70", "2020-01-01T00:00:00")
    modified = datetime.fromtimestamp(int((varied.photos / "c.jpg").stat().st_mtime))
    assert record["modified_at"] == modified.isoformat()


def test_thumbnails_are_upright_small_and_kept_forever(bench: Workbench) -> None:
    stored = Image.new("RGB", (1000, 500), "red")
    stored.paste("blue", (0, 0, 500, 500))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to see it upright: the left half comes to the top
    exif[0x010F] = "Secret Camera"
    stored.save(bench.photos / "turned.jpg", exif=exif)
    bench.index()
    with visit(bench) as client:
        [url] = get(client, "/api/search", q="red")["thumbnails"].values()
        for size, shown in (("small", (240, 480)), ("large", (500, 1000))):
            response = client.get(url.replace("small", size))
            assert response.headers["content-type"] == "image/jpeg"
            assert response.headers["cache-control"] == "private, max-age=31536000, immutable"
            picture = Image.open(io.BytesIO(response.content))
            assert picture.size == shown
            assert picture.getpixel((20, 20)) == pytest.approx((0, 0, 255), abs=9)
            assert picture.getpixel((20, shown[1] - 20)) == pytest.approx((255, 0, 0), abs=9)
            assert not picture.getexif()
        bare = client.get(url.split("?")[0])
        assert bare.headers["cache-control"] == "no-cache"
        problem(client.get(re.sub("v=.*", "v=0123456789abcdef", url)), 404, "lists no image")
        problem(client.get(url.replace("small", "huge")), 400, "small or large")


def test_a_file_is_served_as_it_was_indexed(colours: Workbench) -> None:
    with visit(colours) as client:
        record = get(client, f"/api/images/{id_of(client, 'red.png')}")
        response = client.get(record["file"])
    assert response.content == read_file(colours.photos / "red.png")
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_what_took_the_place_of_a_listed_file_is_not_served(
    colours: Workbench, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    with visit(colours) as client:
        ids = {name: id_of(client, f"{name}.png") for name in ("red", "green", "blue")}
        (colours.photos / "red.png").unlink()
        (colours.photos / "red.png").symlink_to(secret)
        (colours.photos / "green.png").unlink()
        (colours.photos / "blue.png").write_bytes(png("red"))
        for name, says in (("red", "changed"), ("green", "no such file"), ("blue", "changed")):
            for what in ("file", "thumbnail"):
                response = client.get(f"/api/images/{ids[name]}/{what}")
                problem(response, 410, f"{name}.png: .*{says}.*clipseek index")


def test_a_folder_in_place_of_a_listed_file_is_not_served(colours: Workbench) -> None:
    with visit(colours) as client:
        image_id = id_of(client, "red.png")
        (colours.photos / "red.png").unlink()
        shutil.copytree(colours.library_path, colours.photos / "red.png")
        problem(client.get(f"/api/images/{image_id}/file"), 410, "changed")


@pytest.mark.parametrize("what", ["", "/file", "/thumbnail"])
@pytest.mark.parametrize("image_id", [0, 77, 10**30])
def test_only_what_the_catalog_lists_is_there(colours: Workbench, what: str, image_id: int) -> None:
    with visit(colours) as client:
        problem(client.get(f"/api/images/{image_id}{what}"), 404, f"no image {image_id}")


def test_removed_images_are_gone(colours: Workbench) -> None:
    with visit(colours) as client:
        image_id = id_of(client, "red.png")
        with colours.open() as library:
            library.remove([colours.photos / "red.png"])
        problem(client.get(f"/api/images/{image_id}"), 404, "may have been removed")
        problem(client.get("/api/search", params={"like": image_id}), 404, "lists no image")


def test_info_and_health(colours: Workbench) -> None:
    with visit(colours) as client:
        get(client, "/api/search", q="x")
        assert get(client, "/api/health") == {"status": "ok", "encoder": "ready"}
        info = get(client, "/api/info")
    assert (info["images"], info["default_space"]) == (6, "fake")


def test_an_empty_library_is_a_problem_with_the_next_command(bench: Workbench) -> None:
    with visit(bench) as client:
        problem(client.get("/api/search", params={"q": "x"}), 409, "clipseek index PATH")
        assert get(client, "/api/info")["images"] == 0


def test_paths_and_methods_that_are_not_there_are_problems(colours: Workbench) -> None:
    with visit(colours) as client:
        problem(client.get("/api/nothing"), 404, "Not Found")
        problem(client.post("/api/info"), 405, "Method Not Allowed")
        problem(client.get("/api/images/one"), 404, "Not Found")
        broken = {"content-type": "multipart/form-data; boundary=x"}
        problem(client.post("/api/search", content=b"--y", headers=broken), 400, "")


def test_an_encoder_that_is_not_there_is_said(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from searchengine.errors import EncoderUnavailableError

    def gone(_name: str) -> None:
        raise EncoderUnavailableError("fake", "no network")

    monkeypatch.setattr(colours, "load", gone)
    with visit(colours) as client:
        problem(client.get("/api/search", params={"q": "x"}), 503, "weights of fake")
        assert "no network" in get(client, "/api/health")["encoder"]


def test_the_description_covers_every_route(colours: Workbench) -> None:
    with visit(colours) as client:
        described = get(client, "/api/openapi.json")
    assert described["openapi"].startswith("3.1")
    there = {
        (re.sub(r":\w+", "", route.path), method.lower())
        for route in (*ROUTES, *ALBUM_ROUTES, *INDEX_ROUTES, *PROGRAM_ROUTES)
        for method in (route.methods or set()) - {"HEAD"}
    }
    told = {(path, method) for path, item in described["paths"].items() for method in item}
    assert told == there


def test_answers_have_the_shape_that_is_described(varied: Workbench) -> None:
    with varied.open() as library:
        library.add_captions([(str(varied.photos / "c.jpg"), "red")])
    with visit(varied) as client:
        described = get(client, "/api/openapi.json")
        schemas = described["components"]["schemas"]
        image_id = id_of(client, "c.jpg")
        answers = {
            "SearchAnswer": get(client, "/api/search", q="red"),
            "Facets": get(client, "/api/facets"),
            "Image": get(client, f"/api/images/{image_id}"),
            "Texts": get(client, "/api/describe", id=image_id),
            "Health": get(client, "/api/health"),
            "Problem": client.get("/api/images/0").json(),
            "Picture": client.post("/api/pictures", files={"image": png("red")}).json(),
        }
    for name, answer in answers.items():
        _fits(answer, schemas[name], schemas, name)


TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def _fits(value: Any, schema: dict[str, Any], schemas: dict[str, Any], where: str) -> None:
    """Whether a value is what the schema says, with all keys that it requires and no other."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if kinds == ["object"] and "properties" in schema:
        assert set(schema["required"]) <= value.keys() <= schema["properties"].keys(), where
        for key in value:
            inner = schema["properties"][key]
            _fits(value[key], inner, schemas, f"{where}.{key}")
    elif kinds == ["object"]:
        for key, inner in value.items():
            _fits(inner, schema["additionalProperties"], schemas, f"{where}.{key}")
    elif kinds == ["array"]:
        for item in value:
            _fits(item, schema["items"], schemas, f"{where}[]")
    else:
        assert any(isinstance(value, TYPES[kind]) for kind in kinds), f"{where}: {value!r}"
