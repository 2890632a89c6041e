"""The policy judges itself, as EMO-R3 has it (section 3.3): the weights of this moment, the clip before it.

It answers in evaluation mode and leaves no trace: modes and random numbers are put back. Nothing is cached, since
the weights change with every step. A policy that is trained on its own verdicts can learn to say yes to everything;
``docs/judges.md`` says what to watch.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from affectrl.errors import RecipeError
from affectrl.judges._question import Answerer, Failure, Question, Reply, batches

if TYPE_CHECKING:
    from affectrl.models.language import Policy


def build(
    *,
    policy: Any,
    timeout_s: float = math.inf,
    temperature: Annotated[float, Field(ge=0)] = 0.0,
    batch_size: Annotated[int, Field(ge=1)] = 32,
    choose: bool = False,
) -> Answerer:
    """The judge.

    Args:
        policy: The policy that answers.
        timeout_s: Looked at between batches, so that a call may take one batch longer.
        temperature: 0 is greedy. Otherwise random numbers come from the questions, so that a run can be repeated.
        batch_size: Questions in one forward pass.
        choose: Where a question has choices, take the likeliest (by exact log-probability, end of answer included)
            instead of writing freely. Small models that no longer answer in words can still be asked this way; the
            paper writes.

    Raises:
        RecipeError: There is no policy.
    """
    if policy is None:
        raise RecipeError("the judge 'policy' needs a policy.", hint="Take another rl.judge.kind outside of training.")
    return _Policy(policy, timeout_s, temperature, batch_size, choose)


class _Policy:
    key = None

    def __init__(self, policy: Policy, timeout_s: float, temperature: float, batch_size: int, choose: bool) -> None:
        self.policy, self.timeout_s = policy, timeout_s
        self.temperature, self.batch_size, self.choose = temperature, batch_size, choose

    def answer(self, questions: Sequence[Question]) -> list[Reply]:
        deadline = time.monotonic() + self.timeout_s
        replies: list[Reply] = [Failure("time-out")] * len(questions)
        with _untouched(self.policy):
            alike = [(q.max_new_tokens, q.choices if self.choose else None) for q in questions]
            for batch in batches(alike, self.batch_size):
                if time.monotonic() >= deadline:
                    break
                write = self._choose if alike[batch[0]][1] else self._generate
                texts = write([questions[i] for i in batch])
                for i, text in zip(batch, texts, strict=True):
                    replies[i] = text
        return replies

    def _generate(self, questions: list[Question]) -> list[str]:
        import torch

        from affectrl.models.decoding import generate

        seed = hashlib.sha256("\0".join(q.text for q in questions).encode("utf-8", "surrogatepass")).digest()
        generator = torch.Generator(self.policy.device).manual_seed(int.from_bytes(seed[:6], "big"))
        with torch.no_grad():
            prefix = self.policy.asked([q.text for q in questions], [q.clip for q in questions])
            completions = generate(
                self.policy,
                prefix,
                group=1,
                max_new_tokens=questions[0].max_new_tokens,
                temperature=self.temperature,
                generator=generator,
            )
        return completions.texts(self.policy)

    def _choose(self, questions: list[Question]) -> list[str]:
        import torch

        from affectrl.models.decoding import pack, token_logprobs

        choices = questions[0].choices or ()
        rows = [[*self.policy.tokens(choice).tolist(), self.policy.eos_id] for choice in choices]
        ids, keep = pack(rows * len(questions), self.policy.eos_id, self.policy.device)
        with torch.no_grad():
            prefix = self.policy.asked([q.text for q in questions], [q.clip for q in questions])
            logprobs, _ = token_logprobs(self.policy, prefix, ids, keep, group=len(choices))
        best = logprobs.sum(1).view(len(questions), -1).argmax(1)
        return [choices[i] for i in best.tolist()]


@contextmanager
def _untouched(policy: Policy) -> Iterator[None]:
    """Evaluation mode inside; afterwards each module's own mode and the random state are as they were."""
    import torch

    modes = [(module, module.training) for module in policy.modules()]
    device = policy.device
    with torch.random.fork_rng([] if device.type == "cpu" else [device], device_type=_kind(device.type)):
        policy.eval()
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode


def _kind(device_type: str) -> str:
    # fork_rng wants the name of an accelerator even when it has none to look after.
    return "cuda" if device_type == "cpu" else device_type
