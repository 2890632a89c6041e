"""An OpenAI-compatible endpoint as judge, over real HTTP to a server of this process."""

from __future__ import annotations

import base64
import io
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from affectrl.data.clip import Clip
from affectrl.errors import ModelError
from affectrl.judges import Failure, Question, make
from affectrl.recipes.learning import JudgeSpec

if TYPE_CHECKING:
    from affectrl.models.features import ClipFeatures

Answering = Callable[[dict[str, Any]], tuple[int, Any]]


def says(text: str | None) -> tuple[int, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return 200, {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


class Server:
    """Answers as ``answering`` says; keeps every request's body and key."""

    def __init__(self) -> None:
        self.answering: Answering = lambda body: says(body["messages"][0]["content"].upper())
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.bodies.append(body)
                outer.keys.append(self.headers.get("Authorization"))
                status, reply = outer.answering(body) if self.path == "/v1/chat/completions" else (404, {})
                data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:  # the asker would not wait
                    pass

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/v1"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("JUDGE_KEY", "k-123")
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture
def judge(server: Server, tmp_path: Path) -> Callable[..., Any]:
    def build(timeout_s: float = 20.0, **settings: Any) -> Any:
        given = {"model": "m", "base_url": server.url, "api_key_env": "JUDGE_KEY", "retries": 0} | settings
        return make(JudgeSpec(kind="openai", timeout_s=timeout_s, settings=given), None, folder=tmp_path / "kept")

    return build


def test_many_questions_at_a_time(server: Server, judge: Callable[..., Any]) -> None:
    barrier = threading.Barrier(4)

    def together(body: dict[str, Any]) -> tuple[int, Any]:
        barrier.wait(timeout=10)  # nobody gets on unless four are asked at once
        return says(body["messages"][0]["content"].upper())

    server.answering = together
    asking = judge(concurrency=4)
    texts = [f"question {i}" for i in range(8)]
    assert asking.answer([Question(text, max_new_tokens=7) for text in texts]) == [text.upper() for text in texts]
    assert {(b["model"], b["max_tokens"], b["temperature"]) for b in server.bodies} == {("m", 7, 0.0)}
    assert set(server.keys) == {"Bearer k-123"}
    assert asking.answer([Question(texts[0], max_new_tokens=7)]) == ["QUESTION 0"]
    assert len(server.bodies) == 8


def test_the_key_is_written_nowhere(judge: Callable[..., Any], tmp_path: Path) -> None:
    asking = judge()
    asking.answer([Question("a")])
    assert "k-123" not in asking.key
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    assert not any(b"k-123" in file.read_bytes() for file in files)


def test_settings_of_the_request(server: Server, judge: Callable[..., Any]) -> None:
    judge(temperature=None, max_tokens=300, tokens_field="max_completion_tokens").answer([Question("a")])
    assert server.bodies[0].keys() == {"model", "messages", "max_completion_tokens"}
    assert server.bodies[0]["max_completion_tokens"] == 300


def test_another_model_or_place_has_answers_of_its_own(judge: Callable[..., Any]) -> None:
    keys = {judge(**s).key for s in ({}, {"model": "n"}, {"pictures": 1}, {"temperature": 0.5}, {"max_tokens": 9})}
    assert len(keys) == 5


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ((500, {}), "HTTP 500"),
        ((429, {"error": {"message": "slow down"}}), "HTTP 429"),
        ((400, {"error": {"message": "too long"}}), "HTTP 400"),
        ((200, b"<html>"), "not a chat completion"),
        ((200, {"choices": []}), "not a chat completion"),
        ((200, {}), "not a chat completion"),
        (says(None), "empty answer"),
        (says(""), "empty answer"),
    ],
)
def test_a_failure_is_one_question_s_own(
    reply: tuple[int, Any], reason: str, server: Server, judge: Callable[..., Any]
) -> None:
    server.answering = lambda body: reply if body["messages"][0]["content"] == "b" else says("fine")
    asking = judge()
    assert asking.answer([Question("a"), Question("b")]) == ["fine", None]
    assert asking.counts.failed == {reason: 1}


def test_tries_again(server: Server, judge: Callable[..., Any]) -> None:
    server.answering = lambda body: (503, {}) if len(server.bodies) == 1 else says("at last")
    assert judge(retries=1).answer([Question("a")]) == ["at last"]
    assert len(server.bodies) == 2


