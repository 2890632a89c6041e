"""From a checkpoint as another project publishes it to a model folder of ours, with a report of every tensor.

Names and shapes are compared with a policy that has no numbers, so that neither the language model nor the encoders
need be in memory; what is then written is what ``affectrl.load`` reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from affectrl import paths, shelves
from affectrl.errors import ModelError, UsageError
from affectrl.models import checkpoint, weights
from affectrl.models.backbone import load_tokenizer
from affectrl.models.features import FeatureExtractor
from affectrl.planning.skeleton import Skeleton
from affectrl.sharing.published import Asked, Plan, Published, mismatch, read
from affectrl.version import __version__

SHELF = "affectrl.sharing.layouts"
REPORT = "conversion.json"
SHOWN = 3


@dataclass(slots=True)
class Report:
    """What became of every tensor."""

    layout: str
    source: str
    backbone: str
    matched: list[dict[str, Any]] = field(default_factory=list)
    """``theirs``, ``ours``, ``shape``, ``dtype`` as it came, ``written`` as it went."""
    unused: list[dict[str, Any]] = field(default_factory=list)
    """``theirs``, ``shape``, ``why``."""
    unknown: list[str] = field(default_factory=list)
    """Of theirs that the layout does not know."""
    missing: list[str] = field(default_factory=list)
    """Of theirs that the layout has, by our name where theirs is not known."""
    shapes: list[dict[str, Any]] = field(default_factory=list)
    """``theirs``, ``ours``, ``shape``, ``wanted``."""
    begun: dict[str, str] = field(default_factory=dict)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    differs: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def fits(self) -> bool:
        """Whether it can be converted."""
        return not (self.missing or self.shapes)

    def lines(self) -> list[str]:
        """The report for people."""
        kinds = sorted({f"{row['dtype']} to {row['written']}" for row in self.matched})
        out = [f"{self.layout}: {len(self.matched)} tensors matched ({', '.join(kinds) or 'none'})."]
        for what, names in (("missing", self.missing), ("unknown", self.unknown)):
            out += [f"{what}: {name}" for name in names]
        out += [f"other shape: {r['theirs']} is {r['shape']}, {r['ours']} {r['wanted']}" for r in self.shapes]
        whys: dict[str, list[str]] = {}
        for row in self.unused:
            whys.setdefault(row["why"], []).append(row["theirs"])
        out += [f"unused: {_some(names)}: {why}." for why, names in whys.items()]
        out += [f"ours alone: {name}: {how}." for name, how in self.begun.items()]
        out += [f"setting: {name} = {told['value']} ({told['from']})" for name, told in self.settings.items()]
        return out + [f"differs: {line}" for line in self.differs] + [f"note: {line}" for line in self.notes]


def convert(
    source: Path,
    layout: str,
    to: Path | None,
    *,
    asked: Asked | None = None,
    unsafe: bool = False,
    allow_unknown: bool = False,
) -> Report:
    """Read a published checkpoint and write a model folder, all or nothing.

    Args:
        source: A file or folder; see :func:`affectrl.sharing.published.read`.
        layout: A file of ``sharing/layouts``.
        to: The model folder; ``None`` looks only.
        asked: Base model, encoders, settings, prompt.
        unsafe: Open pickles, with torch's restricted unpickler.
        allow_unknown: Leave out tensors that the layout does not know, rather than refuse.

    Returns:
        The report, which is in the folder too (``conversion.json``).

    Raises:
        ModelError: ``pickle_refused``, ``layout_mismatch``, ``layout_unsupported``; or the source, the language model
            or an encoder cannot be read.
        UsageError: No such layout; ``output_unwritable``: ``to`` holds something that is no model.
    """
    make = shelves.load(SHELF, layout).plan
    if to is not None:
        _check_place(to)
    found = read(source, unsafe=unsafe)
    plan = make(found, asked or Asked())
    with _config_beside(plan) as place:
        policy = Skeleton(
            plan.spec.model_copy(update={"backbone": place}), dtype=torch.float32, kind="cpu", dims=plan.dims
        )
    policy.spec = plan.spec
    report = _compared(found, plan, policy, layout)
    _check_encoders(plan, report)
    if to is None:
        return report
    if not report.fits or (report.unknown and not allow_unknown):
        raise _refused(source, report)
    _fill(policy, found, plan)
    with paths.atomic(to) as scratch:
        scratch.mkdir()
        if plan.whole_model is None:
            checkpoint.write(policy, plan.task, scratch)
        else:
            _write_whole(policy, plan, found.place, scratch)
        (scratch / REPORT).write_text(json.dumps({"affectrl": __version__, **asdict(report)}, indent=1))
    return report


def _compared(found: Published, plan: Plan, policy: Skeleton, layout: str) -> Report:
    report = Report(layout, str(found.place), plan.spec.backbone)
    report.begun, report.settings, report.differs = plan.begun, plan.settings, plan.differs
    ours: Mapping[str, Tensor] = policy.state_dict()
    wanted = {name for name in ours if _is_written(name, whole=plan.whole_model is not None)}
    for theirs, names in plan.renamed.items():
        if (tensor := found.tensors.get(theirs)) is None:
            report.missing.append(theirs)
            continue
        for name in names:
            # Numbers that no layout reads may be whole; these would be read as weights.
            if not tensor.is_floating_point():
                allowed = ", ".join(checkpoint.FLOATS)
                raise ModelError(f"{theirs!r} is {_kind(tensor.dtype)}, and should be {allowed}.", path=found.place)
            row = {"theirs": theirs, "ours": name, "shape": list(tensor.shape)}
            if name not in ours:
                report.shapes.append(row | {"wanted": "nothing"})
            elif tensor.shape != ours[name].shape:
                report.shapes.append(row | {"wanted": list(ours[name].shape)})
            else:
                written = tensor.dtype if name.startswith("lm.") and plan.whole_model is not None else torch.float32
                report.matched.append(row | {"dtype": _kind(tensor.dtype), "written": _kind(written)})
    taken = {name for names in plan.renamed.values() for name in names} | set(plan.begun)
    report.missing += sorted(wanted - taken)
    report.unused = [{"theirs": n, "shape": list(found.tensors[n].shape), "why": why} for n, why in plan.unused.items()]
    report.unknown = sorted(set(found.tensors) - set(plan.renamed) - set(plan.unused))
    return report


def _is_written(name: str, *, whole: bool) -> bool:
    """Whether a policy's tensor is part of a model folder: of the language model, its adapter or its own weights."""
    if not name.startswith("lm."):
        return True
    return (".lora_" in name) != whole


