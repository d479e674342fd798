# `make demo` and `make test` do all their own set-up on a machine with Python 3.11+ and make.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
ROOMS = sdk store collector analytics dashboards cli
SOURCES = $(shell find $(ROOMS) -type f -not -path '*/__pycache__/*' 2>/dev/null) pyproject.toml README.md
PYTEST_WORKERS ?= 2

.PHONY: help demo test frameworks adapters check format lint types imports docs docs-check bench ground-truth lock clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Pinned and hashed dependencies first, then the project itself, as the wheel that users get.
$(VENV)/.dependencies: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "whichstep needs Python 3.11 or newer; set PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

$(VENV)/.installed: $(VENV)/.dependencies $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall .
	touch $@

demo: $(VENV)/.installed ## start the sidecar with sample agents; dashboard on http://127.0.0.1:8501
	$(BIN)/whichstep demo

test: $(VENV)/.installed ## the whole suite, on the built wheel
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadgroup

frameworks: $(VENV)/.installed ## play the framework matrix, each framework in an environment of its own; ONLY=langgraph,… plays some
	PYTHONPATH=tests $(BIN)/python -m frameworks $(if $(ONLY),--only $(ONLY))
	PYTHONPATH=tests $(BIN)/python -m frameworks.table

adapters: $(VENV)/.installed ## play held actions in every framework, each in an environment of its own; ONLY=langgraph,… plays some
	PYTHONPATH=tests $(BIN)/python -m frameworks.approvals $(if $(ONLY),--only $(ONLY))

check: lint types imports docs-check ## format, lint, types, import rules, docs current

format: $(VENV)/.dependencies ## rewrite the sources in the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/.dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dependencies
	$(BIN)/mypy

imports: $(VENV)/.installed
	$(BIN)/lint-imports

docs: $(VENV)/.installed ## write the generated reference pages again
	$(BIN)/python docs/generate.py

docs-check: $(VENV)/.installed
	$(BIN)/python docs/generate.py --check

bench: $(VENV)/.installed ## the figures of the README, with the machine's description
	$(BIN)/python -m benchmarks

DATA ?= ../shared/data/runs
ground-truth: $(VENV)/.installed ## figures against recorded runs with ground truth: DATA=folder OUT=file.json
	$(BIN)/python -m benchmarks.ground_truth --data $(DATA) $(if $(OUT),--out $(OUT)) --markdown

lock: ## resolve requirements.lock again (needs uv)
	uv pip compile pyproject.toml --extra dev --extra grpc --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links -o requirements.lock

clean: ## remove the virtual environment and build results
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis
