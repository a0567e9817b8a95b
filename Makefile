PYTHON    ?= python3
BIN       := .venv/bin
FUNCTIONS := submit generate status
PACKAGE   := $(shell find src/imagefactory -name '*.py')

.DEFAULT_GOAL := help
.PHONY: help setup lock stage up demo lint format types test unit contract e2e coverage figures check clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/installed ## Install everything, hash-checked, into .venv

.venv/installed: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: try make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

LOCK = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11

lock: setup ## Pin every dependency again, with hashes
	$(LOCK) --upgrade --group dev pyproject.toml -o requirements-dev.txt
	$(foreach f,$(FUNCTIONS),$(LOCK) -c requirements-dev.txt --group $(f) pyproject.toml -o functions/$(f)/requirements.txt;)

stage: $(FUNCTIONS:%=build/%) ## Lay out each function as it is uploaded

build/%: functions/%/main.py functions/%/requirements.txt $(PACKAGE)
	rm -rf $@ && mkdir -p $@
	cp $(filter functions/%,$^) $@/
	cp -R src/imagefactory $@/imagefactory && find $@ -name __pycache__ -prune -exec rm -r {} +
	touch $@
