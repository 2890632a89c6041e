"""Parts of clips: each hidden as it should be, and what it gave against whole sequences of a clip made without it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from affectrl.answers.prediction import Prediction
from affectrl.data.clip import Clip
from affectrl.data.media.audio import SAMPLE_RATE, read_audio
from affectrl.errors import UsageError
from affectrl.inference.model import EmotionModel
from affectrl.inference.parts import with_parts
from affectrl.inference.shares import Alone, Shares, shares
from affectrl.models.occlusion import blurred_within, hidden, muted_between
from affectrl.models.senses import only
from affectrl.models.task import Task
from affectrl.report import explanation
from small_films import write_film

LABELS = ("happy", "sad", "neutral")
TASK = Task("answer-only", LABELS)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds that change: a tone that rises, and pictures that move."""
    t = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    sound = (0.4 * np.sin(2 * np.pi * (120 + 60 * t) * t)).astype(np.float32)
    still = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    file = tmp_path_factory.mktemp("parts") / "film.mkv"
    write_film(file, sound, [np.roll(still, 5 * i, axis=1) for i in range(30)])
    return file


@pytest.fixture(scope="module")
def clip(model: EmotionModel, film: Path):
    (features,) = model.extractor.extract(Clip(id="film", video=film, text="Oh, I miss her so!"))
    return features


def chance_of(plain, model: EmotionModel, clip, label: str) -> float:
    sums = [plain(clip, TASK, [*model.policy.tokens(x).tolist(), model.policy.eos_id]).sum() for x in LABELS]
    return float(torch.stack(sums).softmax(0)[LABELS.index(label)])


def test_every_part_is_hidden_once(model: EmotionModel, clip) -> None:
    found = hidden(clip, model.extractor)
    counts = {kind: sum(h.kind == kind for h in found) for kind in ("words", "sound", "frames", "regions")}
    assert counts == {"words": 5, "sound": 6, "frames": 4, "regions": 9}
    assert [h.clip.text for h in found if h.kind == "words"][:2] == ["I miss her so!", "Oh, miss her so!"]
    edges = [(h.place["start"], h.place["end"]) for h in found if h.kind == "sound"]
    assert [a for a, _ in edges] == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5], abs=0.05)
    assert edges[0][1] == edges[1][0]
    for h in found:  # nothing but the part's own modality is touched
        changed = {s for s in clip.streams if not torch.equal(h.clip.streams[s], clip.streams[s])}
        assert changed <= {{"sound": "voice"}.get(h.kind, "face")}
        assert (h.kind == "words") == (h.clip.text != clip.text)
    faces = [h.clip.streams["face"] for h in found if h.kind == "frames"]
    assert {len(rows) for rows in faces} == {3}


def test_muted_sound_is_what_a_muted_file_gives(model: EmotionModel, clip, film: Path, tmp_path: Path) -> None:
    samples = read_audio(film).samples
    part = next(h for h in hidden(clip, model.extractor) if h.kind == "sound" and h.place["start"] > 0.5)
    a, b = (round(part.place[edge] * SAMPLE_RATE) for edge in ("start", "end"))
    muted = muted_between(samples, a, b)
    assert (muted[a + 200 : b - 200] == 0).all()
    assert (muted[:a] == samples[:a]).all()
    assert (muted[b:] == samples[b:]).all()
    write_film(tmp_path / "muted.wav", muted, None)
    (other,) = model.extractor.extract(Clip(id="m", audio=tmp_path / "muted.wav"))
    # The file has 16 bits a sample, the features half precision.
    assert part.clip.streams["voice"].float() == pytest.approx(other.streams["voice"].float(), abs=0.05)
    assert (part.clip.streams["voice"] - clip.streams["voice"]).abs().max() > 0.5


