"""Templates to pages: the home of Jinja2 in the server."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from pathlib import Path

import jinja2
from starlette.responses import Response

from serving.pages.chips import chips
from serving.problems import Problem
from serving.question import Question
from serving.replies import file_url, thumbnail_url


class HtmlResponse(Response):
    """A page in UTF-8. Names of files that are not UTF-8 come as lone surrogates: shown as ?."""

    media_type = "text/html"

    def render(self, content: str) -> bytes:
        """The page as it is sent."""
        return content.encode("utf-8", "replace")


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(thumbnail_url=thumbnail_url, file_url=file_url)
    return environment


def render(name: str, status: int = HTTPStatus.OK, *, base: str, **values: object) -> HtmlResponse:
    """The page that a template makes of these values; `base` begins all of its addresses."""
    return HtmlResponse(_templates().get_template(name).render(values, base=base), status)


def render_problem(problem: Problem, base: str, question: Question | None) -> HtmlResponse:
    """A page that says what went wrong, with the question that was asked, to go on from it.

    Who may not ask is offered none.
    """
    return render(
        "problem.html",
        problem.status,
        base=base,
        problem=problem,
        question=question,
        chips=chips(question) if question else [],
    )
