# The Python that .venv has, if it is whole and runs; `make PYTHON=python3.12 setup` makes .venv anew with another.
ifeq ($(origin PYTHON), undefined)
PYTHON    := $(shell test -e .venv/installed && .venv/bin/python -c "" 2>/dev/null && echo .venv/bin/python || echo python3)
endif
# Programs are called as modules: their scripts name this folder in their first line, which not every path fits into.
RUN       := .venv/bin/python -m
FUNCTIONS := submit generate status
PACKAGE   := $(shell find src/imagefactory -name '*.py')

# Bytecode is kept, whatever the shell says: the stack starts in half the time.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup stage demo up test unit entrypoints contract e2e hostile infra lint format types figures audit rot chaos fuzz bench mutants check setup-cloud deploy verify monitoring rotate-key setup-ci teardown release lock clean need-python

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

need-python:
	@"$(PYTHON)" -c "" 2>/dev/null || { echo "Python 3.11 or newer is needed, and $(PYTHON) does not run:" \
	  "install it, or try make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, and" \
	  "$(PYTHON) is older: try make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }

setup: need-python ## Install everything, hash-checked, into .venv
	@"$(PYTHON)" -m tools.install

stage: $(FUNCTIONS:%=build/%) ## Lay out each function as it is uploaded

# It appears whole or not at all: what an interrupted make left would count as made.
build/%: functions/%/main.py functions/%/requirements.txt $(PACKAGE)
	@rm -rf $@ $@.part && mkdir -p $@.part
	@cp $(filter functions/%,$^) $@.part/
	@cp -R src/imagefactory $@.part/imagefactory && rm -r $@.part/imagefactory/testing
	@find $@.part -name __pycache__ -prune -exec rm -r {} +
	@touch $@.part && mv $@.part $@

demo: setup ## Make five images from examples/ on a local stack, into out/
	$(RUN) local.demo

up: setup ## Start the local stack, and keep it until Ctrl-C
	$(RUN) local

test: setup ## Run all tests
	$(RUN) pytest -n 2 --dist loadgroup --cov --cov-report=term

unit: setup ## Run the tests that touch nothing outside their process
	$(RUN) pytest tests/unit tests/test_architecture.py tests/test_docs.py

entrypoints: setup ## Run the tests of the HTTP face, on ports in memory
	$(RUN) pytest tests/entrypoints

contract: setup ## Run the tests of every port and emulator against the real clients
	$(RUN) pytest tests/contract

e2e: setup ## Run the tests that use the whole local stack through HTTP
	$(RUN) pytest tests/e2e

hostile: setup ## Run the tests that send hostile requests to a local stack
	$(RUN) pytest tests/hostile

chaos: setup ## Run the tests that break things, then break a local stack for some minutes
	$(RUN) pytest tests/chaos
	$(RUN) local.chaos

infra: setup ## Run the tests of the deployment: the real gcloud against a recording fake
	$(RUN) pytest tests/infra

lint: setup ## Check style and formatting
	$(RUN) ruff check
	$(RUN) ruff format --check

format: setup ## Format the code
	$(RUN) ruff check --fix-only
	$(RUN) ruff format

types: setup ## Check types
	$(RUN) mypy

figures: setup ## Print lengths of modules and functions, and shares of docstrings, comments and types
	$(RUN) tools.figures

audit: setup ## Check the pinned dependencies for known vulnerabilities
	$(RUN) tools.audit

rot: setup ## Show what will break: each Python with its own pip, with the newest releases, and on future days
	$(RUN) tools.rot

fuzz: setup ## Send hostile and random requests to a local stack for half an hour, and check every answer
	FUZZ_LONG=yes FUZZ_EXAMPLES=300 HOSTILE_REQUESTS=50000 $(RUN) pytest -s tests/hostile

bench: setup ## Measure the memory of a generate process with forty attempts in flight
	PYTHONPATH=src $(RUN) bench.generate_memory

mutants: setup ## Break the package in sixty places, one at a time, and print where no unit test fails
	$(RUN) tools.mutants

check: lint types figures test demo ## All that must pass before a change lands

setup-cloud: need-python ## Prepare a Google Cloud project, once
	@"$(PYTHON)" -m infra setup

deploy: need-python ## Deploy the functions, the workflow and the page
	@"$(PYTHON)" -m infra deploy

verify: setup ## Check a deployment, and make two images with it
	@$(RUN) infra verify

monitoring: need-python ## Make metrics, alerts and a dashboard
	@"$(PYTHON)" -m infra monitoring

rotate-key: need-python ## Use a new encryption key
	@"$(PYTHON)" -m infra rotate-key

setup-ci: need-python ## Let a GitHub repository deploy, without a key
	@"$(PYTHON)" -m infra setup-ci

teardown: need-python ## Delete a deployment, after asking
	@"$(PYTHON)" -m infra teardown

release: setup ## Write a version, as in make release VERSION=1.2.3, and move CHANGELOG's heading
	@$(RUN) tools.release "$(VERSION)"

lock: setup ## Pin every dependency anew, with hashes
	$(RUN) tools.lock

clean: ## Remove everything that was made here
	rm -rf .venv build out .cache .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
