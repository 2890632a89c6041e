"""The half of ``affectrl vote`` that asks a model: ``--model``, ``--data`` and what goes with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affectrl.emotions.label_set import LabelSet
from affectrl.ensemble.sampled import Sampled
from affectrl.errors import UsageError


@dataclass(frozen=True)
class Asked:
    """Who was asked, and where the opinions are."""

    policy: Any
    sampled: Sampled
    choice: LabelSet | None

    def reference(self) -> Path:
        """The clips' own labels.

        Raises:
            UsageError: ``vote_reference``: a clip has none.
        """
        if self.sampled.reference is None:
            raise UsageError("not all clips of --data have labels.", code="vote_reference", hint="Give --ref FILE.")
        return self.sampled.reference


def asked(
    model: str | None,
    data: str | None,
    *,
    prompts: str,
    samples: int,
    temperature: float | None,
    labels: str | None,
    ask: str,
    senses: str | None,
    folder: Path,
    fresh: bool,
    seed: int,
    split: str | None,
    speakers: str | None,
    limit: int | None,
    keep: bool,
) -> Asked:
    """Ask; arguments as on the command line, ``keep`` keeps features for a judge that sees the clips.

    Raises:
        UsageError: An option that cannot be; as :func:`affectrl.ensemble.sampled.sampled`.
    """
    from affectrl import progress
    from affectrl.answers.choice import check_labels
    from affectrl.data.load import load_clips
    from affectrl.ensemble.sampled import choice_of, sampled
    from affectrl.inference.model import default_model, load
    from affectrl.inference.opinions import Sampling
    from affectrl.inference.prompts import prompts as named
    from affectrl.models.senses import SENSES
    from affectrl.models.task import Task

    if data is None:
        raise UsageError("--model needs --data: clips to ask about.", code="vote_option")
    if ask not in ASK:
        raise UsageError(f"--ask is {ask!r}.", code="vote_option", hint=f"It is one of {', '.join(ASK)}.")
    kept = None if senses is None else [sense.strip() for sense in senses.split(",")]
    if kept is not None and (strange := set(kept) - set(SENSES)):
        raise UsageError(f"--senses has {sorted(strange)[0]!r}.", code="vote_option",
                         hint=f"They are {', '.join(SENSES)}.")  # fmt: skip
    clips = load_clips(data, split=split, speakers=speakers, limit=limit)
    place = model or default_model()
    loaded = load(place)
    task = loaded.task
    if labels is not None and labels != "own":
        task = Task(task.format, check_labels(labels.split(",")))
    how = Sampling(
        named([name.strip() for name in prompts.split(",") if name.strip()], task),
        samples,
        (0.0 if samples == 1 else 1.0) if temperature is None else temperature,
        labels is not None,
        not loaded.policy.asks_last if ask == "auto" else ask == "behind",
        seed=seed,
    )
    found = sampled(loaded, place, clips, how, folder, progress.bar, task=task, senses=kept, features=keep, fresh=fresh)
    return Asked(loaded.policy, found, choice_of(task.labels))


ASK = ("auto", "behind", "in-place")