def _fill(policy: Skeleton, found: Published, plan: Plan) -> None:
    whole = plan.whole_model is not None
    state = {
        name: found.tensors[theirs] if whole and name.startswith("lm.") else found.tensors[theirs].float().clone()
        for theirs, names in plan.renamed.items()
        for name in names
    }
    shapes = policy.state_dict()
    state |= {name: torch.zeros(shapes[name].shape) for name in plan.begun}
    policy.load_state_dict(state, strict=False, assign=True)


def _write_whole(policy: Skeleton, plan: Plan, source: Path, folder: Path) -> None:
    """A folder of transformers with our projections beside it, as ``models/merged.py`` has it."""
    model = policy.lm.unload()
    tokenizer, _, _ = load_tokenizer(str(source), system_prompt=plan.spec.system_prompt)
    model.tie_weights()
    model.config.dtype = next(model.parameters()).dtype
    with weights.quiet():
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    checkpoint.write_fusion(policy, folder)
    card = {
        "format_version": checkpoint.MERGED_VERSION,
        "affectrl": __version__,
        "model": plan.spec.model_copy(update={"backbone": "."}).model_dump(mode="json"),
        "task": asdict(plan.task),
        "merged_into": str(source.name),
    }
    (folder / checkpoint.CARD).write_text(json.dumps(card, indent=1))


@contextmanager
def _config_beside(plan: Plan) -> Iterator[str]:
    """Where the language model's ``config.json`` is: the backbone's, or the checkpoint's own in a folder for now."""
    if plan.whole_model is None:
        yield plan.spec.backbone
        return
    with TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(plan.whole_model))
        yield folder


def _check_encoders(plan: Plan, report: Report) -> None:
    """Compare the widths that the checkpoint was trained on with those of encoders that are on this machine."""
    extractor = FeatureExtractor(plan.spec)
    for stream, part in plan.spec.streams.items():
        name = str(part.settings.get("weights_name"))
        try:
            here = weights.resolve(name).origin != "hub"
        except ModelError:
            here = False
        if not here:
            report.notes.append(f"{stream}: {name} is not on this machine, so that its width was not compared")
        elif (dim := extractor.encoder(stream).dim) != plan.dims[stream]:
            wanted = {"shape": [dim], "wanted": [plan.dims[stream]]}
            report.shapes.append({"theirs": f"features of {name}", "ours": f"features of {stream}"} | wanted)


def _refused(source: Path, report: Report) -> ModelError:
    parts = []
    if report.missing:
        parts.append(f"{len(report.missing)} tensors are missing, {_some(report.missing)}")
    if report.shapes:
        row = report.shapes[0]
        told = f"{row['theirs']} is {row['shape']}, and {row['ours']} {row['wanted']}"
        parts.append(f"{len(report.shapes)} have another shape, {told}")
    if report.unknown:
        parts.append(f"{len(report.unknown)} are of no part that we know, {_some(report.unknown)}")
    return mismatch(source, "; ".join(parts))


def _check_place(to: Path) -> None:
    if to.is_file() or (to.is_dir() and any(to.iterdir()) and not (to / checkpoint.CARD).is_file()):
        raise UsageError(
            "holds something that is no model.", code="output_unwritable", path=to, hint="Choose another folder."
        )


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"


def _kind(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
