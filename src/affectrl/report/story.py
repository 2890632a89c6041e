"""The words of the report: what was run, what happened, what is missing, what the terms mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from affectrl.errors import Note
from affectrl.recipes.streams import STREAMS
from affectrl.report.load import Run, ends, number

_STATUS = {
    "running": "This run has not finished (or was killed): the report shows what there is so far.",
    "interrupted": "This run was interrupted: the report shows what there was. Running the same command resumes it.",
}

ALGORITHMS = {
    "grpo": "GRPO",
    "dapo": "DAPO",
    "dr-grpo": "Dr. GRPO",
    "rloo": "RLOO",
    "ppo": "PPO",
    "merit-grpo": "MERIT GRPO",
    "merit-ppo": "MERIT PPO",
}
"""What algorithms are called by those who use them; others go by their file's name."""

_OPEN = (
    "EW",
    "Agreement of two lists of emotion words: words become groups on an emotion wheel, and F balances precision (what "
    "was named is in the reference) and recall (what is in the reference was named); the mean over five wheels.",
)
_CLOSED = ("WAR", "UAR", "Macro F1", "Confidence", "ECE")
"""Terms of the glossary that only a closed choice needs."""

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("Clip", "One thing to read an emotion from: any of video, sound, image and text."),
    ("Reference", "The label that the data gives for a clip. Where it gives several, the first is scored here."),
    (
        "Cold start (SFT)",
        "Supervised training on right answers, so that the model knows the task and the form of answer.",
    ),
    (
        "Reinforcement learning (RL)",
        "The model answers one clip several times, each answer is scored, and what scored well becomes likelier.",
    ),
    ("Group", "The answers sampled for one clip at one step."),
    ("Reward", "The score of one sampled answer, the weighted sum of its parts (such as accuracy and format)."),
    (
        "Group without a signal",
        "All its answers earned the same reward, so there is nothing to learn from it. Near 1, training stands still.",
    ),
    ("Entropy", "How undecided the model is at each word. Falling to 0 means that it no longer tries anything else."),
    ("WAR", "Weighted average recall: the share of clips answered right. The same as accuracy."),
    (
        "UAR",
        "Unweighted average recall: accuracy within each emotion, averaged. Guessing scores 1 / number of emotions.",
    ),
    ("Macro F1", "Mean over emotions of F1, which asks both that they are found and that they are not over-used."),
    ("Parse rate", "Share of answers that keep to the agreed form. An answer that does not is counted as wrong."),
    _OPEN,
    (
        "95 % interval",
        "Where the score would likely lie had other clips (or other speakers) been drawn, by bootstrap. An interval of "
        "a difference that holds zero shows no change.",
    ),
    ("Speakers resampled", "Intervals draw whole speakers, since the clips of one speaker resemble each other."),
    ("Confidence", "The model's own probability for its answer. Calibrated means: of answers at 70 %, 70 % are right."),
    ("ECE", "Expected calibration error: the mean gap between confidence and accuracy. 0 is best."),
    ("Fingerprint", "A hash of the data, to check that two runs saw the same clips."),
)


def glossary(run: Run) -> list[tuple[str, str]]:
    """The terms that the page of a run uses."""
    return [t for t in GLOSSARY if (t[0] not in _CLOSED if run.open_vocabulary else t is not _OPEN)]


def algorithm(run: Run) -> str:
    """What the run's reinforcement learning is called; RL when the recipe does not say."""
    rl = _section(run.settings, "rl")
    named = str(rl.get("algorithm") or ("grpo" if rl else "")).replace("_", "-")
    return ALGORITHMS.get(named, named) or "RL"


def before_name(run: Run) -> str:
    """What the first evaluation shows: the cold start, or the model that the run started from."""
    began = run.settings.get("start") and not _section(run.settings, "cold_start").get("steps")
    return "Before" if began else "Cold start"


@dataclass(frozen=True, slots=True)
class Header:
    """The top of the page."""

    about: str
    """The recipe's own words on what it is for; may be empty."""
    facts: list[tuple[str, str]]
    synthetic: str | None
    """The manifest's warning when the data was made by a program."""
    limits: str | None
    """The manifest's other words on what the run cannot show."""
    status: str | None
    """A warning when the run did not finish."""


def header(run: Run) -> Header:
    """Facts and warnings for the top of the page."""
    m = run.manifest
    limits = str(m["limits"]) if m.get("limits") else None
    synthetic = limits if limits and "synthetic" in limits.lower() else None
    if synthetic is None and _is_made_up(run):
        synthetic = "The clips were made by a program: a drawn face, a synthetic voice, sentences that we wrote."
    facts = {
        "Model": _model_name(m.get("model")) or _section(run.settings, "model").get("backbone"),
        "It reads": _senses(run.settings),
        "Seed": m.get("seed"),
        "Started": str(m.get("created") or "").replace("T", " ")[:19],
        "Took": _duration(number(m.get("seconds"))),
        "Command": m.get("command"),
    }
    return Header(
        about=str(run.settings.get("about") or ""),
        facts=[(k, _words(v)) for k, v in facts.items() if v not in (None, "")],
        synthetic=synthetic,
        limits=None if synthetic == limits else limits,
        status=_STATUS.get(str(m.get("status"))),
    )


@dataclass(frozen=True, slots=True)
class DataPart:
    """The clips of one purpose."""

    purpose: str
    n: str
    source: str
    choice: str
    """Which of the source's clips: split, speakers."""


