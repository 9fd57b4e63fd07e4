"""The page of an evaluation: its numbers against ones counted by hand, and what it is made of."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.notation import decimal, hundredths, interval, percent, points
from cli.pages.rank_chart import rank_bins
from cli.pages.recall_chart import curve_ks, recall_at
from cli.pages.report import write_report
from cli.pages.report_pictures import RETURNED_SHOWN, SIDE
from searchengine.errors import InputError
from searchengine.evaluation.results import (
    Evaluation,
    Failure,
    Projection,
    Protocol,
    PublishedRow,
    Sample,
    SearchMethodRow,
)
from searchengine.files import read_whole
from searchengine.measures.geometry import Health
from searchengine.measures.recall import Direction
from tests.support.chromium import chromium
from tests.support.pages import Element, parse, thumbnail

MINUS, DASH, NARROW = "\N{MINUS SIGN}", "\N{EN DASH}", "\N{NARROW NO-BREAK SPACE}"
TEXT_TO_IMAGE, IMAGE_TO_TEXT = "Text \N{RIGHTWARDS ARROW} image", "Image \N{RIGHTWARDS ARROW} text"
NASTY = "</title><script>alert('$name')</script> &lt; \"q\" \N{RIGHT-TO-LEFT OVERRIDE}evil"
CAPTION_RANKS = [1, 1, 2, 3, 6, 11, 40, 60]  # of 100 images
IMAGE_RANKS = [1, 4, 9, 150]  # of 200 captions
COLOURS = ((200, 0, 0), (0, 200, 0), (0, 0, 200))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    paths = [folder / f"{name}.png" for name in ("red", "green", "blue")]
    for path, colour in zip(paths, COLOURS, strict=True):
        Image.new("RGB", (440, 330), colour).save(path)
    return paths


@pytest.fixture
def evaluation(photos: list[Path]) -> Evaluation:
    return Evaluation(
        groups=None,
        protocol=PROTOCOL,
        warnings=("Only the first caption of each image.",),
        counts={"missing images": 2, "duplicate_captions": 1_234},
        image_retrieval=image_retrieval(),
        text_retrieval=text_retrieval(),
        methods=WAYS,
        rsum=250.0,
        captions_cut=0.25,
        coco_1k=None,
        queries=(),
        judged=(),
        published=PUBLISHED,
        health=HEALTH,
        failures=failures(photos),
        sample=Sample(tuple(photos), ("red wall", "green wall", "blue wall"), COSINES),
        projection=Projection(
            np.array([[-0.3, 0.1], [-0.3, -0.1], [-0.3, 0.0]], dtype=np.float32),
            np.array([[0.3, 0.1], [0.3, -0.1], [0.3, 0.0]], dtype=np.float32),
            (0.41, 0.125),
        ),
        seconds=83.42,
    )


def image_retrieval() -> Direction:
    return Direction(
        name="image_retrieval",
        gallery=100,
        ranks=np.array(CAPTION_RANKS),
        tied=3,
        recall={1: 0.25, 5: 0.5, 10: 0.625},
        intervals={1: (0.125, 0.375), 5: (0.3, 0.7)},
        true_recall={1: 0.25, 5: 0.5, 10: 0.625},
        median_rank=4.5,
        mean_reciprocal_rank=0.3936,
    )


def text_retrieval() -> Direction:
    return Direction(
        name="text_retrieval",
        gallery=200,
        ranks=np.array(IMAGE_RANKS),
        tied=0,
        recall={1: 0.25, 5: 0.5, 10: 0.75},
        intervals={1: (0.0, 0.75), 5: (0.25, 1.0), 10: (0.25, 1.0)},
        true_recall={1: 0.05, 5: 0.2, 10: 0.315},
        median_rank=6.5,
        mean_reciprocal_rank=0.3419,
    )


PROTOCOL = Protocol(
    dataset="Flickr8k test",
    file="captions/dataset_flickr8k.json",
    format="karpathy",
    split="test",
    images=100,
    captions=200,
    captions_per_image="2",
    sha256="ab" * 32,
    encoder="ViT-B-32/laion2b",
    checkpoint="c0ffee",
    precision="float32",
    device="cpu",
    prompt="{}",
    ties="counted against the system",
    distractors=0,
    versions={"clipseek": "0.1.0", "numpy": "2.3.3"},
)
WAYS = (
    SearchMethodRow("exact", "image_retrieval", {1: 0.25}, {10: 1.0}, 312.4, 3.1, 4.92, 1024.0),
    SearchMethodRow("index", "image_retrieval", {1: 0.24}, {10: 0.984}, 1842.3, 0.523, 1.311, 76.4),
)
PUBLISHED = (
    PublishedRow("image_retrieval_recall@1", 0.2486, 0.25, "a table"),
    PublishedRow("text_retrieval_recall@1", 0.2612, 0.25, "a table"),
    PublishedRow("text_retrieval_recall@5", 0.5, 0.5, "a table"),
)
HEALTH = Health(0.312, 0.118, 0.83, 1.0, 1.376, -2.61, -2.48, 1.92, 3.41, 0.987)
COSINES = np.array([[0.30, 0.10, 0.05], [0.02, 0.20, -0.10], [0.01, 0.25, 0.15]], dtype=np.float32)


def failures(photos: list[Path]) -> tuple[Failure, ...]:
    red, green, blue = photos
    lost = Failure("image_retrieval", red, "a red wall", 60, 0.12, ((green, 0.3), (blue, 0.2)), ())
    texts = (("a green wall", 0.31), ("a blue wall", 0.22))
    return (lost, Failure("text_retrieval", green, "a lawn", 150, 0.09, (), texts))


def page_of(path: Path, evaluation: Evaluation) -> Element:
    write_report(path, evaluation)
    return parse(path)


def section(page: Element, name: str) -> Element:
    (found,) = [s for s in page.all("section") if s.attributes["aria-labelledby"] == name]
    return found


def cells(table: Element) -> list[list[str]]:
    """The text of a table's rows, its heads too."""
    return [[cell.text for cell in row.inside] for row in table.all("tr")]


