"""An evaluation as JSON, in the keys of CLIP_benchmark, so that existing scripts read it."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from cli import output
from searchengine.encoders.names import split_name
from searchengine.errors import InputError, reason_of
from searchengine.evaluation.results import Evaluation, QueryResult, SearchMethodRow
from searchengine.evaluation.tasks.groups import Groups
from searchengine.measures.recall import Direction

STDOUT = Path("-")
"""Stands for the standard output."""


def write(path: Path, result: Evaluation) -> None:
    """Write `result` to a file or to `STDOUT`. Raises InputError where that cannot be."""
    write_record(path, record(result), queries=[_query(query) for query in result.queries])


def whole_record(result: Evaluation) -> dict[str, Any]:
    """What `write` writes, as one value."""
    return {**record(result), "queries": [_query(query) for query in result.queries]}


def write_record(path: Path, record: dict[str, Any], **lists: list[dict[str, Any]]) -> None:
    """Write a record to a file or to `STDOUT`, and after it `lists`, an entry a line.

    Raises InputError where that cannot be.
    """
    text = json.dumps(record, indent=2, allow_nan=False).removesuffix("\n}")
    for name, entries in lists.items():
        lines = ",\n    ".join(json.dumps(entry, allow_nan=False) for entry in entries)
        text += f',\n  "{name}": [\n    {lines}\n  ]'
    text += "\n}\n"
    if path == STDOUT:
        output.write(text)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except BrokenPipeError as error:
        raise output.ReaderGone from error
    except OSError as error:
        raise InputError(f"cannot write {path}: {reason_of(error)}; choose another FILE") from error


def write_queries(path: Path, result: Evaluation) -> None:
    """Write every query on a line of its own. Raises InputError where that cannot be."""
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(_query(query)) + "\n" for query in result.queries)
    except OSError as error:
        raise InputError(f"cannot write {path}: {reason_of(error)}; choose another DIR") from error


def record(result: Evaluation) -> dict[str, Any]:
    """The evaluation in JSON's types. CLIP_benchmark's own keys come first."""
    protocol = result.protocol
    model, pretrained = model_of(protocol.encoder)
    return {
        "dataset": protocol.dataset or protocol.file,
        "model": model,
        "pretrained": pretrained,
        "task": "zeroshot_retrieval",
        "language": "en",
        "metrics": _metrics(result),
        "intervals_95": {
            f"{direction.name}_recall@{k}": list(bounds)
            for direction in (result.image_retrieval, result.text_retrieval)
            for k, bounds in direction.intervals.items()
        },
        "captions_cut": result.captions_cut,
        "judged": [dataclasses.asdict(judged) for judged in result.judged],
        **({} if result.groups is None else {"groups": _groups(result.groups)}),
        "protocol": {**dataclasses.asdict(protocol), "counts": result.counts},
        "warnings": list(result.warnings),
        "ways": [_method(row) for row in result.methods],
        "published": [dataclasses.asdict(row) for row in result.published],
        "health": {
            name: value if math.isfinite(value) else None  # JSON has no NaN
            for name, value in dataclasses.asdict(result.health).items()
        },
        "seconds": result.seconds,
    }


def _groups(groups: Groups) -> dict[str, Any]:
    rows = [
        {
            "value": row.value,
            "direction": row.direction,
            "queries": row.queries,
            **{
                f"recall@{k}": {"value": share, "interval_95": list(row.intervals[k])}
                for k, share in row.recall.items()
            },
        }
        for row in groups.rows
    ]
    gaps = [dataclasses.asdict(gap) for gap in groups.gaps]
    return {"column": groups.column, "left_out": groups.left_out, "rows": rows, "gaps": gaps}


def _query(query: QueryResult) -> dict[str, Any]:
    return {**dataclasses.asdict(query), "image": str(query.image)}


def model_of(encoder: str) -> tuple[str, str]:
    """CLIP_benchmark's model and pretrained: the halves of ARCH/TAG."""
    return split_name(encoder) if "/" in encoder and ":" not in encoder else (encoder, "")


def _metrics(result: Evaluation) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for direction in (result.image_retrieval, result.text_retrieval):
        metrics |= {f"{direction.name}_recall@{k}": v for k, v in direction.recall.items()}
    for direction in (result.image_retrieval, result.text_retrieval):
        metrics |= _further(direction)
    folds = {f"coco_1k_{name}": share for name, share in (result.coco_1k or {}).items()}
    return {**metrics, "rsum": result.rsum, **folds}


def _further(direction: Direction) -> dict[str, float]:
    return {
        **{f"{direction.name}_true_recall@{k}": v for k, v in direction.true_recall.items()},
        f"{direction.name}_median_rank": direction.median_rank,
        f"{direction.name}_mean_reciprocal_rank": direction.mean_reciprocal_rank,
        f"{direction.name}_tied": direction.tied,
    }


def _method(row: SearchMethodRow) -> dict[str, Any]:
    """A method of search under the keys that scripts know: its name is a "way"."""
    fields = dataclasses.asdict(row)
    return _with_text_keys({"way": fields.pop("method"), **fields})


def _with_text_keys(row: dict[str, Any]) -> dict[str, Any]:
    """The row with K as text in its tables, as JSON has it."""
    return {
        name: {str(k): v for k, v in value.items()} if isinstance(value, dict) else value
        for name, value in row.items()
    }
