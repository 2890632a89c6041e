"""The door: who may come in, how much they may bring, and how many may be inside at once.

Everything is decided before a body is read. Bound to this machine alone, the server answers only requests that were
meant for it (the ``Host`` is a name of this machine) and that no other web site has sent (``Origin``), so that a page
in the same browser cannot use it. Bound elsewhere, it asks for a token as well.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from affectrl.errors import UsageError
from affectrl.serving import problems
from affectrl.serving.figures import Figures
from affectrl.serving.limits import Limits
from affectrl.serving.problems import Busy, too_large

LOOPBACK = ("localhost", "127.0.0.1", "::1")
OPEN = ("/health",)
"""Paths that ask for no token: they tell nothing but that the server is up."""
COOKIE = "affectrl_token"
API = "/v1/"
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "connect-src 'self' data: blob:; frame-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'self'"
)
"""Nothing from elsewhere is loaded, and nothing is sent there. Gradio's own page needs inline scripts."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "SAMEORIGIN",
}


class Guard:
    """ASGI middleware; see the module's text.

    Args:
        app: What stands behind the door.
        limits: ``body_bytes``, ``requests``, ``idle_s``.
        figures: Counts what is answered.
        token: What a request must bring, as ``Authorization: Bearer``, or as the cookie that ``/?token=`` gives.
        local: Whether only this machine can reach us, so that the ``Host`` must be one of its names.
    """

    def __init__(self, app: ASGIApp, limits: Limits, figures: Figures, token: str | None, local: bool) -> None:
        self.app, self.limits, self.figures = app, limits, figures
        self.token, self.local = token, local
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] == "websocket":  # nothing of ours speaks that
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status, path = time.monotonic(), 500, scope["path"]

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", POLICY)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if path.startswith(API):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        counted = path.startswith(API)
        try:
            refusal = self._refusal(scope)
            if refusal is not None:
                await refusal(scope, receive, told)
                return
            self._inside += counted
            self.figures.active.set(self._inside)
            try:
                await self.app(scope, self._measured(receive), told)
            finally:
                self._inside -= counted
                self.figures.active.set(self._inside)
        finally:
            self.figures.answered(path, status, time.monotonic() - start)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = _host(headers.get("host", ""))
        origin = headers.get("origin")
        if self.local and host not in LOOPBACK:
            return problems.response(_foreign("the request was not meant for this machine"))
        if origin is not None and (origin == "null" or urlsplit(origin).netloc != headers.get("host")):
            return problems.response(_foreign("another web site sent the request"))
        if self.token is not None and scope["path"] not in OPEN:
            asked = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[-1]
            if scope["path"] == "/" and asked and self._right(asked):
                return _welcome(asked, secure=scope["scheme"] == "https")
            if not self._right(_brought(headers)):
                return _unauthorized()
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self.limits.body_bytes:
            return problems.response(too_large(self.limits.body_bytes))
        if scope["path"].startswith(API) and self._inside >= self.limits.requests:
            return problems.response(Busy(2))
        return None

    def _right(self, token: str) -> bool:
        assert self.token is not None
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode())

    def _measured(self, receive: Receive) -> Receive:
        """The body, as long as it comes in time and is no larger than was promised or allowed."""
        got, more = 0, True

        async def next_part() -> Message:
            nonlocal got, more
            if not more:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self.limits.idle_s)
            except TimeoutError:
                raise HTTPException(408, "the request did not come in time") from None
            more = bool(message.get("more_body"))
            got += len(message.get("body", b""))
            if got > self.limits.body_bytes:
                raise HTTPException(413, too_large(self.limits.body_bytes).message)
            return message

        return next_part


def _host(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _brought(headers: Headers) -> str:
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if cookie is None else cookie.value


def _welcome(token: str, *, secure: bool) -> Response:
    """The page without the token in its address, which browsers keep and show."""
    home = RedirectResponse("/", 303)
    home.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure)
    return home


def _unauthorized() -> Response:
    told = problems.response(
        UsageError(
            "the token is missing or wrong.",
            code="unauthorized",
            hint="Send `Authorization: Bearer TOKEN`; in a browser, open /?token=TOKEN.",
        )
    )
    told.headers["WWW-Authenticate"] = "Bearer"
    return told


def _foreign(why: str) -> UsageError:
    return UsageError(f"{why}.", code="foreign_site", hint="Use the address that `affectrl serve` printed.")
