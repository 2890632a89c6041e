"""TRL's side of ``grpo_step.py``: its GRPOTrainer as it is, timed from outside.

A step is what lies between the trainer's own two callbacks, rollout is its ``_generate_and_score_completions``
(generation, decoding, rewards, advantages), and update is the rest. On-policy and without a KL term TRL runs no forward
pass for old or reference log-probabilities, and asks for none of them here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks._grpo_table import Row, Settings
from benchmarks.grpo_step import (
    BETAS,
    LORA,
    LR,
    MAX_GRAD_NORM,
    WEIGHT_DECAY,
    Meter,
    memory,
    resident,
    reward,
    row_of,
    same_adapter,
)


def trl(work: Path, settings: Settings) -> dict[str, Any]:
    """Run the steps, check that prompts and completions are as they should be, score our completions."""
    import torch
    import transformers
    import trl as library
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    transformers.logging.set_verbosity_error()
    if settings["trl_compact"]:
        # What this name tells is only whether positions without a label are left out; kernels ask in another module.
        library.trainer.utils._use_triton = lambda device: True
    ready, device = json.loads((work / "prepare.json").read_text()), settings["device"]
    group, new, steps = settings["group"], settings["new"], settings["warmup"] + settings["repeats"]
    rows = group * settings["prompts"]
    micro = settings["trl_rows"] or rows
    assert rows % micro == 0, f"--trl-rows must divide {rows}"
    recompute = "trl" in settings["recompute"]
    config = GRPOConfig(
        output_dir=str(work / "trl"),
        use_cpu=device == "cpu",
        bf16=False,
        fp16=False,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=rows // micro,
        num_generations=group,
        max_completion_length=new,
        generation_kwargs={"min_new_tokens": new},
        temperature=1.0,
        max_steps=steps,
        shuffle_dataset=False,
        beta=0.0,
        num_iterations=1,
        loss_type="grpo",
        scale_rewards="group",
        learning_rate=LR,
        lr_scheduler_type="constant",
        weight_decay=WEIGHT_DECAY,
        adam_beta1=BETAS[0],
        adam_beta2=BETAS[1],
        max_grad_norm=MAX_GRAD_NORM,
        gradient_checkpointing=recompute,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(ready["folder"], dtype=getattr(torch, settings["dtype"])),
        reward_funcs=reward,
        args=config,
        train_dataset=Dataset.from_list([{"prompt": prompt["text"]} for prompt in ready["prompts"]] * steps),
        processing_class=AutoTokenizer.from_pretrained(ready["folder"]),
        peft_config=LoraConfig(task_type="CAUSAL_LM", **LORA),
    )
    same_adapter(trainer.model)
    model = trainer.model.get_base_model()
    watch = _Watch(Meter(model.model, device), trainer)
    trainer.add_callback(watch.callback(TrainerCallback))
    loaded = resident()
    trainer.train()
    peak = memory(device)

    ids = torch.tensor([prompt["ids"] for prompt in ready["prompts"]], device=device).repeat_interleave(group, 0)
    made = watch.made
    assert made["prompt_mask"].all()
    assert torch.equal(made["prompt_ids"], ids), "TRL's prompts are others"
    assert made["completion_mask"].sum(1).tolist() == [new] * rows, "TRL's completions ended early"
    assert (made["advantages"].view(-1, group).std(1) > 0).all(), "a group of TRL's was flat"
    assert not {"old_per_token_logps", "ref_per_token_logps"} & set(made)
    same_adapter(trainer.model)
    completions = torch.tensor(json.loads((work / "completions.json").read_text()), device=device)
    whole = torch.cat([ids, completions], 1)
    with torch.no_grad():
        logprobs = trainer._get_per_token_logps_and_entropies(trainer.model, whole, torch.ones_like(whole), new)[0]
    return {
        "version": library.__version__,
        "steps": watch.rows,
        "loaded_mib": loaded,
        "peak_mib": peak,
        "trained": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        "attention": model.config._attn_implementation,
        "logprobs": logprobs.tolist(),
    }


class _Watch:
    """Reads the meter around the trainer's rollout, and from its callbacks."""

    def __init__(self, meter: Meter, trainer: Any) -> None:
        self.meter = meter
        self.rows: list[Row] = []
        self.made: dict[str, Any] = {}
        self._inner = trainer._generate_and_score_completions
        self._readings: list[tuple[float, int]] = []
        trainer._generate_and_score_completions = self._rollout

    def callback(self, kind: type) -> Any:
        """A callback of the trainer's."""
        watch = self

        class Steps(kind):
            """The step's two ends."""

            def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
                watch._readings = [watch.meter.read()]

            def on_step_end(self, *args: Any, **kwargs: Any) -> None:
                start, between = watch._readings
                watch.rows.append(row_of(start, between, watch.meter.read()))

        return Steps()

    def _rollout(self, *args: Any, **kwargs: Any) -> Any:
        self.made = self._inner(*args, **kwargs)
        self._readings.append(self.meter.read())
        return self.made
