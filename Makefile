# Everything runs in a virtual environment of its own, made on first use.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SEEDS ?= 10000
MINUTES ?= 10
REDIS_EXAMPLES ?= 2000
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?=
OPENAPI_EXAMPLES ?= 500
LOG ?= chaos.md
CLIENTS ?= 1000

.PHONY: help demo test check serve sim mutants bench month chaos durability hostile figures deploy-check build clean \
	fuzz openapi docs

help: ## Say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "lastword needs Python 3.11 or later; say PYTHON=/path/to/it"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

demo: $(VENV)/installed ## Three nodes, monkeys, a cut and its healing, and the proof that all agree
	$(BIN)/python -m tools.demo

test: $(VENV)/installed check ## Everything that must hold: ruff, mypy, the whole suite
	$(BIN)/python -m pytest -n 2

check: $(VENV)/installed ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

serve: $(VENV)/installed ## One node on port 3000
	$(BIN)/lastword serve -l

sim: $(VENV)/installed ## Simulated clusters, SEEDS of them (default 10000), on all cores
	$(BIN)/lastword simulate --seeds $(SEEDS)
	$(BIN)/python -m tools.small

mutants: $(VENV)/installed ## Make one line wrong at a time: the simulation must catch each
	$(BIN)/python -m tools.mutants

fuzz: $(VENV)/installed ## Every decoder for FUZZ_SECONDS (default 600) each, or FUZZ_TARGETS of them
	$(BIN)/python -m tools.fuzz $(FUZZ_TARGETS) --seconds $(FUZZ_SECONDS)

openapi: $(VENV)/installed ## Schemathesis on a node, OPENAPI_EXAMPLES (default 500) of each call
	$(BIN)/python -m tools.openapi --examples $(OPENAPI_EXAMPLES)

bench: $(VENV)/installed ## The service beside redis-server, comparisons, gossip, watching, scaling; about 40 minutes
	$(BIN)/python -m bench.service
	$(BIN)/python -m bench.anti_entropy
	$(BIN)/python -m bench.gossip
	$(BIN)/python -m bench.watch
	$(BIN)/python -m bench.scaling

month: $(VENV)/installed ## A month of adds and removes on a real file: how large it grows; about 20 minutes
	$(BIN)/python -m bench.month

chaos: sim ## Long runs: simulated seeds, REDIS_EXAMPLES against Redis, real faults for MINUTES
	REDIS_EXAMPLES=$(REDIS_EXAMPLES) $(BIN)/python -m pytest -q tests/redis/test_oracle.py
	$(BIN)/python -m tools.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) --log $(LOG)

durability: $(VENV)/installed ## Kills, power cuts, failing disks, damaged files at full size; about 40 minutes
	$(BIN)/python -m tools.durability $(if $(SEED),--seed $(SEED))

hostile: $(VENV)/installed ## CLIENTS slow clients of all kinds (default 1000) against real nodes; half a minute
	$(BIN)/python -m tools.hostile --clients $(CLIENTS)

figures: $(VENV)/installed ## Pictures of the page in Chromium, into docs/figures; a minute
	$(BIN)/python -m tools.page_figures

deploy-check: $(VENV)-deploy/installed ## What is in deploy/: linters, the image's steps, three nodes; 2 minutes
	$(VENV)-deploy/bin/python -m tools.deployment

$(VENV)-deploy/installed: deploy/requirements.txt
	$(PYTHON) -m venv $(VENV)-deploy
	$(VENV)-deploy/bin/python -m pip install --quiet --disable-pip-version-check -r deploy/requirements.txt
	@touch $@

docs: $(VENV)/installed ## The documentation site, into site/; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	$(BIN)/python -m tools.site.foreign site

build: $(VENV)/installed ## Wheel and sdist, into dist/
	$(BIN)/python -m build --no-isolation

clean: ## Remove what was built and the virtual environment
	rm -rf $(VENV) $(VENV)-deploy dist build site .mypy_cache .pytest_cache .ruff_cache .hypothesis
