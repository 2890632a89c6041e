"""A GRPO step (rollout and update) of ours and of TRL's GRPOTrainer: seconds, peak memory, and what bounds the gain.

    python benchmarks/grpo_step.py [--prefix 256] [--group 8] [--new 24] [--prompts 2] [--repeats 5] [--threads 2]
    python benchmarks/grpo_step.py --device cuda --model random-3b --dtype bfloat16

Needs ``pip install --no-deps "trl==1.16.*"``, which is what the extra ``bench`` names. Both sides have the same model,
the same adapter (LoRA r = 8 on all linear maps, the same numbers in it), the same token ids in their prompts, the same
reward, AdamW at a rate that changes next to nothing, no KL term, no dropout. They run one after another, each in a
process of its own, so that the peak of resident memory is its own; the first ``--warmup`` steps are not counted. What
comes before (conversion of packaged weights, random models, prompts) happens in a third process.

Ours goes through ``rl.rollout.collect`` and ``rl.steps.rl_step`` with a policy that reads words alone. Its question is
empty, so that the columns which all prompts of a step share, and which ours runs once, are those of the chat template.

No completion ends early, so that the work is equal. TRL is told ``min_new_tokens``. Ours has no such setting: the
policy says that its end token is -1, which is never drawn, so that the real one is a token like any other. Nothing else
of the policy changes, and -1 cannot be fed unnoticed: it is no row of the embedding table.

Positions that go through the decoder are counted by a hook, on both sides. Where what we gain is more than their
ratio, the rest is what TRL's step does beside them. A large part of that, on a CPU: TRL 1.16 computes the update's
logits of all positions, prompts included, wherever it has no Triton. ``--trl-compact`` makes it compute those of
completions alone, as on a GPU; what is gained then is the engine's own. TRL's gradient checkpointing, on by default
there, is off here unless ``--recompute trl`` is given.

The lines for a GPU have not been tried on one: the machine that this was written on has none.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks._grpo_table import SIDES, Row, Settings, show, summary

# Nothing large up here: the peak of a process that is started begins with the size of the one that starts it.

ROOT = Path(__file__).resolve().parent.parent
RANDOM = {"random-3b": (3072, 8192, 28, 24, 8), "random-tiny": (64, 128, 2, 4, 2)}
"""Hidden size, width of the MLP, layers, heads, key-value heads of Llamas with random weights and SmolLM2's tokens."""
LR, WEIGHT_DECAY, BETAS, MAX_GRAD_NORM = 1e-8, 0.01, (0.9, 0.99), 1.0
LORA = {"r": 8, "lora_alpha": 16, "lora_dropout": 0.0, "target_modules": "all-linear"}
WORDS = """time year people way day man thing woman life child world school state family student group country problem
hand part place case week company system program question work government number night point home water room mother
area money story fact month lot right study book eye job word business issue side kind head house service friend"""


def reward(prompts: Sequence[str], completions: Sequence[str], completion_ids: Any, **columns: Any) -> list[float]:
    """The reward of both sides: cheap, deterministic, and as good as never the same for a whole group."""
    return [sum(int(token) for token in ids) % 97 / 97 for ids in completion_ids]


