"""The numbers of a report as tables and lists of plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cli.notation import (
    ABSENT,
    DIRECTIONS,
    count,
    decimal,
    half,
    hundredths,
    interval,
    points,
)
from searchengine.evaluation.published import how_they_were_measured
from searchengine.evaluation.results import Evaluation, Protocol, PublishedRow, SearchMethodRow
from searchengine.measures.geometry import Health
from searchengine.measures.recall import Direction

_WANG = "Wang & Isola 2020"
_LIANG = "Liang et al. 2022"
_RADOVANOVIC = "Radovanovi\N{LATIN SMALL LETTER C WITH ACUTE} et al. 2010"

_HEALTH = (
    (
        "true_pair_cosine",
        "Cosine of true pairs",
        "How alike an image and its own caption are, in the mean. Higher is better; what counts is "
        "how far above random pairs it lies.",
        "",
    ),
    (
        "random_pair_cosine",
        "Cosine of random pairs",
        "The same for an image and the caption of another image. Lower is better.",
        "",
    ),
    (
        "ranking_accuracy",
        "Ranking accuracy",
        "How often the image of a caption scores above a random other one: the area under the ROC "
        "curve. 1 is always, 0.5 is guessing; higher is better.",
        "",
    ),
    (
        "alignment",
        "Alignment",
        "Mean squared distance of an image and its caption. 0 is the same point; lower is better.",
        _WANG,
    ),
    (
        "uniformity_images",
        "Uniformity of images",
        "How evenly images spread over the sphere. 0 is a single point, "
        "\N{MINUS SIGN}4 about the best; lower is better.",
        _WANG,
    ),
    ("uniformity_texts", "Uniformity of texts", "The same for captions. Lower is better.", _WANG),
    (
        "modality_gap",
        "Modality gap",
        "Distance of the mean image and the mean caption, 0 to 2. No fault in itself; but while it "
        "is wide, cosines between images and cosines with texts do not compare.",
        _LIANG,
    ),
    (
        "linear_separability",
        "Linear separability",
        "How well a plane tells images from captions. 1 is two clouds apart, 0.5 is one cloud; "
        "lower is more mixed.",
        "",
    ),
    (
        "hubness_image_retrieval",
        "Hubness, text \N{RIGHTWARDS ARROW} image",
        "Skew of how often each image is among the first ten answers. 0 is even; far above it, a "
        "few images answer everything. Lower is better.",
        _RADOVANOVIC,
    ),
    (
        "hubness_text_retrieval",
        "Hubness, image \N{RIGHTWARDS ARROW} text",
        "The same for captions. Lower is better.",
        _RADOVANOVIC,
    ),
)
"""Field of `Health`, its name, one plain sentence, and whose measure it is."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its headings, all plain text. The first cell of a row is its heading."""

    caption: str
    header: Sequence[str]
    bodies: Sequence[tuple[str, Sequence[Sequence[str]]]]
    """Each a heading over its rows, or "" for none, and rows."""
    groups: Sequence[tuple[str, int]] = ()
    """Headings over so many columns each, from the second column on."""
    kind: str = ""
    """A class, for its look."""
    note: str = ""
    """A paragraph below."""


@dataclass(frozen=True, slots=True)
class HealthRow:
    """A measure, its value, one sentence on it, and whose measure it is, if somebody's."""

    name: str
    value: str
    meaning: str
    source: str


def recall_table(evaluation: Evaluation) -> Table:
    """R@K of both directions with intervals, and true recall beside that of images."""
    asked, found = evaluation.image_retrieval, evaluation.text_retrieval
    rows = [
        [
            f"R@{k}",
            *_share_and_interval(asked, k),
            *_share_and_interval(found, k),
            hundredths(found.true_recall[k]) if k in found.true_recall else ABSENT,
        ]
        for k in sorted({*asked.recall, *found.recall})
    ]
    note = (
        "R@K is the share of queries with a relevant answer among the first K, as CLIP papers "
        "count it, with bootstrap intervals over images. True recall is the mean share of an "
        "image\N{RIGHT SINGLE QUOTATION MARK}s captions that are among the first K."
    )
    shown = ("R@K", "95\N{NARROW NO-BREAK SPACE}% interval")
    return Table(
        "Recall, in percent",
        ["", *shown, *shown, "true recall"],
        [("", rows)],
        groups=[(DIRECTIONS["image_retrieval"], 2), (DIRECTIONS["text_retrieval"], 3)],
        kind="recall",
        note=note,
    )


def _share_and_interval(direction: Direction, k: int) -> tuple[str, str]:
    if k not in direction.recall:
        return ABSENT, ABSENT
    return hundredths(direction.recall[k]), interval(direction.intervals.get(k))


def rank_table(evaluation: Evaluation) -> Table:
    """Where the first relevant answer stands, a row a direction."""
    rows = []
    for each in (evaluation.image_retrieval, evaluation.text_retrieval):
        rows.append(
            [
                DIRECTIONS[each.name],
                count(len(each.ranks)),
                count(each.gallery),
                half(each.median_rank),
                decimal(each.mean_reciprocal_rank, 3),
                count(each.tied),
            ]
        )
    note = (
        "MRR is the mean reciprocal rank. Tied are the queries for which a wrong answer scores "
        "exactly as high as the best relevant one."
    )
    header = ["", "queries", "answers", "median rank", "MRR", "tied"]
    return Table("Rank of the first relevant answer", header, [("", rows)], note=note)


