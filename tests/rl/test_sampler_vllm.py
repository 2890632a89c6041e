"""The vLLM sampler against a stand-in with vLLM's API, which answers with plain transformers and PEFT."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from affectrl.errors import ModelError, RecipeError
from affectrl.models.decoding import token_logprobs
from affectrl.models.prefix import Prefix
from affectrl.models.task import Task
from affectrl.recipes.learning import Rl
from affectrl.recipes.schema import Lora
from affectrl.rl import engine as engines
from affectrl.rl.rollout import collect

TASK = Task("answer-only", ("happy", "sad"))
GROUP, LONGEST, TEMPERATURE = 3, 5, 0.7


@dataclass
class SamplingParams:
    """The fields of vLLM's that we set, with its defaults where they matter."""

    n: int = 1
    max_tokens: int = 16
    temperature: float = 1.0
    seed: int | None = None
    logprobs: int | None = None
    ignore_eos: bool = False
    stop_token_ids: list[int] = field(default_factory=list)
    detokenize: bool = True


@dataclass
class LoRARequest:
    lora_name: str
    lora_int_id: int
    lora_path: str


@dataclass
class LLM:
    """Answers a prompt at a time; completion i of clip c ends after ``1 + (c + i) % 4`` tokens, if not before."""

    model: str
    dtype: str
    skip_tokenizer_init: bool
    enable_prompt_embeds: bool
    enable_lora: bool
    max_loras: int
    max_lora_rank: int
    logprobs_mode: str
    gpu_memory_utilization: float
    calls: list[tuple[list[Any], list[SamplingParams], LoRARequest]] = field(default_factory=list)
    adapters: dict[int, Any] = field(default_factory=dict)
    wild: bool = False

    def generate(
        self, prompts: Any, sampling_params: Any, *, use_tqdm: bool, lora_request: LoRARequest
    ) -> list[SimpleNamespace]:
        self.calls.append((prompts, sampling_params, lora_request))
        model = self._adapted(lora_request)
        return [
            SimpleNamespace(outputs=[self._one(model, p["prompt_embeds"], how, c, i) for i in reversed(range(how.n))])
            for c, (p, how) in enumerate(zip(prompts, sampling_params, strict=True))
        ]

    def _adapted(self, request: LoRARequest) -> Any:
        """As vLLM does: an adapter is read when its number is met for the first time, and never again."""
        from peft import PeftModel
        from transformers import AutoModelForCausalLM

        if request.lora_int_id not in self.adapters:
            base = AutoModelForCausalLM.from_pretrained(self.model, dtype=getattr(torch, self.dtype))
            self.adapters[request.lora_int_id] = PeftModel.from_pretrained(base, request.lora_path).eval()
        return self.adapters[request.lora_int_id]

    @torch.no_grad()
    def _one(self, model: Any, embeds: torch.Tensor, how: SamplingParams, clip: int, index: int) -> SimpleNamespace:
        assert embeds.device.type == "cpu"
        assert not embeds.requires_grad
        assert embeds.ndim == 2
        generator = torch.Generator().manual_seed(how.seed + index)
        table, ids, told = model.get_input_embeddings(), [], []
        (end,) = how.stop_token_ids
        while len(ids) < how.max_tokens and (not ids or ids[-1] != end):
            row = torch.cat([embeds, table(torch.tensor(ids, dtype=torch.long))])
            logits = model(inputs_embeds=row[None]).logits[0, -1].float()
            logprobs = torch.log_softmax(logits / how.temperature, -1)
            token = int(torch.multinomial(logprobs.exp(), 1, generator=generator))
            token = end if len(ids) == (clip + index) % 4 else token
            ids.append(token)
            logprob = float("nan") if self.wild else float(logprobs[token])
            told.append({token: SimpleNamespace(logprob=logprob, rank=1, decoded_token=None)})
        return SimpleNamespace(index=index, token_ids=tuple(ids), logprobs=told, finish_reason="stop")


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("vllm", "vllm.lora", "vllm.lora.request")
    modules = {name: ModuleType(name) for name in names}
    for name, module in modules.items():
        module.__spec__, module.__path__ = ModuleSpec(name, None, is_package=True), []
        monkeypatch.setitem(sys.modules, name, module)
    modules["vllm"].LLM, modules["vllm"].SamplingParams = LLM, SamplingParams
    modules["vllm.lora.request"].LoRARequest = LoRARequest


def sampler_of(policy) -> Any:
    from affectrl.rl.samplers import vllm

    return vllm.build(policy)


def sampled(sampler, prefix: Prefix, seed: int = 0, **more: Any) -> Any:
    generator = torch.Generator().manual_seed(seed)
    how = {"group": GROUP, "max_new_tokens": LONGEST, "temperature": TEMPERATURE} | more
    return sampler.sample(prefix, generator=generator, **how)


@pytest.fixture
def prefix(policy, make_features) -> Prefix:
    clips = [make_features(0), make_features(1, voice=0, text="Well, well."), make_features(2, face=0, text="No.")]
    return policy.prefix(clips, TASK.question, TASK.opening)


