"""What `clipseek evaluate` prints and writes of captions in several languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli import output
from cli.commands.evaluating.record import STDOUT, model_of, write_record
from cli.notation import DIRECTIONS, count, hundredths, interval, plural
from searchengine.encoders.interface import Encoder
from searchengine.evaluation.tasks.languages import LanguageRow
from searchengine.evaluation.tasks.lengths import about_lengths


def show_languages(
    path: Path, encoder: Encoder, prompt: str, rows: list[LanguageRow], json_file: Path | None
) -> None:
    """Notes on stderr, the JSON file, and a table with a row a language."""
    output.note(
        f"{path}: {plural(len(rows), 'language')}; {encoder.name} ({encoder.precision}) on "
        f"{encoder.device}"
    )
    for row in rows:
        if row.missing:
            output.note(f"{row.language}: {plural(row.missing, 'image')} missing or unreadable")
        cut = about_lengths(row.cut_share, row.captions)
        if cut is not None:
            output.note(f"warning: {row.language}: {cut}")
    if json_file is not None:
        write_record(json_file, _record(path, encoder, prompt, rows))
    if json_file != STDOUT:
        _print(rows)


def _print(rows: list[LanguageRow]) -> None:
    ks = list(rows[0].image_retrieval.recall)
    header = ["language, %"]
    for title in DIRECTIONS.values():
        header += [f"{title}, R@{ks[0]}", "95 % CI", *(f"R@{k}" for k in ks[1:])]
    lines = []
    for row in rows:
        cells = [row.language]
        for each in (row.image_retrieval, row.text_retrieval):
            cells += [hundredths(each.recall[ks[0]], 2), interval(each.intervals[ks[0]])]
            cells += [hundredths(each.recall[k], 2) for k in ks[1:]]
        cells += [hundredths(row.mean_recall, 2), hundredths(row.cut_share)]
        lines.append([*cells, count(row.images), count(row.captions)])
    output.print_table([*header, "mean", "cut", "images", "captions"], lines, left={0})


def _record(path: Path, encoder: Encoder, prompt: str, rows: list[LanguageRow]) -> dict[str, Any]:
    model, pretrained = model_of(encoder.name)
    return {
        "dataset": str(path),
        "model": model,
        "pretrained": pretrained,
        "task": "zeroshot_retrieval",
        "languages": {
            row.language: {
                "metrics": {
                    **{
                        f"{each.name}_recall@{k}": share
                        for each in (row.image_retrieval, row.text_retrieval)
                        for k, share in each.recall.items()
                    },
                    "mean_recall": row.mean_recall,
                },
                "intervals_95": {
                    f"{each.name}_recall@{k}": list(bounds)
                    for each in (row.image_retrieval, row.text_retrieval)
                    for k, bounds in each.intervals.items()
                },
                "images": row.images,
                "missing_images": row.missing,
                "captions": row.captions,
                "captions_cut": row.cut_share,
            }
            for row in rows
        },
        "protocol": {
            "encoder": encoder.name,
            "checkpoint": encoder.fingerprint,
            "precision": encoder.precision,
            "device": encoder.device,
            "prompt": prompt,
        },
    }
