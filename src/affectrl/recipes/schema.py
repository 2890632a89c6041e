"""What a recipe may say: every field, its type, its default and what it means. Torch-free, so that checking is quick.

Names follow TRL's ``GRPOConfig`` where it has one.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import (
    Discriminator,
    Field,
    PositiveFloat,
    PositiveInt,
    Tag,
    field_validator,
    model_validator,
)

from affectrl.recipes import presets
from affectrl.recipes.learning import Rl
from affectrl.recipes.section import Section
from affectrl.recipes.streams import (
    STREAMS,
    FaceStream,
    FrameStream,
    MotionStream,
    PreFusion,
    Prompt,
    Stream,
    VoiceStream,
)


class DataSpec(Section):
    """Which clips."""

    source: str
    """A manifest, a folder with ``manifest.jsonl``, or ``READER:FOLDER`` such as ``ravdess:data/ravdess``."""
    split: str | None = None
    speakers: tuple[str, ...] | None = None
    """Speakers to keep: names, or ranges such as ``1-15``."""
    limit: PositiveInt | None = None
    """At most so many clips, with all classes alike as far as their clips go: a random choice, which the recipe's seed
    decides for training and which is always the same for evaluation."""
    map_to: str | None = None
    """A label set that labels are put into by the documented mapping; clips whose labels have no place there are left
    out, and counted."""
    unlabelled: bool = False
    """Take clips without labels as well, and hide labels from rewards: they only judge votes, in the logs."""

    @field_validator("speakers", mode="before")
    @classmethod
    def _numbers_are_names(cls, value: object) -> object:
        if not isinstance(value, list | tuple):
            return value
        return [str(item) if type(item) is int else item for item in value]


class SandboxSpec(Section):
    """Synthetic clips to make before training, if they are not there yet; ``data`` sources then point at ``out``."""

    out: str
    n: PositiveInt = 600
    seed: int = 0
    domain: Literal["source", "shifted"] = "source"
    disagree: Annotated[float, Field(ge=0, le=1)] = 0.0
    modalities: dict[str, Annotated[float, Field(ge=0, le=1)]] | None = None
    """Share of each modality subset, such as ``image: 1``; by default most clips have all, see ``docs/sandbox.md``."""
    open_vocabulary: bool = False
    """Label clips with one to four open-vocabulary words in place of one class."""


class Data(Section):
    """The clips of each stage."""

    sandbox: SandboxSpec | None = None
    more_sandboxes: tuple[SandboxSpec, ...] = ()
    """Further synthetic clips, such as a shifted domain."""
    cold_start: DataSpec | None = None
    train: DataSpec
    dev: DataSpec | None = None
    """Clips for the looks while training, by which the best checkpoint and an early stop are chosen; without it they
    look at ``eval``, and the report says so."""
    eval: DataSpec
    also: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")], DataSpec] = Field(default_factory=dict)
    """Further sets that are evaluated, by name: other domains, other speakers."""
    workers: Annotated[int, Field(ge=0, le=64)] | None = None
    """Processes that decode media and find faces while the encoders work; the features are the same. By default half of
    the cores, at most 8, and 0 (decode in the training process) on two cores or fewer."""


class Lora(Section):
    """The adapter on the language model (PEFT)."""

    r: PositiveInt = 8
    alpha: PositiveInt = 16
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    target_modules: tuple[str, ...] | Literal["all-linear"] = "all-linear"
    use_dora: bool = False
    """Learn the size of each weight column apart from its direction (DoRA, arXiv 2402.09353)."""
    quantize: Literal["nf4"] | None = None
    """Hold the frozen language model in 4 bits (QLoRA, arXiv 2305.14314), where bitsandbytes is installed."""
    where: Literal["everything", "completion"] = "everything"
    """Where the adapter acts: on all positions, or on generated ones only, so that the prefix's keys and values do not
    depend on it and are reused between rollout and update."""


class ModelSpec(Section):
    """The fused family: frozen encoders, fusion, LoRA-tuned causal language model.

    ``preset: NAME`` in a recipe stands for the fields of a file of ``recipes/presets``; what is written beside it goes
    before.
    """

    family: Literal["fused"] = "fused"
    backbone: str = "smollm2-135m-instruct"
    system_prompt: str | None = ""
    voice: VoiceStream | None = VoiceStream()
    face: FaceStream | None = FaceStream()
    frame: FrameStream | None = None
    motion: MotionStream | None = None
    pre_fusion: PreFusion | None = None
    words: bool = True
    """Whether the clip's text is given to the language model."""
    prompt: Prompt | None = None
    """Other words around the streams than ours."""
    modality_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Chance that a modality of a clip that has others is left out in a training step, so that absence is learned."""
    lora: Lora = Lora()

    @property
    def streams(self) -> dict[str, Stream]:
        """The streams that the model has, by name: of ``STREAMS``, in that order."""
        parts: dict[str, Stream | None] = {name: getattr(self, name) for name in STREAMS}
        return {name: part for name, part in parts.items() if part is not None}

    @property
    def fused_first(self) -> tuple[str, ...]:
        """The streams of ``pre_fusion``."""
        if self.pre_fusion is None:
            return ()
        return tuple(self.streams) if self.pre_fusion.streams is None else self.pre_fusion.streams

    @model_validator(mode="before")
    @classmethod
    def _on_a_preset(cls, value: object) -> object:
        return presets.applied(value) if isinstance(value, dict) and "preset" in value else value

    @model_validator(mode="after")
    def _reads_something(self) -> ModelSpec:
        if not self.streams and not self.words:
            raise ValueError(f"a model must read at least one of {', '.join(STREAMS)}, words")
        return self

    @model_validator(mode="after")
    def _prompt_has_a_place_for_all(self) -> ModelSpec:
        if self.prompt is None:
            return self
        together, words = self.pre_fusion is not None, self.words
        wanted = [*self.streams, *(["together"] if together else []), *(["words"] if words else [])]
        places = self.prompt.places
        if sorted(name for name in places if name != "question") != sorted(wanted) or places.count("question") > 1:
            names = ", ".join(f"{{{name}}}" for name in wanted)
            raise ValueError(f"prompt.text must name each of {names} once, and {{question}} at most once")
        return self

    @model_validator(mode="after")
    def _streams_fit_together(self) -> ModelSpec:
        first = self.fused_first
        if unknown := [name for name in first if name not in self.streams]:
            raise ValueError(f"pre_fusion.streams names {unknown[0]!r}, which the model does not have")
        if self.pre_fusion is not None and (len(first) < 2 or len(set(first)) < len(first)):
            raise ValueError("pre_fusion needs at least two different streams")
        one_each = self.face is not None and self.face.who == "each"
        if one_each and self.motion is not None and self.motion.of == "face":
            raise ValueError("face.who: each does not go with motion.of: face, which follows one face only")
        return self


class NativeSpec(Section):
    """The native family: a chat model that takes media itself, with its own encoders, processor and chat template."""

    family: Literal["native"]
    backbone: str
    """Such as ``Qwen/Qwen2.5-Omni-7B``; the architectures are the files of ``models/native``."""
    system_prompt: str | None = None
    """Text of the system turn; none leaves the turn to the chat template."""
    pictures: bool = True
    """Whether a model that takes pictures is given them."""
    sound: bool = True
    """Whether a model that takes sound is given it."""
    words: bool = True
    """Whether the clip's text is given to the language model."""
    frames: PositiveInt = 8
    """Frames sampled uniformly from a video."""
    max_side: Annotated[int, Field(ge=16)] = 448
    """Longest side of a frame in pixels, before the model's own processor sizes it."""
    max_seconds: PositiveFloat = 30.0
    """Longest sound."""
    processor: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the model's processor, such as ``videos_kwargs``."""
    modality_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Chance that a modality of a clip that has others is left out in a training step."""
    lora: Lora = Lora()
    """On the language model; the encoders stay as they are."""

    @model_validator(mode="after")
    def _reads_something(self) -> NativeSpec:
        if not (self.pictures or self.sound or self.words):
            raise ValueError("a model must read at least one of pictures, sound, words")
        return self


FAMILIES: dict[str, type[Section]] = {"fused": ModelSpec, "native": NativeSpec}


def _family(given: object) -> str | None:
    named = given.get("family", "fused") if isinstance(given, dict) else getattr(given, "family", "fused")
    return named if isinstance(named, str) else None


AnyModel = Annotated[
    Annotated[ModelSpec, Tag("fused")] | Annotated[NativeSpec, Tag("native")],
    Discriminator(_family, custom_error_type="family", custom_error_message="family is one of " + ", ".join(FAMILIES)),
]
"""What a recipe's ``model`` section may be: its ``family`` decides."""


