# Every target sets up what it needs from a bare Python (3.11 or later, with venv and pip) and is quick when run again.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
BIN := $(VENV)/bin

.PHONY: help demo up test test-all test-long bench bench-quick fuzz soak lint sbom audit lock clean

help:
	@echo "make demo      the main job on sample figures: collect, check, store, report"
	@echo "make up        live and unattended: Prefect server, schedules, runner, until it is stopped"
	@echo "make test      the test suite (SQLite and a real PostgreSQL)"
	@echo "make test-all  the same with browser, kills and faults"
	@echo "make test-long only what make test leaves out: browser, kills, faults, whole ways of sources"
	@echo "make bench     every figure to reach, measured (20 minutes, 6 GB of disk); bench-quick: all of it, small"
	@echo "make soak      10,000 scheduled runs fast-forwarded, with a plot (RUNS=500 for fewer); half an hour of one core"
	@echo "make fuzz      coverage-guided fuzzing of every reader, each for SECONDS=60 (TARGETS='jsonstat ods': only these)"
	@echo "make lint      formatting, style, types, import rules"
	@echo "make sbom      dist/sbom.json: every locked package with its hashes (CycloneDX), the same bytes each time"
	@echo "make audit     known weaknesses of the locked packages; needs a network, and says so without one"
	@echo "make lock      requirements.lock and .ci/tools.lock made anew"
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

# worksteal: each worker goes through its half in order, so that what the tests of a file share is made once
test: $(INSTALLED)
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m "not long" --require postgresql

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

RUNS ?= 10000
soak: $(INSTALLED)
	@$(BIN)/python tests/soak/soak.py --runs $(RUNS) --plot docs/images/soak.svg

$(VENV)/.fuzz: $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[fuzz]'
	@touch $@

SECONDS ?= 60
fuzz: $(VENV)/.fuzz
	@$(BIN)/python -m tests.fuzz.guided --seconds $(SECONDS) $(TARGETS)

lint: $(INSTALLED)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

TOOLS := $(VENV)/tools
$(TOOLS)/.installed: .ci/tools.lock
	@$(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .ci/tools.lock
	@touch $@

sbom: $(TOOLS)/.installed
	@mkdir -p dist
	@PYTHONWARNINGS=ignore $(TOOLS)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml \
		--output-reproducible --of JSON -o dist/sbom.json
	@$(TOOLS)/bin/python .ci/sbom.py requirements.lock dist/sbom.json

audit: $(TOOLS)/.installed
	@$(TOOLS)/bin/python .ci/audit.py $(TOOLS)/bin/pip-audit requirements.lock

lock: $(INSTALLED)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header --extra dev pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header .ci/tools.in -o .ci/tools.lock

clean:
	@rm -rf $(VENV) var/demo