def of_class(page: Element, name: str) -> Iterator[Element]:
    for child in page.inside:
        if name in child.attributes.get("class", "").split():
            yield child
        yield from of_class(child, name)


def test_recall_and_ranks_are_those_given(tmp_path: Path, evaluation: Evaluation) -> None:
    recall, ranks, _ = section(page_of(tmp_path / "r.html", evaluation), "recall").all("table")
    assert cells(recall)[0] == ["", TEXT_TO_IMAGE, IMAGE_TO_TEXT]
    assert cells(recall)[2:] == [
        ["R@1", "25.0", f"12.5{DASH}37.5", "25.0", f"0.0{DASH}75.0", "5.0"],
        ["R@5", "50.0", f"30.0{DASH}70.0", "50.0", f"25.0{DASH}100.0", "20.0"],
        ["R@10", "62.5", DASH, "75.0", f"25.0{DASH}100.0", "31.5"],
    ]
    assert cells(ranks)[1:] == [
        [TEXT_TO_IMAGE, "8", "100", "4.5", "0.394", "3"],
        [IMAGE_TO_TEXT, "4", "200", "6.5", "0.342", "0"],
    ]


def test_the_head_says_what_was_measured_and_warns(tmp_path: Path, evaluation: Evaluation) -> None:
    header = page_of(tmp_path / "r.html", evaluation).one("header")
    assert header.one("h1").text == "Flickr8k test"
    facts, warnings, _ = header.all("ul")
    assert [fact.text for fact in facts.all("li")][:3] == [
        "ViT-B-32/laion2b", "100 images", "200 captions",
    ]  # fmt: skip
    assert [warning.text for warning in warnings.all("li")] == list(evaluation.warnings)
    (result,) = of_class(header, "result")
    assert result.text == (
        f"Of 8 captions, 25.0{NARROW}% find their image first among 100 (95{NARROW}% interval "
        f"12.5{DASH}37.5), and 62.5{NARROW}% in the first 10. Of 4 images, 25.0{NARROW}% find one "
        f"of their captions first among 200 (95{NARROW}% interval 0.0{DASH}75.0), and "
        f"75.0{NARROW}% in the first 10."
    )


