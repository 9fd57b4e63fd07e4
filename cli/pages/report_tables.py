"""The numbers of a report as HTML tables and lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

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
from searchengine.evaluation.results import Evaluation, Protocol, PublishedRow, SearchMethodRow
from searchengine.measures.geometry import Health
from searchengine.measures.recall import Direction

_WANG = "Wang &amp; Isola 2020"
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
"""Field of `Health`, its name, one plain sentence, and whose measure it is; HTML."""


def table(
    caption: str,
    header: Sequence[str],
    bodies: Sequence[tuple[str, Sequence[Sequence[str]]]],
    *,
    groups: Sequence[tuple[str, int]] = (),
    kind: str = "",
    note: str = "",
) -> str:
    """A table in a box that scrolls where the screen is narrow; HTML, but for the plain caption.

    The first cell of a row is its heading. `groups` are headings over so many columns each, from
    the second column on. Each of `bodies` is a heading over its rows, or "" for none, and rows.
    `note` is a paragraph below, which does not scroll.
    """
    named = escape(caption)
    parts = [f'<div class="scroll" role="group" aria-label="{named}" tabindex="0">']
    parts.append(f'<table class="{kind}">\n<caption>{named}</caption>\n<thead>\n')
    if groups:
        spans = (f'<th scope="colgroup" colspan="{n}">{text}</th>' for text, n in groups)
        parts.append(f"<tr><td></td>{''.join(spans)}</tr>\n")
    heads = (f'<th scope="col">{text}</th>' if text else "<td></td>" for text in header)
    parts.append(f"<tr>{''.join(heads)}</tr>\n</thead>\n")
    parts.extend(_body(heading, rows, len(header)) for heading, rows in bodies)
    parts.append("</table></div>\n")
    return "".join(parts) + (f'<p class="note">{note}</p>\n' if note else "")


def _body(heading: str, rows: Sequence[Sequence[str]], width: int) -> str:
    lines = ["<tbody>"]
    if heading:
        lines.append(f'<tr><th scope="rowgroup" colspan="{width}">{heading}</th></tr>')
    for first, *cells in rows:
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        lines.append(f'<tr><th scope="row">{first}</th>{row}</tr>')
    return "\n".join([*lines, "</tbody>\n"])


def definitions(pairs: Sequence[tuple[str, str]]) -> str:
    """A definition list; plain text in, escaped here."""
    rows = (f"<div><dt>{escape(term)}</dt><dd>{escape(said)}</dd></div>\n" for term, said in pairs)
    return f"<dl>\n{''.join(rows)}</dl>\n"


def recall_table(evaluation: Evaluation) -> str:
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
    return table(
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


def rank_table(evaluation: Evaluation) -> str:
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
    return table("Rank of the first relevant answer", header, [("", rows)], note=note)


def published_table(rows: Sequence[PublishedRow]) -> str:
    """Published numbers beside the measured ones."""
    if not rows:
        return "<p>No published zero-shot numbers are known for this encoder on this dataset.</p>\n"
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
        bodies.setdefault(direction, []).append(cells if is_one else [*cells, escape(row.source)])
    note = (
        "The difference is in points. Over the same images, captions and prompt it should be close "
        "to zero: no sampling comes between."
    ) + (f" Source: {escape(sources[0])}." if is_one else "")
    header = ["", "published", "measured", "difference", *([] if is_one else ["source"])]
    kind = "published" if is_one else "published sourced"
    return table("Zero-shot recall, in percent", header, list(bodies.items()), kind=kind, note=note)


def _split_metric(metric: str) -> tuple[str, str]:
    """The heading that a metric stands under, and its name there; HTML."""
    direction, _, k = metric.partition("_recall@")
    if direction in DIRECTIONS and k:
        return DIRECTIONS[direction], f"R@{escape(k)}"
    return "Other", escape(metric)


def ways_table(ways: Sequence[SearchMethodRow]) -> str:
    """What the index costs and saves, a body a direction."""
    if not ways:
        return "<p>Not measured: the answers above are exact.</p>\n"
    recalls = sorted({k for way in ways for k in way.recall})
    agreements = sorted({k for way in ways for k in way.agreement})
    bodies = [
        (
            title,
            [_way_cells(way, recalls, agreements) for way in ways if way.direction == direction],
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
    )
    return table(
        "Exact answers, and answers through the index",
        header,
        [body for body in bodies if body[1]],
        groups=[each for each in groups if each[1]],
        kind="ways",
        note=note,
    )


def _way_cells(
    way: SearchMethodRow, recalls: Sequence[int], agreements: Sequence[int]
) -> list[str]:
    return [
        escape(way.method),
        *(hundredths(way.recall[k]) if k in way.recall else ABSENT for k in recalls),
        *(hundredths(way.agreement[k]) if k in way.agreement else ABSENT for k in agreements),
        count(way.queries_per_second),
        decimal(way.p50_ms, 2),
        decimal(way.p99_ms, 2),
        count(way.bytes_per_image),
    ]


def curve_table(ks: Sequence[int], curves: Mapping[str, Sequence[float]]) -> str:
    """R@K in percent, a row a K; `curves` by direction, a share for each of `ks`, nan for none."""
    rows = [
        [count(k), *(hundredths(curve[row]) for curve in curves.values())]
        for row, k in enumerate(ks)
    ]
    header = ["K", *(DIRECTIONS[name] for name in curves)]
    return table("R@K, in percent", header, [("", rows)])


def health_table(health: Health) -> str:
    """Each measure with its value and one sentence on it."""
    rows = []
    for field, name, meaning, source in _HEALTH:
        cited = f" <cite>{source}</cite>" if source else ""
        rows.append([name, decimal(getattr(health, field), 3), meaning + cited])
    caption = "How images and captions lie to each other"
    return table(caption, ["", "value", "what it says"], [("", rows)], kind="health")


def protocol_lists(evaluation: Evaluation) -> Iterator[str]:
    """Everything needed to measure the same again, what was left out, and versions."""
    yield definitions(_protocol_pairs(evaluation.protocol, evaluation.seconds))
    yield "<h3>Found and left out</h3>\n"
    if evaluation.counts:
        yield definitions(
            [(what.replace("_", " "), count(number)) for what, number in evaluation.counts.items()]
        )
    else:
        yield "<p>Nothing was left out.</p>\n"
    if evaluation.protocol.versions:
        yield "<h3>Versions</h3>\n"
        yield definitions(list(evaluation.protocol.versions.items()))


def _protocol_pairs(protocol: Protocol, seconds: float) -> list[tuple[str, str]]:
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
