# ctdeck for people who work on it, or want to see it: `make demo`. Everything runs in ./.venv, which is made when needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# More arguments for pytest, such as ARGS='-k sampler'.
ARGS ?=

.PHONY: demo test check lab bench screenshots requirements clean

demo: $(READY)
	@$(BIN)/ctdeck demo --scenario tour

# Ends in bounded time, whatever happens: an interrupted pytest still tells what it was doing. Many tests watch clocks of real servers;
# one that failed beside others gets a second try, alone, and is named.
PYTEST := $(BIN)/python -m pytest $(ARGS)
test: $(READY)
	@timeout -s INT -k 20 1500 $(PYTEST) -n auto --maxprocesses 8 --dist loadgroup || { \
		test $$? = 1 && echo && echo "Once more, alone, what failed:" && timeout -s INT -k 20 900 $(PYTEST) --last-failed --last-failed-no-failures none; }

check: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

lab: $(READY)
	@tests/lab/lab up

bench: $(READY)
	@$(BIN)/python -m tests.bench

screenshots: $(READY)
	@$(BIN)/python screenshots/make.py

# Pin the newest versions that pyproject.toml allows.
requirements:
	@$(PYTHON) -m venv build/pip-tools && build/pip-tools/bin/pip install -q pip-tools
	@CUSTOM_COMPILE_COMMAND='make requirements' build/pip-tools/bin/pip-compile -q --upgrade --extra dev --generate-hashes \
		--strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
		-o requirements.txt pyproject.toml

clean:
	rm -rf $(VENV) build dist bench.json .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "ctdeck needs Python 3.11 or newer, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1 | tail -1)." >&2; \
		echo "Name another one: make $(or $(MAKECMDGOALS),demo) PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV) (once, about half a minute) ..." >&2
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
