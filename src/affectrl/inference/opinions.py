"""Many opinions of one model about one clip: N prompts, M samples of each, over one prefix.

The clip's media are encoded once. Where questions stand behind the clip, it also runs through the language model once,
and all N M answers decode from copies of what that pass has cached; where a model has its question before the clip, all
that follows depends on the question and runs once for each prompt. Random numbers come from the seed and the clip's
name, so that a clip's opinions hang neither on its neighbours nor on where a stopped run went on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from affectrl.answers.parser import parse, plain
from affectrl.answers.prediction import Prediction
from affectrl.errors import UsageError
from affectrl.inference.answering import MAX_NEW_TOKENS, ends, read, row_of, said_logprobs, said_of
from affectrl.inference.prompts import Prompt
from affectrl.models.decoding import generate, sample
from affectrl.models.features import ClipFeatures
from affectrl.models.language import Policy
from affectrl.models.prefix import Prefix
from affectrl.models.task import Task


@dataclass(frozen=True)
class Sampling:
    """How opinions are sampled."""

    prompts: tuple[Prompt, ...]
    samples: int = 1
    """M."""
    temperature: float = 1.0
    """0 is greedy, and then more than one sample would say the same."""
    closed: bool = False
    """Take the label from the choice by its exact probability in place of writing it; ``scores`` tells them all."""
    behind: bool = True
    """Ask behind the clip what is not the model's own question."""
    max_new_tokens: int = MAX_NEW_TOKENS
    seed: int = 0

    @property
    def voters(self) -> tuple[str, ...]:
        """``PROMPT.NUMBER``, prompt by prompt."""
        return tuple(f"{prompt.name}.{m}" for prompt in self.prompts for m in range(self.samples))


def check(policy: Policy, own: Task, how: Sampling) -> None:
    """Refuse what can be known to be wrong before the first clip.

    Raises:
        UsageError: ``vote_option``: greedy samples that would all be the same; a closed choice of a model that has
            none; a question in a place that the model's prompt does not have.
    """
    if how.temperature == 0 and how.samples > 1:
        raise UsageError("--temperature 0 makes all samples of a prompt the same.", code="vote_option",
                         hint="Give --samples 1 or a temperature above 0.")  # fmt: skip
    if how.closed and not own.labels:
        raise UsageError("the model was trained without a choice of labels.", code="vote_option",
                         hint="Name one: --labels happy,sad,neutral.")  # fmt: skip
    places = getattr(getattr(policy.spec, "prompt", None), "places", ("question",))
    if "question" not in places and not how.behind and any(p.question != own.question for p in how.prompts):
        raise UsageError("the model's prompt has no place for a question.", code="vote_option",
                         hint="Leave --ask at behind.")  # fmt: skip


def opinions(policy: Policy, clip: ClipFeatures, own: Task, how: Sampling) -> dict[str, Prediction]:
    """The opinions about one clip, by voter.

    With a choice, an answer outside of it is none: its row has the error ``answer_outside``, so that it abstains.

    Args:
        policy: In evaluation mode.
        clip: Features.
        own: What the model was trained to be asked, or that with another choice.
        how: Passed :func:`check`.
    """
    digest = hashlib.sha256(f"{how.seed}\0{clip.id}".encode("utf-8", "surrogatepass")).digest()
    generator = torch.Generator(policy.device).manual_seed(int.from_bytes(digest[:6], "big"))
    with torch.inference_mode():
        prefix = policy.several(clip, [prompt.ask(own, behind=how.behind) for prompt in how.prompts])
        find = _chosen if how.closed else _written
        found = find(policy, clip, prefix, how, generator)
    return dict(zip(how.voters, found, strict=True))


def _written(
    policy: Policy, clip: ClipFeatures, prefix: Prefix, how: Sampling, generator: torch.Generator
) -> list[Prediction]:
    done = generate(policy, prefix, group=how.samples, max_new_tokens=how.max_new_tokens,
                    temperature=how.temperature, generator=generator)  # fmt: skip
    texts, cut = done.texts(policy), done.truncated(policy.eos_id).tolist()
    out = []
    for n, text in enumerate(texts):
        task = how.prompts[n // how.samples].task
        said = read(policy, clip, f"{task.opening}{text}", task.opening, row_of(done, n), cut[n])
        out.append(_within(said, task.labels))
    return out


def _within(said: Prediction, choice: Sequence[str] | None) -> Prediction:
    if choice is None or said.top is None:
        return said
    inside = tuple(label for label in said.emotions if label in {plain(one) for one in choice})
    if inside[:1] == (said.top,):
        return replace(said, emotions=inside)
    code = "answer_outside"
    message = f"{said.top!r} is none of the labels to choose from."
    return replace(said, emotions=(), top=None, confidence=None, error={"code": code, "message": message})


def _chosen(
    policy: Policy, clip: ClipFeatures, prefix: Prefix, how: Sampling, generator: torch.Generator
) -> list[Prediction]:
    """Formats that reason do so first, a text a sample; then the label is drawn from its exact probabilities."""
    found: dict[int, list[Prediction]] = {}
    for form in dict.fromkeys(prompt.task.format for prompt in how.prompts):
        at = [i for i, prompt in enumerate(how.prompts) if prompt.task.format == form]
        task = how.prompts[at[0]].task
        labels, closing = task.labels or (), str(task.rules.CLOSING)
        rows = prefix.rows(torch.tensor(at, device=policy.device))
        contexts = [task.opening] * len(at)
        if task.rules.REASONS:
            done = generate(policy, rows, group=how.samples, max_new_tokens=how.max_new_tokens,
                            temperature=how.temperature, generator=generator)  # fmt: skip
            contexts = [task.rules.answer_opening(text) for text in done.texts(policy, task.opening)]
        said = [context.removeprefix(task.opening) for context in contexts]
        logprobs = said_logprobs(policy, rows, said, [labels] * len(said), closing, ends=ends(task))
        each = how.samples * len(at) // len(said)  # samples that share a text
        logprobs = logprobs.repeat_interleave(each, 0)
        if how.temperature == 0:
            drawn = logprobs.argmax(1)
        else:
            drawn = sample((logprobs / how.temperature).softmax(1), generator)
        scores = logprobs.softmax(1).tolist()
        told = []
        for n, k in enumerate(drawn.tolist()):
            text = f"{contexts[n // each]}{labels[k]}{closing}"
            reasoning = parse(text).reasoning if task.rules.REASONS else None
            told.append(replace(said_of(clip, text, reasoning), emotions=(labels[k],), top=labels[k],
                                confidence=scores[n][k], scores=dict(zip(labels, scores[n], strict=True))))  # fmt: skip
        for place, i in enumerate(at):
            found[i] = told[place * how.samples : (place + 1) * how.samples]
    return [one for i in range(len(how.prompts)) for one in found[i]]