def test_layout_and_logprobs_are_our_own(vllm, policy, prefix):
    done = sampled(sampler_of(policy), prefix)
    ends = [1 + (clip + i) % 4 for clip in range(3) for i in range(GROUP)]
    assert done.group == GROUP
    assert done.lengths.tolist() == ends
    assert done.ids.shape == done.keep.shape == done.logprobs.shape == (9, max(ends))
    assert done.keep.tolist() == [[at < n for at in range(max(ends))] for n in ends]
    assert not done.truncated(policy.eos_id).any()
    assert (done.logprobs[~done.keep] == 0).all()
    assert done.values is None
    assert done.reuse is None
    ours, _ = token_logprobs(policy, prefix, done.ids, done.keep, group=GROUP, temperature=TEMPERATURE)
    torch.testing.assert_close(done.logprobs, ours.detach(), atol=2e-4, rtol=1e-4)


def test_a_cut_answer_is_seen_to_be_cut(vllm, policy, prefix):
    done = sampled(sampler_of(policy), prefix, max_new_tokens=2)
    assert done.lengths.max() == 2
    assert done.truncated(policy.eos_id).tolist() == [(clip + i) % 4 > 1 for clip in range(3) for i in range(GROUP)]


def test_prompts_are_the_clips_without_padding(vllm, policy, prefix):
    sampler = sampler_of(policy)
    sampled(sampler, prefix)
    prompts, _, _ = sampler._engine.calls[0]
    assert [list(prompt) for prompt in prompts] == [["prompt_embeds"]] * 3
    assert len({len(prompt["prompt_embeds"]) for prompt in prompts}) > 1
    for prompt, row, keep in zip(prompts, prefix.embeds, prefix.keep, strict=True):
        assert torch.equal(prompt["prompt_embeds"], row[keep])


def test_one_seed_a_clip_from_the_generator(vllm, policy, prefix):
    sampler = sampler_of(policy)
    first, again, other = (sampled(sampler, prefix, seed) for seed in (0, 0, 1))
    assert torch.equal(first.ids, again.ids)
    assert not torch.equal(first.ids, other.ids)
    how = [params for _, all_params, _ in sampler._engine.calls for params in all_params]
    assert {(p.n, p.max_tokens, p.temperature, p.logprobs) for p in how} == {(GROUP, LONGEST, TEMPERATURE, 0)}
    assert {(p.ignore_eos, tuple(p.stop_token_ids)) for p in how} == {(True, (policy.eos_id,))}
    assert [p.seed for p in how[:3]] == [p.seed for p in how[3:6]]
    assert len({p.seed for p in how}) == 6


def test_the_adapter_is_given_anew_when_it_has_learned(vllm, policy, prefix):
    sampler = sampler_of(policy)
    before = sampled(sampler, prefix)
    sampled(sampler, prefix, 1)
    with torch.no_grad():
        for name, weight in policy.lm.named_parameters():
            if "lora_A" in name:
                weight.mul_(-3)
    after = sampled(sampler, prefix)
    numbers = [request.lora_int_id for _, _, request in sampler._engine.calls]
    assert numbers == [1, 1, 2]
    names = {request.lora_name for _, _, request in sampler._engine.calls}
    assert len(names) == 2
    ours, _ = token_logprobs(policy, prefix, after.ids, after.keep, group=GROUP, temperature=TEMPERATURE)
    torch.testing.assert_close(after.logprobs, ours.detach(), atol=2e-4, rtol=1e-4)
    stale, _ = token_logprobs(policy, prefix, before.ids, before.keep, group=GROUP, temperature=TEMPERATURE)
    assert (stale - before.logprobs).abs().max() > 0.01


def test_weights_are_loaded_once_and_as_the_policy_has_them(vllm, policy, tiny_backbone):
    engine = sampler_of(policy)._engine
    assert engine.model == str(tiny_backbone)
    assert engine.dtype == "float32"
    assert (engine.enable_prompt_embeds, engine.enable_lora) == (True, True)
    assert engine.max_lora_rank == 8  # the smallest of vLLM's that holds 2
    assert engine.logprobs_mode == "processed_logprobs"


def test_a_rollout_by_its_name(vllm, policy, make_features):
    rl = Rl.model_validate({"sampler": "vllm", "num_generations": GROUP, "max_completion_length": LONGEST})
    engine = engines.build(rl, policy, TASK)
    rollout = collect(engine, lambda _: [make_features(0), make_features(1)], torch.Generator().manual_seed(0))
    assert [len(row["completions"]) for row in rollout.rows()] == [GROUP, GROUP]


def test_it_is_not_imported_unasked(policy):
    engines.build(Rl(), policy, TASK)
    assert "vllm" not in sys.modules


def test_without_vllm_it_is_said_what_to_do(monkeypatch, policy):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(RecipeError, match="pip install vllm") as caught:
        sampler_of(policy)
    assert caught.value.code == "sampler_missing"


def test_what_it_cannot_do_is_refused(vllm, policy, prefix):
    with pytest.raises(RecipeError, match="without a critic"):
        sampled(sampler_of(policy), prefix, critic=lambda states: states[..., 0])
    policy.spec = policy.spec.model_copy(update={"lora": Lora(r=2, where="completion")})
    with pytest.raises(RecipeError, match=r"model\.lora\.where"):
        sampler_of(policy)


def test_numbers_that_are_none_end_the_run(vllm, policy, prefix):
    sampler = sampler_of(policy)
    sampler._engine.wild = True
    with pytest.raises(ModelError) as caught:
        sampled(sampler, prefix)
    assert caught.value.code == "diverged"
