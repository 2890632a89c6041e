#!/usr/bin/env bash
# affectrl-nano from its four public sets: docs/nano.md. A stopped run, started again, goes on where it was.
set -euo pipefail

if [ $# -lt 4 ]; then
    echo "usage: bash recipes/nano/make.sh RAVDESS EMODB FER2013 MELD [key=value ...]" >&2
    echo "Folders as their owners publish them; key=value changes the recipe, such as threads=2 precision=bfloat16." >&2
    exit 2
fi
sets=(--ravdess "$1" --emodb "$2" --fer2013 "$3" --meld "$4")
faces=$3
shift 4

affectrl nano face "fer2013:$faces" -o runs/nano-face
affectrl nano clips "${sets[@]}" --face runs/nano-face
affectrl train affectrl-nano model.face.settings.weights_name=runs/nano-face "$@"
affectrl nano check --model runs/affectrl-nano "${sets[@]}" -o runs/nano-check
affectrl nano ship runs/affectrl-nano --face runs/nano-face --scores runs/nano-check/scores.json
affectrl calibrate affectrl-nano --data sandbox/nano/calibration.jsonl -o runs/nano-calibration
