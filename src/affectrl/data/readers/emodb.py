"""EMO-DB: ten German sentences said by ten actors in seven emotions.

The name of a file says all: speaker (2), sentence (3), emotion (1), version (1), such as ``03a01Fa``.
"""

from __future__ import annotations

import re
from pathlib import Path

from affectrl.data.clip import Clip
from affectrl.data.readers._folder import nothing_found, recordings

NAME = "emodb"
LABEL_SET = "emodb"
LICENCE = "free for research"
ABOUT = (
    "Berlin Database of Emotional Speech: ten actors say ten German sentences in seven emotions, 535 recordings. Free "
    "for research. Get it from http://emodb.bilderbar.info and give the folder with wav/ in it, or wav/ itself; .wav "
    "and .flac are both read. Burkhardt et al. 2005."
)

_EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
_SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}
_FEMALE = {"08", "09", "13", "14", "16"}
_NAME = re.compile(r"(03|08|09|1[0-6])([ab](?:0[1-9]|10))([WLEAFTN])([a-z])")


def _clip(path: Path, parts: tuple[str, ...]) -> Clip:
    speaker, sentence, emotion, version = parts
    return Clip(
        id=path.stem,
        audio=path,
        text=_SENTENCES.get(sentence),
        labels=(_EMOTIONS[emotion],),
        speaker=speaker,
        group="female" if speaker in _FEMALE else "male",
        extras={"language": "de", "sentence": sentence, "version": version},
    )


def read(root: Path) -> list[Clip]:
    """All recordings below a folder, in the order of their names. The owners publish no split.

    Raises:
        DataError: No file of the published names is there.
    """
    clips = recordings(root, {".wav", ".flac"}, _NAME, _clip)
    if not clips:
        raise nothing_found(root, "wav/03a01Fa.wav and its like", "Get EMO-DB from http://emodb.bilderbar.info.")
    return [clips[name] for name in sorted(clips)]