def test_published_numbers_have_their_difference_and_source(
    tmp_path: Path, evaluation: Evaluation
) -> None:
    found = section(page_of(tmp_path / "r.html", evaluation), "recall")
    assert cells(found.all("table")[2])[1:] == [
        [TEXT_TO_IMAGE],
        ["R@1", "24.86", "25.00", "+0.14"],
        [IMAGE_TO_TEXT],
        ["R@1", "26.12", "25.00", f"{MINUS}1.12"],
        ["R@5", "50.00", "50.00", "0.00"],
    ]
    assert "Source: a table." in found.text
    assert "are of mixed precision" in found.text
    assert "25,010" not in found.text
    coco = replace(evaluation, protocol=replace(PROTOCOL, dataset="COCO Karpathy test"))
    assert "over all 25,010 captions" in section(page_of(tmp_path / "r.html", coco), "recall").text
    rows = (evaluation.published[0], replace(evaluation.published[0], source="another table"))
    changed = replace(evaluation, published=rows)
    found = section(page_of(tmp_path / "r.html", changed), "recall")
    assert [row[-1] for row in cells(found.all("table")[2])[2:]] == ["a table", "another table"]


def test_ways_through_the_index(tmp_path: Path, evaluation: Evaluation) -> None:
    table = section(page_of(tmp_path / "r.html", evaluation), "index").one("table")
    assert cells(table)[1:] == [
        ["", "R@1", "@10", "queries/s", "p50", "p99", "bytes"],
        [TEXT_TO_IMAGE],
        ["exact", "25.0", "100.0", "312", "3.10", "4.92", "1,024"],
        ["index", "24.0", "98.4", "1,842", "0.52", "1.31", "76"],
    ]


def test_curves_are_the_shares_of_the_ranks() -> None:
    ks = [1, 2, 5, 6, 10, 59, 60, 100]
    shares = recall_at(np.array(CAPTION_RANKS), ks)
    assert shares.tolist() == [2 / 8, 3 / 8, 4 / 8, 5 / 8, 5 / 8, 7 / 8, 1, 1]
    assert curve_ks(1).tolist() == [1]
    assert curve_ks(6).tolist() == [1, 2, 3, 4, 5, 6]
    many = curve_ks(100_000)
    assert (many[0], many[-1]) == (1, 100_000)
    assert (np.diff(many) > 0).all()


def test_a_curve_goes_through_its_points(tmp_path: Path, evaluation: Evaluation) -> None:
    page = page_of(tmp_path / "r.html", evaluation)
    chart = section(page, "ranks").all("svg")[0]
    ticks = list(of_class(chart, "tick"))
    across, up = (
        {t.text: float(t.attributes[axis]) for t in ticks if anchor in t.attributes["class"]}
        for axis, anchor in (("x", "middle"), ("y", "end"))
    )
    left, decade = across["1"], across["10"] - across["1"]
    bottom, top = (up[name] - 4 for name in ("0", "100"))  # text stands 4 below its line
    curves = [curve.attributes["d"] for curve in of_class(chart, "curve")]
    for curve, ranks in zip(curves, (CAPTION_RANKS, IMAGE_RANKS), strict=True):
        points_of = [tuple(map(float, p.split())) for p in curve.removeprefix("M").split("L")]
        for k in (1, 2, 5, 9, 10):
            share = sum(rank <= k for rank in ranks) / len(ranks)
            place = (left + decade * math.log10(k), bottom + share * (top - bottom))
            assert min(math.dist(place, point) for point in points_of) < 0.1
        assert points_of[-1][1] == pytest.approx(top)  # every answer is somewhere
    assert f"R@1 25.0{NARROW}% (12.5{DASH}37.5)" in chart.one("desc").text
    assert len(list(of_class(chart, "whisker"))) == 5  # one for every interval
    in_numbers = cells(section(page, "ranks").one("details").one("table"))
    assert ["10", "62.5", "75.0"] in in_numbers
    assert in_numbers[-1] == ["200", DASH, "100.0"]  # there are no 200 images to return


