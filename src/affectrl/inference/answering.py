"""From a policy and a clip's features to a prediction: generate, read, and say how sure the model itself is.

Without a closed choice, confidence is the probability of the top label's own tokens, given all that was written before
them. With one, the answer is cut at the place where labels begin, every label is put there in turn, and confidence is
its probability among them (softmax over the labels' exact sequence log-probabilities, end of answer included).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from affectrl.answers.parser import parse
from affectrl.answers.prediction import Prediction
from affectrl.models.decoding import Completions, generate, pack, token_logprobs
from affectrl.models.features import ClipFeatures
from affectrl.models.language import Policy
from affectrl.models.task import Task

MAX_NEW_TOKENS = 64


def answer(
    policy: Policy, clips: Sequence[ClipFeatures], task: Task, *, max_new_tokens: int = MAX_NEW_TOKENS
) -> list[Prediction]:
    """Greedy answers of a batch, in the order of ``clips``.

    Args:
        policy: In evaluation mode.
        clips: B; all run in one batch.
        task: How they are asked.
        max_new_tokens: Longest answer; a cut one is reported as ``answer_truncated`` when nothing can be read.
    """
    with torch.inference_mode():
        prefix = policy.prefix(clips, task.question, task.opening)
        done = generate(policy, prefix, max_new_tokens=max_new_tokens, temperature=0.0)
    texts = done.texts(policy, task.opening)
    cut = done.truncated(policy.eos_id).tolist()
    return [_read(policy, clip, texts[i], task, _row(done, i), cut[i]) for i, clip in enumerate(clips)]


def choose(
    policy: Policy, clips: Sequence[ClipFeatures], task: Task, *, max_new_tokens: int = MAX_NEW_TOKENS
) -> list[Prediction]:
    """The best of ``task.labels`` for each clip, with every label's probability in ``scores``."""
    assert task.labels
    contexts = contexts_of(policy, clips, task, max_new_tokens=max_new_tokens)
    scores = label_logprobs(policy, clips, task, contexts, [task.labels] * len(clips)).softmax(1)
    out = []
    for i, clip in enumerate(clips):
        ranked = sorted(zip(task.labels, scores[i].tolist(), strict=True), key=lambda pair: -pair[1])
        text = f"{contexts[i]}{ranked[0][0]}{_closing(task)}"
        emotions = tuple(label for label, _ in ranked)
        said = _said(clip, text, parse(text).reasoning)
        out.append(replace(said, emotions=emotions, top=emotions[0], confidence=ranked[0][1], scores=dict(ranked)))
    return out


def contexts_of(
    policy: Policy, clips: Sequence[ClipFeatures], task: Task, *, max_new_tokens: int = MAX_NEW_TOKENS
) -> list[str]:
    """What stands before each clip's labels: the reasoning that the model writes for it, or the format's opening."""
    if not task.rules.REASONS:
        return [task.opening] * len(clips)
    spoken = answer(policy, clips, task, max_new_tokens=max_new_tokens)
    return [task.rules.answer_opening(prediction.text) for prediction in spoken]


def label_logprobs(
    policy: Policy,
    clips: Sequence[ClipFeatures],
    task: Task,
    contexts: Sequence[str],
    choices: Sequence[Sequence[str]],
    *,
    closed: bool = True,
) -> torch.Tensor:
    """Log-probabilities ``(B, K)`` of K labels a clip at the end of each context.

    Args:
        policy: In evaluation mode.
        clips: B.
        task: How they are asked.
        contexts: B, as :func:`contexts_of` gives them.
        choices: K labels a clip.
        closed: Whether the answer ends with the label: the format's closing and the end of the answer count too.
    """
    rows: list[list[int]] = []
    starts: list[int] = []
    closing, end = (_closing(task), [policy.eos_id]) if closed else ("", [])
    for context, labels in zip(contexts, choices, strict=True):
        said = context.removeprefix(task.opening)
        before = policy.tokens(said).tolist()
        group = [[*policy.tokens(f"{said}{label}{closing}").tolist(), *end] for label in labels]
        rows += group
        # One start for all labels of a clip: probabilities from different places could not be compared.
        starts += [min(_common(before, row) for row in group)] * len(group)
    ids, keep = pack(rows, policy.eos_id, policy.device)
    with torch.inference_mode():
        prefix = policy.prefix(clips, task.question, task.opening)
        logprobs, _ = token_logprobs(policy, prefix, ids, keep, group=len(choices[0]))
    at = torch.arange(ids.shape[1], device=policy.device)
    counted = keep & (at >= torch.tensor(starts, device=policy.device)[:, None])
    return (logprobs * counted).sum(1).view(len(clips), -1)


def _common(a: list[int], b: list[int]) -> int:
    """Length of the common beginning: a tokenizer may join the context's last characters with the label's first."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _closing(task: Task) -> str:
    return str(task.rules.CLOSING)


def _row(done: Completions, i: int) -> tuple[list[int], list[float]]:
    keep = done.keep[i]
    return done.ids[i][keep].tolist(), done.logprobs[i][keep].tolist()


def _said(clip: ClipFeatures, text: str, reasoning: str | None) -> Prediction:
    """What is known of an answer before anybody has looked for the emotions in it."""
    return Prediction(
        id=clip.id,
        path=clip.clip.path,
        reasoning=reasoning,
        text=text,
        modalities=clip.used,
        notes=clip.notes,
    )


def _read(
    policy: Policy,
    clip: ClipFeatures,
    text: str,
    task: Task,
    row: tuple[list[int], list[float]],
    cut: bool,
) -> Prediction:
    read = parse(text)
    said = _said(clip, text, read.reasoning)
    if read.top is None:
        why = "was cut before its answer" if cut else "holds no readable answer"
        code = "answer_truncated" if cut else "answer_unreadable"
        return replace(said, error={"code": code, "message": f"The model's output {why}: {text[-80:]!r}"})
    start = text.lower().find(read.top, read.span[0])
    span = (start, start + len(read.top)) if start >= 0 else read.span
    confidence = _probability(policy, row, span, len(task.opening))
    return replace(said, emotions=read.labels, top=read.top, confidence=confidence)


def _probability(policy: Policy, row: tuple[list[int], list[float]], span: tuple[int, int], opening: int) -> float:
    """Probability of the tokens that overlap characters ``span`` of the text."""
    total, end = 0.0, opening
    for i, logprob in enumerate(row[1]):
        begin, end = end, opening + len(policy.tokenizer.decode(row[0][: i + 1], skip_special_tokens=True))
        if begin < span[1] and end > span[0]:
            total += logprob
    return float(torch.tensor(total).exp())
