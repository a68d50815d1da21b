# `make help` lists the targets. Nothing here overrides a variable that is set.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help serve test test-live test-browser check fix migrate seed openapi lock bench prove clean

help: ## list what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.runtime: requirements.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit("Quizwell needs Python 3.11 or newer; name one: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the packages that Quizwell runs on (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@echo "Installing the packages that prove it (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.txt
	@touch $@

serve: $(VENV)/.runtime ## migrate, seed and serve on 127.0.0.1:8000
	@exec $(BIN)/quizwell serve

migrate: $(VENV)/.runtime ## bring the tables up to date
	@$(BIN)/quizwell migrate

seed: $(VENV)/.runtime ## load the seed bank; again changes nothing
	@$(BIN)/quizwell seed

# What Hypothesis generates goes the same ways hundreds of times, so its coverage is not recorded:
# that took 118 seconds instead of 72.
test: $(VENV)/.dev ## everything that proves it, on SQLite and PostgreSQL
	@$(BIN)/python -m coverage erase
	@$(PYTEST) -m "not browser and not live and not hypothesis" -n 2 --dist loadfile --cov --cov-report=term:skip-covered
	@$(PYTEST) -m "not browser and not live and hypothesis" -n 2 --dist loadfile

test-browser: $(VENV)/.dev ## what needs Chromium and its driver
	@$(PYTEST) -m browser

test-live: $(VENV)/.dev ## search against the real Meilisearch that MEILI_URL or MEILI_BINARY names
	@test -n "$$MEILI_URL$$MEILI_BINARY" || { echo "Set MEILI_URL and MEILI_KEY, or MEILI_BINARY (then it is also killed, wiped and restored)."; exit 1; }
	@$(PYTEST) -k "live or real" tests/search

check: $(VENV)/.dev ## packages, format, lint, types, imports, migrations, OpenAPI
	@$(BIN)/python -m pip --disable-pip-version-check check
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/quizwell migrate --check
	@$(BIN)/quizwell openapi --check

fix: $(VENV)/.dev ## format, and mend what can be mended by itself
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

openapi: $(VENV)/.runtime ## write openapi/openapi.json and docs/errors.md
	@$(BIN)/quizwell openapi

lock: $(VENV)/.dev ## choose exact versions anew, by hash
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build --extra dev pyproject.toml -o requirements-dev.txt

bench: $(VENV)/.dev ## measure beside baselines; BASE=<commit>: beside that commit (needs wrk)
	@$(BIN)/python -m bench $(BASE)

prove: $(VENV)/.dev ## the long campaigns at full count; writes docs/proof.md
	@$(BIN)/python -m tests.prove

clean: ## remove what was built, never your data
	@rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
