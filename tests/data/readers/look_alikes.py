"""Tiny folders in the published layouts, with real media; each builder returns the folder to read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from python_calamine import CalamineWorkbook

SECONDS = 0.4


def csv_of(header: str, *rows: str) -> str:
    return "\n".join([header, *rows, ""])


class Maker:
    """Writes a look-alike below a folder; films and sounds are copies of one each, pictures differ."""

    def __init__(self, files: Any, speak: Callable[..., np.ndarray], paint: Callable[..., np.ndarray]) -> None:
        self.files, self.root = files, files.folder
        self._paint = paint
        self._film = files.film("made/film.mp4", 1, speak(1, SECONDS), side=32).read_bytes()
        self._sound = files.sound("made/sound.wav", speak(2, SECONDS)).read_bytes()

    def text(self, name: str, content: str | bytes) -> Path:
        return self.files.text(name, content)

    def json(self, name: str, content: Any) -> Path:
        return self.text(name, json.dumps(content))

    def films(self, *names: str) -> None:
        for name in names:
            self.text(name, self._film)

    def sounds(self, *names: str) -> None:
        for name in names:
            self.text(name, self._sound)

    def images(self, *names: str) -> None:
        for seed, name in enumerate(names):
            self.files.image(name, self._paint(seed, 32))

    def sheet(self, name: str, rows: Iterable[Iterable[str]]) -> Path:
        from openpyxl import Workbook

        book = Workbook()
        for row in rows:
            book.active.append(list(row))
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        book.save(path)
        assert CalamineWorkbook.from_path(str(path)).sheet_names
        return path


def mer2023(m: Maker) -> None:
    m.text("mer/train-label.csv", csv_of("name,discrete,valence", "sample_01,happy,2.5", "sample_02,worried,-1"))
    m.text("mer/test3-label.csv", csv_of("name,discrete", "sample_03,neutral"))
    m.films("mer/train/sample_01.mp4", "mer/train/sample_02.avi", "mer/test3/sample_03.mp4", "mer/test3/sample_99.mp4")
    rows = ("sample_01,你好,Hello.", "sample_02,再见,", "sample_03,,")
    m.text("mer/transcription-engchi-polish.csv", csv_of("name,chinese,english", *rows))


def mer2024(m: Maker) -> None:
    m.text("mer/label-disdim.csv", csv_of("name,discrete,valence", "sample_01,angry,-2"))
    m.text("mer/reference-semi.csv", csv_of("name,discrete", "samplenew_02,sad"))
    m.text("mer/reference-noise.csv", csv_of("name,discrete", "samplenew_03,surprise"))
    m.text("mer/label-transcription.csv", csv_of("name,chinese,english", "sample_01,不,No."))
    m.films("mer/video-labeled/sample_01.mp4")
    folder = "mer/video-unlabeled-with-test2noise"
    m.films(f"{folder}/samplenew_02.mp4", f"{folder}/samplenew_03.mp4")


def _mer_media(m: Maker, *names: str) -> None:
    m.films(*(f"mer/video/{name}.mp4" for name in names))
    m.sounds(*(f"mer/audio/{name}.wav" for name in names))
    rows = [f"{name},中文{name},English {name}." for name in names]
    m.text("mer/subtitle_chieng.csv", csv_of("name,chinese,english", *rows))


def mer2025(m: Maker) -> None:
    m.text("mer/track1_train_disdim.csv", csv_of("name,discrete,valence", "a,happy,1", "b,neutral,0"))
    m.text("mer/track1_test_dis.csv", csv_of("name,discrete", "c,worried"))
    m.text("mer/track_all_candidates.csv", csv_of("name", "c", "d"))
    _mer_media(m, "a", "b", "c", "d")


def mer2026(m: Maker) -> None:
    m.text("mer/track1_train.csv", csv_of("name,discrete", "a,happy", "b,angry"))
    m.text("mer/track1_track2_candidate.csv", csv_of("name", "c"))
    _mer_media(m, "a", "b", "c")


def mer2026_fg(m: Maker) -> None:
    m.text("mer/track2_train_human.csv", csv_of("name,openset", 'a,"shocked,care,serious"', "b,calm"))
    _mer_media(m, "a", "b")


def mer_caption_plus(m: Maker) -> None:
    rows = ('a,"[concern, pessimism]"', "b,\"['happy', 'happy', 'proud']\"")
    m.text("mer/track2_train_mercaptionplus.csv", csv_of("name,openset", *rows))
    m.text("mer/track3_train_mercaptionplus.csv", csv_of("name,reason", 'a,"Low voice, so worried."', "b,Laughs."))
    _mer_media(m, "a", "b")


def ov_merd(m: Maker) -> None:
    m.text("mer/track2_train_ovmerd.csv", csv_of("name,openset", 'a,"[anxious, sad]"'))
    m.text("mer/track3_train_ovmerd.csv", csv_of("name,reason", "a,Looks down."))
    _mer_media(m, "a")


def ov_merd_plus(m: Maker) -> None:
    m.text("mer/ovlabel.csv", csv_of("name,openset", 'a,"[curious, amused]"'))
    m.text("mer/subtitle_eng.csv", csv_of("name,sentence", "a,What is that?"))
    m.films("mer/video/a.mp4")


def emer(m: Maker) -> None:
    m.text("mer/dataset-v2/final-EMER-reason.csv", csv_of("name,chinese,english", "a,他笑,He laughs.", "b,她哭,"))
    m.text("mer/final-openset-english.csv", csv_of("name,openset", 'a,"[happy, relieved]"', "b,[sad]"))
    m.films("mer/video/a.mp4", "mer/video/b.mp4")


def merr(m: Maker) -> None:
    entry = {
        "AU_list": ["AU05"],
        "visual_prior_list": ["Upper lid raiser"],
        "audio_prior_list": "A calm tone.",
        "peak_index": "41",
        "peak_AU_list": ["AU05_r: 1.2"],
        "pseu_emotion": "surprise",
    }
    fine = {"a": {**entry, "text": "Oh!", "smp_reason_caption": "Raised lids, so surprise."}}
    coarse = {"a": {**entry, "caption": "coarse a"}, "b": {**entry, "pseu_emotion": "doubt", "caption": "coarse b"}}
    m.json("mer/MERR_fine_grained.json", fine)
    m.json("mer/MERR_coarse_grained.json", coarse)
    m.text("mer/transcription_en_all.csv", csv_of("name,sentence", "a,Oh dear!", "b,Hm."))
    m.films("mer/video/a.mp4", "mer/video/b.mp4")


def _msa(m: Maker, table: str, most: float) -> None:
    header = "video_id,clip_id,text,label,label_T,label_A,label_V,annotation,mode"
    rows = (
        f"v_1,0001,GOOD,{most},,,,Positive,train",
        "v_1,0002,SO SO,0,0.2,-0.1,,Neutral,valid",
        f"w,3,BAD,{-most / 2},,,,Negative,test",
    )
    m.text(f"mer/{table}", csv_of(header, *rows))
    m.films("mer/Raw/v_1/0001.mp4", "mer/Raw/v_1/0002.mp4", "mer/Raw/w/0003.mp4")


def cmu_mosi(m: Maker) -> None:
    _msa(m, "label.csv", 3)


def cmu_mosei(m: Maker) -> None:
    _msa(m, "label.csv", 3)


def ch_sims(m: Maker) -> None:
    _msa(m, "label.csv", 1)


def ch_sims_v2(m: Maker) -> None:
    _msa(m, "meta.csv", 1)


def dfew(m: Maker) -> None:
    for fold in range(1, 6):
        tests = [f"{fold},{fold}"]
        trains = [f"{other},{other}" for other in range(1, 6) if other != fold]
        folder = "mer/EmoLabel_DataSplit"
        m.text(f"{folder}/test(single-labeled)/set_{fold}.csv", csv_of("video_name,label", *tests))
        m.text(f"{folder}/train(single-labeled)/set_{fold}.csv", csv_of("video_name,label", *trains))
    m.films(*(f"mer/Clip/original/{number}.mp4" for number in range(1, 6)))


def mafw(m: Maker) -> None:
    words = dict(enumerate(("anger", "contempt", "neutral", "anxiety", "sadness"), start=1))
    for fold in range(1, 6):
        folder = f"mer/Train & Test Set/single/no_caption/set_{fold}"
        m.text(f"{folder}/test.txt", f"0000{fold}.mp4 {words[fold]}\n")
        m.text(f"{folder}/train.txt", "".join(f"0000{k}.mp4 {words[k]}\n" for k in words if k != fold))
    m.text("mer/Train & Test Set/compound/no_caption/set_1/test.txt", "00001.mp4 anger_disgust\n00002.mp4 contempt\n")
    m.sheet("mer/Labels/descriptive_text.xlsx", [["00001.mp4", "他怒视。", "He glares."], ["00002.mp4", "冷笑。", ""]])
    m.films(*(f"mer/data/clips/0000{fold}.mp4" for fold in words))


def _iemocap(m: Maker) -> None:
    head = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
    turns = (
        ("Ses01F_impro01_F000", "neu", "[2.5000, 2.5000, 2.5000]"),
        ("Ses01F_impro01_M000", "exc", "[4.0000, 3.5000, 3.0000]"),
        ("Ses01F_impro01_F001", "fru", "[1.5000, 3.0000, 2.0000]"),
        ("Ses01F_impro01_M001", "xxx", "[2.0000, 2.0000, 2.0000]"),
    )
    lines = [
        f"[{i / 10:.4f} - {i / 10 + 0.1:.4f}]\t{name}\t{code}\t{vad}\nC-E2:\tNeutral;\t()\n"
        for i, (name, code, vad) in enumerate(turns)
    ]
    m.text("mer/Session1/dialog/EmoEvaluation/Ses01F_impro01.txt", head + "\n".join(lines))
    spoken = [f"{name} [000.0000-000.1000]: Line {i}." for i, (name, _, _) in enumerate(turns)]
    m.text("mer/Session1/dialog/transcriptions/Ses01F_impro01.txt", "\n".join(spoken).encode() + b"\nM: \xff\n")
    m.films("mer/Session1/dialog/avi/DivX/Ses01F_impro01.avi")
    m.sounds(*(f"mer/Session1/sentences/wav/Ses01F_impro01/{name}.wav" for name, _, _ in turns))


def iemocap4(m: Maker) -> None:
    _iemocap(m)


def iemocap6(m: Maker) -> None:
    _iemocap(m)


def cremad(m: Maker) -> None:
    names = ("1001_IEO_NEU_XX", "1002_DFA_ANG_HI")
    m.sounds(*(f"mer/AudioWAV/{name}.wav" for name in names))
    m.films(f"mer/VideoFlash/{names[0]}.flv")
    people = ('1001,51,"Male","Caucasian","Not Hispanic"', '1002,21,"Female","Caucasian","Not Hispanic"')
    m.text("mer/VideoDemographics.csv", csv_of('"ActorID","Age","Sex","Race","Ethnicity"', *people))
    header = '"","FileName","VoiceVote","VoiceLevel","FaceVote","FaceLevel","MultiModalVote","MultiModalLevel"'
    votes = f'"1","{names[0]}","N","69.1","N","92.22","A:D","64.78"'
    m.text("mer/processedResults/summaryTable.csv", csv_of(header, votes))


def emoset(m: Maker) -> None:
    for split, label in (("train", "awe"), ("val", "fear"), ("test", "contentment")):
        name = f"{label}_00001"
        m.images(f"mer/image/{label}/{name}.jpg")
        m.json(f"mer/{split}.json", [[label, name, f"image/{label}/{name}.jpg", f"annotation/{label}/{name}.json"]])


def emotion6(m: Maker) -> None:
    m.images("mer/images/anger/1.jpg", "mer/images/anger/10.jpg", "mer/images/disgust/1.jpg")
    header = "[image_filename] [valence] [arousal] " + " ".join(f"[prob. {i}]" for i in range(7))
    rows = ("disgust/1.jpg\t2.5\t3.8\t0.133333\t0.7\t0\t0.0666667\t0.1\t0\t0", "anger/1.jpg\t3\t5\t1\t0\t0\t0\t0\t0\t0")
    m.text("mer/ground_truth.txt", csv_of(header, *rows))


def webemo(m: Maker) -> None:
    m.images(
        "mer/train/lust/1.jpg", "mer/train/confusion/2.jpg", "mer/test/irritabilty/3.jpg", "mer/test/surprise/4.jpg"
    )


def meld(m: Maker) -> None:
    header = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"
    m.text(
        "mer/train_sent_emo.csv", csv_of(header, "1,a,A,joy,positive,0,0,1,1,x,y", "2,b,B,fear,negative,0,1,1,1,x,y")
    )
    m.films("mer/train_splits/dia0_utt0.mp4", "mer/train_splits/dia0_utt1.mp4")


BUILDERS: dict[str, tuple[Callable[[Maker], None], int]] = {
    "ch-sims": (ch_sims, 3),
    "ch-sims-v2": (ch_sims_v2, 3),
    "cmu-mosei": (cmu_mosei, 3),
    "cmu-mosi": (cmu_mosi, 3),
    "cremad": (cremad, 2),
    "dfew": (dfew, 5),
    "emer": (emer, 2),
    "emoset": (emoset, 3),
    "emotion6": (emotion6, 3),
    "iemocap4": (iemocap4, 2),
    "iemocap6": (iemocap6, 3),
    "mafw": (mafw, 5),
    "meld": (meld, 2),
    "mer-caption-plus": (mer_caption_plus, 2),
    "mer2023": (mer2023, 3),
    "mer2024": (mer2024, 3),
    "mer2025": (mer2025, 4),
    "mer2026": (mer2026, 3),
    "mer2026-fg": (mer2026_fg, 2),
    "merr": (merr, 2),
    "ov-merd": (ov_merd, 1),
    "ov-merd-plus": (ov_merd_plus, 1),
    "webemo": (webemo, 4),
}
"""By reader: the builder, and how many clips it makes."""
