# `make run` and `make test` need Python 3.11, git, make and a C++ compiler; everything else they install themselves.
PYTHON ?= python3
BIN := .venv/bin
# CONFIG=config/text.yaml takes another configuration, ARGS="…" passes anything on to Snakemake.
CONFIG ?= config/config.yaml
ARGS ?=
# The run that `make translate` takes its system from.
RUN ?= demo
# Targets in ARGS come first: --configfile takes every word that follows it.
SNAKEMAKE := $(BIN)/snakemake
LINT_CONFIG = $(BIN)/python -m workflow_scripts.tools.lint_config $(CONFIG)

.PHONY: help env comet run study dry test lint format lock config-reference bench matrix plan status doctor compare translate switch-offs

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

env:  ## the environment .venv, as locked in envs/
	@$(PYTHON) envs/create.py main

comet: env  ## the environment .venv-comet, for COMET scores
	@$(PYTHON) envs/create.py comet

run: env  ## the whole pipeline: make run [CONFIG=…] [ARGS="…"]
	@$(LINT_CONFIG) && $(SNAKEMAKE) $(ARGS) --configfile $(CONFIG)

study: env  ## one of config/studies: make study NAME=k-sweep [ARGS="…"]
	@$(MAKE) --no-print-directory run CONFIG=config/studies/$(NAME).yaml

dry: env  ## what `make run` would do
	@$(LINT_CONFIG) && $(SNAKEMAKE) -n $(ARGS) --configfile $(CONFIG)

test: env  ## all tests, two at a time
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $(ARGS)

lint: env  ## style of code and rules
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/snakefmt --check Snakefile rules

format: env  ## put code and rules into style
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q . && $(BIN)/snakefmt Snakefile rules

lock:  ## renew the pins in envs/: versions and SHA-256
	@$(PYTHON) envs/create.py main --lock && $(PYTHON) envs/create.py comet --lock

config-reference: env  ## config/README.md, made from config/schema.yaml
	@$(BIN)/python -m workflow_scripts.tools.config_reference config/schema.yaml --output config/README.md

plan: env  ## jobs, GPU-hours, wall time and disk to expect: make plan [CONFIG=…]
	@$(LINT_CONFIG) && $(BIN)/python -m workflow_scripts.tools.plan --configfile $(CONFIG) $(ARGS)

status: env  ## what is done, running, queued, failed; time left: make status [CONFIG=…]
	@$(LINT_CONFIG) && $(BIN)/python -m workflow_scripts.tools.status --configfile $(CONFIG) $(ARGS)

doctor: env  ## what is missing on this machine, and how to mend it
	@$(BIN)/python -m workflow_scripts.tools.doctor $(ARGS)

compare: env  ## two runs side by side: make compare A=results/x B=results/y
	@$(BIN)/python -m workflow_scripts.tools.compare $(A) $(B)

matrix: env  ## single changes of every kind: what runs again, and that the end is that of a run from nothing (an hour)
	@OMP_NUM_THREADS=1 $(BIN)/python -m tests.workflow.matrix

# Standard output holds translations alone, and a closed pipe is no failure.
translate:  ## lines in, translations out: make translate SYSTEM=ns PAIR=en-qa [RUN=demo] < in > out
	@$(PYTHON) envs/create.py main < /dev/null >&2
	@$(BIN)/python -m workflow_scripts.tools.translate --run $(RUN) --system $(SYSTEM) --pair $(PAIR) $(ARGS) \
		|| { code=$$?; [ $$code = 141 ] || exit $$code; }

switch-offs: env  ## what single neurons do to the loss, against what is foreseen: make switch-offs PAIR=en-qa [RUN=demo]
	@$(BIN)/python -m workflow_scripts.tools.switch_offs --run $(RUN) --pair $(PAIR) $(ARGS)

bench: env  ## benchmarks, on an otherwise idle machine
	@$(BIN)/python -m tests.benchmarks $(ARGS)
