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
from affectrl.inference.calibration import Calibration, probabilities
from affectrl.models.decoding import Completions, generate, pack, token_logprobs
from affectrl.models.features import ClipFeatures
from affectrl.models.language import Policy
from affectrl.models.prefix import Prefix
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
    return [read(policy, clip, texts[i], task.opening, row_of(done, i), cut[i]) for i, clip in enumerate(clips)]


def choose(
    policy: Policy,
    clips: Sequence[ClipFeatures],
    task: Task,
    *,
    max_new_tokens: int = MAX_NEW_TOKENS,
    calibration: Calibration | None = None,
) -> list[Prediction]:
    """The best of ``task.labels`` for each clip, with every label's probability in ``scores``.

    Args:
        policy: In evaluation mode.
        clips: B.
        task: With labels.
        max_new_tokens: Longest reasoning.
        calibration: Acts where it is for these labels, and is then named in the predictions.
    """
    assert task.labels
    contexts, logprobs = choice_logprobs(policy, clips, task, max_new_tokens=max_new_tokens)
    scores = probabilities(logprobs, task.labels, calibration)
    method = calibration.scaling.method if calibration is not None and calibration.fits(task.labels) else None
    ranking = [sorted(zip(task.labels, row.tolist(), strict=True), key=lambda pair: -pair[1]) for row in scores]
    texts = [f"{context}{ranked[0][0]}" for context, ranked in zip(contexts, ranking, strict=True)]
    texts = _finished(policy, clips, task, texts, max_new_tokens)
    out = []
    for clip, ranked, text in zip(clips, ranking, texts, strict=True):
        emotions = tuple(label for label, _ in ranked)
        said = said_of(clip, text, parse(text).reasoning)
        best = {"emotions": emotions, "top": emotions[0], "confidence": ranked[0][1], "scores": dict(ranked)}
        out.append(replace(said, **best, calibration=method))
    return out


def _finished(
    policy: Policy, clips: Sequence[ClipFeatures], task: Task, texts: Sequence[str], max_new_tokens: int
) -> list[str]:
    """Answers that stand at the end of their labels, closed; where the format then says why, that is written."""
    if not (why := getattr(task.rules, "EXPLAINS", "")):
        return [f"{text}{_closing(task)}" for text in texts]
    said = [f"{text}{why}" for text in texts]
    with torch.inference_mode():
        prefix = policy.prefix(clips, task.question, said)
        done = generate(policy, prefix, max_new_tokens=max_new_tokens, temperature=0.0)
    return [opening + rest for opening, rest in zip(said, done.texts(policy), strict=True)]


def choice_logprobs(
    policy: Policy, clips: Sequence[ClipFeatures], task: Task, *, max_new_tokens: int = MAX_NEW_TOKENS
) -> tuple[list[str], torch.Tensor]:
    """What stands before each clip's labels, and the log-probabilities ``(B, K)`` of ``task.labels`` there."""
    assert task.labels
    contexts = contexts_of(policy, clips, task, max_new_tokens=max_new_tokens)
    return contexts, label_logprobs(policy, clips, task, contexts, [task.labels] * len(clips))


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
        closed: Whether the labels end with this one: the format's closing counts too, and the end of the answer where
            the format has nothing after it.
    """
    said = [context.removeprefix(task.opening) for context in contexts]
    with torch.inference_mode():
        prefix = policy.prefix(clips, task.question, task.opening)
        return said_logprobs(policy, prefix, said, choices, _closing(task) if closed else None, ends=ends(task))


def said_logprobs(
    policy: Policy,
    prefix: Prefix,
    said: Sequence[str],
    choices: Sequence[Sequence[str]],
    closing: str | None,
    *,
    ends: bool = True,
) -> torch.Tensor:
    """Log-probabilities ``(C, K)`` of K labels behind each of C texts, equally many of which follow each prefix.

    Args:
        policy: In evaluation mode.
        prefix: B of them; texts are those of the first, then of the second, and so on.
        said: C texts that the answer has come to.
        choices: K labels for each text.
        closing: What ends the labels, which then counts too; ``None`` lets them go on.
        ends: Whether nothing may follow ``closing``: then the end of the answer counts as well.
    """
    rows: list[list[int]] = []
    starts: list[int] = []
    ending, end = closing or "", [policy.eos_id] if closing is not None and ends else []
    for text, labels in zip(said, choices, strict=True):
        before = policy.tokens(text).tolist()
        group = [[*policy.tokens(f"{text}{label}{ending}").tolist(), *end] for label in labels]
        rows += group
        # One start for all labels of a text: probabilities from different places could not be compared.
        starts += [min(_common(before, row) for row in group)] * len(group)
    ids, keep = pack(rows, policy.eos_id, policy.device)
    logprobs, _ = token_logprobs(policy, prefix, ids, keep, group=len(rows) // len(prefix))
    at = torch.arange(ids.shape[1], device=policy.device)
    counted = keep & (at >= torch.tensor(starts, device=policy.device)[:, None])
    return (logprobs * counted).sum(1).view(len(said), -1)


def _common(a: list[int], b: list[int]) -> int:
    """Length of the common beginning: a tokenizer may join the context's last characters with the label's first."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def ends(task: Task) -> bool:
    """Whether the format has nothing behind the closing of its labels."""
    return bool(getattr(task.rules, "ENDS", True))


def _closing(task: Task) -> str:
    return str(task.rules.CLOSING)


def row_of(done: Completions, i: int) -> tuple[list[int], list[float]]:
    """Tokens of completion ``i`` and their log-probabilities."""
    keep = done.keep[i]
    return done.ids[i][keep].tolist(), done.logprobs[i][keep].tolist()


def said_of(clip: ClipFeatures, text: str, reasoning: str | None) -> Prediction:
    """What is known of an answer before anybody has looked for the emotions in it."""
    return Prediction(
        id=clip.id,
        path=clip.clip.path,
        reasoning=reasoning,
        text=text,
        modalities=clip.used,
        notes=clip.notes,
        start=clip.clip.start,
        end=clip.clip.end,
    )


def read(
    policy: Policy,
    clip: ClipFeatures,
    text: str,
    opening: str,
    row: tuple[list[int], list[float]],
    cut: bool,
) -> Prediction:
    """What an output says: the whole ``text``, ``opening`` included, of tokens ``row``; ``cut`` by the length limit."""
    found = parse(text)
    said = said_of(clip, text, found.reasoning)
    if found.top is None:
        why = "was cut before its answer" if cut else "holds no readable answer"
        code = "answer_truncated" if cut else "answer_unreadable"
        return replace(said, error={"code": code, "message": f"The model's output {why}: {text[-80:]!r}"})
    start = text.lower().find(found.top, found.span[0])
    span = (start, start + len(found.top)) if start >= 0 else found.span
    confidence = _probability(policy, row, span, len(opening))
    return replace(said, emotions=found.labels, top=found.top, confidence=confidence)


def _probability(policy: Policy, row: tuple[list[int], list[float]], span: tuple[int, int], opening: int) -> float:
    """Probability of the tokens that overlap characters ``span`` of the text."""
    total, end = 0.0, opening
    for i, logprob in enumerate(row[1]):
        begin, end = end, opening + len(policy.tokenizer.decode(row[0][: i + 1], skip_special_tokens=True))
        if begin < span[1] and end > span[0]:
            total += logprob
    return float(torch.tensor(total).exp())
