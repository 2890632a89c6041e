"""AffectGPT (arXiv 2501.16566; github.com/zeroQiaoba/AffectGPT, ``my_affectgpt/models/affectgpt.py``).

Its runner saves what was trained and nothing else, as ``{"model": tensors, "config": ..., "epoch": ...}``: projections,
poolings, the pre-fusion, and LoRA (rank from the configuration, alpha 32 and dropout 0.05 in the code) on the seven
linear maps of every layer. Faces and frames go through the same pooling and projection. Of its settings we read
``model.{llama_model, visual_encoder, acoustic_encoder, num_*_query_token}`` and ``datasets.*.face_or_frame``; how
streams are pooled is told by the tensors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from affectrl.models.task import Task
from affectrl.recipes import presets
from affectrl.recipes.schema import ModelSpec
from affectrl.sharing.published import Asked, Plan, Published, mismatch, spec_of, unsupported

LORA = re.compile(
    r"llama_model\.(base_model\.model\.model\.layers\.(\d+)\.((?:\w+\.)*\w+)\.lora_([AB])\.default\.weight)"
)
ALPHA, DROPOUT = 32, 0.05
LANGUAGE = {"Qwen25": "Qwen/Qwen2.5-7B-Instruct"}
VISUAL: dict[str, tuple[str, str, dict[str, Any]]] = {
    "CLIP_VIT_LARGE": ("clip-vit", "openai/clip-vit-large-patch14", {"take": "pooled"}),
    "SigLIP_SO": ("siglip", "google/siglip-so400m-patch14-384", {"take": "mean"}),
}
"""Mean of the last hidden state's patches for SigLIP. Its DINOv2 counts the class token in, and EVA and ImageBind are
not in transformers: we have none of these three."""
ACOUSTIC = {
    "HUBERT_LARGE": ("hubert", "TencentGameMate/chinese-hubert-large"),
    "WAVLM_LARGE": ("wavlm", "microsoft/wavlm-large"),
}
MODES: dict[str, tuple[tuple[str, ...], str | None, bool]] = {
    "multiface_audio_face_text": (("voice", "face"), "face", True),
    "multiframe_audio_frame_text": (("voice", "frame"), "frame", True),
    "multiface_audio_face_frame_text": (("voice", "face", "frame"), "face", True),
    "faceframe": (("voice", "face", "frame"), None, True),
    "face": (("voice", "face"), None, True),
    "frame": (("voice", "frame"), None, True),
    "audio_text": (("voice",), None, True),
    "face_text": (("face",), None, True),
    "frame_text": (("frame",), None, True),
    "audioonly": (("voice",), None, False),
    "faceonly": (("face",), None, False),
    "frameonly": (("frame",), None, False),
}
"""``face_or_frame``: the streams, the visual one of the pre-fusion, and whether there are subtitles."""
DEFAULT_MODE = "multiface_audio_face_text"
FORMER = (
    (re.compile(r"bert\.embeddings\.LayerNorm\."), "layernorm."),
    (re.compile(r"bert\.(encoder\.layer\.\d+\.(?:cross)?attention)\.self\."), r"\1.attention."),
    (re.compile(r"bert\.encoder\."), "encoder."),
)
"""LAVIS's Q-Former (BERT with cross-attention) to transformers' BLIP-2 Q-Former, which is the same."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What one of theirs is called: the stream, the linear map to the language model, and the parts of its pooling."""

    name: str
    tokens: str
    project: str
    score: str
    former: str
    queries: str
    positions: str


VIDEO = Pool(
    "visual",
    "num_video_query_token",
    "affectgpt_proj",
    "video_attention_mlp",
    "video_Qformer",
    "video_query_tokens",
    "video_frame_position_embedding",
)
AUDIO = Pool(
    "acoustic",
    "num_audio_query_token",
    "audio_llama_proj",
    "audio_attention_mlp",
    "audio_Qformer",
    "audio_query_tokens",
    "audio_position_embedding",
)
MULTI = Pool(
    "multi",
    "num_multi_query_token",
    "multi_llama_proj",
    "",
    "multi_Qformer",
    "multi_query_tokens",
    "multi_position_embedding",
)


