"""The HTTP API under /api: the library's answers as JSON. `openapi.json` describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from searchengine.errors import InputError, NotListedError
from searchengine.retrieval.hints import notes_on
from searchengine.retrieval.terms import parse_text
from searchengine.types import ImageRecord
from serving.asking.forms import read_form
from serving.asking.looking import records_of
from serving.files.answer import FileAnswer, asked_part, file_headers, is_known
from serving.files.archive import require_few
from serving.question import (
    NAMES,
    Question,
    one_of,
    read_one_whole,
    read_question,
    read_whole,
)
from serving.replies import FOREVER, JsonResponse, image_record, thumbnail_url, version_of
from serving.service import LibraryService
from serving.thumbnails import Side

MAX_K = 1_000
MAX_OFFSET = 100_000_000
MAX_ID = 2**62
MAX_DIGITS = 19
SIZES = {"small": Side.SMALL, "large": Side.LARGE}
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "DIB": "image/bmp",
    "JPEG2000": "image/jp2",
    "AVIF": "image/avif",
    "TIFF": "image/tiff",
    "HEIF": "image/heif",
}
"""By Pillow's names of formats. Others, RAW files, are for downloading."""


class Digits(Convertor[str]):
    """A number in a path, as text: Python refuses to read thousands of digits."""

    regex = "[0-9]+"

    def convert(self, value: str) -> str:
        """The digits as they are."""
        return value

    def to_string(self, value: str) -> str:
        """The digits as they are."""
        return value


register_url_convertor("digits", Digits())

Pairs = Sequence[tuple[str, str]]


def service_of(request: Request) -> LibraryService:
    """The service that answers this application's questions."""
    service: LibraryService = request.app.state.service
    return service


def base_of(request: Request) -> str:
    """The path that all addresses of this application begin with, "" for none."""
    base: str = request.app.state.base
    return base


async def search(request: Request) -> Response:
    """Hits for a question, with an uploaded image in it or without."""
    pairs, uploads = await read_form(request)
    question = strict_question(pairs, "k", "offset")
    if uploads:
        if question.picture or len(uploads) > 1:
            raise InputError("a search takes one picture; send one image, or the key of one")
        question = read_question([*pairs, ("picture", await service_of(request).hold(uploads[0]))])
    question, taken = await service_of(request).located(question)
    k = read_one_whole(pairs, "k", low=1, high=MAX_K, default=10)
    offset = read_one_whole(pairs, "offset", low=0, high=MAX_OFFSET, default=0)
    hits = await service_of(request).search(question, k=k, offset=offset)
    hits.put_in(question.order)
    facets = await service_of(request).facets(question.where)
    return JsonResponse(
        {
            "hits": [hit.record() for hit in hits],
            "images": facets.total,
            "notes": [said for said in (taken, hits.no_match) if said]
            + notes_on(parse_text(question.text), hits),
            "corrections": hits.corrections,
            "thumbnails": {
                str(hit.id): base_of(request) + thumbnail_url(hit.image) for hit in hits
            },
        }
    )


async def facets(request: Request) -> Response:
    """How many images each choice of a filter would leave."""
    question = strict_question(request.query_params.multi_items())
    if question.min_score is not None:
        raise InputError(
            "facets counts what the filters leave, whatever its score; leave out min_score"
        )
    where = (await service_of(request).located(question))[0].where
    counts = await service_of(request).facets(where)
    return JsonResponse(
        {
            "images": counts.total,
            "folders": [{"path": path, "images": n} for path, n in counts.folders],
            "years": [{"year": year, "images": n} for year, n in counts.years],
            "undated": counts.undated,
            "cameras": [{"camera": camera, "images": n} for camera, n in counts.cameras],
            "orientations": [{"orientation": o, "images": n} for o, n in counts.orientations],
            "labels": [{"label": label, "images": n} for label, n in counts.labels],
            "places": [{"place": place, "images": n} for place, n in counts.places],
            "albums": [{"album": album, "images": n} for album, n in counts.albums],
        }
    )


async def places(request: Request) -> Response:
    """The places where images were taken, by name, most images first."""
    return JsonResponse({"places": await service_of(request).places()})


async def image(request: Request) -> Response:
    """What the catalog lists of an image."""
    record = await service_of(request).record(image_id(request))
    labels = await service_of(request).labels(record.id)
    return JsonResponse({**image_record(record, base_of(request)), "labels": labels})


async def thumbnail(request: Request) -> Response:
    """A small picture of an image."""
    size = one_of(request.query_params.multi_items(), "size") or "small"
    if size not in SIZES:
        raise InputError(f"size must be small or large, not {size!r}")
    record = await service_of(request).record(image_id(request))
    headers = {**_kept(request, record), "etag": f'"{record.content_hash.hex()}-{size}"'}
    if is_known(request.headers, headers["etag"]):
        return Response(status_code=304, headers=headers)
    data = await service_of(request).thumbnail(record, SIZES[size])
    return Response(data, media_type="image/jpeg", headers=headers)


async def where(request: Request) -> Response:
    """A map of where words are seen in an image, to lay over it."""
    record = await service_of(request).record(image_id(request))
    headers = _kept(request, record)
    asked = [pair for pair in request.query_params.multi_items() if pair[0] == "q"]
    data = await service_of(request).where(record, read_question(asked).text)
    return Response(data, media_type="image/png", headers=headers)


