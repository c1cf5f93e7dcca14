# Every target sets up what it needs from a bare Python (3.11 or later, with venv and pip) and is quick when run again.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
BIN := $(VENV)/bin

.PHONY: help demo up test test-all test-long bench bench-quick lint lock clean

help:
	@echo "make demo      the main job on sample figures: collect, check, store, report"
	@echo "make up        live and unattended: Prefect server, schedules, runner, until it is stopped"
	@echo "make test      the test suite (SQLite and a real PostgreSQL)"
	@echo "make test-all  the same with browser, kills and faults"
	@echo "make test-long only what make test leaves out: browser, kills, faults, whole ways of sources"
	@echo "make bench     every figure to reach, measured (20 minutes, 6 GB of disk); bench-quick: all of it, small"
	@echo "make lint      formatting, style, types, import rules"
	@echo "make lock      requirements.lock made anew from pyproject.toml"
	@echo "make clean     remove the environment and the demo's files"

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed; run: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 2; }
	@echo "Setting up the environment in $(VENV) (once; about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(INSTALLED)

demo: $(INSTALLED)
	@$(BIN)/mittaristo demo

up: $(INSTALLED)
	@exec $(BIN)/mittaristo up

test: $(INSTALLED)
	@$(BIN)/python -m pytest -n 2 -m "not long" --require postgresql

test-all: $(INSTALLED)
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --require postgresql --require chromium

test-long: $(INSTALLED)
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m long $(LONG) --require postgresql --require chromium

$(VENV)/.bench: $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[bench]'
	@touch $@

bench: $(VENV)/.bench
	@$(BIN)/python -m bench

bench-quick: $(VENV)/.bench
	@$(BIN)/python -m bench --scale small

lint: $(INSTALLED)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lock: $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header --extra dev pyproject.toml -o requirements.lock

clean:
	@rm -rf $(VENV) var/demo