def test_a_frame_left_out_and_a_region_blurred(model: EmotionModel, clip) -> None:
    (seen,) = model.extractor.looked_at("face", clip.clip)
    encoder = model.extractor.encoder("face")
    found = [h for h in hidden(clip, model.extractor) if h.kind == "frames"]
    without = encoder.encode(np.delete(seen.pictures, 2, axis=0)).astype(np.float16)
    assert (found[2].clip.streams["face"].numpy() == without).all()
    assert found[2].place["time"] == seen.times_s[2]
    picture = seen.pictures[0]
    blurred = blurred_within(picture, (0, 0, 1 / 3, 1 / 3))
    side = picture.shape[0]
    assert (blurred[side // 2 :, side // 2 :] == picture[side // 2 :, side // 2 :]).all()
    corner = slice(0, side // 4)
    assert blurred[corner, corner].std() < 0.5 * picture[corner, corner].std()


def test_what_a_part_gave(model: EmotionModel, clip, plain) -> None:
    answers = [Prediction("film", None, top="sad"), Prediction("none", None)]
    found, unread = with_parts(model.policy, model.extractor, [clip, clip], answers, TASK, batch_size=5)
    assert unread.parts == {}
    whole = chance_of(plain, model, clip, "sad")
    for i, rest in enumerate(("I miss her so!", "Oh, miss her so!", "Oh, I her so!")):
        without = chance_of(plain, model, replace(clip, text=rest), "sad")
        assert found.parts["words"][i]["gave"] == pytest.approx(whole - without, abs=1e-4)
    cases = [h for h in hidden(clip, model.extractor) if h.kind == "sound"]
    told = [whole - chance_of(plain, model, case.clip, "sad") for case in cases]
    assert [part["gave"] for part in found.parts["sound"]] == pytest.approx(told, abs=1e-4)
    json.dumps(found.to_dict())


def test_writing_without_blanks_and_long_texts(clip) -> None:
    words = hidden(replace(clip, text="我很高兴!"), None)
    assert [h.place["text"] for h in words] == ["我", "很", "高", "兴", "!"]
    assert words[0].clip.text == "很高兴!"
    long = hidden(replace(clip, text=" ".join(map(str, range(100)))), None)
    assert len(long) == 48
    assert " ".join(h.place["text"] for h in long) == " ".join(map(str, range(100)))
    assert hidden(replace(clip, text="Well."), None)[0].clip.text is None


def test_what_each_sense_says_alone(model: EmotionModel, clip, plain) -> None:
    (found,) = shares(model.policy, [clip], ["sad"], TASK)
    assert set(found.alone) == {"audio", "vision", "text"}
    each = [[chance_of(plain, model, only(clip, [s]), label) for label in LABELS] for s in ("audio", "vision", "text")]
    overlap = [np.minimum(each[i], each[j]).sum() for i, j in ((0, 1), (0, 2), (1, 2))]
    assert found.agreement == pytest.approx(np.mean(overlap), abs=1e-4)
    assert found.alone["text"].top == LABELS[int(np.argmax(each[2]))]
    assert found.alone["text"].confidence == pytest.approx(max(each[2]), abs=1e-4)
    # Any words: the model is asked about each sense.
    from affectrl.inference.answering import answer

    (free,) = shares(model.policy, [clip], ["sad"], Task("answer-only"))
    (said,) = answer(model.policy, [only(clip, ["text"])], Task("answer-only"))
    assert (free.alone["text"].top, free.alone["text"].confidence) == (
        said.top,
        pytest.approx(said.confidence, rel=1e-3),
    )


def test_conflict_takes_two_that_are_sure() -> None:
    def made(*alone: tuple[str, float]) -> Shares:
        return Shares("sad", {}, 0.0, 1.0, {f"sense{i}": Alone(top, p) for i, (top, p) in enumerate(alone)})

    note = made(("sad", 0.7), ("happy", 0.6)).conflict
    assert note is not None
    assert "sense0 alone says sad (70%), sense1 alone says happy (60%)" in note.message
    assert made(("sad", 0.7), ("happy", 0.4)).conflict is None
    assert made(("sad", 0.7), ("sad", 0.9)).conflict is None
    assert made(("sad", 0.7), ("happy", 0.6), ("sad", 0.5)).agreement == pytest.approx(1 / 3)
    assert made().agreement is None


def test_the_command_and_its_page(affectrl_command, tiny_model: Path, film: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    manifest = tmp_path / "clips.jsonl"
    manifest.write_text(json.dumps({"id": "<b>x</b>", "video": str(film), "text": "I <i>miss</i> her."}) + "\n")
    asked = ("--labels", "happy,sad", "--model", tiny_model, "--explain", "--parts", "--page", page)
    done = affectrl_command("predict", manifest, *asked)
    assert done.status == 0, done.err
    row = json.loads(done.out)
    assert set(row["parts"]) == {"words", "sound", "frames", "regions"}
    assert 0 <= row["agreement"] <= 1
    text = page.read_text()
    assert text.count("<img") == 5
    assert text.count("<rect") == 6
    assert "&lt;i&gt;miss&lt;/i&gt;" in text
    assert "<b>x" not in text
    most = max(row["parts"]["words"], key=lambda part: abs(part["gave"]))
    assert f"{100 * most['gave']:+.1f}" in text
    assert "http" not in text.replace("http://www.w3.org", "")


def test_a_page_of_what_has_gone(tmp_path: Path) -> None:
    region = {"stream": "face", "time": 0.5, "of": [0, 0, 1, 1], "box": [0, 0, 0.3, 0.3], "gave": 0.1}
    row = Prediction("a", str(tmp_path / "gone.mp4"), top="sad", parts={"regions": [region]}).to_dict()
    assert "Cannot be shown: there is no such file." in explanation.render([row])
    with pytest.raises(UsageError) as error:
        explanation.write([row], tmp_path / "page.pdf")
    assert error.value.code == "plot_suffix"
