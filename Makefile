# make demo        an agent keeps an inspection service alive, then the same without it
# make test        style, types, layers and tests
# make test-slow   the tests with many seeds and long runs
# make test-adapters  the adapters to Inspect, OpenEnv and verifiers, each with the real library in its own environment
# make docs        the documentation as a site in build/site, with the reference of the Python interface
# make wheel-test  build the wheel, install it into a virtual environment outside the checkout, use it there
# make bench       measure what runs and tool calls cost here; rewrites results/speed.md
# make clean       remove virtual environments, builds and caches; stored episodes stay
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROJECT := pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-adapters docs wheel-test bench clean

# Each adapter has a virtual environment of its own, because the pins of the libraries clash. The libraries warn
# about their own code, so warnings are no errors there.
ADAPTERS := inspect openenv verifiers

help:
	@sed -n 's/^# make/make/p' Makefile

demo: $(VENV)/.demo
	@echo
	@echo "== uav-inspection, seed 7: the MAPE-K agent at work =="
	@$(BIN)/sixgym run --scenario uav-inspection --agent mape-k --seed 7
	@echo
	@echo "== the same network and the same fault, without an agent =="
	@$(BIN)/sixgym run --scenario uav-inspection --agent null --seed 7

test: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q --numprocesses auto --maxprocesses 4 --dist loadfile

test-slow: $(VENV)/.test
	$(BIN)/python -m pytest -q -m slow

test-adapters: $(VENV)/.test $(ADAPTERS:%=.venv-%/.test)
	@set -e; for name in $(ADAPTERS); do \
	  echo "== $$name"; \
	  $(BIN)/pyright --project tests/adapters/pyright/$$name.json --pythonpath .venv-$$name/bin/python; \
	  .venv-$$name/bin/python -m pytest -q -W ignore tests/adapters; \
	done

docs: $(VENV)/.docs
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -c docs -d build/doctrees . build/site
	@echo "build/site/index.html"

wheel-test: $(BIN)/python
	$(BIN)/python tests/packaging/check_wheel.py

.venv-%/.test: $(PROJECT)
	@echo "installing sixgym and $* into .venv-$*: this takes a minute or more"
	@$(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$*]' pytest pytest-timeout hypothesis
	@touch $@

# The package is installed in place, so a stamp is stale only when the dependencies may have changed.
$(VENV)/.demo: $(PROJECT) | $(BIN)/python
	@echo "installing sixgym into $(VENV): this takes a minute or less"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.bench: $(PROJECT) | $(BIN)/python
	@echo "installing sixgym, ns-3 and matplotlib into $(VENV): ns-3 is large, this takes a minute or more"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[ns3,plot]'
	@touch $@ $(VENV)/.demo

$(VENV)/.docs: $(PROJECT) | $(BIN)/python
	@echo "installing sixgym and the documentation tools into $(VENV): this takes a minute or less"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	@touch $@ $(VENV)/.demo

$(VENV)/.test: $(PROJECT) | $(BIN)/python
	@echo "installing sixgym, ns-3 and the development tools into $(VENV): ns-3 and PyTorch are large, this takes minutes"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[ns3,dev]'
	@touch $@ $(VENV)/.demo $(VENV)/.bench

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) here: install Python 3.11 or newer, or make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "sixgym needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Try: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3-venv is missing: on Debian, apt install python3-venv"; exit 1; }

bench: $(VENV)/.bench
	$(BIN)/python perf/measure.py

clean:
	rm -rf $(VENV) $(ADAPTERS:%=.venv-%) build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