def plan(found: Published, asked: Asked) -> Plan:
    """What a checkpoint of AffectGPT is as a model of the fused family.

    Raises:
        ModelError: ``layout_mismatch``, ``layout_unsupported``.
    """
    source = "--settings" if asked.settings else "the checkpoint's config"
    config = asked.settings or found.config
    return _Reading(found, asked, config, source).plan()


class _Reading:
    def __init__(self, found: Published, asked: Asked, config: dict[str, Any], source: str) -> None:
        self.found, self.asked, self.source = found, asked, source
        section = config.get("model", {})
        self.model: dict[str, Any] = section if isinstance(section, dict) else {}
        sets = config.get("datasets", {})
        told = [
            s.get("face_or_frame") for s in (sets.values() if isinstance(sets, dict) else ()) if isinstance(s, dict)
        ]
        self.modes = sorted({str(mode) for mode in told if mode})
        self.known: dict[str, tuple[str, ...]] = {}
        self.out = Plan(ModelSpec(), Task("answer-only"), {}, {})

    def plan(self) -> Plan:
        streams, visual, words = self._mode()
        fields = presets.read("affectgpt")["model"]
        fields |= {"voice": None, "face": None, "pre_fusion": None}
        for stream in streams:
            fields[stream] = self._stream(stream)
        if visual is not None:
            fields["pre_fusion"] = self._together(visual)
        self._lora(fields)
        fields |= {"backbone": self._backbone(), "words": words}
        if self.asked.prompt is not None:
            fields["prompt"] = {"text": self.asked.prompt, "chat": False}
        self.out.spec = spec_of(fields)
        self.out.task = Task(self.out.setting("answers.format", self.asked.answers or "answer-only", "--answers"))
        self.out.renamed = self.known
        self._rest(streams, visual)
        self._differences()
        return self.out

    def _setting(self, name: str, default: Any, *, said: str | None = None) -> Any:
        if name in self.model and self.model[name] != "xxx":
            return self.out.setting(said or name, self.model[name], self.source)
        return self.out.setting(said or name, default, "the published configuration, by default")

    def _mode(self) -> tuple[tuple[str, ...], str | None, bool]:
        if len(self.modes) > 1:
            raise unsupported(self.found.place, f"it was trained with several face_or_frame: {', '.join(self.modes)}")
        mode = self.modes[0] if self.modes else DEFAULT_MODE
        self.out.setting(
            "face_or_frame", mode, self.source if self.modes else "the published configuration, by default"
        )
        if mode not in MODES:
            raise unsupported(self.found.place, f"face_or_frame is {mode!r}, which is none of {', '.join(MODES)}")
        return MODES[mode]

    def _backbone(self) -> str:
        named = self._setting("llama_model", "Qwen25")
        if self.asked.base is not None:
            return str(self.out.setting("backbone", self.asked.base, "--base"))
        if named not in LANGUAGE:
            raise unsupported(
                self.found.place, f"llama_model is {named!r}, whose id we do not know; name it with --base"
            )
        return str(self.out.setting("backbone", LANGUAGE[named], f"llama_model {named}"))

    def _encoder(self, stream: str) -> dict[str, Any]:
        if stream == "voice":
            named = self._setting("acoustic_encoder", "HUBERT_LARGE")
            if named not in ACOUSTIC:
                raise unsupported(
                    self.found.place, f"acoustic_encoder is {named!r}, which is none of {', '.join(ACOUSTIC)}"
                )
            encoder, place = ACOUSTIC[named]
            settings = dict(presets.read("affectgpt")["model"]["voice"]["settings"])
        else:
            named = self._setting("visual_encoder", "CLIP_VIT_LARGE")
            if named not in VISUAL:
                raise unsupported(
                    self.found.place, f"visual_encoder is {named!r}, which is none of {', '.join(VISUAL)}"
                )
            encoder, place, settings = VISUAL[named]
        where = self.asked.encoders.get(stream, place)
        return {"encoder": encoder, "settings": {**settings, "weights_name": where}}

    def _stream(self, stream: str) -> dict[str, Any]:
        pool = AUDIO if stream == "voice" else VIDEO
        ours = f"fusion.{stream}"
        fields = self._encoder(stream) | {"dropout": 0.0}
        tokens = int(self._setting(pool.tokens, 1))
        if self._has(f"{pool.former}."):
            kind, settings, tokens = "q-former", self._former(pool, f"{ours}.queries"), self._queries(pool)
            dim = self.found.shape(f"{pool.positions}.weight")[1]
        else:
            kind, settings = ("attention", {"positions": 8}) if self._has(f"{pool.score}.") else ("mean", {})
            if kind == "attention":
                self._linear(pool.score, f"{ours}.score")
            dim = self.found.shape(f"{pool.project}.weight")[1]
            if tokens != 1:
                raise unsupported(self.found.place, f"{pool.tokens} is {tokens}: one token said {tokens} times over")
        self._linear(pool.project, f"{ours}.project")
        self.out.setting(f"{pool.name} pooling", kind, "the tensors")
        self.out.dims[stream] = dim
        self.out.begun[f"{ours}.absent"] = "zeros: AffectGPT has nothing for a clip that lacks the stream"
        fields |= {"fusion": kind, "fusion_settings": {**settings, "standardize": False}, "tokens": tokens}
        return fields | ({} if stream == "voice" else {"frames": 8})

    def _together(self, visual: str) -> dict[str, Any]:
        """The pre-fusion, whose first stream is the visual one."""
        tokens = int(self._setting(MULTI.tokens, 1))
        names = {visual: "multi_video_embs", "voice": "multi_audio_embs"}
        common = self.found.shape("multi_video_embs.weight")[0]
        for stream, name in names.items():
            self._linear(name, f"pre_fusion.mapped.{stream}")
            self.out.begun[f"pre_fusion.lacking.{stream}"] = "zeros: AffectGPT fuses clips that have both alone"
        if self._has(f"{MULTI.former}."):
            kind, tokens = "q-former", self._queries(MULTI)
            settings = self._former(MULTI, "pre_fusion.queries") | {"common": common}
        else:
            kind, settings = "attention", {"hidden": common}
            self._linear("attention_mlp", "pre_fusion.together")
            self._linear("fc_att", "pre_fusion.weigh")
            if tokens != 1:
                raise unsupported(self.found.place, f"{MULTI.tokens} is {tokens}: one token said {tokens} times over")
        self._linear(MULTI.project, "pre_fusion.project")
        self.out.setting("multi pooling", kind, "the tensors")
        self.out.begun["pre_fusion.absent"] = "zeros: AffectGPT has nothing for a clip that lacks both streams"
        fields = {"kind": kind, "streams": [visual, "voice"], "tokens": tokens}
        return fields | {"settings": {**settings, "standardize": False}}

    def _former(self, pool: Pool, ours: str) -> dict[str, Any]:
        names = [name for name in self.found.tensors if name.startswith(f"{pool.former}.bert.")]
        for name in names:
            if name.endswith("position_ids"):
                self.out.unused[name] = "a buffer that counts from 0, of no parameter"
                continue
            new = name.removeprefix(f"{pool.former}.")
            for pattern, text in FORMER:
                new = pattern.sub(text, new)
            self._to(name, f"{ours}.former.{new}")
        self._to(pool.queries, f"{ours}.queries")
        self._to(f"{pool.positions}.weight", f"{ours}.positions.weight")
        layers = {int(n.split(".layer.")[1].split(".")[0]) for n in names if ".layer." in n}
        hidden = self.found.shape(pool.queries)[2]
        positions = self.found.shape(f"{pool.positions}.weight")[0]
        # Tensors do not tell how many heads there are.
        heads = self.out.setting(f"{pool.name} heads", max(1, hidden // 64), "bert-base-uncased's width of a head, 64")
        return {"layers": len(layers), "hidden": hidden, "heads": heads, "positions": positions}

    def _queries(self, pool: Pool) -> int:
        return int(self.out.setting(f"{pool.name} queries", self.found.shape(pool.queries)[1], "the tensors"))

    def _lora(self, fields: dict[str, Any]) -> None:
        ranks, targets, layers = set(), set(), set()
        for name in self.found.tensors:
            if (match := LORA.fullmatch(name)) is None:
                continue
            self.known[name] = (f"lm.{match[1]}",)
            layers.add(int(match[2]))
            targets.add(match[3])
            if match[4] == "A":
                ranks.add(self.found.shape(name)[0])
        if len(ranks) != 1:
            what = f"LoRA of ranks {sorted(ranks)}" if ranks else "no LoRA tensors: the language model was frozen"
            raise mismatch(self.found.place, what)
        chosen = self.asked.lora_alpha
        alpha = self.out.setting(
            "lora.alpha", ALPHA if chosen is None else chosen, "the code" if chosen is None else "--lora-alpha"
        )
        modules = sorted({target.rsplit(".", 1)[-1] for target in targets})
        self.out.setting("lora.target_modules", modules, "the tensors")
        rank = self.out.setting("lora.r", ranks.pop(), "the tensors")
        self.out.setting("lora.dropout", DROPOUT, "the code")
        fields["lora"] = {"r": rank, "alpha": alpha, "dropout": DROPOUT, "target_modules": modules}

    def _rest(self, streams: tuple[str, ...], visual: str | None) -> None:
        """Say of each tensor that nothing of ours takes why that is."""
        self.out.begun["no_words"] = "zeros: AffectGPT has nothing for a clip without words"
        idle = {
            "image_llama_proj.": "for single pictures (image prompts), which our streams read as films of one frame"
        }
        taken = {"voice": AUDIO, "face": VIDEO, "frame": VIDEO}
        for pool in (AUDIO, VIDEO):
            if not any(taken[stream] is pool for stream in streams):
                why = f"the prompt has no {pool.name} stream"
                idle |= {f"{name}.": why for name in (pool.project, pool.score, pool.former, pool.positions)}
                idle |= {pool.queries: why}
        if visual is None:
            why = "the prompt has no fused token"
            names = ("multi_video_embs", "multi_audio_embs", "attention_mlp", "fc_att", MULTI.project, MULTI.former)
            idle |= {f"{name}.": why for name in (*names, MULTI.positions)} | {MULTI.queries: why}
        for name in self.found.tensors:
            if name not in self.known and name not in self.out.unused:
                why = next((why for start, why in idle.items() if name.startswith(start)), None)
                if why is not None:
                    self.out.unused[name] = why
                elif name.startswith(
                    ("visual_encoder.", "acoustic_encoder.", "llama_model.base_model.model.model.rotary")
                ):
                    self.out.unused[name] = "a buffer of a frozen part, which is read from its own weights"

    def _differences(self) -> None:
        out = self.out.differs
        if self.asked.prompt is None:
            out.append(
                "The prompt: ours puts the question first and other words around the streams; AffectGPT's is in "
                "get_prompt_for_multimodal of its base_dataset.py, and --prompt takes it."
            )
        else:
            out.append(
                "The published training puts <|im_start|> before the prompt, and its inference script does not: what "
                "--prompt says is taken as it stands."
            )
        out.append("Faces: ours are found and cut by our own detector; AffectGPT's by OpenFace.")
        out.append("The language model is frozen in float16 there, and in the type of the run here.")
        out.append(
            "Its answers end with '###' and then the end token; ours end at the end token, and are read as such."
        )

    def _has(self, start: str) -> bool:
        return start != "." and any(name.startswith(start) for name in self.found.tensors)

    def _linear(self, theirs: str, ours: str) -> None:
        for part in ("weight", "bias"):
            self._to(f"{theirs}.{part}", f"{ours}.{part}")

    def _to(self, theirs: str, ours: str) -> None:
        self.known[theirs] = (*self.known.get(theirs, ()), ours)
