"""``check``: what is wrong with a set of clips before anything is trained on it.

Every media file is decoded (sound: its first ten minutes), so that a file which merely opens does not pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from affectrl.answers.choice import readable
from affectrl.data.clip import Clip
from affectrl.data.content import media_hashes, shares_time
from affectrl.data.each import each
from affectrl.emotions import LabelSet
from affectrl.errors import MediaError, Note

_LONGEST_S = 600.0
_FRAMES = 3
_SIDE = 64
# Notes of the media readers that say the file, not the reading, is to blame.
_FAULTS = {"silent_audio", "truncated", "damaged", "window_cut"}
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong."""

    code: str
    """Stable name, listed in ``docs/data.md``."""
    message: str
    """One sentence for people."""
    clip: str | None = None
    """Id of the clip, where one clip is to blame."""
    path: str | None = None
    """Its media file, where the file is to blame."""

    def row(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


def check(clips: Sequence[Clip], *, labels: LabelSet | None = None, quiet: bool = True) -> list[Finding]:
    """Look for broken media, silent sound, blank text, wrong labels, and what stands in two splits.

    Args:
        clips: A set with all its splits.
        labels: The closed set that labels must be of; ``None`` accepts any words.
        quiet: Show no progress.

    Returns:
        Findings, those about single clips first and in the order of the clips; empty when all is well.
    """
    media = each(clips, _media_findings, "checking media", quiet=quiet)
    findings = [found for clip, bad in zip(clips, media, strict=True) for found in (*_row_findings(clip, labels), *bad)]
    return [*findings, *_repeated_ids(clips), *_speakers_in_two_splits(clips), *_content_in_two_splits(clips)]


def _row_findings(clip: Clip, labels: LabelSet | None) -> Iterator[Finding]:
    if clip.text is None and "text" in clip.model_fields_set:
        yield Finding("empty_text", "its text is blank.", clip.id)
    for word in clip.labels:
        if not readable(word):
            yield Finding("unreadable_label", f"no answer can be read as {word!r}.", clip.id)
    if labels is None:
        return
    if not clip.labels:
        yield Finding("no_label", "it has no label.", clip.id)
    for word in clip.labels:
        if labels.canonical(word) is None:
            yield Finding("unknown_label", f"{word!r} is no label of {labels.name}.", clip.id)


def _media_findings(clip: Clip) -> list[Finding]:
    findings: dict[tuple[str, str], Finding] = {}
    for look in _looks(clip):
        bad: list[tuple[str, str, str | None]]
        try:
            bad = [(note.code, note.message, None) for note in look() if note.code in _FAULTS]
        except MediaError as error:
            bad = [(error.code, error.message, error.path)]
        for code, message, path in bad:
            # A film that breaks off would otherwise be told twice, for its picture and for its sound.
            path = path or clip.path
            findings.setdefault((code, path or ""), Finding(code, message, clip.id, path))
    return list(findings.values())


def _looks(clip: Clip) -> Iterator[Callable[[], tuple[Note, ...]]]:
    """One call for every media file of a clip, which reads it and returns the notes."""
    from affectrl.data.media.audio import read_audio
    from affectrl.data.media.image import read_image
    from affectrl.data.media.video import read_frames

    window = {"start": clip.start, "end": clip.end}
    if video := clip.video:
        yield lambda: read_frames(video, count=_FRAMES, max_side=_SIDE, **window).notes
        if clip.audio is None and clip.use_video_audio:
            yield lambda: _sound_track(clip)
    if audio := clip.audio:
        yield lambda: read_audio(audio, max_seconds=_LONGEST_S, **window).notes
    if image := clip.image:
        yield lambda: read_image(image, max_side=_SIDE).notes


def _sound_track(clip: Clip) -> tuple[Note, ...]:
    from affectrl.data.media.audio import read_audio

    assert clip.video is not None
    try:
        return read_audio(clip.video, start=clip.start, end=clip.end, max_seconds=_LONGEST_S).notes
    except MediaError as error:
        # A film without sound is a proper film.
        if error.code == "media_no_audio":
            return ()
        raise


def _repeated_ids(clips: Sequence[Clip]) -> Iterator[Finding]:
    times: dict[str, int] = defaultdict(int)
    for clip in clips:
        times[clip.id] += 1
    for name, count in times.items():
        if count > 1:
            yield Finding("duplicate_id", f"{count} clips have this id.", name)


def _speakers_in_two_splits(clips: Sequence[Clip]) -> Iterator[Finding]:
    splits: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for clip in clips:
        if clip.speaker is not None and clip.split is not None:
            splits[clip.speaker][clip.split] += 1
    for speaker, counts in splits.items():
        if len(counts) > 1:
            where = ", ".join(f"{split} ({count})" for split, count in sorted(counts.items()))
            yield Finding("speaker_in_two_splits", f"speaker {speaker!r} has clips in {where}.")


def _content_in_two_splits(clips: Sequence[Clip]) -> Iterator[Finding]:
    holders: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        for digest in set(_hashes(clip)) if clip.split is not None else ():
            holders[digest].append(clip)
    for group in holders.values():
        if len({clip.split for clip in group}) > 1 and any(
            a.split != b.split and shares_time(a, b) for a, b in combinations(group, 2)
        ):
            shown = ", ".join(f"{clip.id} ({clip.split})" for clip in group[:_SHOWN])
            more = f" and {len(group) - _SHOWN} more" if len(group) > _SHOWN else ""
            message = f"the same bytes stand in two splits: {shown}{more}."
            yield Finding("content_in_two_splits", message, group[0].id, group[0].path)


def _hashes(clip: Clip) -> list[str]:
    try:
        return list(media_hashes(clip).values())
    except MediaError:
        # Told by the look at the media already.
        return []
