"""The model card: what a run knows about its model, for people who were not there."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from affectrl import jsonl, shelves
from affectrl.data.load import READERS, reader_of
from affectrl.evaluation.evaluate import Row, estimates, names_lists, scored
from affectrl.metrics.intervals import Estimate
from affectrl.models import checkpoint, weights
from affectrl.models.task import Task
from affectrl.recipes.schema import ModelSpec, NativeSpec
from affectrl.training.run_folder import RunFolder

TAGS = ["affectrl", "emotion-recognition", "multimodal", "reinforcement-learning"]
FEWEST = 2
"""Speakers from which a table by speaker says anything."""
MOST = 20
"""Speakers that it lists; of more, only the ends and the middle."""

USE = """Research on how emotions are perceived: describing clips, comparing models, teaching. It names the emotion that
people would *perceive* in a short clip of one person. Labels are other people's impressions, or what an actor was asked
to show; they are not what the person felt.

Not for decisions about people. In the European Union, inferring emotions of people at work or in education from
biometric data is prohibited, medical and safety reasons aside (Regulation (EU) 2024/1689, Article 5(1)(f)); where
emotion recognition is permitted, the people concerned must be told (Article 50(3)). Faces and voices are biometric
data: get consent, keep as little as possible, and check the law where you are."""

RISKS = """- Perceived emotion differs between cultures, ages and listeners, and a face or voice alone tells little of a
  feeling. Expect errors to be unequal between groups; look at the table by speaker, and measure on your own people.
- Reasoning that the model writes is text that tends to go with an answer. It is no account of how the answer came
  about.
- Confidence is the model's own probability. Nobody has calibrated it on your data."""


@dataclass(frozen=True, slots=True)
class Record:
    """What there is to tell of a model."""

    folder: Path
    """The model's."""
    run: Path | None
    """Its run folder, when it came with one."""
    spec: ModelSpec | NativeSpec
    task: Task
    manifest: dict[str, Any]
    recipe: dict[str, Any]
    rows: dict[str, list[Row]]
    """Answers of the last evaluation of each set."""

    @classmethod
    def of(cls, place: Path) -> Record:
        """Read a run folder, or a model folder, of which less is known.

        Raises:
            ModelError: As :func:`affectrl.models.checkpoint.find` and ``read_card``.
            DataError: ``run_damaged``.
        """
        folder = checkpoint.find(place)
        spec, task = checkpoint.read_card(folder)
        run = place if (place / "recipe.yaml").is_file() else None
        if run is None:
            return cls(folder, None, spec, task, {}, {}, {})
        recipe = yaml.safe_load((run / "recipe.yaml").read_text("utf-8"))
        return cls(folder, run, spec, task, RunFolder(run).manifest(), recipe, _last_rows(run))

    @property
    def name(self) -> str:
        """Of the model: its recipe's."""
        return str(self.recipe.get("name", self.folder.name))


def _last_rows(run: Path) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for stage in ("cold-start", "final"):  # what comes later takes the place of what was before
        for file in sorted((run / "eval").glob(f"{stage}*.jsonl")):
            found[file.stem.partition("@")[2] or "eval"] = jsonl.read_rows(file)
    return found


def write_card(place: Path, *, merged: bool = False, title: str | None = None, shared: Path | None = None) -> str:
    """The card of a run's or a model folder's model, as Markdown with a YAML head.

    Args:
        place: A run folder, or a model folder.
        merged: Whether what is shared is the merged model.
        title: The model's name; the recipe's by default.
        shared: The model folder that is given away, where it names other encoders than the run's own.

    Raises:
        ModelError: There is no model.
        DataError: The run's files are damaged.
    """
    from huggingface_hub import ModelCard, ModelCardData

    told = Record.of(place)
    told = told if shared is None else replace(told, spec=checkpoint.read_card(shared)[0])
    base = checkpoint.base_name(told.spec.backbone)
    head = ModelCardData(
        base_model=base if base.count("/") == 1 else None,
        library_name="affectrl",
        tags=TAGS + ([] if merged else ["peft", "lora"]),
        pipeline_tag="video-classification",
        model_name=title or told.name,
    )
    sections = {
        f"# {title or told.name}": _about(told, base, merged),
        "## How to use it": _usage(title or told.name, merged),
        "## Results": _results(told),
        "## Training": _training(told, base),
        "## Data": _data(told),
        "## Intended use, and what it is not for": USE,
        "## Limits": _limits(told),
        "## Licences of the parts": _licences(told, base),
    }
    body = "\n\n".join(f"{title}\n\n{text}" for title, text in sections.items())
    return str(ModelCard(f"---\n{head.to_yaml()}\n---\n\n{body}\n"))


