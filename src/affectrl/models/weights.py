"""From a name to weights on disk: a local folder, a Hugging Face id, or a Python package that carries them.

The known names are in ``weights.yaml``. What is slow to parse (GGUF, CTranslate2) is converted to safetensors once,
under ``paths.home()/weights``. Pickled weights are never read.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from affectrl import paths
from affectrl.errors import ModelError
from affectrl.shelves import nearest

FLOATS = ("F64", "F32", "F16", "BF16")
"""Types that weights may have on disk, by safetensors' names."""

OWN = {"affectrl-nano": "nano/model", "affectrl-nano-face": "nano/expression"}
"""What lies in this package, by name: a folder below ``affectrl/``. The first is a whole model."""


def own(name: str | Path) -> Path | None:
    """The folder of something that lies in this package."""
    place = OWN.get(str(name))
    return None if place is None else Path(str(resources.files("affectrl") / place))


@dataclass(frozen=True, slots=True)
class Source:
    """One row of ``weights.yaml``."""

    hub: str
    package: str
    install: str
    file: str
    sha256: str
    format: str
    licence: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a name led."""

    name: str
    origin: str
    """``folder``, ``own``, ``hub`` or ``package``."""
    location: str
    """A folder for ``folder`` and ``own``; the id for ``hub``; the file for ``package``."""
    source: Source | None = None

    @property
    def key(self) -> str:
        """What tells these weights from others, for cache keys: the name, and for a folder also which one, and when."""
        if self.origin in ("hub", "package"):
            return self.name.replace("/", "--")
        files = sorted(Path(self.location).glob("*.safetensors"))
        if self.origin == "own":  # the same everywhere, wherever and whenever the package was installed
            digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
            return f"{self.name}-{digest[:12]}"
        state = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
        digest = hashlib.sha256(repr((str(Path(self.location).resolve()), state)).encode()).hexdigest()
        return f"{Path(self.location).name}-{digest[:12]}"


@cache
def known() -> dict[str, Source]:
    """The rows of ``weights.yaml`` by name."""
    text = resources.files("affectrl.models").joinpath("weights.yaml").read_text("utf-8")
    return {name: Source(**row) for name, row in yaml.safe_load(text).items()}


def resolve(name: str) -> Resolved:
    """Find weights by name: local folder, then our own, then Hugging Face, then package.

    A known name counts as found on Hugging Face only when the local hub cache already holds it, or when no package
    carries it: nobody with the package installed should wait for a network that may not be there.

    Raises:
        ModelError: ``weights_unknown`` for a name that leads nowhere, ``weights_missing`` when the package is absent.
    """
    for folder in (Path(os.path.expanduser(name)), _weights_folder(name)):
        # Unlike pathlib's question, this one raises for no name, however long or odd.
        if folder is not None and os.path.isfile(folder / "config.json"):
            return Resolved(name, "folder", str(folder))
    if (ours := own(name)) is not None:
        return Resolved(name, "own", str(ours))
    if (source := known().get(name)) is None:
        if name.count("/") == 1 and not name.startswith((".", "/", "~")):
            return Resolved(name, "hub", name)
        raise ModelError(
            f"no weights are called {name!r}.",
            code="weights_unknown",
            hint="Give a folder with a config.json, a Hugging Face id, or a known name. "
            f"{nearest(name, {*known(), *OWN})}",
        )
    if in_hub_cache(source.hub):
        return Resolved(name, "hub", source.hub, source)
    if (file := packaged(source)) is not None:
        return Resolved(name, "package", str(file), source)
    raise ModelError(
        f"the weights {name!r} are not on this machine (package {source.package!r} is not installed).",
        code="weights_missing",
        hint=f"Install them ({source.install}), or put a copy of {source.hub} at {_weights_folder(name) or name}.",
    )


def verify(file: Path, sha256: str) -> None:
    """Refuse a file whose SHA-256 is not the pinned one.

    Raises:
        ModelError: ``weights_checksum``.
    """
    with file.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found != sha256:
        raise ModelError(
            f"has SHA-256 {found[:12]}..., but {sha256[:12]}... is pinned.",
            code="weights_checksum",
            path=file,
            hint="The file is damaged or not the one we know; install its package again.",
        )


def converted(resolved: Resolved, convert: Callable[[Path, Path], None]) -> Path:
    """The folder of a packaged file's safetensors form, made once by ``convert(file, folder)`` and then reused.

    The folder's name holds the pinned checksum, so another file is another conversion.
    """
    assert resolved.source is not None
    file, source = Path(resolved.location), resolved.source
    folder = paths.home() / "weights" / f"{resolved.name}-{source.sha256[:12]}"
    if not (folder / "config.json").is_file():
        verify(file, source.sha256)
        with paths.atomic(folder) as scratch:
            scratch.mkdir()
            convert(file, scratch)
    return folder


def pretrained(kind: Any, place: str | Path, what: str, **options: Any) -> Any:
    """``kind.from_pretrained(place)`` of transformers, from safetensors, with all weights or not at all.

    Args:
        kind: A model class of transformers.
        place: A folder or a Hugging Face id.
        what: What it should be, for the error: "a Whisper".
        **options: Passed on.

    Raises:
        ModelError: There is no such model, or its files are damaged, incomplete, pickled, of more layers than the
            configuration says, or of a type that is no plain floating-point number.
    """
    from safetensors import SafetensorError

    try:
        with quiet():
            model, report = kind.from_pretrained(place, use_safetensors=True, output_loading_info=True, **options)
    except (OSError, ValueError, RuntimeError, AttributeError, SafetensorError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ModelError(f"cannot be loaded as {what}: {reason}", path=place, hint=elsewhere(place)) from error
    # transformers would fill what is missing with random numbers and go on.
    if missing := sorted(report["missing_keys"]):
        raise ModelError(f"cannot be loaded as {what}: {len(missing)} weights are missing, {missing[0]!r}.", path=place)
    if more := _uncounted(model, report["unexpected_keys"]):
        raise ModelError(
            f"cannot be loaded as {what}: it holds {len(more)} weights of layers that its config.json does not count, "
            f"{more[0]!r}.",
            path=place,
            hint="Take config.json and weights from one place.",
        )
    if getattr(model.config, "quantization_config", None) is None:
        _check_types(model, place, what)
    return model


def _uncounted(model: Any, unexpected: Iterable[str]) -> list[str]:
    """Weights of further layers of a stack that the model has; heads, which we leave out, are none of them."""
    known = {re.sub(r"\d+", "#", name) for name in model.state_dict()}
    prefix = f"{model.base_model_prefix}."
    return sorted(name for name in unexpected if {(p := re.sub(r"\d+", "#", name)), p.removeprefix(prefix)} & known)


def _check_types(model: Any, place: str | Path, what: str) -> None:
    """Refuse weights that are no plain floating-point numbers: transformers would take integers as they stand."""
    from safetensors import safe_open

    folder = Path(place)
    if not folder.is_dir():
        from huggingface_hub import try_to_load_from_cache

        config = try_to_load_from_cache(str(place), "config.json")
        if not isinstance(config, str):
            return  # transformers read it from a cache of another place; it has the last word there
        folder = Path(config).parent
    # Names differ from the class's in what stands before these two words.
    tails = {_tail(name) for name, weight in model.named_parameters() if weight.is_floating_point()}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(str(file), framework="pt") as held:
            odd = {name: kind for name in held.keys() if (kind := held.get_slice(name).get_dtype()) not in FLOATS}  # noqa: SIM118
        for name, kind in odd.items():
            # Counters and numbers of positions are integers rightly.
            if _tail(name) in tails:
                raise ModelError(
                    f"cannot be loaded as {what}: {name!r} is of type {kind}, and config.json names no quantization.",
                    path=file,
                    hint=f"Weights are {', '.join(FLOATS)}.",
                )


def _tail(name: str) -> str:
    return ".".join(name.split(".")[-2:])


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' progress bars and load reports, which would break our own."""
    import logging

    from transformers.utils import logging as hf_logging

    level, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.disable_progress_bar()
    hf_logging.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        hf_logging.set_verbosity(level)
        if bars:
            hf_logging.enable_progress_bar()


def _weights_folder(name: str) -> Path | None:
    base = os.environ.get("AFFECTRL_WEIGHTS")
    return Path(os.path.expanduser(base)) / name if base else None


def packaged(source: Source) -> Path | None:
    """The file of a row in the package that carries it; ``None`` where that is not installed."""
    spec = importlib.util.find_spec(source.package)
    if spec is None or not spec.submodule_search_locations:
        return None
    file = Path(next(iter(spec.submodule_search_locations))) / source.file
    return file if file.is_file() else None


def elsewhere(place: str | Path) -> str | None:
    """What to do about a model that could not be fetched; ``None`` for a folder, which is what it is."""
    return None if os.path.isdir(place) else "Go online, or give a folder with what the hub has under this name."


def in_hub_cache(repo: str) -> bool:
    """Whether the hub's cache on this machine knows the model."""
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(repo, "config.json"), str)
