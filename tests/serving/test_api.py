from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient

from affectrl.data.media.audio import SAMPLE_RATE
from affectrl.data.sandbox.speech import SPEECH_RATE_HZ, Delivery, speak
from affectrl.errors import UsageError
from affectrl.inference.model import load
from affectrl.serving.limits import Limits
from small_films import write_film


def test_words_are_answered_as_the_model_answers_them(client: TestClient, taught: dict[str, str]) -> None:
    for said, felt in taught.items():
        told = client.post("/v1/predict", data={"text": said})
        assert told.status_code == 200, told.text
        (row,) = told.json()["predictions"]
        assert row["emotions"] == felt.split(", ")
        assert "path" not in row


def test_a_file_is_answered_as_predict_answers_it(client: TestClient, tiny_model: Path, small_media: Path) -> None:
    model = load(tiny_model)
    for name, kind in (("talk.wav", "audio"), ("film.mp4", "video"), ("face.png", "image")):
        # The name says nothing, or something else; what is inside counts.
        for shown in ("blob", "../../x.txt"):
            told = client.post(
                "/v1/predict",
                files={"media": (shown, (small_media / name).read_bytes(), "text/html")},
                data={"labels": "happy,sad,angry", "explain": "true"},
            )
            assert told.status_code == 200, told.text
            (row,) = told.json()["predictions"]
            (ours,) = model.predict(small_media / name, labels=["happy", "sad", "angry"], explain=True)
            assert row["modalities"] == list(ours.modalities)
            assert kind in row["modalities"]
            assert row["scores"] == pytest.approx(ours.scores, rel=1e-4)
            assert row["shares"] == pytest.approx(ours.shares, abs=1e-4)


def test_windows_have_times(client: TestClient, small_media: Path) -> None:
    told = client.post(
        "/v1/predict", files={"media": (small_media / "talk.wav").open("rb")}, data={"window": "0.25"}
    ).json()
    assert [(row["start"], row["end"]) for row in told["predictions"]] == [
        (0.0, 0.25),
        (0.25, 0.5),
        (0.5, 0.75),
        (0.75, 1.0),
    ]


def test_words_are_heard_and_read_on_request_and_forgotten(
    client: TestClient, scratch: Path, home: Path, tmp_path: Path
) -> None:
    said = speak("We won the match, I am so happy.", Delivery("en-us+m3", rate_wpm=150))
    times = np.arange(0, len(said) / SPEECH_RATE_HZ, 1 / SAMPLE_RATE)
    sound = np.interp(times, np.arange(len(said)) / SPEECH_RATE_HZ, said).astype(np.float32)
    write_film(tmp_path / "talk.wav", sound, None)
    media = (tmp_path / "talk.wav").read_bytes()
    known = len(list((home / "features").rglob("*")))
    (plain,) = client.post("/v1/predict", files={"media": media}).json()["predictions"]
    (heard,) = client.post("/v1/predict", files={"media": media}, data={"transcribe": "true"}).json()["predictions"]
    assert (plain["transcript"], plain["modalities"]) == (None, ["audio"])
    assert "happy" in heard["transcript"].lower()
    assert heard["modalities"] == ["audio", "text"]
    assert len(list((home / "features").rglob("*"))) == known
    assert not [file for file in scratch.rglob("*") if file.is_file() and "feature" not in str(file)]


def test_uploads_are_gone_after_use(client: TestClient, scratch: Path, small_media: Path, home: Path) -> None:
    known = len(list((home / "features").rglob("*")))
    for name in ("talk.wav", "film.mp4"):
        client.post("/v1/predict", files={"media": (small_media / name).open("rb")})
    client.post("/v1/predict", files={"media": ("x.wav", b"RIFF....")})
    deadline = time.monotonic() + 5  # the model's thread clears up after it has answered
    while (left := [file for file in scratch.rglob("*") if file.is_file()]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []
    assert len(list((home / "features").rglob("*"))) == known  # nor is anything of them in the user's cache
    (folder,) = scratch.iterdir()
    assert folder.stat().st_mode & 0o077 == 0


def test_score_is_what_score_gives(client: TestClient, tmp_path: Path) -> None:
    from affectrl.scoring.score import score

    pred, ref = tmp_path / "p.jsonl", tmp_path / "r.csv"
    answers = ["happy", "sad", "sad", "angry"]
    pred.write_text(
        "".join(json.dumps({"id": f"{i}", "emotions": [a], "top": a}) + "\n" for i, a in enumerate(answers))
    )
    ref.write_text("id,label\n0,happy\n1,sad\n2,angry\n3,angry\n")
    told = client.post(
        "/v1/score",
        files={"pred": pred.open("rb"), "ref": ref.open("rb")},
        data={"task": "basic", "resamples": "100"},
    )
    assert told.status_code == 200, told.text
    ours = score("basic", pred, ref, resamples=100).to_json()
    theirs = told.json()
    assert theirs["war"] == ours["war"] == 0.75
    assert theirs["intervals"] == ours["intervals"]
    assert str(tmp_path) not in told.text
    assert theirs["provenance"]["files"]["prediction"]["path"] == "predictions"


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"task": "nothing"}, 422, "unknown_name"),
        ({"task": "basic", "label_set": "/etc/passwd"}, 422, "unknown_name"),
        ({"task": "basic", "resamples": "1000000"}, 422, "score_option"),
        ({"task": "basic", "seed": "x"}, 422, "request_invalid"),
        ({}, 422, "request_invalid"),
        ({"task": "basic", "missing": "perhaps"}, 422, "score_option"),
        ({"task": "basic"}, 422, "score_column"),
    ],
)
def test_scoring_says_what_is_wrong(client: TestClient, form: dict[str, str], status: int, code: str) -> None:
    files = {"pred": b"id,emotions\n0,happy\n", "ref": b"id,label\n0,qwertz\n"}
    told = client.post("/v1/score", files=files, data=form)
    assert (told.status_code, told.json()["code"]) == (status, code)


def test_errors_are_described(client: TestClient) -> None:
    spec = client.get("/openapi.json").json()
    for path, statuses in (("/v1/predict", "401 413 415 422 429 504"), ("/v1/score", "401 413 422 429 504")):
        told = spec["paths"][path]["post"]["responses"]
        for status in statuses.split():
            assert told[status]["content"]["application/json"]["schema"]["$ref"].endswith("/Problem")
    lost = client.get("/v1/nothing")
    assert (lost.status_code, lost.json()["code"]) == (404, "not_found")
    assert client.get("/docs").status_code == 404


def test_figures_count(client: TestClient) -> None:
    client.post("/v1/predict", data={"text": "So good!"})
    told = client.get("/metrics").text
    assert 'affectrl_requests_total{path="/v1/predict",status="200"}' in told
    assert "affectrl_batch_clips_count" in told
    assert client.get("/health").json()["status"] == "ok"


def test_requests_that_wait_share_a_batch(serving, monkeypatch: pytest.MonkeyPatch, taught: dict[str, str]) -> None:
    client = serving(limits=Limits(waiting=20, batch=8))
    batcher = client.app.state.service.desk.base
    sizes, inner, free = [], batcher.model.stream, threading.Event()

    def stream(clips, **settings):
        free.wait(30)
        sizes.append(len(clips))
        return inner(clips, **settings)

    monkeypatch.setattr(batcher.model, "stream", stream)
    said = [*taught, *taught, *taught]

    def ask(text: str) -> str:
        return client.post("/v1/predict", data={"text": text}).json()["predictions"][0]["top"]

    with ThreadPoolExecutor(12) as pool:
        answers = [pool.submit(ask, text) for text in said]
        deadline = time.monotonic() + 20
        while len(batcher._jobs) < 12 and time.monotonic() < deadline:
            time.sleep(0.02)
        free.set()
        assert [each.result(30) for each in answers] == [taught[text].split(", ")[0] for text in said]
    assert sum(sizes) == 12
    assert len(sizes) <= 3  # one that began alone, and the rest in two


