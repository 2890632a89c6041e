"""Errors as the API tells them: a body with a stable code, and the HTTP status that belongs to it."""

from __future__ import annotations

import logging
import math
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from affectrl.errors import AffectError, ModelError, UsageError

STATUS = {
    "media_too_large": 413,
    "media_too_long": 413,
    "upload_too_large": 413,
    "media_unknown_type": 415,
    "unauthorized": 401,
    "foreign_site": 403,
    "busy": 429,
    "timed_out": 504,
}
"""Codes that have a status of their own; what else the client can mend is 422, what it cannot is 500."""
_OF_STATUS = {
    400: "request_invalid",
    404: "not_found",
    405: "not_found",
    408: "request_slow",
    413: "upload_too_large",
}
_log = logging.getLogger(__name__)


class Problem(BaseModel):
    """Why a request has no answer."""

    code: str = Field(description="Stable name; docs/errors.md lists them.", examples=["media_corrupt"])
    message: str = Field(description="What is wrong, in a sentence.")
    hint: str | None = Field(default=None, description="What to do about it.")
    field: str | None = Field(default=None, description="The part of the request that is to blame, if one is.")


class Busy(UsageError):
    """Too much is asked at once (``busy``).

    Args:
        seconds: After which it is worth asking again.
    """

    default_code = "busy"

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, math.ceil(seconds))
        super().__init__(
            "the server has as many requests as it can take.",
            hint=f"Ask again in {self.seconds} seconds.",
        )


def too_large(limit: int) -> UsageError:
    """The ``upload_too_large`` error."""
    return UsageError(
        f"the upload is larger than {limit / (1 << 20):g} MiB.",
        code="upload_too_large",
        hint="Send a shorter or more compressed recording.",
    )


def status_of(error: AffectError) -> int:
    """The HTTP status of one of our errors."""
    if error.code in STATUS:
        return STATUS[error.code]
    return 500 if isinstance(error, ModelError) else 422


def response(error: AffectError, field: str | None = None) -> JSONResponse:
    """One of our errors as a response. Paths of the server stay out of it."""
    problem = Problem(code=error.code, message=error.message, hint=error.hint, field=field)
    headers = {"Retry-After": str(error.seconds)} if isinstance(error, Busy) else {}
    return _reply(status_of(error), problem, headers)


def _reply(status: int, problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(problem.model_dump(exclude_none=True), status, headers)


def install(app: FastAPI) -> None:
    """Make every failure of the app's own routes a :class:`Problem`."""

    @app.exception_handler(AffectError)
    async def ours(request: Request, error: AffectError) -> JSONResponse:
        return response(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # What was sent is not sent back: it may be of any size, and hold anything.
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:]) or None
        problem = Problem(code="request_invalid", message=f"{first['msg']}.", hint="See /openapi.json.", field=field)
        return _reply(422, problem)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        code = _OF_STATUS.get(error.status_code, "request_invalid")
        return _reply(error.status_code, Problem(code=code, message=f"{error.detail}".rstrip(".") + "."))

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> JSONResponse:
        _log.error("a request failed", exc_info=error)
        return _reply(500, Problem(code="internal", message="the server failed.", hint="Its log says why."))


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """``responses=`` of a route: these statuses carry a :class:`Problem`."""
    about = {
        401: "No token, or a wrong one.",
        413: "Larger or longer than the server takes.",
        415: "Neither sound, film nor image.",
        422: "Something in the request is not as it should be; `code` says what.",
        429: "Busy; `Retry-After` says for how many seconds.",
        504: "No answer in time.",
    }
    return {status: {"model": Problem, "description": about[status]} for status in statuses}
