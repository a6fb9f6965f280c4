# `make repro` runs the pipeline, `make test` all checks; both set the project up first.
PYTHON ?= python3.11
VENV := .venv
PIP := $(VENV)/bin/python -m pip --quiet --disable-pip-version-check install --no-deps
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Stages import the project from its root.
export PYTHONPATH := $(CURDIR)

.PHONY: help setup packages project repro test test-fast test-processor lint params lock
help:
	@echo "make repro      run what changed, from posts and images to scores"
	@echo "make test       linters, types, layers and all tests"
	@echo "make test-fast  the same without the slow tests: for the inner loop"
	@echo "make params     write params.yaml from conf/ (make params SET='dataset=twitter2015')"
	@echo "make lock       pin the newest versions of what pyproject.toml asks for"
	@echo "mner --help     what people run beside dvc (after source .venv/bin/activate)"

# The environment keeps a copy of what it was made from. Another lock makes it anew; another
# pyproject.toml installs the project's own command anew. Neither is done to an environment that is
# not of this place: --clear would empty what a link leads to, and a moved one's programs run
# those of its old place.
setup:
	@if [ -L $(VENV) ]; then echo "$(VENV) is a link, and what it leads to would be emptied:" \
		"remove the link, and make setup makes a new one"; exit 1; fi
	@if [ -e $(VENV)/bin/activate ] && ! grep -qF "$(CURDIR)/$(VENV)" $(VENV)/bin/activate; then \
		echo "$(VENV) was made at another place, to which its programs lead: remove it" \
		"(rm -r $(VENV)), and make setup makes a new one"; exit 1; fi
	@cmp -s requirements.lock $(VENV)/requirements.lock || $(MAKE) --no-print-directory packages
	@cmp -s pyproject.toml $(VENV)/pyproject.toml || $(MAKE) --no-print-directory project

packages:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) --requirement requirements.lock
	cp requirements.lock $(VENV)/requirements.lock

project:
	$(PIP) --no-build-isolation --editable .
	cp pyproject.toml $(VENV)/pyproject.toml

repro: setup
	dvc repro

test: lint
	pytest -n 2 --dist loadfile

test-fast: lint
	pytest -n 2 --dist loadfile -m "not slow and not dvc"

test-processor: setup
	pytest -n 2 --dist loadfile -m processor

lint: setup
	ruff check .
	ruff format --check .
	mypy
	lint-imports

params: setup
	mner params $(SET)

lock: setup
	mner lock