def test_one_bad_request_fails_alone(serving, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serving()
    batcher = client.app.state.service.desk.base
    inner, free = batcher.model.stream, threading.Event()

    def stream(clips, **settings):
        free.wait(30)
        if any(clip.text == "poison" for clip in clips):
            raise RuntimeError("no")
        return inner(clips, **settings)

    monkeypatch.setattr(batcher.model, "stream", stream)
    with ThreadPoolExecutor(4) as pool:
        texts = ["So good!", "poison", "Go away!", "I miss her."]
        answers = [pool.submit(client.post, "/v1/predict", data={"text": text}) for text in texts]
        while len(batcher._jobs) < 4:
            time.sleep(0.02)
        free.set()
        statuses = [each.result(30).status_code for each in answers]
    assert statuses == [200, 500, 200, 200]
    assert answers[1].result().json() == {
        "code": "internal",
        "message": "the server failed.",
        "hint": "Its log says why.",
    }


def test_a_full_row_is_refused_and_a_late_answer_given_up(serving, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serving(limits=Limits(waiting=2, timeout_s=1.5))
    batcher = client.app.state.service.desk.base
    inner, free = batcher.model.stream, threading.Event()

    def stream(clips, **settings):
        free.wait(30)
        return inner(clips, **settings)

    monkeypatch.setattr(batcher.model, "stream", stream)
    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(client.post, "/v1/predict", data={"text": "So good!"}) for _ in range(6)]
        told = [each.result(30) for each in answers]
    free.set()
    statuses = sorted(each.status_code for each in told)
    assert statuses.count(429) == 4
    assert statuses.count(504) == 2
    refused = next(each for each in told if each.status_code == 429)
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["code"] == "busy"
    assert next(each for each in told if each.status_code == 504).json()["code"] == "timed_out"
    # Who gave up leaves the row, so that the next is answered.
    assert client.post("/v1/predict", data={"text": "So good!"}).json()["predictions"][0]["top"] == "happy"


def test_a_long_recording_lets_others_through(serving, small_media: Path) -> None:
    client = serving(limits=Limits(batch=2))
    ended = {}

    def ask(name: str, **request) -> None:
        assert client.post("/v1/predict", **request).status_code == 200
        ended[name] = time.monotonic()

    sound = (small_media / "talk.wav").read_bytes()
    long = threading.Thread(target=ask, args=("long",), kwargs={"files": {"media": sound}, "data": {"window": "0.2"}})
    short = threading.Thread(target=ask, args=("short",), kwargs={"data": {"text": "So good!"}})
    jobs = client.app.state.service.desk.base._jobs
    long.start()
    deadline = time.monotonic() + 10
    while not jobs and time.monotonic() < deadline:
        jobs = client.app.state.service.desk.base._jobs
        time.sleep(0.001)
    short.start()
    long.join(60)
    short.join(60)
    assert ended["short"] < ended["long"]


def test_a_token_is_asked_for(serving) -> None:
    token = "0123456789abcdef0123"
    client = serving(token=token, local=False)
    assert client.get("/health").status_code == 200
    for headers in (
        {},
        {"Authorization": "Bearer no"},
        {"Authorization": f"Basic {token}"},
        {"Cookie": "affectrl_token=x"},
    ):
        told = client.post("/v1/predict", data={"text": "So good!"}, headers=headers)
        assert (told.status_code, told.json()["code"]) == (401, "unauthorized")
        assert told.headers["WWW-Authenticate"] == "Bearer"
    assert client.get("/metrics").status_code == 401
    right = {"Authorization": f"Bearer {token}"}
    assert client.post("/v1/predict", data={"text": "So good!"}, headers=right).status_code == 200
    home = client.get(f"/?token={token}", follow_redirects=False)
    assert (home.status_code, home.headers["location"]) == (303, "/")
    assert "HttpOnly" in home.headers["set-cookie"]
    assert "SameSite=strict" in home.headers["set-cookie"]
    assert client.get("/metrics").status_code == 200  # the cookie


def test_other_sites_and_names_are_refused(client: TestClient) -> None:
    for headers in (
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "127.0.0.1.evil.example:7860"},
    ):
        told = client.post("/v1/predict", data={"text": "So good!"}, headers=headers)
        assert (told.status_code, told.json()["code"]) == (403, "foreign_site")
    same = client.post("/v1/predict", data={"text": "So good!"}, headers={"Origin": "http://127.0.0.1:7860"})
    assert same.status_code == 200


def test_too_many_requests_at_once_are_refused_at_the_door(serving) -> None:
    app = serving(limits=Limits(requests=1)).app

    async def both() -> list[int]:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", timeout=30
        ) as ask:
            asked = [ask.post("/v1/predict", data={"text": "So good!"}) for _ in range(3)]
            return sorted(each.status_code for each in await asyncio.gather(*asked))

    assert asyncio.run(both()) == [200, 429, 429]


@pytest.mark.parametrize(
    ("host", "token", "code"),
    [
        ("0.0.0.0", None, "token_missing"),
        ("192.168.1.4", None, "token_missing"),
        ("0.0.0.0", "short", "token_weak"),
        ("127.0.0.1", "with blanks in the token", "token_weak"),
    ],
)
def test_nothing_is_exposed_without_a_token(host: str, token: str | None, code: str) -> None:
    from affectrl.cli.serve import checked_token

    with pytest.raises(UsageError) as caught:
        checked_token(host, token)
    assert caught.value.code == code


def test_the_command_refuses_before_it_loads(affectrl_command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AFFECTRL_TOKEN", raising=False)
    done = affectrl_command("serve", "--host", "0.0.0.0", "--model", tmp_path / "none")
    assert done.status == 2
    assert done.err.strip().endswith("[token_missing]")
