"""A native model as its makers ship it: weights, processor and chat template, and what its own towers see."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from affectrl import shelves
from affectrl.data.media.frames import Frames
from affectrl.errors import ModelError
from affectrl.models import quantized, torchvision_fit, weights
from affectrl.models.attention import use_grouped_heads
from affectrl.recipes.schema import NativeSpec

SHELF = "affectrl.models.native"
TICKS = 1000
"""Times of frames are told to processors in thousandths of a second."""


@dataclass(slots=True)
class Chat:
    """A loaded native model."""

    spec: NativeSpec
    model: Any
    processor: Any
    architecture: ModuleType
    """A file of ``models/native``."""
    key: str
    """What tells these weights and this processing from others, for cache keys."""

    @property
    def decoder(self) -> Any:
        """The text layers."""
        return self.model.model.language_model

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.lm_head.weight.device

    @property
    def deep(self) -> int:
        """Early layers that are given visual features of their own."""
        count = getattr(self.architecture, "deep", None)
        return 0 if count is None else int(count(self.model.config))

    @property
    def pairs(self) -> bool:
        """Whether a video and its own sound become one."""
        return bool(getattr(self.architecture, "PAIRS", False))

    def ask(self, media: Sequence[str], words: str) -> str:
        """The prompt up to the assistant's first token, a placeholder for each of ``media`` (``video`` and so on)."""
        turns = [{"role": "user", "content": [*({"type": kind} for kind in media), {"type": "text", "text": words}]}]
        if self.spec.system_prompt is not None:
            turns.insert(0, {"role": "system", "content": [{"type": "text", "text": self.spec.system_prompt}]})
        return str(self.processor.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))

    def process(self, text: str, picture: Frames | None, moving: bool, sound: np.ndarray | None) -> Any:
        """What the model's own processor makes of a prompt and its media.

        Args:
            text: From :meth:`ask`.
            picture: Frames of a video if ``moving``, else one image.
            moving: See there.
            sound: 16 kHz mono; with a video whose prompt holds no placeholder for it, its own sound track.
        """
        given = {key: dict(value) if isinstance(value, dict) else value for key, value in self.spec.processor.items()}
        if picture is not None and moving:
            more = {"video_metadata": [metadata(picture)], "do_sample_frames": False}
            if (options := getattr(self.architecture, "options", None)) is not None:
                more |= options(metadata(picture).sampled_fps)
            given |= {"videos": [picture.rgb], "videos_kwargs": more | given.get("videos_kwargs", {})}
        elif picture is not None:
            given["images"] = [picture.rgb[0]]
        if sound is not None:
            given["audio"] = [sound]
            rate = {"sampling_rate": self.processor.feature_extractor.sampling_rate}
            given["audio_kwargs"] = rate | given.get("audio_kwargs", {})
        if sound is not None and picture is not None and moving and self.processor.audio_token not in text:
            given |= {"load_audio_from_video": True, "audio_from_video_indices": [0]}
        with weights.quiet():
            return self.processor(text=[text], return_tensors="pt", return_text_replacement_offsets=True, **given)

    @torch.no_grad()
    def towers(self, inputs: Any) -> tuple[Tensor, Tensor]:
        """Embeddings ``(M, H)`` of the placeholders of one prompt, and what enters early layers there ``(M, deep H)``.

        The model's own forward pass runs up to its text layers, which are not entered.
        """
        entered: dict[str, Any] = {}

        def stop(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
            entered.update(kwargs)
            raise _AtTheDoorError

        handle = self.decoder.register_forward_pre_hook(stop, with_kwargs=True)
        training = self.model.training
        self.model.eval()
        dtype = self.model.lm_head.weight.dtype
        wanted = {name: value for name, value in inputs.items() if name != "text_replacement_offsets"}
        wanted = {name: value.to(self.device) if isinstance(value, Tensor) else value for name, value in wanted.items()}
        for name in PIXELS & wanted.keys():
            wanted[name] = wanted[name].to(dtype)
        try:
            self.model.model(**wanted, use_cache=False)
        except _AtTheDoorError:
            pass
        finally:
            handle.remove()
            self.model.train(training)
        rows = entered["inputs_embeds"][0][self.kinds(inputs["input_ids"])[0].to(self.device) > 0]
        layers = entered.get("deepstack_visual_embeds")
        deep = torch.cat([layer.to(rows) for layer in layers], 1) if layers else rows[:, :0]
        return rows, deep

    def kinds(self, ids: Tensor) -> Tensor:
        """What each token stands for, ``(1, L)``: 0 text, 1 image, 2 video, 3 audio."""
        return torch.tensor(self.processor.create_mm_token_type_ids(ids.tolist()))

    def filled(self, text: str, replacements: dict[str, str]) -> str:
        """The prompt with its placeholders as long as the processor makes them; by ``image``, ``video``, ``audio``."""
        images, videos, audio = ([replacements[k]] if k in replacements else [] for k in ("image", "video", "audio"))
        texts, _ = self.processor.get_text_with_replacements([text], images, videos, audio)
        return str(texts[0])

    def plain(self, words: str) -> str:
        """Words of people, without anything that the tokenizer would take for one of its special tokens."""
        for token in self.processor.tokenizer.get_added_vocab():
            words = words.replace(token, "")
        return words


PIXELS = {"pixel_values", "pixel_values_videos", "input_features"}
"""What of a processor's output the towers read."""


class _AtTheDoorError(Exception):
    """Raised where the text layers would begin."""


def metadata(frames: Frames) -> Any:
    """When frames were shown, as processors of transformers are told; seconds from the first frame's span."""
    from transformers.video_utils import VideoMetadata

    times = frames.times_s
    step = float(times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 1.0
    begin = float(times[0]) - step / 2
    at = [max(0, round((float(t) - begin) * TICKS)) for t in times]
    height, width = frames.rgb.shape[1:3]
    total = max(round(step * len(times) * TICKS), 1)
    return VideoMetadata(total, TICKS, width, height, total / TICKS, "pyav", at)


def load(spec: NativeSpec, dtype: torch.dtype) -> Chat:
    """Load a native model with its processor.

    Raises:
        ModelError: As :func:`affectrl.models.weights.pretrained`; ``architecture_unknown``: no file of
            ``models/native`` is for it; ``no_chat_template``; ``package_missing``: torchvision.
    """
    import transformers

    found = weights.resolve(spec.backbone)
    place = found.location
    try:
        with weights.quiet():
            config = transformers.AutoConfig.from_pretrained(place)
    except (OSError, ValueError, KeyError) as error:
        raise _no_model(place, error) from error
    architecture = architecture_of(config, place)
    processor = processor_of(place, architecture)
    kind: Any = getattr(transformers, architecture.CLASS)
    options = quantized.options(dtype, whole=_outside(kind, config)) if spec.lora.quantize else {}
    model = weights.pretrained(kind, place, f"a {config.model_type}", dtype=dtype, **options)
    use_grouped_heads(model.model.language_model)
    made = (transformers.__version__, processor.to_json_string(), spec.processor, str(dtype))
    told = json.dumps([*made, spec.frames, spec.max_side], default=str)
    key = f"{found.key}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
    return Chat(spec, model, processor, architecture, key)


def architecture_of(config: Any, place: str) -> ModuleType:
    """The file of ``models/native`` for a configuration of transformers.

    Raises:
        ModelError: ``architecture_unknown``: there is none.
    """
    name = str(config.model_type).removesuffix("_thinker")
    if not shelves.has(SHELF, name):
        raise ModelError(
            f"is a {config.model_type}, which is no architecture of the native family.",
            code="architecture_unknown",
            path=place,
            hint=f"Known: {', '.join(shelves.names(SHELF))}. A language model alone is the backbone of family: fused.",
        )
    return shelves.load(SHELF, name)


def bare(kind: Any, config: Any, **options: Any) -> Any:
    """A model without numbers, on torch's ``meta`` device; of an omni model its thinker."""
    with torch.device("meta"), weights.quiet():
        return kind._from_config(getattr(config, "thinker_config", config), **options)


def _outside(kind: Any, config: Any) -> list[str]:
    """The parts of a model that are not its text layers, as its weights are named."""
    own = bare(kind, config)
    return ["lm_head", *(f"model.{name}" for name, _ in own.model.named_children() if name != "language_model")]


def processor_of(place: str, architecture: ModuleType) -> Any:
    """The processor at a place.

    Raises:
        ModelError: There is none that can be read; ``no_chat_template``; ``package_missing``: torchvision.
    """
    import transformers

    if "image" in architecture.TAKES:
        torchvision_fit.need()
    try:
        with weights.quiet():
            processor: Any = transformers.AutoProcessor.from_pretrained(place)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _no_model(place, error) from error
    if not getattr(processor, "chat_template", None):
        raise ModelError(
            "has no chat template.",
            code="no_chat_template",
            path=place,
            hint="Take the instruct or chat version of the model, or put its chat_template.jinja beside it.",
        )
    return processor


def _no_model(place: str, error: Exception) -> ModelError:
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return ModelError(f"cannot be loaded as a native model: {reason}", path=place)