def test_bins_of_ranks() -> None:
    assert rank_bins(1, 1) == [(1, 1)]
    assert rank_bins(1_000, 3) == [(1, 1), (2, 5)]
    assert rank_bins(1_000, 21) == [(1, 1), (2, 5), (6, 10), (11, 20), (21, 50)]
    assert rank_bins(130, 130)[-2:] == [(51, 100), (101, 130)]


def test_the_histogram_counts_every_query(tmp_path: Path, evaluation: Evaluation) -> None:
    chart = section(page_of(tmp_path / "r.html", evaluation), "ranks").all("svg")[1]
    bins = ["1", f"2{DASH}5", f"6{DASH}10", f"11{DASH}20", f"21{DASH}50", f"51{DASH}100"]
    bins.append(f"101{DASH}200")
    assert [tick.text for tick in of_class(chart, "tick")] == bins
    shown = [value.text.split(" ")[0] for value in of_class(chart, "value")]
    assert shown == ["2", "2", "1", "1", "1", "1", "0", "1", "1", "1", "0", "0", "0", "1"]
    widths = [float(bar.attributes["width"]) for bar in of_class(chart, "bar")]
    assert widths[0] == widths[7] == max(widths)  # 2 of 8 captions, 1 of 4 images
    assert widths[2] == pytest.approx(widths[0] / 2)
    assert f"1: 2, 2{DASH}5: 2, 6{DASH}10: 1, " in chart.one("desc").text


