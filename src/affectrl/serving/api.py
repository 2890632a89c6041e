"""The REST API: ``/v1/predict``, ``/v1/score``, ``/health``, ``/metrics``, described by ``/openapi.json``."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from affectrl.answers.prediction import Prediction
from affectrl.data.clip import Clip
from affectrl.errors import UsageError
from affectrl.serving.batcher import Asked
from affectrl.serving.intake import choice
from affectrl.serving.problems import documented
from affectrl.serving.service import Service, answered
from affectrl.version import __version__


class Told(BaseModel):
    """A code and a sentence."""

    code: str
    message: str


class Row(BaseModel):
    """What the model says of a clip, or of one window of it."""

    id: str
    emotions: list[str] = Field(description="Ranked, the most likely first.")
    top: str | None
    confidence: float | None = Field(description="Probability that the model itself gives to `top`.")
    reasoning: str | None
    text: str = Field(description="The model's raw output.")
    modalities: list[str] = Field(description="What was really used: of video, audio, image, text.")
    error: Told | None = Field(description="Why a window has no answer.")
    start: float | None = Field(default=None, description="Where a window begins, in seconds.")
    end: float | None = None
    scores: dict[str, float] = Field(default={}, description="With `labels`: the probability of each.")
    shares: dict[str, float] = Field(
        default={}, description="With `explain`: what each modality added to the probability of `top`."
    )
    transcript: str | None = Field(default=None, description="With `transcribe`: the words that were heard.")
    notes: list[Told] = Field(default=[], description="Where the work went on, but not quite as asked.")


class Predicted(BaseModel):
    """The answer of ``/v1/predict``."""

    model: str
    seconds: float = Field(description="From the whole upload to the answer.")
    predictions: list[Row] = Field(description="One; with `window` one a window; with `who: each` one a face.")


class Health(BaseModel):
    """Whether the server is up."""

    status: str
    version: str


def router(service: Service) -> APIRouter:
    """The routes over a service."""
    routes = APIRouter()
    limits = service.limits

    @routes.post(
        "/v1/predict",
        summary="What the person in a clip feels",
        responses=documented(401, 413, 415, 422, 429, 504),
    )
    async def predict(
        media: Annotated[UploadFile | None, File(description="A film, a sound or a picture.")] = None,
        text: Annotated[str | None, Form(description="What was said.")] = None,
        labels: Annotated[
            str | None, Form(description="A closed choice, such as `happy,sad,neutral`.", examples=["happy,sad"])
        ] = None,
        explain: Annotated[bool, Form(description="Add what each modality gave.")] = False,
        transcribe: Annotated[bool, Form(description="Hear the words of a recording (English only).")] = False,
        window: Annotated[float | None, Form(description="Cut a recording into windows of so many seconds.")] = None,
    ) -> Predicted:
        begin = time.monotonic()
        chosen = choice(labels, limits)
        with ExitStack() as stack:
            file: Path | None = None
            if media is not None:
                file = await run_in_threadpool(stack.enter_context, service.intake.kept(media.file, limits.body_bytes))
            clips: list[Clip] = await run_in_threadpool(service.intake.clips, file, text, window)
            rows = await _in_time(service, clips, Asked(chosen, explain, transcribe))
        found = [Row.model_validate(row.to_dict()) for row in answered(rows)]
        return Predicted(model=service.desk.name, seconds=round(time.monotonic() - begin, 3), predictions=found)

    @routes.post(
        "/v1/score",
        summary="Score predictions against references",
        responses=documented(401, 413, 422, 429, 504),
    )
    async def score(
        pred: Annotated[UploadFile, File(description="Predictions, as JSON lines or CSV.")],
        ref: Annotated[UploadFile, File(description="References, likewise.")],
        task: Annotated[str, Form(description="ov, hitrate, sentiment, basic or prefer.")],
        mode: Annotated[str | None, Form(description="mer2025, mer2026 or affectrl.")] = None,
        label_set: Annotated[str | None, Form(description="basic: map labels to this set.")] = None,
        by: Annotated[str | None, Form(description="Also by groups: a column.")] = None,
        missing: Annotated[str, Form(description="Clips without a prediction: error, wrong or skip.")] = "error",
        resamples: Annotated[int, Form(description="Bootstrap resamples of each interval.")] = 1000,
        seed: Annotated[int, Form(ge=0, description="Of intervals and tests.")] = 0,
    ) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            with service.table(pred.file, "pred") as ours, service.table(ref.file, "ref") as theirs:
                result = service.score(
                    task,
                    ours,
                    theirs,
                    mode=mode,
                    label_set=label_set,
                    by=by,
                    missing=missing,
                    resamples=resamples,
                    seed=seed,
                )
            return result.to_json()

        try:
            return await asyncio.wait_for(run_in_threadpool(work), limits.timeout_s)
        except TimeoutError:
            raise late(limits.timeout_s) from None

    @routes.get("/health", summary="Whether the server is up; needs no token")
    async def health() -> Health:
        return Health(status="ok", version=__version__)

    @routes.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
    async def metrics() -> PlainTextResponse:
        return PlainTextResponse(generate_latest(service.figures.registry), media_type=CONTENT_TYPE_LATEST)

    @routes.api_route("/v1/{rest:path}", methods=["GET", "POST", "PUT", "DELETE"], include_in_schema=False)
    async def nothing(rest: str) -> None:
        raise HTTPException(404, "there is nothing here by this method; /openapi.json tells what there is")

    return routes


async def _in_time(service: Service, clips: list[Clip], asked: Asked) -> list[Prediction]:
    future = await run_in_threadpool(service.ask, clips, asked)
    try:
        return await asyncio.wait_for(asyncio.wrap_future(future), service.limits.timeout_s)
    except TimeoutError:
        raise late(service.limits.timeout_s) from None


def late(seconds: float) -> UsageError:
    """The ``timed_out`` error."""
    return UsageError(
        f"there was no answer in {seconds:g} seconds.",
        code="timed_out",
        hint="Send a shorter recording, or ask again when there is less to do.",
    )
