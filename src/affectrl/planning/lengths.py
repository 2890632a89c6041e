"""How many positions a clip's prefix has: counted with the recipe's own tokenizer, or a chat model's own processor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from affectrl.data.media.frames import Frames
from affectrl.errors import UsageError
from affectrl.models import backbone
from affectrl.models.native_model import Chat, architecture_of, processor_of
from affectrl.models.native_policy import WORDS as SAID
from affectrl.models.policy import STREAM_TAGS, TOGETHER_TAG, WORDS_TAG
from affectrl.models.prompt import NO_WORDS, laid_out
from affectrl.models.task import Task
from affectrl.planning import shapes
from affectrl.planning.skeleton import planned_config
from affectrl.recipes.schema import ModelSpec, NativeSpec, Recipe
from affectrl.training.clips import labels_of

WORDS = 32
"""Tokens of a clip's own words, where nobody says how many."""
SECONDS = 5.0
"""Length of a clip, where nobody says it."""
RATE = 16_000


@dataclass(frozen=True, slots=True)
class Lengths:
    """Positions of a prefix."""

    prefix: int
    shared: int


def lengths_of(recipe: Recipe, *, prefix: int | None = None, words: int = WORDS, seconds: float = SECONDS) -> Lengths:
    """How many positions a clip's prefix has: counted with the tokenizer, the clip's words aside.

    A published language model that is not on this machine is counted for by another one's. A native model's processor
    is given a clip of black, silent pictures of the largest size that the recipe allows, and square.

    Args:
        recipe: Gives question, streams and backbone.
        prefix: So many in all, in place of counting.
        words: Tokens of what is said in a clip.
        seconds: Length of a clip; a native model has the more positions for its sound.

    Raises:
        ModelError: There is no tokenizer, or no processor.
        UsageError: ``plan_lengths``: fewer than the question takes; or the processor is not on this machine.
    """
    task = Task(recipe.answers.format, labels_of(recipe))
    if isinstance(recipe.model, NativeSpec):
        return _native(recipe.model, task, prefix, words, seconds)
    return _fused(recipe.model, task, prefix, words)


def _fused(model: ModelSpec, task: Task, prefix: int | None, words: int) -> Lengths:
    place = backbone.place_of(shapes.COUNTS_FOR_THEM if shapes.known(model.backbone) else model.backbone)
    tokenizer, start, end = backbone.load_tokenizer(place, system_prompt=model.system_prompt)

    def count(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False).input_ids)

    streams = sum(part.tokens for part in model.streams.values())
    streams += 0 if model.pre_fusion is None else model.pre_fusion.tokens
    if model.prompt is None:
        shared = count(f"{start}{task.question}\n")
        tags = [STREAM_TAGS[name] for name in model.streams] + [TOGETHER_TAG] * (model.pre_fusion is not None)
        said = [*tags, f'{WORDS_TAG} ""' if model.words else "", f"{end}{task.opening}"]
    else:
        start, end = (start, end) if model.prompt.chat else ("", "")
        (head, first), *rest = laid_out(model.prompt.text, task.question, None)
        shared = 0 if first == NO_WORDS else count(start + head)
        said = [*([start + head] if first == NO_WORDS else []), *(text for text, _ in rest)]
        said[-1] += end + task.opening
    if prefix is not None:
        return _said(prefix, shared)
    return Lengths(shared + streams + sum(map(count, said)) + (words if model.words else 0), shared)


def _native(model: NativeSpec, task: Task, prefix: int | None, words: int, seconds: float) -> Lengths:
    if shapes.known(model.backbone):
        if prefix is None:
            raise UsageError(
                f"{model.backbone}: positions are counted with the model's processor, which is not on this machine.",
                code="plan_lengths",
                hint="Say how many with --prefix, or put the model's folder without its weights here.",
            )
        return Lengths(prefix, 0)
    place = backbone.place_of(model.backbone)
    architecture = architecture_of(planned_config(place), place)
    chat = Chat(model, None, processor_of(place, architecture), architecture, "")
    ids, kinds = _clip(chat, task, words, seconds)
    shared = int((kinds == 0).cumprod(0).sum())
    if shared == len(kinds):  # no picture and no sound: a clip begins with its own words
        shared = 0
    return Lengths(len(ids) + words * model.words, shared) if prefix is None else _said(prefix, shared)


def _clip(chat: Chat, task: Task, words: int, seconds: float) -> tuple[Any, Any]:
    """Ids of a whole prompt of the longest clip, without its words, and what each stands for."""
    spec, takes = chat.spec, chat.architecture.TAKES
    moving = "video" in takes
    picture = sound = None
    media: list[str] = []
    if spec.pictures and "image" in takes:
        n = spec.frames if moving else 1
        times = (np.arange(n) + 0.5) * seconds / n
        picture = Frames(np.zeros((n, spec.max_side, spec.max_side, 3), np.uint8), times)
        media.append("video" if moving else "image")
    if spec.sound and "audio" in takes:
        sound = np.zeros(int(min(seconds, spec.max_seconds) * RATE), np.float32)
        media += [] if chat.pairs and picture is not None else ["audio"]
    said = (SAID.format("") if words and spec.words else "") + task.question
    found = chat.process(chat.ask(media, said), picture, moving, sound)
    ids = found["input_ids"]
    opening = chat.processor.tokenizer(task.opening, add_special_tokens=False).input_ids if task.opening else []
    kinds = chat.kinds(ids)[0]
    return [*ids[0].tolist(), *opening], kinds


def _said(prefix: int, shared: int) -> Lengths:
    if prefix <= shared:
        raise UsageError(
            f"--prefix {prefix}: the question alone has {shared} tokens.", code="plan_lengths", hint="Give more."
        )
    return Lengths(prefix, shared)
