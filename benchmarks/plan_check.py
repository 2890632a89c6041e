"""What ``affectrl plan`` predicts beside what a run's peak resident memory really is, on a CPU.

    python benchmarks/plan_check.py [--only random-llama] [--threads 1] [--malloc default]

Each configuration is run in processes of its own: one makes the model and the prompts, one takes ``--steps`` steps of
rollout and update through the engine (``benchmarks/grpo_step.py``'s own side of ours, in which no completion ends
early), one predicts. Measured is the largest resident memory of the process that took the steps, less what was resident
just before its model was loaded, all libraries being imported by then. Predicted is the plan without its row
``process``, and without the phases that are not run here (cold start, evaluation).

What torch frees on a CPU goes back to glibc, which by default keeps blocks of up to 32 MiB for itself and leaves holes
between those that live. ``--malloc returned`` (the default here) has it give blocks from 64 KiB on back to the system,
so that resident memory is what lives; ``--malloc default`` shows what glibc's habit adds in memory and saves in time.

Nothing of the planner was fitted to these figures: it counts tensors.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks import grpo_step, plan_native
from benchmarks._plan_recipe import predicted, recipe_of

ROOT = Path(__file__).resolve().parent.parent
COMMON = {"device": "cpu", "dtype": "float32", "warmup": 0, "recompute": [], "micro_batch_tokens": 1024}
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    # What the tests run: seconds.
    "tiny": {
        "make": {"kind": "llama", "hidden": 256, "wide": 768, "layers": 4, "heads": 4, "kv_heads": 2, "vocab": 49152},
        "prefix": 1024,
        "prompts": 2,
        "group": 4,
        "new": 8,
        "micro_batch_tokens": 2048,
    },
    # The prefixes of the recipe first-light, as words.
    "smollm2-135m": {"model": "smollm2-135m-instruct", "prefix": 85, "prompts": 4, "group": 4, "new": 16},
    # Long prefixes, whose pass the update goes on from.
    "random-llama": {
        "make": {"kind": "llama", "hidden": 384, "wide": 1024, "layers": 8, "heads": 6, "kv_heads": 2, "vocab": 49152},
        "prefix": 768,
        "prompts": 2,
        "group": 4,
        "new": 16,
        "micro_batch_tokens": 2048,
    },
    # A large vocabulary, long answers, layers computed twice.
    "random-qwen": {
        "make": {
            "kind": "qwen2",
            "hidden": 512,
            "wide": 1536,
            "layers": 12,
            "heads": 8,
            "kv_heads": 4,
            "vocab": 151936,
        },
        "prefix": 256,
        "prompts": 2,
        "group": 4,
        "new": 48,
        "recompute": ["ours"],
        "micro_batch_tokens": 2048,
    },
    # A chat model that looks at a picture of 448 pixels: 256 positions.
    "random-qwen2-5-vl": {
        "native": True,
        "make": {"hidden": 384, "wide": 1024, "layers": 8, "heads": 6, "kv_heads": 2},
        "prompts": 2,
        "group": 4,
        "new": 16,
        "micro_batch_tokens": 2048,
    },
}


def make(folder: Path, shape: dict[str, Any]) -> None:
    """A folder with a random model and SmolLM2's tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from affectrl.models import backbone

    tokenizer, _, _ = backbone.load_tokenizer(backbone.place_of("smollm2-135m-instruct"))
    config = AutoConfig.for_model(
        shape["kind"],
        vocab_size=shape["vocab"],
        hidden_size=shape["hidden"],
        intermediate_size=shape["wide"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["kv_heads"],
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def prepare(work: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Model and prompts."""
    if "make" in settings:
        make(work / "model", settings["make"])
        settings = settings | {"model": str(work / "model")}
    return grpo_step.prepare(work, settings)


def measure(work: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Steps of the engine; what the process grew by."""
    import accelerate
    import peft
    import torch
    import transformers

    from affectrl.models import policy
    from affectrl.rl import engine, rollout, steps

    # Named, so that their import cannot be put off: transformers imports a model's file when it is first asked for.
    named = (accelerate.Accelerator, peft.get_peft_model, engine.build, rollout.collect, steps.rl_step, policy)
    kind = settings.get("make", {}).get("kind", "llama")
    named += (transformers.AutoModelForCausalLM, transformers.AutoTokenizer)
    __import__(f"transformers.models.{kind}.modeling_{kind}")
    some = torch.randn(64, 64, requires_grad=True)
    (some @ some).sum().backward()
    before = grpo_step.resident()
    told = grpo_step.ours(work, settings)
    seconds = [row["step_s"] for row in told["steps"]]
    grew = told["peak_mib"]["rss"] - before
    return {"before": before, "grew": grew, "shared": told["shared_head"], "seconds": seconds}


def predict(work: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The plan of the same."""
    from affectrl.planning.lengths import Lengths

    folder = json.loads((work / "prepare.json").read_text())["folder"]
    shared = json.loads((work / "measure.json").read_text())["shared"]
    recipe = recipe_of({"backbone": folder, "voice": None, "face": None}, settings)
    return predicted(recipe, Lengths(settings["prefix"], shared))


SIDES = {"prepare": prepare, "measure": measure, "predict": predict}
"""Of language models; those of native models are in ``benchmarks/plan_native.py``."""


def child(side: str, work: Path) -> None:
    """One part, in this process; its result is ``WORK/SIDE.json``."""
    import torch

    settings = json.loads((work / "settings.json").read_text())
    torch.set_num_threads(settings["threads"])
    sides = plan_native.SIDES if settings.get("native") else SIDES
    (work / f"{side}.json").write_text(json.dumps(sides[side](work, settings)))


def run(name: str, work: Path, *, threads: int = 1, steps: int = 2, malloc: str = "returned") -> dict[str, Any]:
    """Measure and predict one configuration, in three processes one after another."""
    settings = COMMON | CONFIGURATIONS[name] | {"threads": threads, "repeats": steps}
    (work / "settings.json").write_text(json.dumps(settings))
    environment = os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    if malloc == "returned":
        environment |= {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    for side in SIDES:
        command = [sys.executable, __file__, "--side", side, "--work", str(work)]
        done = subprocess.run(command, env=environment, stdout=sys.stderr, check=False)
        if done.returncode:
            raise SystemExit(f"the process of {side!r} failed")
    measured = json.loads((work / "measure.json").read_text())
    return measured | json.loads((work / "predict.json").read_text())


def main() -> None:
    """All configurations, as a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", choices=CONFIGURATIONS, help="one configuration")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--malloc", choices=("returned", "default"), default="returned")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        child(args.side, args.work)
        return
    print("| configuration | measured MiB | predicted MiB | off by | a step |\n| --- | --- | --- | --- | --- |")
    for name in [args.only] if args.only else CONFIGURATIONS:
        with tempfile.TemporaryDirectory() as work:
            told = run(name, Path(work), threads=args.threads, steps=args.steps, malloc=args.malloc)
        off = told["predicted"] / told["grew"] - 1
        print(
            f"| {name} | {told['grew']:,.0f} | {told['predicted']:,.0f} | {off:+.1%} | {min(told['seconds']):.1f} s |",
            flush=True,
        )
        print({k: v for k, v in told.items() if k in ("static", "phases", "before")}, file=sys.stderr)


if __name__ == "__main__":
    main()
