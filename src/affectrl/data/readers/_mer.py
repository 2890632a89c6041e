"""What the MER challenges share: a table of names, media in ``video/`` and ``audio/``, subtitles in two languages.

Layouts as in the owners' public code, github.com/zeroQiaoba/MERTools (README files and ``toolkit/preprocess`` of
MER2023, MER2024, MER2025 and MER2026) and github.com/zeroQiaoba/AffectGPT (``config.py``, the dataset classes). The
labels that MERTools writes into ``.npz`` files for itself are pickled objects and are not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from affectrl.answers.lists import strict_list
from affectrl.data.clip import Clip
from affectrl.data.readers._folder import nothing_found
from affectrl.data.readers._media import MediaFolder
from affectrl.data.readers._table import Where, label_in, make_clip, number, row_error, table_rows
from affectrl.errors import DataError

EULA = (
    "The EULA allows academic research only and forbids to edit the samples or to pass them on; the annotations come "
    "under it too."
)
SUBTITLES = (
    "subtitle_chieng.csv",
    "label-transcription.csv",
    "transcription-engchi-polish.csv",
    "subtitle_eng.csv",
    "transcription_en_all.csv",
)
"""Tables of subtitles that the owners' releases hold: name, then some of english, chinese, sentence."""
_LANGUAGES = ("english", "sentence", "chinese")


def need_folder(root: Path) -> None:
    """Refuse a folder that is not there.

    Raises:
        DataError: ``folder_missing``.
    """
    if not root.is_dir():
        raise DataError("there is no such folder.", code="folder_missing", path=root)


class Release:
    """Media and subtitles of one release.

    The text is the English subtitle, as AffectGPT is given it, and the Chinese one where there is no English; both
    stand in the extras under their languages.

    Args:
        root: Its folder.
        videos: Folders that may hold the films, the best first.
        audios: Likewise the sounds.
        bare: Do without any of them; the labels' own table has the text.

    Raises:
        DataError: ``dataset_layout``; neither media nor subtitles are there.
    """

    def __init__(
        self,
        root: Path,
        videos: Sequence[str] = ("video",),
        audios: Sequence[str] = ("audio",),
        *,
        bare: bool = False,
    ) -> None:
        self.video = MediaFolder(root, videos, "video", ".mp4")
        self.audio = MediaFolder(root, audios, "audio", ".wav")
        tables = [root / name for name in SUBTITLES if (root / name).is_file()]
        if not (bare or self.video or self.audio or tables):
            expected = f"{' or '.join(f'{name}/' for name in (*videos, *audios))} or {SUBTITLES[0]} beside the labels"
            raise nothing_found(root, expected, "The tables of labels alone give a model nothing to read.")
        self._texts = dict(_subtitles(tables[0])) if tables else {}

    def clip(self, name: str, path: Path, where: Where, **fields: Any) -> Clip:
        """The clip of a name.

        Raises:
            DataError: ``dataset_row``; there is nothing of that name to read.
        """
        texts = self._texts.get(name, {})
        subtitle = next((texts[language] for language in _LANGUAGES if texts.get(language)), None)
        text = fields.pop("text", None) or subtitle
        extras = {**fields.pop("extras", {}), **texts}
        video, audio = self.video.path(name), self.audio.path(name)
        return make_clip(path, where, id=name, video=video, audio=audio, text=text, extras=extras, **fields)


def _subtitles(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for line, row in table_rows(path, ("name",)):
        given = [language for language in _LANGUAGES if language in row]
        if not given:
            message = f"the file lacks the columns {' or '.join(_LANGUAGES)}; found {', '.join(row)}."
            raise DataError(message, code="dataset_layout", path=path)
        if not row["name"]:
            raise row_error(path, line, "name is empty.")
        yield row["name"], {language: row[language] for language in given if row[language]}


def discrete(path: Path, release: Release, split: str, label_set: str) -> Iterator[Clip]:
    """Clips of a table of ``name,discrete``, with ``valence`` (a number) where the owners rated it.

    Raises:
        DataError: A column is missing, a word is no class of the set, a name has nothing to read.
    """
    for line, row in table_rows(path, ("name", "discrete")):
        label = label_in(label_set, row["discrete"], path, line)
        valence = row.get("valence")
        extras = {"valence": number(valence, path, line, "valence")} if valence else {}
        yield release.clip(row["name"], path, line, labels=(label,), split=split, extras=extras)


def candidates(path: Path, release: Release, seen: Iterable[str]) -> Iterator[Clip]:
    """Clips without labels of a table of ``name``, but for names that a labelled split has."""
    known = set(seen)
    for line, row in table_rows(path, ("name",)):
        if row["name"] not in known:
            yield release.clip(row["name"], path, line, split="candidates")


def open_vocabulary(root: Path, labels: str, reasons: str | None, split: str | None, hint: str) -> list[Clip]:
    """Clips of a table of ``name,openset`` and, where it is there, one of ``name,reason``.

    Lists are read as the challenge's scorers read them (:func:`affectrl.answers.lists.strict_list`), each word once.
    AffectGPT trains on ``neutral`` where a list is empty; here an empty list is no label.

    Raises:
        DataError: The first table is not there, or as :class:`Release` and :func:`table_rows`.
    """
    need_folder(root)
    path = root / labels
    if not path.is_file():
        raise nothing_found(root, f"{labels} (columns name, openset)", hint)
    release = Release(root)
    told: dict[str, str] = {}
    if reasons is not None and (root / reasons).is_file():
        told = {row["name"]: row["reason"] for _, row in table_rows(root / reasons, ("name", "reason"))}
    clips = []
    for line, row in table_rows(path, ("name", "openset")):
        words = tuple(dict.fromkeys(strict_list(row["openset"])))
        reason = told.get(row["name"]) or None
        clips.append(release.clip(row["name"], path, line, labels=words, reasoning=reason, split=split))
    return clips
