# Phantom Gateway. `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
# The SDK of LiteLLM never shares an environment with the gateway, nor do the clients of the contract tests.
BRIDGE := .venv-bridge
CLIENTS := .venv-clients
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
HOST ?= 127.0.0.1
PORT ?= 4000
# Processes that run the tests.
JOBS ?= 2
# A file of tests stays in one process; tests/conftest.py says which begin first. Tests of whole gateways often wait, as
# installing does: there is half a process more than cores for all but the browser's.
PYTEST := $(BIN)/python -m pytest -q --dist loadfile --no-loadscope-reorder
UI := src/phantom_gateway/control/ui/dist/index.html
UI_SOURCES := $(shell find ui -name node_modules -prune -o -type f -not -name '*.gen.d.ts' -print)

.PHONY: help setup run test check format docs bench lock dev ui ui-check wheel bridge clients

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(STAMP)  ## create the environment and build the UI; leaves .venv/bin/phantom
	@$(MAKE) --no-print-directory $(UI) || echo "THE ADMIN UI WAS NOT BUILT (see above). The gateway works without it; 'make ui' tries again." >&2
$(STAMP): requirements.txt requirements/build.txt pyproject.toml
	@$(BIN)/python -c 'import pip' 2>/dev/null || { \
		python="$${PYTHON:-$$(tools/python.sh)}"; \
		test -n "$$python" || { echo "Python 3.11 or newer with venv is needed and was not found; set PYTHON=/path/to/python3" >&2; exit 1; }; \
		echo "environment of $$python"; "$$python" -m venv --clear $(VENV); }
	$(PIP) --require-hashes -r requirements.txt -r requirements/build.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src/phantom_gateway  # a third of a second of the first start
	@touch $@

ui: $(STAMP) $(UI)  ## build the Admin UI where its sources have changed
# What must be there before: two installations into one environment must not run side by side.
UI_AFTER ?=
$(UI): $(UI_SOURCES) | $(UI_AFTER)
	@bash tools/ui.sh build

ui-check: ui  ## types, lint and unit tests of the Admin UI
	@bash tools/ui.sh check

wheel: ui  ## build the wheel, the Admin UI in it
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

dev: $(DEV_STAMP)
$(DEV_STAMP): $(STAMP) requirements/dev.txt
	$(PIP) --require-hashes -r requirements/dev.txt
	@touch $@

bridge: $(BRIDGE)/.installed  ## install LiteLLM's SDK, in an environment of its own
$(BRIDGE)/.installed: requirements/bridge.txt | $(STAMP)
	@$(BIN)/python -m venv --clear $(BRIDGE)
	$(BRIDGE)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bridge.txt
	@touch $@

# Without the resolver (the lock has everything) and without compiling what is never imported: a third of the time.
clients: $(CLIENTS)/.installed  ## install the clients of the contract tests, in an environment of their own
$(CLIENTS)/.installed: requirements/clients.txt | $(STAMP)
	@$(BIN)/python -m venv --clear --without-pip $(CLIENTS)
	$(BIN)/pip --python $(CLIENTS)/bin/python install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes -r requirements/clients.txt
	@touch $@

run: setup  ## set up and serve on 127.0.0.1:4000
	@exec $(BIN)/phantom serve --host $(HOST) --port $(PORT)

# The driven browser's loop and asynchronous tests cannot share a process, so tests/browser has its own.
test:  ## set up, then format, lint, types, walls and every test
	@started=$$(date +%s) && halves=$$(( $(JOBS) * 3 / 2 )) \
		&& $(MAKE) --no-print-directory -j $$halves --output-sync=target UI_AFTER=$(DEV_STAMP) check ui-check bridge clients \
		&& $(PYTEST) -n $$halves --ignore tests/browser tests \
		&& $(PYTEST) -n $(JOBS) tests/browser \
		&& echo "all passed in $$(( $$(date +%s) - started )) s"

check: dev  ## format, lint, types, import walls
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: dev  ## rewrite the sources in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: dev  ## remake the generated reference pages and the UI's part of the API
	$(BIN)/python -m tools.ui_api
	$(BIN)/python -m tools.config_reference
	$(BIN)/python -m tools.audit_reference

bench: dev  ## measure against nginx (the floor) and LiteLLM where installed
	$(BIN)/python -m bench

lock:  ## remake the hashed requirements files from pyproject.toml
	@bash tools/lock.sh
