# Carnet: five verbs. Each works straight after `git clone` with Python >= 3.11, make and a C library; the rest is fetched
# into the project (.uv, .venv) at the first use. `make help` lists them.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run demo test check bench clean

UV_VERSION := 0.13.9
VENV := .venv
READY := $(VENV)/.synced
# Each verb starts dozens of processes of the same modules: they are compiled once, whatever our environment says.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(VENV)/bin/python -m pytest

# PYTHON=/path/to/python names an interpreter; otherwise the first one below that is new enough is taken, or one that
# is clearly faster (deploy/interpreter.py).
PYTHON ?=
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python \
                                     /usr/local/bin/python3 /usr/bin/python3)

# BACKEND=containers runs the tests that need Kafka and PostgreSQL on containers; LONG=1 adds the long ones
# (lives of a record by the ten thousand, the benchmarks in their small form);
# WORKERS=n sets the number of test processes; ARGS="-k block" goes to pytest.
BACKEND ?=
LONG ?=
WORKERS ?= auto
ARGS ?=
ALL_ARGS := $(if $(BACKEND),--backend=$(BACKEND)) $(if $(LONG),-m "long or not long") $(ARGS)
FAST := $(wildcard tests/rules tests/unit tests/contracts)
INTEGRATION := $(wildcard tests/integration)
RELIABILITY := $(wildcard tests/reliability)
BENCHMARKS := $(wildcard tests/benchmarks)

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(READY) ## start the system, play the demonstration and stay up
	@$(VENV)/bin/carnet up --demo

demo: $(READY) ## play the demonstration on a system of its own; exits 0 if every step was verified
	@$(VENV)/bin/carnet demo

# Every stage runs, also after a failure of an earlier one; 5 is pytest's "no test collected": fine where ARGS choose.
test: $(READY) ## all tests: rules, units and contracts in parallel, integration, reliability one by one
	@status=0; \
	stage() { "$$@" || { code=$$?; $(if $(ARGS),[ $$code -eq 5 ] ||,) status=$$code; }; }; \
	$(if $(FAST),stage $(PYTEST) $(FAST) -n $(WORKERS) --dist worksteal $(ALL_ARGS);) \
	$(if $(INTEGRATION),stage $(PYTEST) $(INTEGRATION) -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(ALL_ARGS);) \
	$(if $(RELIABILITY),stage $(PYTEST) $(RELIABILITY) -n 0 $(ALL_ARGS);) \
	$(if $(LONG),$(if $(BENCHMARKS),stage $(PYTEST) $(BENCHMARKS) -n 0 $(ALL_ARGS);)) \
	exit $$status

check: $(READY) ## lint, format and types
	@status=0; \
	$(VENV)/bin/ruff check . || status=1; \
	$(VENV)/bin/ruff format --check . || status=1; \
	$(VENV)/bin/mypy || status=1; \
	exit $$status

bench: $(READY) ## measure the figures, into build/bench/latest.json
	@$(VENV)/bin/python -m deploy.proof.bench $(ARGS)

clean: ## remove everything made inside this folder (not the data of a local system: carnet down --wipe)
	rm -rf build dist .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment follows pyproject.toml and uv.lock: it is made, or made anew, when one of them has changed.
$(READY): pyproject.toml uv.lock
	@python=; \
	for candidate in $(CANDIDATES); do \
	    python=$$("$$candidate" -c 'import sys; print(sys.executable if sys.version_info >= (3, 11) else "")' 2>/dev/null) || python=; \
	    [ -z "$$python" ] || break; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "No Python >= 3.11 among: $(CANDIDATES). Install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; \
	fi; \
	uv=.uv/bin/uv; \
	if [ ! -x $$uv ] && uv --version 2>/dev/null | awk '{split($$2, v, "."); ok = v[1] > 0 || v[2] >= 8} END {exit !ok}'; then uv=uv; fi; \
	if [ $$uv != uv ] && [ ! -x $$uv ]; then \
	    echo "Fetching uv $(UV_VERSION) into .uv"; \
	    rm -rf .uv; \
	    "$$python" -m venv .uv || { \
	        rm -rf .uv; \
	        echo "$$python has no working venv module. Install it (Debian: apt install python3-venv), or install uv." >&2; exit 1; }; \
	    .uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) || { \
	        rm -rf .uv; \
	        echo "uv could not be fetched from the package index: check the network, pip's settings, then repeat." >&2; exit 1; }; \
	fi; \
	chosen=$$("$$python" -I deploy/interpreter.py $(CANDIDATES)) || chosen=$$python; \
	UV_PYTHON="$$chosen" UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=$(VENV) $$uv sync --frozen --all-extras --quiet
	@touch $@