def test_too_late_is_no_answer(server: Server, judge: Callable[..., Any]) -> None:
    over = threading.Event()

    def slow(body: dict[str, Any]) -> tuple[int, Any]:
        if body["messages"][0]["content"] == "b":
            over.wait(20)
        return says("fine")

    server.answering = slow
    asking = judge(timeout_s=1.0, retries=5)
    before = time.monotonic()
    assert asking.answer([Question("a"), Question("b")]) == ["fine", None]
    assert time.monotonic() - before < 5
    over.set()
    assert asking.counts.failed == {"time-out": 1}


def test_more_questions_than_time(server: Server, judge: Callable[..., Any]) -> None:
    def slow(body: dict[str, Any]) -> tuple[int, Any]:
        time.sleep(0.4)
        return says("fine")

    server.answering = slow
    answers = judge(timeout_s=1.0, concurrency=1).answer([Question(f"{i}") for i in range(20)])
    assert answers[0] == "fine"
    assert answers[-1] is None
    time.sleep(0.5)
    assert len(server.bodies) <= 4, "the rest is never sent"


def test_nobody_there(judge: Callable[..., Any]) -> None:
    asking = judge(base_url="http://127.0.0.1:9/v1")
    assert asking.answer([Question("a")]) == [None]
    assert asking.counts.failed == {"no connection": 1}


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refused_ends_the_run(status: int, server: Server, judge: Callable[..., Any]) -> None:
    server.answering = lambda body: (status, {"error": {"message": "no"}})
    with pytest.raises(ModelError, match=rf"HTTP {status}") as caught:
        judge().answer([Question("a")])
    assert caught.value.code == "judge_refused"
    assert "k-123" not in str(caught.value)


def test_no_key(judge: Callable[..., Any], server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUDGE_KEY")
    with pytest.raises(ModelError, match="JUDGE_KEY") as caught:
        judge()
    assert caught.value.code == "judge_key"
    assert judge(api_key_env=None).answer([Question("a")]) == ["A"]
    assert server.keys == ["Bearer none"]


def test_no_client_library(judge: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ModelError, match=r"affectrl\[judge\]") as caught:
        judge()
    assert caught.value.code == "judge_package"


def test_frames_of_the_clip(
    server: Server, judge: Callable[..., Any], small_media: Path, make_features: Callable[..., ClipFeatures]
) -> None:
    def about(**media: Any) -> ClipFeatures:
        return replace(make_features(1), clip=Clip(id="a", labels=("secretive",), **media))

    server.answering = lambda body: says("fine")
    questions = [
        Question("q", about(video=small_media / "film.mp4", text="So good!")),
        Question("q", about(image=small_media / "face.png")),
        Question("q", about(text="So good!")),
        Question("q", about(audio=small_media / "talk.wav")),
        Question("q"),
    ]
    asking = judge(pictures=3, max_side=32, concurrency=1)
    assert asking.answer(questions) == ["fine", "fine", "fine", None, "fine"]
    assert asking.counts.failed == {"clip cannot be seen": 1}
    film, still, words, alone = [body["messages"][0]["content"] for body in server.bodies]
    assert [part["type"] for part in film] == ["image_url"] * 3 + ["text"]
    assert [part["type"] for part in still] == ["image_url", "text"]
    assert film[-1]["text"] == words == 'In the clip somebody says: "So good!"\n\nq'
    assert still[-1]["text"] == alone == "q"
    for part in (*film[:-1], still[0]):
        head, _, data = part["image_url"]["url"].partition(",")
        assert head == "data:image/jpeg;base64"
        assert max(Image.open(io.BytesIO(base64.b64decode(data))).size) == 32
    assert "secretive" not in json.dumps(server.bodies)


def test_a_clip_that_cannot_be_opened(
    judge: Callable[..., Any], tmp_path: Path, make_features: Callable[..., ClipFeatures]
) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    clip = replace(make_features(1), clip=Clip(id="a", image=tmp_path / "a.png"))
    asking = judge(pictures=1)
    assert asking.answer([Question("q", clip), Question("q")]) == [None, "Q"]
    (reason,) = asking.counts.failed
    assert reason.startswith("media_")
    assert asking.judge.answer([Question("q", clip)]) == [Failure(reason)]
