# make sweep     set up and answer the shipped question on position encodings
# make test      set up and pass the suite
# make check     format, lint, types, import direction, tests
# make clusters  the tests on a real Slurm and a real Ray, both on this machine
# make proofs    the long proofs, minutes each; TINY_SHAKESPEARE=file for nanoGPT's loss;
#                PROOFS="proof and not trains" leaves out what trains for many minutes

PYTHON ?= python3
BIN := .venv/bin
QUESTION ?= posenc.yaml
PROOFS ?= proof

.PHONY: sweep test lint check clusters proofs clean

sweep: .venv/run.done
	$(BIN)/python -m lab.sweep $(QUESTION)

test: .venv/dev.done
	$(BIN)/python -m pytest -n 2

check: lint test

lint: .venv/dev.done
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Slurm is Debian's, installed and started as root, or by sudo
clusters: .venv/clusters.done
	trap 'scripts/slurm/cluster.sh stop' EXIT; \
	    export SLURM_CONF=$$(mktemp -d)/slurm.conf; \
	    scripts/slurm/cluster.sh start $$(dirname $$SLURM_CONF) && \
	    LAB_CLUSTERS=1 $(BIN)/python -m pytest tests/clusters

proofs: .venv/dev.done
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "$(PROOFS)"

.venv/bin/python:
	$(PYTHON) -m venv .venv

# torch alone first: with a CPU build in reach, the pinned version takes it
.venv/run.done: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/dev.done: .venv/run.done
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,dashboard,search,int8,huggingface]'
	touch $@

.venv/clusters.done: .venv/dev.done
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[slurm,ray]'
	touch $@

clean:
	rm -rf .venv build *.egg-info
