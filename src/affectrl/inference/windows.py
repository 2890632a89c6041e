"""A long recording as a row of short clips, so that what changes over minutes can be seen."""

from __future__ import annotations

import math
from itertools import pairwise

from affectrl.data.clip import Clip
from affectrl.data.media.probe import probe
from affectrl.errors import MediaError


def windows(clip: Clip, seconds: float) -> list[Clip]:
    """The clip cut into windows, ``talk@0-4``, ``talk@4-8`` and so on; a picture or a text alone stays as it is.

    A rest of less than half a window joins the window before it. Words stand in every window, since nothing says when
    they were spoken.

    Args:
        clip: With its own ``start`` and ``end``, if any.
        seconds: Length of a window.

    Raises:
        MediaError: The file cannot be looked into (:func:`probe`), or ``media_endless``: it says no length.
    """
    source = clip.video or clip.audio
    if source is None:
        return [clip]
    ends = [end for end in (clip.end, probe(source).duration_s) if end is not None]
    if not ends:
        raise MediaError(
            "does not say how long it is, so it cannot be cut into windows.",
            code="media_endless",
            path=clip.path,
            hint="Give the clip an end in a manifest, or convert the file.",
        )
    begin, end = clip.start or 0.0, min(ends)
    if end <= begin:
        return [clip]  # reading it says what is wrong with it
    count = max(1, math.floor((end - begin) / seconds + 0.5))
    edges = [*(begin + i * seconds for i in range(count)), end]
    return [_part(clip, a, b) for a, b in pairwise(edges)]


def _part(clip: Clip, start: float, end: float) -> Clip:
    name = f"{clip.id}@{round(start, 2):g}-{round(end, 2):g}"
    return clip.model_copy(update={"id": name, "start": start, "end": end})