_PARTS = {
    "cold_start": "Cold start",
    "train": "Reinforcement learning",
    "dev": "Looks while training",
    "eval": "Held out for testing",
}


def data_parts(run: Run) -> list[DataPart]:
    """What was trained and tested on what, from manifest and recipe."""
    counted, asked = _data(run), _section(run.settings, "data")
    further = _section(asked, "also")
    wanted = {part: _section(asked, part) for part in _PARTS} | {f"also/{n}": _section(further, n) for n in further}
    purposes = _PARTS | {part: f"Also tested: {part.removeprefix('also/')}" for part in counted if "/" in part}
    purposes |= {f"also/{name}": f"Also tested: {name}" for name in further}
    return [
        _data_part(purpose, counted.get(part, {}), wanted.get(part, {}))
        for part, purpose in purposes.items()
        if part in counted or wanted.get(part)
    ]


def _data_part(purpose: str, counted: dict[str, Any], asked: dict[str, Any]) -> DataPart:
    choice = []
    if asked.get("split"):
        choice.append(f"split {asked['split']}")
    if asked.get("speakers"):
        choice.append(f"speakers {_words(asked['speakers'])}")
    if asked.get("map_to"):
        choice.append(f"labels as {asked['map_to']}")
    if asked.get("unlabelled"):
        choice.append("labels hidden from rewards")
    source = asked.get("source") or counted.get("source")
    return DataPart(purpose, str(counted.get("n", "?")), str(source or "?"), ", ".join(choice) or "all")


def _is_made_up(run: Run) -> bool:
    asked = _section(run.settings, "data")
    sources = [str(_section(asked, part).get("source", "")) for part in _PARTS]
    stated = any(d.get("synthetic") for d in _data(run).values())
    return stated or bool(asked.get("sandbox")) or any("sandbox" in s for s in sources)


def _senses(settings: dict[str, Any]) -> str | None:
    model = _section(settings, "model")
    encoders = {what: _section(model, what).get("encoder") for what in STREAMS}
    ways = [f"{what} ({encoder})" for what, encoder in encoders.items() if encoder]
    return ", ".join([*ways, *(["words"] if model.get("words") else [])]) or None


def _section(settings: dict[str, Any], name: str) -> dict[str, Any]:
    value = settings.get(name)
    return value if isinstance(value, dict) else {}


def paragraphs(run: Run) -> list[str]:
    """What happened, stage by stage, in plain sentences."""
    return [p for p in (_cold_start(run), _reinforced(run), _ended(run)) if p]


def _cold_start(run: Run) -> str | None:
    losses = [v for _, v in run.series("sft", "train", "loss")]
    if not losses:
        return None
    shown = _data(run).get("cold_start", {}).get("n")
    clips = f"{shown} clips" if shown else "clips"
    first, last = ends(losses)
    return (
        f"First came the cold start: the model was shown {clips} with the right answers and learned to give them. Over "
        f"{_steps(run, 'sft')} steps its loss went from {first:.2f} to {last:.2f}."
    )


def _reinforced(run: Run) -> str | None:
    rewards = [v for _, v in run.series("rl", "train", "reward")]
    if not rewards:
        return None
    sizes = {len(g.completions) for g in run.groups if g.completions}
    times = f"{max(sizes)} times" if sizes else "several times"
    parts = [k.removeprefix("reward/") for k in run.keys("rl", "train") if k.startswith("reward/")]
    scored = f" for {' and '.join(parts)}" if parts else ""
    first, last = ends(rewards)
    return (
        f"Then came {algorithm(run)}: at each of {_steps(run, 'rl')} steps the model answered clips {times} each, "
        f"every answer was scored{scored}, and what scored well was made likelier. The mean reward went from "
        f"{first:.2f} to {last:.2f}."
    )


def _ended(run: Run) -> str | None:
    why = run.manifest.get("ended")
    return f"It ended before its last step: {why}." if why else None


def _steps(run: Run, stage: str) -> int:
    return max(int(r.get("step") or 0) for r in run.metrics if r.get("stage") == stage)


def gaps(run: Run) -> list[Note]:
    """What a whole run would have and this folder has not."""
    absent = {
        "metrics.jsonl has no rows yet: there are no learning curves.": not run.metrics,
        "The cold start was not evaluated (eval/cold-start.jsonl), so there is no before.": not run.before,
        "The end of the run was not evaluated (eval/final.jsonl), so there is no after.": not run.after,
        "No sampled answers were kept (rollouts.jsonl): reward distributions are not shown.": not run.groups,
        "There is no recipe.yaml.": not run.recipe,
    }
    return [Note("not_there", text) for text, is_absent in absent.items() if is_absent]


def versions(run: Run) -> list[tuple[str, str]]:
    """Versions and fingerprints from the manifest, flattened to ``a.b`` names."""
    keep = ("affectrl", "status", "created", "finished", "python", "platform", "packages", "data", "model", "seed")
    return list(_flat({k: run.manifest[k] for k in keep if k in run.manifest}))


def _flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _words(inner)


def _data(run: Run) -> dict[str, dict[str, Any]]:
    data = run.manifest.get("data")
    return {str(k): v for k, v in data.items() if isinstance(v, dict)} if isinstance(data, dict) else {}


def _model_name(model: object) -> object:
    if not isinstance(model, dict):
        return model
    return next((model[k] for k in ("name", "id", "preset", "model", "llm") if isinstance(model.get(k), str)), None)


def _words(value: object) -> str:
    return " ".join(str(v) for v in value) if isinstance(value, list | tuple) else str(value)


def _duration(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
