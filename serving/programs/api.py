"""Several questions at once, and vectors, under /api."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from searchengine.errors import InputError
from serving.api import MAX_ID, MAX_K, service_of, strict_question
from serving.asking.forms import read_form
from serving.question import read_one_whole, read_question, read_whole
from serving.replies import JsonResponse

MOST_TEXTS, MOST_IMAGES = 100, 500
"""Of one request."""


async def searches(request: Request) -> Response:
    """Hits for each of several texts, under one filter."""
    pairs, uploads = await read_form(request)
    if uploads:
        raise InputError("searches takes texts alone; send the picture to /api/search")
    texts = [value for name, value in pairs if name == "q" and value.strip()]
    _require_few("q", len(texts), MOST_TEXTS)
    shared = [(name, value) for name, value in pairs if name != "q"]
    first, taken = await service_of(request).located(strict_question(shared, "k"))
    questions = [
        replace(strict_question([("q", text), *shared], "k"), where=first.where) for text in texts
    ]
    k = read_one_whole(shared, "k", low=1, high=MAX_K, default=10)
    found = await service_of(request).search_all(questions, k=k)
    for question, hits in zip(questions, found, strict=True):
        hits.put_in(question.order)
    return JsonResponse(
        {
            "answers": [
                {
                    "q": text,
                    "hits": [hit.record() for hit in hits],
                    "notes": [said for said in (taken, hits.no_match) if said],
                }
                for text, hits in zip(texts, found, strict=True)
            ]
        }
    )


async def vectors(request: Request) -> Response:
    """The vectors of images of the library, and of texts as a search has them."""
    pairs, uploads = await read_form(request)
    if unknown := sorted({name for name, _ in pairs} - {"id", "q"}):
        raise InputError(f"unknown parameter {unknown[0]!r}; vectors takes id and q")
    if uploads:
        raise InputError("vectors takes ids and texts, no pictures")
    ids = [
        read_whole("id", value, low=0, high=MAX_ID, default=-1)
        for name, value in pairs
        if name == "id" and value
    ]
    texts = [read_question([pair]).text for pair in pairs if pair[0] == "q" and pair[1].strip()]
    if not (ids or texts):
        raise InputError("no vectors of nothing; give ids of images with id, or texts with q")
    _require_few("id", len(ids), MOST_IMAGES, least=0)
    _require_few("q", len(texts), MOST_TEXTS, least=0)
    info, of_images, of_texts = await service_of(request).vectors(ids, texts)
    return JsonResponse(
        {
            "encoder": info.encoder,
            "fingerprint": info.fingerprint,
            "dim": info.dim,
            "images": [
                {"id": image, "vector": row.tolist()}
                for image, row in zip(ids, of_images, strict=True)
            ],
            "texts": [
                {"q": text, "vector": row.tolist()}
                for text, row in zip(texts, of_texts, strict=True)
            ],
        }
    )


def _require_few(name: str, count: int, most: int, *, least: int = 1) -> None:
    if not least <= count <= most:
        raise InputError(f"{name} is given {count:,} times; give 1 to {most:,} at a time")


ROUTES = [
    Route("/api/searches", searches, methods=["GET", "POST"]),
    Route("/api/vectors", vectors, methods=["GET", "POST"]),
]
