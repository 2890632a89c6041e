"""Reports of run folders, shown without letting them, or anybody, at anything else."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

REPORT = "report.html"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox allow-popups"
"""A report runs no scripts and loads nothing; it is an island even if a model wrote HTML into it."""


def reports(runs: Path | None) -> dict[str, Path]:
    """Run name -> report, the newest first. Links that lead out of the folder are left out."""
    if runs is None or not runs.is_dir():
        return {}
    inside = runs.resolve()
    found = [file for file in runs.glob(f"*/{REPORT}") if file.resolve().is_relative_to(inside) and file.is_file()]
    return {file.parent.name: file for file in sorted(found, key=lambda file: file.stat().st_mtime, reverse=True)}


def router(runs: Path | None) -> APIRouter:
    """``/runs/NAME``: the report of a run. A name that is not in the list leads nowhere, whatever it says."""
    routes = APIRouter()

    @routes.get("/runs/{name:path}", include_in_schema=False)
    async def report(name: str) -> FileResponse:
        file = reports(runs).get(name)
        if file is None:
            raise HTTPException(404, "there is no report of this run")
        return FileResponse(file, media_type="text/html", headers={"Content-Security-Policy": POLICY})

    return routes