def _about(told: Record, base: str, merged: bool) -> str:
    spec = told.spec
    if isinstance(spec, ModelSpec):
        media, more = list(spec.streams), ", and the projections of its frozen encoders"
    else:
        media, more = [name for name in ("pictures", "sound") if getattr(spec, name)], ""
    reads = [*media, *(["words"] if spec.words else [])]
    labels = ", ".join(told.task.labels) if told.task.labels else "any words (open vocabulary)"
    what = "the language model with its adapter merged into it" if merged else "an adapter for the language model"
    return (
        f"Reads {', '.join(reads)} of a short clip and names the emotion that people perceive in it.\n\n"
        f"- Answers in the format `{told.task.format}`, among: {labels}.\n"
        f"- Holds {what} `{_public(base)}`{more}.\n"
        "- Made with affectrl."
    )


def _usage(name: str, merged: bool) -> str:
    plain = "" if merged else "\n\nThe folder `adapter/` is an adapter of PEFT, and loads with `PeftModel` alone too."
    return (
        "```python\nimport affectrl\n\n"
        f'model = affectrl.load("{name}")  # this folder, or ORG/NAME on the hub\n'
        'for answer in model.predict("clip.mp4"):\n    print(answer.top, answer.confidence)\n```' + plain
    )


def _results(told: Record) -> str:
    if not told.rows:
        return "No evaluation came with this model."
    return "\n\n".join(_set_results(told, name, rows) for name, rows in told.rows.items())


def _set_results(told: Record, name: str, rows: list[Row]) -> str:
    kept = list(scored(rows))
    where = "Held-out clips" if name == "eval" else f"Set `{name}`"
    if not kept:
        return f"{where}: {len(rows)} clips without reference labels, so that there are no scores."
    is_open = told.task.labels is None or names_lists(rows)
    found = estimates(rows, open_vocabulary=is_open)
    lines = [f"{where}: {len(kept)} clips.", "", "| score | value | 95 % interval |", "| --- | --- | --- |"]
    lines += [f"| {_spelled(score)} | {e.value:.3f} | {_interval(e)} |" for score, e in found.items()]
    first = next(iter(found.values()))
    units = f"{first.groups} whole speakers" if first.groups else "clips"
    lines += ["", f"Intervals: percentile bootstrap over {units}. The rows are of the run's last evaluation."]
    return "\n".join([*lines, *_by_speaker(rows, is_open)])