async def file(request: Request) -> Response:
    """The file of an image, as it was indexed."""
    service = service_of(request)
    record = await service.record(image_id(request))
    headers = {**_kept(request, record), **file_headers(record)}
    tag, modified = headers["etag"], headers["last-modified"]
    if is_known(request.headers, tag, modified):
        return Response(status_code=304, headers=headers)
    part = None
    if request.method == "GET":
        part = asked_part(request.headers, record.file.size, tag, modified)
    opened = await service.file(record)
    return FileAnswer(
        partial(service.read_piece, opened),
        partial(service.close_file, opened),
        size=record.file.size,
        part=part,
        headers=headers,
        media_type=MEDIA_TYPES.get(record.facts.format, "application/octet-stream"),
    )


async def packed(request: Request) -> Response:
    """The files of several images as one archive."""
    pairs, uploads = await read_form(request)
    if uploads or any(name != "id" for name, _ in pairs):
        raise InputError("an archive takes ids of images of the library, in id, and nothing else")
    chosen = [value for name, value in pairs if value]
    ids = [read_whole("id", value, low=0, high=MAX_ID, default=-1) for value in chosen]
    records = await service_of(request).ask(records_of, ids)
    require_few(records)
    name = f"clipseek-{len(records)}.zip"
    return StreamingResponse(
        service_of(request).packed(records),
        media_type="application/zip",
        headers={"content-disposition": f"attachment; filename={name}"},
    )


async def describe(request: Request) -> Response:
    """The stored captions nearest to an image of the library, or to an uploaded one."""
    pairs, uploads = await read_form(request)
    if unknown := sorted({name for name, _ in pairs} - {"id", "k"}):
        raise InputError(f"unknown parameter {unknown[0]!r}; describe takes id, k and an image")
    k = read_one_whole(pairs, "k", low=1, high=MAX_K, default=5)
    chosen = read_one_whole(pairs, "id", low=0, high=MAX_ID, default=-1)
    if len(uploads) + (chosen >= 0) != 1:
        raise InputError("describe takes one image: an id, or an upload")
    texts = await service_of(request).describe(
        image_id=chosen if chosen >= 0 else None, upload=uploads[0] if uploads else None, k=k
    )
    return JsonResponse({"texts": texts})


async def add_picture(request: Request) -> Response:
    """Keep an uploaded picture for searches; the answer has its key."""
    _, uploads = await read_form(request)
    if len(uploads) != 1:
        what = f"{len(uploads)} pictures came" if uploads else "no picture came, or an empty file"
        raise InputError(f"{what}; send one, in the field image")
    key = await service_of(request).hold(uploads[0])
    address = f"{base_of(request)}/api/pictures/{key}"
    return JsonResponse({"picture": key, "preview": address}, 201, headers={"location": address})


async def picture(request: Request) -> Response:
    """A small copy of an uploaded picture."""
    data = service_of(request).preview(request.path_params["key"])
    return Response(data, media_type="image/jpeg", headers=FOREVER)


async def info(request: Request) -> Response:
    """The library in numbers."""
    return JsonResponse(await service_of(request).info())


async def health(request: Request) -> Response:
    """Whether the server and its library answer, and whether its encoder is in memory."""
    await service_of(request).check()
    return JsonResponse({"status": "ok", "encoder": service_of(request).encoder_state})


async def openapi(request: Request) -> Response:
    """The description of this API."""
    described = json.loads(Path(__file__).with_name("openapi.json").read_text("utf-8"))
    return JsonResponse({**described, "servers": [{"url": base_of(request) or "/"}]})


def strict_question(pairs: Pairs, *others: str) -> Question:
    """The question of a program: a name that means nothing is a mistake it should know of."""
    known = (*NAMES, *others)
    for name, _ in pairs:
        if name not in known:
            raise InputError(f"unknown parameter {name!r}; known are {', '.join(known)}")
    return read_question(pairs)


def image_id(request: Request) -> int:
    """The id in the path. Raises NotListedError for one that no catalog gives."""
    digits: str = request.path_params["id"]
    if len(digits) > MAX_DIGITS or int(digits) > MAX_ID:
        raise NotListedError(digits[: 2 * MAX_DIGITS])
    return int(digits)


def _kept(request: Request, record: ImageRecord) -> dict[str, str]:
    """How long a picture may be kept. Raises NotListedError for content that is no longer."""
    version = request.query_params.get("v")
    if version is None:
        return {"cache-control": "no-cache"}
    if version != version_of(record):
        raise NotListedError(record.id)
    return FOREVER


ROUTES = [
    Route("/api/search", search, methods=["GET", "POST"]),
    Route("/api/facets", facets),
    Route("/api/places", places),
    Route("/api/images/{id:digits}", image),
    Route("/api/images/{id:digits}/thumbnail", thumbnail),
    Route("/api/images/{id:digits}/where", where),
    Route("/api/images/{id:digits}/file", file),
    Route("/api/archive", packed, methods=["POST"]),
    Route("/api/describe", describe, methods=["GET", "POST"]),
    Route("/api/pictures", add_picture, methods=["POST"]),
    Route("/api/pictures/{key}", picture),
    Route("/api/info", info),
    Route("/api/health", health),
    Route("/api/openapi.json", openapi),
]
