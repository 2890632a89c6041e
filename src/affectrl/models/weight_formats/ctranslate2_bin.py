"""Read the tensors of a CTranslate2 ``model.bin`` without the CTranslate2 runtime, which cannot hand out its weights.

The layout is that of binary version 6 of ``ctranslate2.specs.model_spec``: little-endian counts, zero-terminated
names preceded by their length, then shape, type id, byte count and data. ``tests/models`` compares an encoder that is
built from these tensors with what the CTranslate2 runtime itself computes from the same file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from affectrl.errors import ModelError

SUPPORTED_VERSION = 6
DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read_tensors(path: Path, prefix: str = "") -> dict[str, np.ndarray]:
    """Tensors whose name starts with ``prefix``, by name.

    Raises:
        ModelError: The file is cut short, of another version, or holds a type that we do not read (bfloat16).
    """
    try:
        with path.open("rb") as file:
            return {name: value for name, value in _variables(file, path) if name.startswith(prefix)}
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise ModelError("is not a whole CTranslate2 model.", code="weights_corrupt", path=path) from error


def _variables(file: BinaryIO, path: Path) -> Iterator[tuple[str, np.ndarray]]:
    (version,) = struct.unpack("<I", file.read(4))
    if version != SUPPORTED_VERSION:
        raise ModelError(
            f"is of CTranslate2 binary version {version}; we read {SUPPORTED_VERSION}.",
            code="weights_version",
            path=path,
            hint="Convert the model again with a current ctranslate2.",
        )
    _read_name(file)
    _revision, count = struct.unpack("<II", file.read(8))
    for _ in range(count):
        yield _read_name(file), _read_tensor(file, path)


def _read_name(file: BinaryIO) -> str:
    (length,) = struct.unpack("<H", file.read(2))
    return file.read(length)[:-1].decode()


def _read_tensor(file: BinaryIO, path: Path) -> np.ndarray:
    (rank,) = struct.unpack("<B", file.read(1))
    shape = struct.unpack(f"<{rank}I", file.read(4 * rank))
    kind, n_bytes = struct.unpack("<BI", file.read(5))
    data = file.read(n_bytes)
    if len(data) != n_bytes:
        raise ValueError("cut short")
    if kind not in DTYPES:
        raise ModelError(f"holds tensors of type id {kind}, which we do not read.", code="weights_version", path=path)
    return np.frombuffer(data, dtype=DTYPES[kind]).reshape(shape)
