# `make help` lists the targets. Recipes leave environment variables as they are.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
# One test process for each core; a process that is done takes tests from the others.
PARALLEL := -n logical --dist worksteal
# What only the mirror, long imports, upgrades and comparisons of whole services touch: `make test` runs it.
NOT_FAST := tests/search/meilisearch tests/search/operations tests/upgrade tests/contract/test_two_worlds.py \
	tests/contract/test_schemathesis.py tests/transfer/test_batch_pool.py tests/transfer/test_subprocess_run.py
# Each of these has a target of its own.
ELSEWHERE := not browser and not live

.DEFAULT_GOAL := help
.PHONY: help serve test test-fast test-full test-live test-browser check fix migrate seed openapi lock bench prove clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.runtime: requirements.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit("Quizwell needs Python 3.11 or newer; name one: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the packages that Quizwell runs on (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@echo "Installing the packages for development (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.txt
	@touch $@

serve: $(VENV)/.runtime ## migrate, seed and serve on 127.0.0.1:8000
	@exec $(BIN)/quizwell serve

migrate: $(VENV)/.runtime ## bring the tables up to date
	@$(BIN)/quizwell migrate

seed: $(VENV)/.runtime ## load the seed bank; again changes nothing
	@$(BIN)/quizwell seed

test: $(VENV)/.dev ## the tests of each change, on SQLite and PostgreSQL (6 minutes)
	@$(PYTEST) $(PARALLEL) -m "$(ELSEWHERE) and not slow and not campaign"

test-fast: $(VENV)/.dev ## the same on SQLite only, with fewer generated examples (90 seconds)
	@$(PYTEST) $(PARALLEL) -m "$(ELSEWHERE) and not slow and not campaign and not postgresql" --hypothesis-profile=fast $(addprefix --ignore=,$(NOT_FAST))

# Generated examples take the same paths hundreds of times, so their coverage is not recorded.
# Requests from the OpenAPI document are generated examples, too, and collecting them is slow.
test-full: $(VENV)/.dev ## every test, with campaigns, most examples and branch coverage
	@$(BIN)/python -m coverage erase
	@$(PYTEST) $(PARALLEL) -m "$(ELSEWHERE) and not hypothesis" --ignore=tests/contract/test_schemathesis.py --hypothesis-profile=full --cov --cov-report=term:skip-covered
	@$(PYTEST) $(PARALLEL) -m "$(ELSEWHERE) and hypothesis" --hypothesis-profile=full

test-browser: $(VENV)/.dev ## the tests in Chromium (needs its driver)
	@$(PYTEST) -m browser

test-live: $(VENV)/.dev ## search with the real Meilisearch that MEILI_URL or MEILI_BINARY names
	@test -n "$$MEILI_URL$$MEILI_BINARY" || { echo "Set MEILI_URL and MEILI_KEY, or MEILI_BINARY (a server that the tests may also kill, wipe and restore)."; exit 1; }
	@$(PYTEST) -k "live or real" tests/search

check: $(VENV)/.dev ## packages, format, lint, types, imports, migrations, OpenAPI
	@$(BIN)/python -m pip --disable-pip-version-check check
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/quizwell migrate --check
	@$(BIN)/quizwell openapi --check

fix: $(VENV)/.dev ## format, and fix what ruff can fix
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

openapi: $(VENV)/.runtime ## write openapi/openapi.json and docs/errors.md
	@$(BIN)/quizwell openapi

lock: $(VENV)/.dev ## update the locked versions and their hashes
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --extra build --extra dev pyproject.toml -o requirements-dev.txt

bench: $(VENV)/.dev ## measure beside baselines; BASE=<commit>: beside that commit (needs wrk)
	@$(BIN)/python -m bench $(BASE)

prove: $(VENV)/.dev ## run the campaigns at full count; writes docs/proof.md
	@$(BIN)/python -m tests.prove

clean: ## remove generated files, never your data
	@rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