class Answers(Section):
    """What is asked and how it is answered."""

    format: str = "think-answer"
    """A file of ``answers/formats``."""
    labels: str | tuple[str, ...] | None = None
    """Closed choice: a label set's name or the labels themselves; none for open vocabulary."""


class Optim(Section):
    """AdamW and its schedule, for both stages."""

    lr: PositiveFloat = 2e-4
    """Learning rate of the adapter."""
    fusion_lr: PositiveFloat = 5e-4
    """Learning rate of the projections, which start from nothing."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    warmup_steps: Annotated[int, Field(ge=0)] = 5
    max_grad_norm: PositiveFloat = 1.0
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Decay of a moving average of the trained weights, which then is what gets evaluated and saved."""


class ColdStart(Section):
    """Supervised fine-tuning before reinforcement learning."""

    steps: Annotated[int, Field(ge=0)] = 60
    batch_size: PositiveInt = 16
    lr: PositiveFloat | None = None
    """Overrides ``optim.lr``."""
    fusion_lr: PositiveFloat | None = None
    align: bool = True
    """Begin with projections that map a clip to its label's word embedding, fitted in closed form."""
    reasons: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of clips of which a format that says why behind its labels (``answer-why``) learns that too; the others are
    learned to the end of their labels, which is cheaper."""


class Evaluation(Section):
    """Evaluation on held-out clips."""

    every: PositiveInt = 20
    """RL steps between evaluations while training."""
    limit: PositiveInt | None = 64
    """Clips in those; the evaluations before and after use all."""
    batch_size: PositiveInt = 32
    metric: Literal["auto", "war", "uar", "macro_f1", "ew"] = "auto"
    """By which checkpoints are compared; ``auto`` is EW for open vocabulary and WAR for a closed choice."""
    keep_best: bool = False
    """End with the weights of the best look instead of the last ones."""


class Checkpoints(Section):
    """How often the run can be resumed from."""

    every: PositiveInt = 10
    keep: PositiveInt = 2


class Recipe(Section):
    """A whole run: data, model, answers, cold start, reinforcement learning."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    about: str = ""
    seed: int = 0
    threads: PositiveInt | None = None
    """CPU threads; all by default. Runs are repeatable to the last bit on one."""
    micro_batch_tokens: PositiveInt = 1024
    """Most prefix and completion tokens in one forward pass; bounds memory, changes no result beyond rounding."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the frozen language model: bfloat16 where an accelerator supports it."""
    gradient_checkpointing: bool = False
    """Compute the layers again in the backward pass instead of keeping them: less memory, a third more time."""
    offload: bool = False
    """Keep the language model's frozen layers in the CPU's memory and bring each to the accelerator when it computes,
    which makes room and takes time; with ``gradient_checkpointing``."""
    trackers: tuple[Literal["wandb", "trackio"], ...] = ()
    """Experiment trackers beside TensorBoard, if they are installed."""
    start: str | None = None
    """A model folder to start from, which is never written to; its ``model`` and ``answers`` must be this recipe's."""
    paper_scale: dict[str, Any] = Field(default_factory=dict)
    """What the paper that a recipe follows used, as ``dotted.key: value``: for readers, and ``--paper-scale``."""
    data: Data
    model: AnyModel = ModelSpec()
    answers: Answers = Answers()
    optim: Optim = Optim()
    cold_start: ColdStart = ColdStart()
    rl: Rl = Rl()
    eval: Evaluation = Evaluation()
    checkpoints: Checkpoints = Checkpoints()

    @property
    def paper_overrides(self) -> list[str]:
        """``paper_scale`` as ``dotted.key=value``, the values in YAML."""
        return [f"{key}={json.dumps(value)}" for key, value in self.paper_scale.items()]

    @model_validator(mode="after")
    def _stages_have_clips(self) -> Recipe:
        if self.cold_start.steps and self.data.cold_start is None:
            raise ValueError("cold_start.steps is not 0, but data.cold_start names no clips")
        if not self.cold_start.steps and not self.rl.steps and self.rl.restandardize is None:
            raise ValueError("nothing to do: both cold_start.steps and rl.steps are 0")
        return self

    @model_validator(mode="after")
    def _layers_can_visit(self) -> Recipe:
        if self.offload and not self.gradient_checkpointing:
            raise ValueError(
                "offload without gradient_checkpointing spares nothing: the backward pass would hold all layers"
            )
        if self.offload and (self.model.lora.use_dora or self.model.lora.quantize):
            raise ValueError("offload goes with neither model.lora.use_dora nor model.lora.quantize")
        return self
