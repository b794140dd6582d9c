# One environment (.venv), made once; every target below uses it.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
export PATH := $(BIN):$(PATH)

.PHONY: setup rollback test check lab bench site clean
.DEFAULT_GOAL := help

help:  ## what there is
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 12

$(VENV)/.ready: pyproject.toml startup.pth
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[lab,site,dev]'
	@touch $@

setup: $(VENV)/.ready  ## make the environment

check: $(VENV)/.ready  ## lint, format, types, layers, unit tests
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache
	pytest -q -m 'not slow and not real'