def published_table(rows: Sequence[PublishedRow], dataset: str | None = None) -> Table | None:
    """Published numbers beside the measured ones; None where there are none."""
    if not rows:
        return None
    sources = sorted({row.source for row in rows})
    is_one = len(sources) == 1
    bodies: dict[str, list[list[str]]] = {}
    for row in rows:
        direction, measure = _split_metric(row.metric)
        cells = [
            measure,
            hundredths(row.published, 2),
            hundredths(row.measured, 2),
            points(row.measured - row.published),
        ]
        bodies.setdefault(direction, []).append(cells if is_one else [*cells, row.source])
    note = (
        "The difference is in points. Over the same images, captions and prompt it should be close "
        f"to zero: no sampling comes between. {how_they_were_measured(dataset)}"
    ) + (f" Source: {sources[0]}." if is_one else "")
    header = ["", "published", "measured", "difference", *([] if is_one else ["source"])]
    kind = "published" if is_one else "published sourced"
    return Table("Zero-shot recall, in percent", header, list(bodies.items()), kind=kind, note=note)


def _split_metric(metric: str) -> tuple[str, str]:
    """The heading that a metric stands under, and its name there."""
    direction, _, k = metric.partition("_recall@")
    if direction in DIRECTIONS and k:
        return DIRECTIONS[direction], f"R@{k}"
    return "Other", metric


def methods_table(methods: Sequence[SearchMethodRow], why: str | None = None) -> Table | None:
    """What the index costs and saves, a body a direction; None where it was not measured.

    `why` says where the exact answers differ from the measures of the protocol.
    """
    if not methods:
        return None
    recalls = sorted({k for row in methods for k in row.recall})
    agreements = sorted({k for row in methods for k in row.agreement})
    bodies = [
        (
            title,
            [
                _method_cells(row, recalls, agreements)
                for row in methods
                if row.direction == direction
            ],
        )
        for direction, title in DIRECTIONS.items()
    ]
    header = [
        "",
        *(f"R@{k}" for k in recalls),
        *(f"@{k}" for k in agreements),
        *("queries/s", "p50", "p99", "bytes"),
    ]
    groups = [("R@K, %", len(recalls)), ("agreement, %", len(agreements))]
    groups += [("speed", 1), ("latency, ms", 2), ("per image", 1)]
    note = (
        "Agreement@K is the mean share of the exact first K that is returned in the first K. "
        "Latency is that of one query whose vector is given; bytes are on disk."
    ) + ("" if why is None else f" {why[:1].upper()}{why[1:]}.")
    return Table(
        "Exact answers, and answers through the index",
        header,
        [body for body in bodies if body[1]],
        groups=[each for each in groups if each[1]],
        kind="ways",
        note=note,
    )


def _method_cells(
    row: SearchMethodRow, recalls: Sequence[int], agreements: Sequence[int]
) -> list[str]:
    return [
        row.method,
        *(hundredths(row.recall[k]) if k in row.recall else ABSENT for k in recalls),
        *(hundredths(row.agreement[k]) if k in row.agreement else ABSENT for k in agreements),
        count(row.queries_per_second),
        decimal(row.p50_ms, 2),
        decimal(row.p99_ms, 2),
        count(row.bytes_per_image),
    ]


def curve_table(ks: Sequence[int], curves: Mapping[str, Sequence[float]]) -> Table:
    """R@K in percent, a row a K; `curves` by direction, a share for each of `ks`, nan for none."""
    rows = [
        [count(k), *(hundredths(curve[row]) for curve in curves.values())]
        for row, k in enumerate(ks)
    ]
    header = ["K", *(DIRECTIONS[name] for name in curves)]
    return Table("R@K, in percent", header, [("", rows)])


def health_rows(health: Health) -> list[HealthRow]:
    """Each measure with its value and one sentence on it."""
    return [
        HealthRow(name, decimal(getattr(health, field), 3), meaning, source)
        for field, name, meaning, source in _HEALTH
    ]


def protocol_pairs(protocol: Protocol, seconds: float) -> list[tuple[str, str]]:
    """Everything needed to measure the same again, each by its name."""
    prompt = protocol.prompt
    return [
        ("Dataset", protocol.dataset or "not a known benchmark"),
        ("Caption file", protocol.file),
        ("Format", protocol.format),
        ("Split", protocol.split or "none"),
        ("Images", count(protocol.images)),
        ("Captions", count(protocol.captions)),
        ("Captions per image", protocol.captions_per_image),
        ("SHA-256 of keys and captions", protocol.sha256),
        ("Encoder", protocol.encoder),
        ("Checkpoint", protocol.checkpoint),
        ("Precision", protocol.precision),
        ("Device", protocol.device),
        ("Prompt", prompt if prompt != "{}" else "{} (captions as they are)"),
        ("Ties", protocol.ties),
        ("Distractors", count(protocol.distractors)),
        ("Time taken", f"{decimal(seconds, 1)} s"),
    ]
