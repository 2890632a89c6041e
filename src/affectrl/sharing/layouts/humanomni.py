"""HumanOmni (arXiv 2501.15111) and R1-Omni (arXiv 2503.05379): ``HumanOmniQwen2ForCausalLM`` folders of transformers.

A Qwen2 that was trained whole, and in its ``model.``: ``mm_projector`` (``AllInOneSmall`` of two blocks without padding
for 0.5B, ``AllInOne`` of four with padding for 7B), ``audio_projector``, ``bert_model``, ``bert_gate``, and in
HumanOmni's own code ``feature_compressor``, whose tensors are called by nothing: that they are there tells that the
slow-fast step is taken. The towers (``vision_tower``, ``audio_tower``) are in the checkpoint as well, but the published
loader builds them late and fills them from their own weights, whose places ``config.json`` names.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from affectrl.models.fusion.branches import positions
from affectrl.models.task import Task
from affectrl.planning.skeleton import config_of
from affectrl.recipes import presets
from affectrl.recipes.schema import ModelSpec
from affectrl.sharing.published import Asked, Plan, Published, mismatch, spec_of, unsupported

PROJECTORS = {"all_in_one_small": 0, "all_in_one": 1}
"""Padding of the 3-D convolution."""
KNOWN = {
    "siglip-base-patch16-224": "google/siglip-base-patch16-224",
    "siglip-so400m-patch14-384": "google/siglip-so400m-patch14-384",
    "whisper-large-v3": "openai/whisper-large-v3",
}
"""Towers by the last part of the path that the publisher's machine had."""
AUDIO_ROWS = 500
FRAMES = 8
MARKED = "<vi_start>{frame}<vi_end>\n<au_start>{voice}<au_end>\n{question}"
PLAIN = "{frame}\n{voice}\n{question}"
ADAPTED = re.compile(r"(.*\.(?:self_attn\.[qkvo]_proj|mlp\.(?:gate|up|down)_proj))\.(weight|bias)")
TOWERS = {"model.vision_tower.": "frame", "model.audio_tower.": "voice"}


def plan(found: Published, asked: Asked) -> Plan:
    """What a folder of HumanOmni or R1-Omni is as a merged model of the fused family.

    Raises:
        ModelError: ``layout_mismatch``, ``layout_unsupported``.
    """
    return _Reading(found, asked).plan()


