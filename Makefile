# `make repro` runs the pipeline, `make test` all checks; both set the project up first.
PYTHON ?= python3.11
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Stages and tools import the project from its root.
export PYTHONPATH := $(CURDIR)

.PHONY: help setup repro test lint params deps lock
help:
	@echo "make repro   run what changed, from posts and images to scores"
	@echo "make test    linters, types, layers and all tests"
	@echo "make params  write params.yaml from conf/ (make params SET='dataset=twitter2015')"
	@echo "make deps    write each stage's code deps into dvc.yaml"
	@echo "make lock    pin the newest versions of what pyproject.toml asks for"

setup: $(VENV)/ready

# The environment is made anew when the lock changes.
$(VENV)/ready: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --requirement requirements.lock
	touch $@

repro: setup
	dvc repro

test: lint
	pytest -n 2 --dist loadfile

lint: setup
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	python -m tools.closure

params: setup
	python -m cli params $(SET)

deps: setup
	python -m tools.closure --write

lock: setup
	python -m cli lock
