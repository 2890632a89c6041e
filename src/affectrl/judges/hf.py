"""A causal language model of transformers as judge: a folder, a Hugging Face id or a name of ``weights.yaml``.

It only reads: of a clip it is told the words, and a question about a clip without words has no answer.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from affectrl.errors import RecipeError
from affectrl.judges._question import Answerer, Failure, Question, Reply, batches
from affectrl.judges._words import told


def build(
    *,
    model: str,
    policy: Any = None,
    timeout_s: float = 60.0,
    system_prompt: str | None = "",
    device: str | None = None,
    batch_size: Annotated[int, Field(ge=1)] = 16,
) -> Answerer:
    """The judge; it answers greedily.

    Args:
        model: What :func:`affectrl.models.weights.resolve` understands.
        policy: Only tells which device to use.
        timeout_s: What is not written by then has no answer.
        system_prompt: Text of the system turn; ``None`` leaves the turn to the model's chat template.
        device: Such as ``cuda:1``; by default where the policy is.
        batch_size: Questions in one forward pass.

    Raises:
        ModelError: The weights cannot be found or are no causal language model.
        RecipeError: There is no such device.
    """
    import torch

    try:
        place = torch.device(device) if device else policy.device if policy is not None else torch.device("cpu")
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError) as error:
        raise RecipeError(f"rl.judge.settings.device: {device!r} cannot be used here.") from error
    return _Reader(model, system_prompt, place, timeout_s, batch_size)


class _Reader:
    def __init__(self, model: str, system_prompt: str | None, device: Any, timeout_s: float, batch_size: int) -> None:
        from affectrl.models import backbone, weights

        loaded = backbone.load(model, system_prompt=system_prompt)
        self.key = f"hf|{weights.resolve(model).key}|{system_prompt}"
        self.model, self.tokenizer = loaded.model.to(device).eval(), loaded.tokenizer
        self.tokenizer.padding_side = "left"
        self.turn = loaded.turn_start, loaded.turn_end
        self.device, self.timeout_s, self.batch_size = device, timeout_s, batch_size

    def answer(self, questions: Sequence[Question]) -> list[Reply]:
        deadline = time.monotonic() + self.timeout_s
        texts = [told(question) for question in questions]
        replies: list[Reply] = [text if isinstance(text, Failure) else Failure("time-out") for text in texts]
        readable = [i for i, text in enumerate(texts) if isinstance(text, str)]
        for places in batches([questions[i].max_new_tokens for i in readable], self.batch_size):
            batch = [readable[place] for place in places]
            if time.monotonic() >= deadline:
                break
            said = self._generate([str(texts[i]) for i in batch], questions[batch[0]].max_new_tokens, deadline)
            for i, reply in zip(batch, said, strict=True):
                replies[i] = reply
        return replies

    def _generate(self, texts: list[str], most: int, deadline: float) -> list[Reply]:
        import torch

        start, end = self.turn
        batch = self.tokenizer([start + t + end for t in texts], add_special_tokens=False, padding=True)
        ids = torch.tensor(batch.input_ids, device=self.device)
        keep = torch.tensor(batch.attention_mask, device=self.device)
        with torch.no_grad():
            out = self.model.generate(
                input_ids=ids,
                attention_mask=keep,
                do_sample=False,
                temperature=None,  # the model's own sampling settings, which greedy decoding would warn of
                top_p=None,
                top_k=None,
                max_new_tokens=most,
                max_time=deadline - time.monotonic(),
                pad_token_id=self.tokenizer.pad_token_id,
            )[:, ids.shape[1] :]
        said = self.tokenizer.batch_decode(out, skip_special_tokens=True)
        if out.shape[1] == most or time.monotonic() < deadline:
            return list(said)
        # The clock cut the batch short: only rows that had ended by then, and were padded since, are answers.
        over = torch.isin(out[:, -1], torch.tensor(sorted(self._ends), device=self.device)).tolist()
        return [text if done else Failure("time-out") for text, done in zip(said, over, strict=True)]

    @property
    def _ends(self) -> set[int]:
        ids = self.model.generation_config.eos_token_id
        ids = [] if ids is None else [ids] if isinstance(ids, int) else ids
        return {*ids, self.tokenizer.eos_token_id, self.tokenizer.pad_token_id}
