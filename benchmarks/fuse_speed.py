"""How long ``affectrl fuse`` takes for many rows, and how much memory: 8 files of a million rows each by default.

    python benchmarks/fuse_speed.py [--rows 1000000] [--files 8] [--suffix csv] [--by mean]

The whole command in a process of its own: start, reading, pairing (the last file stands in another order), fusing, the
agreement table, writing a CSV. Prints seconds on the clock, seconds of processor time, and the largest memory; on a
machine that does other work only the second is worth reading.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

LABELS = np.array(["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"], dtype=object)
COMMAND = "import sys; sys.argv[0] = 'affectrl'; from affectrl.cli.main import run; run()"


def write(file: Path, rows: int, seed: int, *, turned: bool) -> None:
    rng = np.random.default_rng(seed)
    table = pa.table(
        {
            "id": [f"sample_{n:08d}" for n in range(rows)],
            "top": LABELS[rng.integers(0, len(LABELS), rows)],
            "confidence": np.round(rng.random(rows), 4),
        }
    )
    if turned:
        table = table.take(pa.array(rng.permutation(rows)))
    if file.suffix == ".parquet":
        pyarrow.parquet.write_table(table, file)
    else:
        pyarrow.csv.write_csv(table, file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--suffix", default="csv", choices=("csv", "parquet"))
    parser.add_argument("--by", default="mean")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        files = [Path(place) / f"voter{m}.{args.suffix}" for m in range(args.files)]
        for m, file in enumerate(files):
            write(file, args.rows, m, turned=m == args.files - 1)
        out = Path(place) / "fused.csv"
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", COMMAND, "fuse", *map(str, files), "--by", args.by, "--out", str(out)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        clock = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        lines = out.read_bytes().count(b"\n") - 1
    print(
        f"{args.files} {args.suffix} files x {args.rows:,} rows: {lines:,} rows out, {clock:.1f} s on the clock, "
        f"{used.ru_utime + used.ru_stime:.1f} s of processor time, at most {used.ru_maxrss / 2**20:.2f} GiB"
    )


if __name__ == "__main__":
    main()