def _by_speaker(rows: list[Row], is_open: bool) -> list[str]:
    people = Counter(str(row["speaker"]) for row in rows if row.get("speaker") is not None and row["labels"])
    if len(people) < FEWEST:
        return ["", "Speakers are not known, so that nothing can be said about differences between people."]
    found = {
        who: estimates([r for r in rows if str(r.get("speaker")) == who], open_vocabulary=is_open) for who in people
    }
    score = next(iter(next(iter(found.values()))))
    ranked = sorted(people, key=lambda who: found[who][score].value)
    shown = dict(enumerate(ranked, start=1))
    if len(ranked) > MOST:
        shown = {at: ranked[at - 1] for at in (1, 2, 3, len(ranked) // 2, len(ranked) - 1, len(ranked))}
    lines = ["", f"| speaker | clips | {_spelled(score)} | 95 % interval |", "| --- | --- | --- | --- |"]
    for at, who in shown.items():
        e = found[who][score]
        lines.append(f"| {at} of {len(ranked)} | {people[who]} | {e.value:.3f} | {_interval(e)} |")
    return [*lines, "", "Speakers are numbered from the lowest score to the highest; names stay with the data."]


def _training(told: Record, base: str) -> str:
    if told.run is None:
        return "No run folder came with this model: how it was trained is not recorded."
    recipe, manifest = told.recipe, told.manifest
    rl, lora = recipe.get("rl", {}), told.spec.lora
    sizes = manifest.get("model", {})
    packages = ", ".join(f"{name} {version}" for name, version in manifest.get("packages", {}).items())
    encoders = ", ".join(f"{stream}: `{key}`" for stream, key in sizes.get("encoders", {}).items()) or "none"
    kind = "DoRA" if lora.use_dora else "LoRA"
    where = "on generated positions" if lora.where == "completion" else "on all positions"
    rewards = ", ".join(rl.get("reward_funcs", ()))
    lines = [
        f"- Language model `{_public(base)}`, frozen; {kind} r {lora.r}, alpha {lora.alpha}, {where}.",
        f"- Frozen encoders: {encoders}.",
        f"- Learning weights: {sizes.get('adapter_parameters', 0):,} in the adapter, "
        f"{sizes.get('fusion_parameters', 0):,} in projections.",
        _began(recipe),
        f"- Reinforcement learning: {rl.get('algorithm')}, {rl.get('steps')} steps of {rl.get('batch_size')} clips x "
        f"{rl.get('num_generations')} answers; rewards {rewards}.",
        f"- Seed {recipe.get('seed')}; {manifest.get('seconds', 0):,.0f} s on {manifest.get('device', '?')}.",
        f"- affectrl {manifest.get('affectrl')}, Python {manifest.get('python')}; {packages}.",
    ]
    if manifest.get("status") != "done":
        lines.append(f"- The run is not finished: its status is `{manifest.get('status')}`.")
    return "\n".join(lines)


def _data(told: Record) -> str:
    about = told.manifest.get("data") or {}
    if not about:
        return "Nothing is recorded about the data."
    lines = ["| used for | source | clips | fingerprint |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {role} | {_public(str(part.get('source')))} | {part.get('n')} | `{part.get('fingerprint')}` |"
        for role, part in about.items()
    ]
    return "\n".join(
        [*lines, "", "A fingerprint is a hash over the clips' content and labels. No clip is in this folder."]
    )


def _limits(told: Record) -> str:
    lines = [f"- **{said}**" if (said := told.manifest.get("limits")) else None, RISKS]
    return "\n".join(line for line in lines if line)


def _licences(told: Record, base: str) -> str:
    parts = {told.spec.backbone: "language model"}
    for stream, part in told.spec.streams.items() if isinstance(told.spec, ModelSpec) else ():
        name = part.settings.get("weights_name") or _default_weights(part.encoder)
        if name:
            parts[name] = f"encoder of {stream}"
    lines = [f"- {what} `{_public(name)}`: {_weights_licence(name)}" for name, what in parts.items()]
    sources = {str(part.get("source")) for part in (told.manifest.get("data") or {}).values()}
    lines += [
        f"- data {_public(source)}: {licence}" for source in sorted(sources) if (licence := _data_licence(source))
    ]
    lines.append("- What was learned here is under the terms of all of these. Whoever shares it decides on its own.")
    return "\n".join(lines)


def _weights_licence(name: str) -> str:
    if weights.own(name):
        return "affectrl's own; what it was learned from is said below"
    source = weights.known().get(name)
    return source.licence if source else "as its owners say; not recorded here"


def _data_licence(source: str) -> str | None:
    found = reader_of(source)
    if found is None or found[0] == "sandbox":
        return None
    reader = shelves.load(READERS, found[0])
    licence = getattr(reader, "LICENCE", None) or getattr(reader, "ABOUT", None)
    return " ".join(str(licence).split()) if licence else None


def _default_weights(encoder: str) -> str | None:
    import inspect

    build = shelves.load("affectrl.models.encoders", encoder).build
    known = inspect.signature(build).parameters.get("weights_name")
    return None if known is None or known.default is known.empty else str(known.default)


def _began(recipe: dict[str, Any]) -> str:
    cold = recipe.get("cold_start", {})
    steps = f"{cold.get('steps', 0)} supervised steps of {cold.get('batch_size')} clips"
    if not (start := recipe.get("start")):
        return f"- Cold start: {steps}."
    return f"- Began from the model `{'/'.join(Path(start).parts[-2:])}`; cold start: {steps} more."


def _public(name: str) -> str:
    """A name without the path that it has on this machine."""
    kind, colon, _ = name.partition(":")
    if colon and "/" not in kind:
        return kind
    is_path = name.startswith(("/", "~", ".")) or name.count("/") != 1 or Path(name).exists()
    return Path(name).name if is_path else name


def _spelled(score: str) -> str:
    return {"war": "WAR (accuracy)", "uar": "UAR", "macro_f1": "macro F1", "ew": "EW F"}.get(score, score)


def _interval(found: Estimate) -> str:
    return "too few" if math.isnan(found.low) else f"{found.low:.3f} to {found.high:.3f}"
