from __future__ import annotations

import json
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from affectrl.data.clip import Clip
from affectrl.data.manifest import read_manifest
from affectrl.data.media.audio import read_audio
from affectrl.data.media.faces import find_faces
from affectrl.data.media.image import read_image
from affectrl.data.media.video import read_frames
from affectrl.data.sandbox.generate import MANIFEST, generate
from affectrl.data.sandbox.plan import PARTS
from affectrl.errors import AffectError

N = 16
MIX = dict.fromkeys(PARTS, 1 / len(PARTS))


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Clip]]:
    out = tmp_path_factory.mktemp("sandbox")
    return out, generate(out, N, seed=3, modalities=MIX, disagree=0.2, workers=1)


def test_the_number_of_workers_changes_no_byte(made: tuple[Path, list[Clip]], tmp_path: Path) -> None:
    generate(tmp_path, N, seed=3, modalities=MIX, disagree=0.2, workers=2)
    assert files(tmp_path) == files(made[0])


def test_an_interrupted_set_goes_on_and_ends_the_same(made: tuple[Path, list[Clip]], tmp_path: Path) -> None:
    seen: list[str] = []

    def interrupt(name: str) -> None:
        seen.append(name)
        if len(seen) == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path, N, seed=3, modalities=MIX, disagree=0.2, workers=1, progress=interrupt)
    assert not (tmp_path / MANIFEST).exists()
    first = sorted((tmp_path / "media").iterdir())[0]
    stamp = first.stat().st_mtime_ns
    time.sleep(0.01)
    generate(tmp_path, N, seed=3, modalities=MIX, disagree=0.2, workers=1)
    assert first.stat().st_mtime_ns == stamp
    assert files(tmp_path) == files(made[0])


def test_one_lost_file_of_a_clip_is_made_again(made: tuple[Path, list[Clip]], tmp_path: Path) -> None:
    clips = generate(tmp_path, 6, modalities={"image+audio+text": 1.0}, workers=1)
    before = files(tmp_path)
    Path(str(clips[2].audio)).unlink()
    Path(str(clips[4].image)).unlink()
    generate(tmp_path, 6, modalities={"image+audio+text": 1.0}, workers=1)
    assert files(tmp_path) == before


def test_a_larger_set_begins_with_the_smaller_one(made: tuple[Path, list[Clip]], tmp_path: Path) -> None:
    few = generate(tmp_path, 5, seed=3, modalities=MIX, disagree=0.2, workers=1)
    assert [c.model_dump(exclude={"video", "audio", "image"}) for c in few] == [
        c.model_dump(exclude={"video", "audio", "image"}) for c in made[1][:5]
    ]


def test_the_manifest_is_what_was_returned(made: tuple[Path, list[Clip]]) -> None:
    out, clips = made
    assert read_manifest(out / MANIFEST) == clips
    assert '"media/' in (out / MANIFEST).read_text("utf-8")
    assert json.loads((out / "sandbox.json").read_text("utf-8"))["synthetic"] is True


def test_each_clip_says_what_it_is(made: tuple[Path, list[Clip]]) -> None:
    for clip in made[1]:
        assert len(clip.labels) == 1
        assert clip.speaker
        assert clip.group == "source"
        assert clip.extras["synthetic"] is True
        assert 1 <= len(clip.extras["open_labels"]) <= 4
        assert set(clip.extras["modality_emotions"]) == set(clip.extras["cues"])
        assert (clip.text is not None) == ("text" in clip.extras["kind"])


def test_media_decodes_as_promised(made: tuple[Path, list[Clip]]) -> None:
    for clip in made[1]:
        if isinstance(clip.video, Path):
            _check_video(clip)
        if isinstance(clip.audio, Path):
            sound = read_audio(clip.audio)
            assert 1.5 <= sound.duration_s <= 4.01
            assert 0.005 < np.abs(sound.samples).max() < 1
        if isinstance(clip.image, Path):
            assert read_image(clip.image).rgb.shape == (1, 160, 160, 3)


def _check_video(clip: Clip) -> None:
    with av.open(str(clip.video)) as container:
        picture = container.streams.video[0]
        assert (picture.codec_context.name, picture.average_rate) == ("h264", Fraction(25, 2))
        assert [s.codec_context.name for s in container.streams.audio] == (
            ["aac"] if "audio" in clip.extras["kind"] else []
        )
    frames = read_frames(clip.video, count=4)
    assert frames.rgb.shape == (4, 160, 160, 3)
    assert clip.use_video_audio == ("audio" in clip.extras["kind"])
    if clip.use_video_audio:
        assert 1.5 <= read_audio(clip.video).duration_s <= 4.2


def test_the_cascade_finds_the_faces(made: tuple[Path, list[Clip]]) -> None:
    found = [find_faces(read_frames(c.video, count=6))[0].found for c in made[1] if c.video]
    assert np.mean(np.concatenate(found)) >= 0.95


def test_the_shifted_domain_has_other_codecs_and_smaller_pictures(tmp_path: Path) -> None:
    clips = generate(
        tmp_path, 4, domain="shifted", modalities={"video+audio": 0.5, "audio": 0.5}, workers=1, disagree=0.0
    )
    for clip in clips:
        with av.open(clip.path) as container:
            assert container.streams.audio[0].codec_context.name.startswith("mp3")
        if clip.video:
            assert read_frames(clip.video, count=1).rgb.shape[1] in (112, 128, 144)
    assert {clip.group for clip in clips} == {"shifted"}


def test_a_folder_of_another_set_is_refused(made: tuple[Path, list[Clip]]) -> None:
    with pytest.raises(AffectError) as caught:
        generate(made[0], 4, seed=4, modalities=MIX, disagree=0.2, workers=1)
    assert caught.value.code == "sandbox_differs"
    assert "seed" in str(caught.value)


@pytest.mark.parametrize(
    ("n", "settings", "code"),
    [
        (0, {}, "sandbox_count"),
        (3, {"workers": 0}, "sandbox_count"),
        (3, {"disagree": 2.0}, "sandbox_share"),
        (3, {"domain": "moon"}, "sandbox_domain"),
    ],
)
def test_bad_arguments_leave_nothing_behind(n: int, settings: dict, code: str, tmp_path: Path) -> None:
    with pytest.raises(AffectError) as caught:
        generate(tmp_path / "out", n, **settings)
    assert caught.value.code == code
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("not a folder")
    with pytest.raises(AffectError) as caught:
        generate(tmp_path / "out", 3, workers=1)
    assert caught.value.code == "sandbox_folder"
    assert str(tmp_path / "out") in str(caught.value)