def test_the_matrix_marks_true_pairs_and_where_they_lose(
    tmp_path: Path, evaluation: Evaluation
) -> None:
    found = section(page_of(tmp_path / "r.html", evaluation), "matrix")
    rows = found.one("table").one("tbody").all("tr")
    assert [row.all("th")[0].text for row in rows] == ["red wall", "green wall", "blue wall"]
    assert [[cell.text for cell in row.all("td")] for row in rows] == [
        ["0.300", "0.020", "0.010"],  # captions are rows here, images are rows in the sample
        ["0.100", "0.200", "0.250"],
        ["0.050", f"{MINUS}0.100", "0.150"],
    ]
    assert [[cell.attributes.get("class") for cell in row.all("td")] for row in rows] == [
        ["true", None, None],
        [None, "true", "best"],
        [None, None, "true"],
    ]
    assert rows[0].all("td")[0].attributes["style"] == "--v:1.00"
    assert rows[2].all("td")[1].attributes["style"] == "--v:0.00"
    assert "In 2 of 3 rows" in found.text
    pictures = [thumbnail(image) for image in found.all("img")]
    assert [picture.size for picture in pictures] == [(SIDE, SIDE * 3 // 4)] * 3
    for picture, colour in zip(pictures, COLOURS, strict=True):
        assert picture.getpixel((9, 9)) == pytest.approx(colour, abs=4)


def test_the_plane_has_both_kinds_and_their_axes(tmp_path: Path, evaluation: Evaluation) -> None:
    chart = section(page_of(tmp_path / "r.html", evaluation), "space").one("svg")
    names = [name.text for name in of_class(chart, "axis-name")]
    assert names == [
        f"Axis 1: 41.0{NARROW}% of the variance",
        f"Axis 2: 12.5{NARROW}% of the variance",
    ]
    dots, crosses = (next(of_class(chart, kind)).attributes["d"] for kind in ("dots", "crosses"))
    assert (dots.count("M"), crosses.count("M")) == (3, 3)
    assert len(list(of_class(chart, "join"))) == 3
    assert "0.60 from the mean image on axis 1" in chart.one("desc").text


def test_health_gives_a_meaning_and_a_direction_for_every_number(
    tmp_path: Path, evaluation: Evaluation
) -> None:
    table = section(page_of(tmp_path / "r.html", evaluation), "space").one("table")
    rows = {row[0]: row[1:] for row in cells(table)[1:]}
    assert len(rows) == len(HEALTH.__dataclass_fields__)
    assert {name: row[0] for name, row in rows.items()} == {
        "Cosine of true pairs": "0.312",
        "Cosine of random pairs": "0.118",
        "Ranking accuracy": "0.987",
        "Alignment": "1.376",
        "Uniformity of images": f"{MINUS}2.610",
        "Uniformity of texts": f"{MINUS}2.480",
        "Modality gap": "0.830",
        "Linear separability": "1.000",
        f"Hubness, {TEXT_TO_IMAGE.lower()}": "1.920",
        f"Hubness, {IMAGE_TO_TEXT.lower()}": "3.410",
    }
    assert all(re.search("[Hh]igher is|[Ll]ower is|[Nn]o fault", row[1]) for row in rows.values())
    assert rows["Alignment"][1].endswith("Wang & Isola 2020")


def test_failures_show_the_query_the_answer_and_what_came_instead(
    tmp_path: Path, evaluation: Evaluation
) -> None:
    found = section(page_of(tmp_path / "r.html", evaluation), "failures")
    images, texts = of_class(found, "failures")
    assert images.one("q").text == "a red wall"
    captions = [" ".join(each.text.split()) for each in images.all("figcaption")]
    assert captions == ["Its image: rank 60 0.120 red.png", "1 0.300 green.png", "2 0.200 blue.png"]
    for image, colour in zip(images.all("img"), COLOURS, strict=True):
        assert thumbnail(image).getpixel((9, 9)) == pytest.approx(colour, abs=4)
    assert thumbnail(texts.one("img")).getpixel((9, 9)) == pytest.approx(COLOURS[1], abs=4)
    assert "rank 150" in texts.text
    listed = [" ".join(each.text.split()) for each in texts.inside[0].all("li")[1:]]
    assert listed == ["0.090 a lawn", "0.310 a green wall", "0.220 a blue wall"]
    assert [own.text for own in texts.inside[0].all("bdi")[1].all("b")] == ["a lawn"]


def test_the_protocol_is_there_in_full(tmp_path: Path, evaluation: Evaluation) -> None:
    found = section(page_of(tmp_path / "r.html", evaluation), "protocol")
    said = {
        term.text: value.text for term, value in zip(found.all("dt"), found.all("dd"), strict=True)
    }
    assert said["Caption file"] == "captions/dataset_flickr8k.json"
    assert said["SHA-256 of keys and captions"] == "ab" * 32
    assert said["Checkpoint"] == "c0ffee"
    assert said["Time taken"] == "83.4 s"
    assert (said["missing images"], said["duplicate captions"]) == ("2", "1,234")
    assert (said["clipseek"], said["numpy"]) == ("0.1.0", "2.3.3")


def test_nothing_measured_leaves_sentences_not_holes(
    tmp_path: Path, evaluation: Evaluation
) -> None:
    first = np.ones(2, dtype=np.int64)
    empty = np.empty((0, 2), dtype=np.float32)
    bare = replace(
        evaluation,
        protocol=replace(PROTOCOL, dataset=None, split=None, versions={}, distractors=1_000),
        warnings=(),
        counts={},
        image_retrieval=replace(image_retrieval(), gallery=1, ranks=first, recall={1: 1.0}),
        text_retrieval=replace(text_retrieval(), gallery=1, ranks=first, recall={1: 1.0}),
        methods=(),
        published=(),
        failures=(),
        health=replace(HEALTH, modality_gap=float("nan")),
        sample=Sample((), (), np.empty((0, 0), dtype=np.float32)),
        projection=Projection(empty, empty, (float("nan"), float("nan"))),
    )
    page = page_of(tmp_path / "r.html", bare)
    assert page.one("h1").text == "dataset_flickr8k.json"
    assert "1,000 distractors" in page.one("header").text
    assert not list(of_class(page, "warnings"))
    assert "No published zero-shot numbers" in section(page, "recall").text
    assert "Not measured" in section(page, "index").text
    assert section(page, "failures").text.count("None: every query") == 2
    assert "Nothing was left out" in section(page, "protocol").text
    assert ["Modality gap", DASH] in [row[:2] for row in cells(section(page, "space").one("table"))]
    assert "nan" not in page.one("main").text


def test_one_way_only_has_one_body(tmp_path: Path, evaluation: Evaluation) -> None:
    found = section(page_of(tmp_path / "r.html", replace(evaluation, methods=WAYS[:1])), "index")
    assert len(found.all("tbody")) == 1
    assert [row[0] for row in cells(found.one("table"))[2:]] == [TEXT_TO_IMAGE, "exact"]


def test_files_that_cannot_be_shown_get_a_tile(
    tmp_path: Path, photos: list[Path], evaluation: Evaluation
) -> None:
    gone, broken = tmp_path / "gone.jpg", tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff not a picture")
    lost = replace(
        evaluation.failures[0], image=gone, returned_images=((broken, 0.3), (photos[0], 0.2))
    )
    sample = replace(evaluation.sample, images=(gone, photos[1], photos[2]))
    page = page_of(tmp_path / "r.html", replace(evaluation, failures=(lost,), sample=sample))
    tiles = [tile.all("b")[0].text for tile in of_class(page, "missing")]
    assert tiles == ["File is gone", "File is gone", "Cannot be read"]
    assert len(page.all("img")) == 3


def test_texts_are_text_whatever_they_hold(
    tmp_path: Path, photos: list[Path], evaluation: Evaluation
) -> None:
    lost, found = evaluation.failures
    hostile = replace(
        evaluation,
        protocol=replace(
            PROTOCOL, dataset=NASTY, encoder=NASTY, prompt=NASTY, versions={NASTY: NASTY}
        ),
        warnings=(NASTY,),
        counts={NASTY: 1},
        methods=(replace(WAYS[0], method=NASTY),),
        published=(replace(PUBLISHED[0], metric=NASTY, source=NASTY),),
        failures=(
            replace(lost, caption=NASTY, image=tmp_path / NASTY.replace("/", "")),
            replace(found, caption=NASTY, returned_texts=((NASTY, 0.1),)),
        ),
        sample=replace(evaluation.sample, captions=(NASTY, "b", "c")),
    )
    page = page_of(tmp_path / "r.html", hostile)
    assert not page.all("script")
    assert page.one("h1").text == NASTY
    assert page.all("title")[0].text == f"{NASTY}, retrieval evaluation \N{EN DASH} clipseek"
    assert section(page, "failures").text.count(NASTY) == 3
    assert NASTY in section(page, "matrix").text
    assert NASTY in section(page, "index").text
    assert section(page, "protocol").text.count(NASTY) == 6


def test_the_page_needs_nothing_else_and_allows_nothing_else(
    tmp_path: Path, evaluation: Evaluation
) -> None:
    page = page_of(tmp_path / "r.html", evaluation)
    text = (tmp_path / "r.html").read_text("utf-8")
    assert not re.search(r"https?:|url\(|@import|<script|<link|<iframe| on\w+=|xmlns", text)
    policy = next(meta for meta in page.all("meta") if "http-equiv" in meta.attributes)
    assert policy.attributes["content"].startswith("default-src 'none'; img-src data:;")
    assert not re.search(r"\$\w", text)
    links = {a.attributes["href"] for a in page.all("a")}
    files = {link for link in links if link.startswith("file:///")}
    assert {link[1:] for link in links - files} <= set(ids(page))
    shown = {*evaluation.sample.images, *(failure.image for failure in evaluation.failures)}
    shown |= {path for failure in evaluation.failures for path, _ in failure.returned_images}
    assert files <= {path.absolute().as_uri() for path in shown}
    assert {failure.image.absolute().as_uri() for failure in evaluation.failures} <= files
    assert len(ids(page)) == len(set(ids(page)))


def ids(page: Element) -> list[str]:
    own = [page.attributes["id"]] if "id" in page.attributes else []
    return own + [name for child in page.inside for name in ids(child)]


def test_a_screen_reader_finds_its_way(tmp_path: Path, evaluation: Evaluation) -> None:
    page = page_of(tmp_path / "r.html", evaluation)
    levels = [int(tag[1]) for tag in tags(page) if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for table in page.all("table"):
        assert table.one("caption").text
        assert all(head.attributes.get("scope") for head in table.all("th"))
    for chart in page.all("svg"):
        assert chart.attributes["role"] == "img"
        named = chart.attributes["aria-labelledby"].split()
        assert named == [chart.one(tag).attributes["id"] for tag in ("title", "desc")]
        assert chart.one("title").text
        assert chart.one("desc").text
    assert all(image.attributes["alt"] for image in page.all("img"))
    assert all(box.attributes["aria-label"] for box in of_class(page, "scroll"))


def tags(page: Element) -> Iterator[str]:
    for child in page.inside:
        yield child.tag
        yield from tags(child)


def test_an_image_is_decoded_once_and_24_failures_stay_small(
    tmp_path: Path, evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.jpg" for number in range(20)]
    for path in paths:  # as rough as a photo of grass
        rough = noise.integers(60, 190, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(rough).resize((640, 480), Image.Resampling.BICUBIC).save(path)
    read: list[Path] = []

    def watched(path: Path) -> bytes:
        read.append(path)
        return read_whole(path)

    monkeypatch.setattr("cli.pages.page.read_whole", watched)
    returned = tuple((path, 0.3) for path in paths[:10])
    lost = [
        replace(evaluation.failures[0], image=paths[n], returned_images=returned) for n in range(12)
    ]
    found = [replace(evaluation.failures[1], image=paths[n]) for n in range(12)]
    sample = Sample(tuple(paths[:12]), ("a wall",) * 12, np.ones((12, 12), dtype=np.float32))
    page = tmp_path / "r.html"
    write_report(page, replace(evaluation, failures=(*lost, *found), sample=sample))
    assert sorted(read) == sorted(set(read))
    assert set(read) == set(paths[:12])
    assert len(parse(page).all("img")) == 12 + 12 * (1 + RETURNED_SHOWN) + 12
    assert page.stat().st_size < 3_000_000


def test_paper_is_white_and_as_wide_as_the_matrix(tmp_path: Path, evaluation: Evaluation) -> None:
    captions = tuple(f"a wall of many colours that has number {n}" for n in range(12))
    sample = Sample((tmp_path / "a.png",) * 12, captions, np.full((12, 12), -0.123, np.float32))
    page = tmp_path / "r.html"
    write_report(page, replace(evaluation, sample=sample))
    with chromium() as browser:
        tab = browser.new_page(color_scheme="dark", viewport={"width": 718, "height": 1000})  # A4
        tab.goto(page.as_uri())
        ground = "getComputedStyle(document.body).backgroundColor"
        assert tab.evaluate(ground) != "rgb(255, 255, 255)"
        tab.emulate_media(media="print")
        assert tab.evaluate(ground) == "rgb(255, 255, 255)"
        right = "document.querySelector('.matrix').getBoundingClientRect().right"
        assert tab.evaluate(right) <= 718


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, evaluation: Evaluation) -> None:
    with pytest.raises(InputError, match=r"cannot write the page .*r\.html: No such file"):
        write_report(tmp_path / "no" / "r.html", evaluation)
    with pytest.raises(
        InputError, match=r"does not replace an image; name a file like report\.html"
    ):
        write_report(tmp_path / "photo.jpg", evaluation)
    assert not list(tmp_path.iterdir())


def test_notation() -> None:
    assert decimal(-0.0004, 2) == "0.00"
    assert decimal(-1234.5, 1) == f"{MINUS}1,234.5"
    assert decimal(float("nan"), 2) == DASH
    assert hundredths(0.5884) == "58.8"
    assert percent(1) == f"100.0{NARROW}%"
    assert interval(None) == DASH
    assert [points(value) for value in (0.001, -0.001, 0.00001, -0.00001)] == [
        "+0.10", f"{MINUS}0.10", "0.00", "0.00",
    ]  # fmt: skip
