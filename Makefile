# Two commands for people: `make demo` and `make test`; `make browser` brings a Chromium for the
# tests of the page. All make .venv first; nothing else is needed
# than Python 3.11 or newer and a package index.

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name))))
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

FIRST := "installing into .venv; the first time this takes minutes and, with torch, gigabytes"

.PHONY: demo test lint browser docs readme bench wheel clean

demo: .venv/demo
	$(BIN)/python sample_data/demo.py

# Three at a time on two cores, as a third of the time is spent waiting. The threads of one do not
# spin while the others work, and numpy's, which always do, are one each.
test: .venv/dev lint
	OMP_WAIT_POLICY=passive OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n 3 --dist worksteal

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

browser: .venv/dev
	.ci/browser

docs: .venv/dev
	$(BIN)/python -m tests.support.documents

readme: .venv/dev
	$(BIN)/python -m tests.support.readme --write

bench: .venv/dev
	$(BIN)/python -m benchmarks.run

# dist/clipseek-….whl, for pip and pipx; tried in an environment of its own with all it stands on.
wheel: .venv/python
	rm -rf build/lib build/bdist.* dist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	PYTHON=$(PYTHON) .ci/wheel dist/*.whl

.venv/python:
	@test -n "$(PYTHON)" || { echo "no python3 found: install Python 3.11 or newer"; exit 1; }
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
		{ echo "$(PYTHON) is older than 3.11: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/demo: .venv/python pyproject.toml constraints.txt
	@echo $(FIRST)
	$(INSTALL) --editable '.[cpu,web]'
	@touch $@

.venv/dev: .venv/python pyproject.toml constraints.txt
	@echo $(FIRST)
	$(INSTALL) --editable '.[dev]'
	@touch $@

clean:
	rm -rf .venv build *.egg-info