class Meter:
    """Seconds, and positions that have gone through a decoder."""

    def __init__(self, decoder: Any, device: str) -> None:
        self.device, self.positions = device, 0
        decoder.register_forward_pre_hook(self._count, with_kwargs=True)

    def read(self) -> tuple[float, int]:
        """Now, once the device has done what it was given."""
        if self.device == "cuda":
            import torch

            torch.cuda.synchronize()
        return time.perf_counter(), self.positions

    def _count(self, _module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> None:
        fed = given.get("input_ids")
        fed = given.get("inputs_embeds") if fed is None else fed
        fed = args[0] if fed is None else fed
        self.positions += fed.shape[0] * fed.shape[1]


def row_of(start: tuple[float, int], between: tuple[float, int], end: tuple[float, int]) -> Row:
    """A step from three readings of a meter: before it, between rollout and update, after it."""
    return {
        "rollout_s": between[0] - start[0],
        "update_s": end[0] - between[0],
        "step_s": end[0] - start[0],
        "rollout_positions": between[1] - start[1],
        "update_positions": end[1] - between[1],
        "step_positions": end[1] - start[1],
    }


def same_adapter(model: Any) -> None:
    """Give an adapter's weights numbers that depend on nothing but their names' order."""
    import torch

    generator = torch.Generator().manual_seed(0)
    for _, weight in sorted(model.named_parameters()):
        if weight.requires_grad:
            weight.data.copy_(torch.randn(weight.shape, generator=generator) * 0.02)


def memory(device: str) -> dict[str, float]:
    """Peaks so far, in MiB."""
    import torch

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rss": peak} | ({"device": torch.cuda.max_memory_allocated() / 2**20} if device == "cuda" else {})


def resident() -> float:
    """Memory that is resident now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def prepare(work: Path, settings: Settings) -> dict[str, Any]:
    """A folder with the model, and prompts of exactly as many tokens as asked for."""
    import random

    import torch

    from affectrl.models import backbone
    from affectrl.models.policy import WORDS_TAG

    known = settings["model"] in RANDOM
    loaded = backbone.load("smollm2-135m-instruct" if known else settings["model"])
    tokenizer, folder = loaded.tokenizer, loaded.tokenizer.name_or_path
    if known:
        from transformers import LlamaConfig, LlamaForCausalLM

        hidden, wide, layers, heads, kv_heads = RANDOM[settings["model"]]
        config = LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=hidden,
            intermediate_size=wide,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
        torch.manual_seed(0)
        with torch.device(settings["device"]):
            model = LlamaForCausalLM(config).to(getattr(torch, settings["dtype"]))
        folder = str(work / "model")
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    def ids_of(words: Sequence[str]) -> list[int]:
        parts = [f"{loaded.turn_start}\n", f'{WORDS_TAG} "{" ".join(words)}"', loaded.turn_end]
        return [token for part in parts for token in tokenizer(part, add_special_tokens=False).input_ids]

    pool = [word for word in WORDS.split() if len(tokenizer(f" {word}", add_special_tokens=False).input_ids) == 1]
    rng, prompts = random.Random(0), []
    for _ in range(settings["prompts"]):
        words = [rng.choice(pool)]
        words += rng.choices(pool, k=max(settings["prefix"] - len(ids_of(words)), 0))
        ids = ids_of(words)
        assert len(ids) == settings["prefix"], f"the shortest prompt has {len(ids)} tokens"
        said = " ".join(words)
        text = f'{loaded.turn_start}\n{WORDS_TAG} "{said}"{loaded.turn_end}'
        prompts.append({"words": said, "text": text, "ids": ids})
    return {"folder": folder, "prompts": prompts}


def ours(work: Path, settings: Settings) -> dict[str, Any]:
    """Our side; leaves its completions for the other one to score as well."""
    import torch
    from accelerate import Accelerator

    from affectrl.data.clip import Clip
    from affectrl.models.decoding import token_logprobs
    from affectrl.models.features import ClipFeatures, FeatureExtractor
    from affectrl.models.policy import FusedPolicy
    from affectrl.models.task import Task
    from affectrl.recipes.schema import Lora, ModelSpec, Optim, Rl
    from affectrl.rl import engine as engines
    from affectrl.rl import optimizer as optimizers
    from affectrl.rl.rollout import collect
    from affectrl.rl.steps import Learner, rl_step

    class Endless(FusedPolicy):
        """A policy that draws as many tokens as it may; see the module's text."""

        @property
        def eos_id(self) -> int:
            return -1

    class Bare(Task):
        """Nothing is asked: a prompt is its words."""

        @property
        def question(self) -> str:
            return ""

        @property
        def opening(self) -> str:
            return ""

    ready, device = json.loads((work / "prepare.json").read_text()), settings["device"]
    lora = Lora(r=LORA["r"], alpha=LORA["lora_alpha"], dropout=LORA["lora_dropout"])
    spec = ModelSpec(backbone=ready["folder"], voice=None, face=None, lora=lora)
    policy = Endless(spec, FeatureExtractor(spec), dtype=getattr(torch, settings["dtype"])).to(device).eval()
    policy.learn("adapter")
    same_adapter(policy.lm)
    if "ours" in settings["recompute"]:
        policy.recompute_layers()
    clips = [
        ClipFeatures(Clip(id=str(i), text=prompt["words"]), {}, prompt["words"])
        for i, prompt in enumerate(ready["prompts"])
    ]
    ids = torch.tensor([prompt["ids"] for prompt in ready["prompts"]], device=device)
    with torch.no_grad():
        prefix = policy.prefix(clips, "", "")
    assert prefix.keep.all()
    assert torch.equal(prefix.embeds, policy.embed_ids(ids)), "our prompts are others"

    rl = Rl(
        num_generations=settings["group"],
        max_completion_length=settings["new"],
        batch_size=settings["prompts"],
        train="adapter",
        reward_funcs=("benchmarks.grpo_step",),
    )
    engine = engines.build(rl, policy, Bare("answer-only"), keep_tokens=settings["micro_batch_tokens"])
    assert not engine.needs_reference
    optim = Optim(lr=LR, weight_decay=WEIGHT_DECAY, max_grad_norm=MAX_GRAD_NORM)
    accelerator = Accelerator(cpu=device == "cpu")
    optimizer = accelerator.prepare_optimizer(optimizers.build(policy, optim, lr=None, fusion_lr=None))
    learner = Learner(policy, optimizer, accelerator, MAX_GRAD_NORM, settings["micro_batch_tokens"])
    generator = torch.Generator(device).manual_seed(0)
    meter, rows, loaded = Meter(policy.lm.get_base_model().model, device), [], resident()
    for _ in range(settings["warmup"] + settings["repeats"]):
        start = meter.read()
        rollout = collect(engine, lambda _round: clips, generator)
        between = meter.read()
        told = rl_step(learner, engine, rollout)
        rows.append(row_of(start, between, meter.read()))
        assert not rollout.flat.any(), "a group was flat, and was spared the update"
        assert rollout.completions.lengths.tolist() == [settings["new"]] * settings["group"] * settings["prompts"]
    peak = memory(device)

    done = rollout.completions
    (work / "completions.json").write_text(json.dumps(done.ids.tolist()))
    same_adapter(policy.lm)
    with torch.no_grad():
        logprobs, _ = token_logprobs(policy, prefix, done.ids, done.keep, group=done.group)
    return {
        "steps": rows,
        "loaded_mib": loaded,
        "peak_mib": peak,
        "trained": sum(p.numel() for p in policy.adapter_parameters()),
        "attention": policy.lm.get_base_model().config._attn_implementation,
        "shared_head": prefix.shared,
        "grad_norm": told["grad_norm"],
        "rollout_update_gap": told["logprob_gap"],
        "logprobs": logprobs.tolist(),
    }


def trl(work: Path, settings: Settings) -> dict[str, Any]:
    """TRL's side, in a file of its own."""
    return importlib.import_module("benchmarks._trl_step").trl(work, settings)


def child(side: str, work: Path) -> None:
    """One side, in this process; its result is ``WORK/SIDE.json``."""
    import torch

    settings = json.loads((work / "settings.json").read_text())
    torch.set_num_threads(settings["threads"])
    run: Callable[[Path, Settings], dict[str, Any]] = {"prepare": prepare, "ours": ours, "trl": trl}[side]
    result = run(work, settings)
    (work / f"{side}.json").write_text(json.dumps(result))


def start(side: str, work: Path, threads: int) -> dict[str, Any]:
    """Run one side in a new process, and read its result."""
    environment = os.environ | {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }
    command = [sys.executable, __file__, "--side", side, "--work", str(work)]
    load = os.getloadavg()[0]
    if subprocess.run(command, env=environment, stdout=sys.stderr, check=False).returncode:
        raise SystemExit(f"the process of {side!r} failed")
    return json.loads((work / f"{side}.json").read_text()) | {"load_before": load}


def main() -> None:
    """Run both sides, print the table, write the JSON file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="smollm2-135m-instruct", help=f"weights' name, folder, or of {list(RANDOM)}")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32", help="of the frozen model")
    parser.add_argument("--prefix", type=int, default=256, help="tokens of a prompt (P)")
    parser.add_argument("--group", type=int, default=8, help="completions a prompt (G)")
    parser.add_argument("--new", type=int, default=24, help="tokens of a completion (R)")
    parser.add_argument("--prompts", type=int, default=2, help="prompts a step")
    parser.add_argument("--repeats", type=int, default=5, help="steps that are counted")
    parser.add_argument("--warmup", type=int, default=1, help="steps before them")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--micro-batch-tokens", type=int, default=1024, help="ours; the default is that of recipes")
    parser.add_argument("--trl-rows", type=int, default=0, help="completions a forward pass of TRL's update; 0: all")
    parser.add_argument("--trl-compact", action="store_true", help="TRL's logits at completions alone, as on a GPU")
    parser.add_argument("--recompute", nargs="*", choices=SIDES, default=[], help="gradient checkpointing, by side")
    parser.add_argument("--json", type=Path, default=Path("runs/grpo_step.json"))
    parser.add_argument("--side", choices=("prepare", *SIDES), help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        child(args.side, args.work)
        return
    settings = {name: value for name, value in vars(args).items() if name not in ("json", "side", "work")}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "settings.json").write_text(json.dumps(settings))
        start("prepare", work, args.threads)
        sides = {side: start(side, work, args.threads) for side in SIDES}
    told = summary(settings, sides)
    show(settings, sides, told)
    for side in SIDES:
        del sides[side]["logprobs"]
    where = {"machine": platform.platform(), "cores": os.cpu_count(), "python": platform.python_version()}
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps({"settings": settings, "where": where, "sides": sides} | told, indent=1) + "\n")
    print(f"\nall of it: {args.json}")


if __name__ == "__main__":
    main()