class _Reading:
    def __init__(self, found: Published, asked: Asked) -> None:
        self.found, self.asked = found, asked
        self.config = found.config
        self.out = Plan(ModelSpec(), Task("think-answer"), {}, {})

    def plan(self) -> Plan:
        if (kind := self.config.get("model_type")) != "HumanOmni_qwen2":
            raise mismatch(self.found.place, f"its config.json says model_type {kind!r}, not 'HumanOmni_qwen2'")
        if self.asked.base is not None:
            raise unsupported(self.found.place, "it holds its own language model, so that --base has no place")
        fields = presets.read("r1-omni")["model"]
        fields["backbone"] = str(self.found.place)
        fields["voice"] |= self._voice(fields["voice"])
        fields["frame"] |= self._frame(fields["frame"])
        marked = bool(self._said("mm_use_x_start_end", False))
        chat = self.asked.prompt is None
        fields["prompt"] = {"text": self.asked.prompt or (MARKED if marked else PLAIN), "chat": chat}
        self.out.spec = spec_of(fields)
        self.out.task = Task(self.out.setting("answers.format", self.asked.answers or "think-answer", "--answers"))
        self._language()
        self._rest()
        self._differences()
        return self.out

    def _said(self, name: str, default: Any) -> Any:
        if self.config.get(name) is not None:
            return self.out.setting(name, self.config[name], "config.json")
        return self.out.setting(name, default, "the code, by default")

    def _tower(self, stream: str, name: str, default: str) -> str:
        told = str(self._said(name, default))
        if (chosen := self.asked.encoders.get(stream)) is not None:
            return str(self.out.setting(f"{stream} encoder", chosen, "--encoder"))
        tail = Path(told).name
        if tail not in KNOWN:
            what = f"{name} is {told!r}, whose id we do not know; name it with --encoder {stream}=..."
            raise unsupported(self.found.place, what)
        return str(self.out.setting(f"{stream} encoder", KNOWN[tail], name))

    def _voice(self, preset: dict[str, Any]) -> dict[str, Any]:
        if (kind := self._said("mm_audio_projector_type", "mlp2x_gelu")) != "mlp2x_gelu":
            raise unsupported(self.found.place, f"mm_audio_projector_type is {kind!r}, and we have mlp2x_gelu")
        place = self._tower("voice", "mm_audio_tower", "whisper-large-v3")
        self.out.dims["voice"] = self.found.shape("model.audio_projector.0.weight")[1]
        for i in (0, 2):
            for part in ("weight", "bias"):
                self._to(f"model.audio_projector.{i}.{part}", f"fusion.voice.project.{i}.{part}")
        return {"settings": preset["settings"] | {"weights_name": place}, "tokens": AUDIO_ROWS}

    def _frame(self, preset: dict[str, Any]) -> dict[str, Any]:
        kind = self._said("mm_projector_type", "linear")
        if kind not in PROJECTORS:
            raise unsupported(
                self.found.place, f"mm_projector_type is {kind!r}, which is none of {', '.join(PROJECTORS)}"
            )
        if (take := self._said("mm_vision_select_feature", "patch")) != "patch":
            raise unsupported(self.found.place, f"mm_vision_select_feature is {take!r}, and we have patch")
        place = self._tower("frame", "mm_vision_tower", "siglip-base-patch16-224")
        gate = str(
            self.out.setting("gate", self.asked.encoders.get("gate", preset["fusion_settings"]["gate"]), "the code")
        )
        layer = int(self._said("mm_vision_select_layer", -2))
        frames = int(self._said("num_frames", FRAMES))
        blocks = {name.split(".")[3] for name in self.found.tensors if name.startswith("model.mm_projector.s1_video.")}
        slow_fast = any(name.startswith("model.feature_compressor.") for name in self.found.tensors)
        self.out.setting("slow_fast", slow_fast, "whether feature_compressor is there")
        shape = {"frames": frames, "grid": self._grid(place), "pad": PROJECTORS[kind], "slow_fast": slow_fast}
        hidden = self.found.shape("model.bert_gate.0.weight")[0]
        self.out.dims["frame"] = self.found.shape("model.mm_projector.mlp_2xgelu_face.0.weight")[1]
        for name in self.found.tensors:
            if name.startswith("model.mm_projector."):
                self._to(name, name.replace("model.mm_projector.", "fusion.frame."))
            elif name.startswith("model.bert_gate."):
                self._to(name, name.replace("model.bert_gate.", "fusion.frame.gate.score."))
            elif name.startswith("model.bert_model.pooler."):
                self.out.unused[name] = "BERT's pooler, which the gate does not ask"
            elif name.startswith("model.bert_model.") and not name.endswith("position_ids"):
                self._to(name, name.replace("model.bert_model.", "fusion.frame.gate.bert."))
        return {
            "settings": preset["settings"] | {"weights_name": place, "layers": [layer]},
            "fusion_settings": {"gate": gate, "gate_hidden": hidden, "depth": len(blocks), **shape},
            "tokens": positions(**shape),
            "frames": frames,
        }

    def _grid(self, place: str) -> int:
        """Patches along a side: of an encoder that is here by its configuration, else by its name."""
        if (Path(place).expanduser() / "config.json").is_file():
            config = config_of(place)
            config = getattr(config, "vision_config", None) or config
            return int(self.out.setting("grid", config.image_size // config.patch_size, "the encoder's config.json"))
        match = re.search(r"patch(\d+)-(\d+)", place)
        if match is None:
            raise unsupported(self.found.place, f"the name {place!r} does not tell how many patches a frame has")
        return int(self.out.setting("grid", int(match[2]) // int(match[1]), "the encoder's name"))

    def _language(self) -> None:
        self.out.whole_model = {
            name: value for name, value in self.config.items() if not name.startswith(("mm_", "_", "tune_", "freeze_"))
        } | {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}
        tied = bool(self.config.get("tie_word_embeddings", False))
        for name in self.found.tensors:
            if not name.startswith(("model.layers.", "model.embed_tokens.", "model.norm.", "lm_head.")):
                continue
            ours = f"lm.base_model.model.{name}"
            if match := ADAPTED.fullmatch(ours):
                ours = f"{match[1]}.base_layer.{match[2]}"
            self._to(name, ours)
        if tied and "lm_head.weight" not in self.found.tensors:
            self._to("model.embed_tokens.weight", "lm.base_model.model.lm_head.weight")

    def _rest(self) -> None:
        for stream in ("voice", "frame"):
            self.out.begun[f"fusion.{stream}.absent"] = "zeros: HumanOmni has nothing for a clip that lacks the stream"
        self.out.begun["no_words"] = "zeros: words are not read"
        for name in self.found.tensors:
            if name in self.out.renamed or name in self.out.unused:
                continue
            tower = next((stream for start, stream in TOWERS.items() if name.startswith(start)), None)
            if tower is not None:
                self.out.unused[name] = (
                    f"the {tower} encoder's, which the published loader reads from the encoder's folder"
                )
            elif name.startswith("model.feature_compressor."):
                self.out.unused[name] = "called by nothing in the published code"
            elif name.endswith(("position_ids", "rotary_emb.inv_freq")):
                self.out.unused[name] = "a buffer that follows from the configuration"

    def _differences(self) -> None:
        self.out.differs += [
            "Frames: a film with fewer than wanted is filled with black pictures there; here frames are taken again.",
            "Frames are scaled to at most 640 pixels a side before the encoder's own preprocessing.",
            "Sound that cannot be read is ten seconds of zeros there; here it is an error, or a stream that lacks.",
            "A clip without sound or pictures has a vector of zeros in its place here, and nothing or a dummy there.",
            "The published scripts run in float16; here the language model has the type of its file or of the run.",
        ]

    def _to(self, theirs: str, ours: str) -> None:
        self.out.renamed[theirs] = (*self.out.renamed.get(theirs, ()), ours)
