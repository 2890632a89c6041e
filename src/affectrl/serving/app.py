"""One web application: the API, and the page for people in front of the same models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from affectrl.serving import api, problems
from affectrl.serving.guard import Guard
from affectrl.serving.service import Service, Settings
from affectrl.version import __version__


def build(settings: Settings) -> FastAPI:
    """The application, its first model loaded; the folder of uploads is removed when it ends.

    Raises:
        ModelError: As :func:`affectrl.inference.model.load`.
    """
    service = Service(settings)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    # FastAPI's own pages of documents are made of scripts from elsewhere, which a machine without a network has not.
    app = FastAPI(title="affectrl", version=__version__, lifespan=life, docs_url=None, redoc_url=None)
    app.state.service = service
    problems.install(app)
    app.include_router(api.router(service))
    if settings.page:
        from affectrl.serving.page import mount

        app = mount(app, service)
    app.add_middleware(
        Guard, limits=settings.limits, figures=service.figures, token=settings.token, local=settings.local
    )
    return app
