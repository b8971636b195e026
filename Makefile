# Everything sets itself up: on a fresh Debian 12, `make run` starts the service and `make test` runs the tests.
# ARGS is passed on:  make run ARGS=web   make test ARGS="tests/router -q"

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check
ARGS ?=
# Three processes, each with services of its own, and a file's tests in one of them: many tests wait more than they work.
SIDE_BY_SIDE ?= -n 3 --dist loadfile --no-loadscope-reorder

.DELETE_ON_ERROR:
.PHONY: help run demo test check lint types audit bench soak lock clean

help: ## these lines
	@sed -nE 's/^([a-z]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

run: $(VENV)/.run ## start everything that is configured
	$(BIN)/priemnaya run $(ARGS)

demo: $(VENV)/.run ## stand-ins of all platforms, with citizens writing
	$(BIN)/priemnaya demo $(ARGS)

test: $(VENV)/.test $(VENV)/.services ## the tests, against real services
	$(BIN)/pytest -m "not soak" $(SIDE_BY_SIDE) $(ARGS)

soak: $(VENV)/.test $(VENV)/.services ## long random runs
	$(BIN)/pytest -m soak --timeout 0 $(ARGS)

bench: $(VENV)/.test $(VENV)/.services ## the measurements behind what is said of speed
	$(BIN)/python -m benchmarks $(ARGS)

check: lint types audit ## ruff, mypy, and known holes in the pinned packages

lint: $(VENV)/.test
	$(BIN)/ruff check .

types: $(VENV)/.test
	$(BIN)/mypy

# An index that gives no list of known holes is said and passes; a hole that was found does not pass.
audit: $(VENV)/.test
	@$(BIN)/pip-audit --disable-pip --require-hashes --requirement requirements.lock --progress-spinner off \
	    >$(VENV)/audit.log 2>&1; status=$$?; \
	if grep -qE 'Found [0-9]+ known vulnerabilit' $(VENV)/audit.log; then cat $(VENV)/audit.log; exit 1; fi; \
	skipped=$$(grep -c 'could not be audited' $(VENV)/audit.log); \
	if [ $$status -ne 0 ]; then echo "pip-audit: not done, no list of known holes could be reached"; \
	else echo "pip-audit: $$skipped packages could not be looked up, no known holes in the others"; fi

# The lowest Python that is supported makes the locks; no address of an index may stand in them.
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --no-emit-options \
    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --build-deps-for editable
lock: $(VENV)/.test ## pin the dependencies anew; newer versions with ARGS=--upgrade
	$(COMPILE) $(ARGS) --output-file requirements.lock pyproject.toml
	$(COMPILE) $(ARGS) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml
	@! grep -nE '://|^-' requirements.lock requirements-dev.lock

clean: ## remove what was built; the data stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(BIN)/python:
	@sh .ci/python.sh $(VENV)

$(VENV)/.run: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing the pinned packages"
	@$(PIP) --require-hashes --requirement requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# The packages of the tests hold those of the service, in the same versions.
$(VENV)/.test: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "installing the pinned packages and those of the tests"
	@$(PIP) --require-hashes --requirement requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $(VENV)/.run $@

# Not a file while something is missing: then it is looked at each time.
$(VENV)/.services: tests/services/install.sh | $(BIN)/python
	@sh tests/services/install.sh && touch $@ || [ -z "$$CI" ]
