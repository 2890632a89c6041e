"""An OpenAI-compatible chat endpoint as judge: the vendor's, or vLLM, llama.cpp, Ollama and others on your own machine.

Of a clip it is told the words and, with ``pictures``, shown so many frames. With a service of somebody else's, texts
and frames leave this machine. The key is read from an environment variable, whose *name* is in the recipe; it is
written nowhere. Needs the extra ``judge``.
"""

from __future__ import annotations

import base64
import io
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Annotated, Any, Literal

from pydantic import Field

from affectrl.errors import MediaError, ModelError
from affectrl.judges._question import Answerer, Failure, Question, Reply
from affectrl.judges._words import told, with_words

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
TOO_LATE = Failure("time-out")


def build(
    *,
    model: str,
    policy: Any = None,
    timeout_s: float = 60.0,
    base_url: str | None = None,
    api_key_env: Name | None = "OPENAI_API_KEY",
    pictures: Annotated[int, Field(ge=0, le=64)] = 0,
    max_side: Annotated[int, Field(ge=16)] = 384,
    temperature: Annotated[float, Field(ge=0)] | None = 0.0,
    max_tokens: Annotated[int, Field(ge=1)] | None = None,
    tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens",
    concurrency: Annotated[int, Field(ge=1, le=256)] = 8,
    retries: Annotated[int, Field(ge=0, le=10)] = 2,
) -> Answerer:
    """The judge.

    Args:
        model: The endpoint's name of the model.
        policy: Not used.
        timeout_s: What has not come back by then has no answer.
        base_url: Up to and with ``/v1``; by default the client library's own.
        api_key_env: Environment variable that holds the key; ``None`` for an endpoint that wants none.
        pictures: Frames of a clip to show; 0 for models that only read.
        max_side: Longest side of those, in pixels.
        temperature: ``None`` leaves it to the endpoint.
        max_tokens: Instead of what the question allows, for models that think before they answer.
        tokens_field: What the endpoint calls that limit.
        concurrency: Requests at a time.
        retries: Further tries after a lost connection, a busy server or a server's error.

    Raises:
        ModelError: ``judge_package``: the client library is not installed; ``judge_key``: the variable is not set.
    """
    try:
        import openai
    except ImportError as error:
        raise ModelError(
            "the judge 'openai' needs a package that is not installed.",
            code="judge_package",
            hint="Install it: pip install 'affectrl[judge]'.",
        ) from error
    secret = os.environ.get(api_key_env, "") if api_key_env else "none"
    if not secret:
        raise ModelError(
            f"the judge's key is not in the environment variable {api_key_env}.",
            code="judge_key",
            hint="Set it, or give api_key_env: null for an endpoint that wants no key.",
        )
    client = openai.OpenAI(api_key=secret, base_url=base_url, max_retries=retries)
    settings = {} if temperature is None else {"temperature": temperature}
    how = [model, str(client.base_url), pictures, max_side, temperature, max_tokens]
    key = "openai|" + "|".join(map(str, how))
    return _Endpoint(client, model, key, settings, timeout_s, pictures, max_side, max_tokens, tokens_field, concurrency)


class _Endpoint:
    def __init__(
        self,
        client: Any,
        model: str,
        key: str,
        settings: dict[str, float],
        timeout_s: float,
        pictures: int,
        max_side: int,
        max_tokens: int | None,
        tokens_field: str,
        concurrency: int,
    ) -> None:
        self.client, self.model, self.key, self.settings = client, model, key, settings
        self.timeout_s, self.concurrency = timeout_s, concurrency
        self.pictures, self.max_side = pictures, max_side
        self.max_tokens, self.tokens_field = max_tokens, tokens_field

    def answer(self, questions: Sequence[Question]) -> list[Reply]:
        deadline = time.monotonic() + self.timeout_s
        pool = ThreadPoolExecutor(min(self.concurrency, max(1, len(questions))), thread_name_prefix="judge")
        try:
            pending: list[Future[Reply]] = [pool.submit(self._one, question, deadline) for question in questions]
            done, _ = wait(pending, timeout=max(0.0, deadline - time.monotonic()))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return [future.result() if future in done else TOO_LATE for future in pending]

    def _one(self, question: Question, deadline: float) -> Reply:
        content = self._content(question)
        left = deadline - time.monotonic()
        if isinstance(content, Failure) or left <= 0:
            return content if isinstance(content, Failure) else TOO_LATE
        return self._request(content, self.max_tokens or question.max_new_tokens, left)

    def _request(self, content: Any, most: int, left_s: float) -> Reply:
        import openai

        options: dict[str, Any] = self.settings | {self.tokens_field: most}
        try:
            reply = self.client.chat.completions.create(
                model=self.model, messages=[{"role": "user", "content": content}], timeout=left_s, **options
            )
            return reply.choices[0].message.content or Failure("empty answer")
        except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
            raise ModelError(
                f"the judge's endpoint refuses us (HTTP {error.status_code}).",
                code="judge_refused",
                hint="Check rl.judge.settings: base_url, model, and the key in the variable that api_key_env names.",
            ) from error
        except openai.APITimeoutError:
            return TOO_LATE
        except openai.APIStatusError as error:
            return Failure(f"HTTP {error.status_code}")
        except openai.APIConnectionError:
            return Failure("no connection")
        except (openai.OpenAIError, IndexError, AttributeError, TypeError, ValueError):
            return Failure("not a chat completion")  # whatever answers there speaks something else

    def _content(self, question: Question) -> Any:
        clip = question.clip
        if clip is None or not self.pictures or not (clip.clip.video or clip.clip.image):
            return told(question)
        try:
            urls = _frames(clip.clip, self.pictures, self.max_side)
        except MediaError as error:
            return Failure(error.code)
        shown = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        return [*shown, {"type": "text", "text": with_words(question.text, clip.clip.text)}]


def _frames(clip: Any, count: int, max_side: int) -> list[str]:
    """Frames of a clip as JPEG data URLs, in order of time."""
    from PIL import Image

    if clip.video is not None:
        from affectrl.data.media.video import read_frames

        frames = read_frames(clip.video, count=count, start=clip.start, end=clip.end, max_side=max_side)
    else:
        from affectrl.data.media.image import read_image

        frames = read_image(clip.image, max_side=max_side)
    urls = []
    for rgb in frames.rgb:
        file = io.BytesIO()
        Image.fromarray(rgb).save(file, "JPEG", quality=90)
        urls.append("data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii"))
    return urls
