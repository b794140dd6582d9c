# One environment (.venv), made when it is first needed; every target uses it.
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
export PATH := $(BIN):$(PATH):/usr/sbin:/sbin

.DEFAULT_GOAL := help
.PHONY: help setup rollback drill lab site pictures check test bench clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' Makefile | expand -t 16

setup: $(VENV)/.ready ## make the environment

$(VENV)/.ready: pyproject.toml startup.pth
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[lab,site,dev]'
	@touch $@

rollback: setup ## the main job in the practice environment: from the bad v1.5.0 to a verified v1.4.2
	runbook practice break bad-release
	cd notebooks && papermill rollback.ipynb -p tag v1.4.2

drill: setup ## prove every runbook against known faults in the practice environment
	runbook drill --all

lab: setup ## open the runbooks in JupyterLab
	cd notebooks && jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root)

site: setup ## drill every runbook in practice, then build the site into site/
	runbook drill --all
	runbook site

pictures: setup ## take the documentation's pictures anew, in a real browser
	python -m tests.browser.pictures

check: setup ## lint, format, types, layers, unit tests: two minutes on two cores
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache
	pytest -q -n 2 --dist loadfile -m 'not slow and not real'

test: setup ## everything, with real container engine, ssh server and papermill
	ruff check .
	ruff format --check .
	mypy
	lint-imports --no-cache
	scripts/real-parts || test "$(CI)" != true
	pytest -q -n 2 --dist loadfile -m 'not real and not slow'
	pytest -q -n 2 --dist loadfile -m 'real or slow' --ignore tests/browser
	# A container that starts elsewhere changes the network, and Chromium then gives up what it was loading.
	pytest -q -n 2 --dist loadfile -m 'real or slow' tests/browser
	runbook site

bench: setup ## speed and memory, as ratios in one run
	scripts/real-parts
	python -m tests.bench.rollback
	python -m tests.bench.review
	python -m tests.bench.backup
	python -m tests.bench.migrations
	python -m tests.bench.site
	python -m tests.bench.triage

clean: ## stop practice and remove what was made; the record in .runbooks stays
	-test ! -x $(BIN)/runbook || runbook practice stop
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache
