"""The sides of ``benchmarks/plan_check.py`` for a native model: a random Qwen2.5-VL that looks at pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import grpo_step
from benchmarks._plan_recipe import predicted, recipe_of

SIDE = 448


def prepare(work: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """A folder with a random model and its processor, and pictures of noise."""
    import numpy as np
    import torch

    from affectrl.models import backbone  # before transformers, which else finds no torchvision
    import transformers as hf  # isort: skip
    from PIL import Image

    shape = settings["make"]
    tokenizer, _, _ = backbone.load_tokenizer(backbone.place_of("smollm2-135m-instruct"))
    names = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
    tokenizer.add_special_tokens({"additional_special_tokens": list(names)}, replace_extra_special_tokens=False)
    image, video, start, end = tokenizer.convert_tokens_to_ids(list(names))
    tokenizer.image_token, tokenizer.video_token = names[:2]
    template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for c in m.content %}{% if c.type == 'text' %}{{ c.text }}"
        "{% else %}<|vision_start|><|{{ c.type }}_pad|><|vision_end|>{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
        "<|im_start|>assistant\n"
    )
    heads = shape["hidden"] // shape["heads"]
    config = hf.Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": shape["hidden"],
            "intermediate_size": shape["wide"],
            "num_hidden_layers": shape["layers"],
            "num_attention_heads": shape["heads"],
            "num_key_value_heads": shape["kv_heads"],
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10_000.0,
                "mrope_section": [heads // 2 - 2 * (heads // 6), heads // 6, heads // 6],
            },
            "tie_word_embeddings": True,
            "bos_token_id": None,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={"depth": 4, "hidden_size": 256, "intermediate_size": 512, "num_heads": 4, "patch_size": 14}
        | {"spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 112, "fullatt_block_indexes": [3]}
        | {"out_hidden_size": shape["hidden"]},
        image_token_id=image,
        video_token_id=video,
        vision_start_token_id=start,
        vision_end_token_id=end,
        tie_word_embeddings=True,
    )
    sizes = {"shortest_edge": 56 * 56, "longest_edge": SIDE * SIDE}
    processor = hf.Qwen2_5_VLProcessor(
        hf.Qwen2VLImageProcessor(size=sizes), tokenizer, hf.Qwen2VLVideoProcessor(size=sizes), chat_template=template
    )
    torch.manual_seed(0)
    hf.Qwen2_5_VLForConditionalGeneration(config).save_pretrained(work / "model")
    processor.save_pretrained(work / "model")
    noise = np.random.default_rng(0)
    for i in range(settings["prompts"]):
        Image.fromarray(noise.integers(0, 255, (SIDE, SIDE, 3), np.uint8)).save(work / f"{i}.png")
    return {}


def measure(work: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Steps of the engine; what the process grew by."""
    import torch
    from accelerate import Accelerator

    from affectrl.data.clip import Clip
    from affectrl.models.cache import FeatureCache
    from affectrl.models.native_features import NativeExtractor
    from affectrl.models.native_policy import NativePolicy
    from affectrl.models.task import Task
    from affectrl.recipes.schema import Optim, Rl
    from affectrl.rl import engine as engines
    from affectrl.rl import optimizer as optimizers
    from affectrl.rl.rollout import collect
    from affectrl.rl.steps import Learner, rl_step

    import transformers  # isort: skip  # after affectrl.models, as above

    # Named, so that their import cannot be put off: transformers imports a model's files when they are first asked for.
    assert transformers.Qwen2_5_VLForConditionalGeneration
    assert transformers.AutoProcessor.from_pretrained(work / "model")
    some = torch.randn(64, 64, requires_grad=True)
    (some @ some).sum().backward()

    class Endless(NativePolicy):
        """Draws as many tokens as it may."""

        @property
        def eos_id(self) -> int:
            return -1

    before = grpo_step.resident()
    recipe = recipe_of(model_of(work), settings)
    extractor = NativeExtractor(recipe.model, FeatureCache(work / "cache"))
    policy = Endless(recipe.model, extractor).eval()
    grpo_step.same_adapter(policy.lm)
    clips = [Clip(id=str(i), image=work / f"{i}.png", labels=("happy",)) for i in range(settings["prompts"])]
    ready = [features for clip in clips for features in extractor.extract(clip)]
    given = recipe.rl.model_dump() | {"reward_funcs": ("benchmarks.grpo_step",)}
    engine = engines.build(Rl(**given), policy, Task("answer-only"), keep_tokens=settings["micro_batch_tokens"])
    accelerator = Accelerator(cpu=True)
    optim = Optim(lr=1e-4)
    optimizer = accelerator.prepare_optimizer(optimizers.build(policy, optim, lr=None, fusion_lr=None))
    learner = Learner(policy, optimizer, accelerator, 1.0, settings["micro_batch_tokens"])
    generator = torch.Generator().manual_seed(0)
    seconds = []
    for _ in range(settings["repeats"]):
        start = grpo_step.time.perf_counter()
        rollout = collect(engine, lambda _round: ready, generator)
        rl_step(learner, engine, rollout)
        seconds.append(grpo_step.time.perf_counter() - start)
        assert rollout.completions.lengths.tolist() == [settings["new"]] * settings["group"] * settings["prompts"]
    peak = grpo_step.memory("cpu")["rss"]
    return {"before": before, "grew": peak - before, "seconds": seconds}


def predict(work: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The plan of the same, its positions counted by the model's processor."""
    from affectrl.planning.lengths import lengths_of

    recipe = recipe_of(model_of(work), settings)
    return predicted(recipe, lengths_of(recipe))


def model_of(work: Path) -> dict[str, Any]:
    """The section ``model`` of the folder that :func:`prepare` made."""
    return {
        "family": "native",
        "backbone": str(work / "model"),
        "frames": 2,
        "max_side": SIDE,
        "words": False,
    }


SIDES = {"prepare": prepare, "measure": measure, "predict": predict}
