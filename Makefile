# `make demo` and `make test` set up all that they need; a second run finds it there and takes under a second for it.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help setup demo test check verify nightly contrast prove-controls leaks bench clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/.installed
NO_ENGINE := 3
APT := DEBCONF_NOWARNINGS=yes DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300

help: ## Show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## Set up the virtual environment, the Docker engine and the sandbox image
	@status=0; .ci/engine || status=$$?; \
	case $$status in \
		0) $(BIN)/roadmark image build --quiet-if-current ;; \
		$(NO_ENGINE)) ;; \
		*) exit $$status ;; \
	esac

demo: setup ## Grade right and wrong solutions and a cohort of 30, and write their reports
	$(BIN)/roadmark demo $(ARGS)

test: setup ## Run all tests, in real containers too; ARGS="-k words" chooses
	@.ci/test-tools
	$(BIN)/pytest -m "not slow" $(ARGS)

check: $(INSTALLED) ## Check style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

verify: setup ## Prove that references pass and that wrong solutions are caught
	$(BIN)/roadmark verify $(ARGS)

nightly: setup ## Fuzz what comes in, 70 times as long as the tests do, and run what takes minutes
	FUZZ=70 $(BIN)/pytest tests/intake/test_fuzz.py tests/test_wire.py
	LEAKS=67 $(BIN)/pytest tests/hostile/test_leaks.py
	$(BIN)/pytest -m slow

prove-controls: setup ## Take each control of the sandbox away and see it missed
	$(BIN)/pytest tests/hostile/test_controls.py $(ARGS)

contrast: setup ## Hand the forgers to plain pytest, and write the table in docs/hostile.md
	$(BIN)/python -m tests.hostile.contrast

leaks: setup ## Grade 300 times, kill the harness 30 times, and see that nothing is left
	LEAKS=20 $(BIN)/pytest tests/hostile/test_leaks.py

bench: setup ## Measure what the promises about speed are about
	for script in bench/*.py; do $(BIN)/python $$script || exit; done

clean: ## Remove the virtual environment and what runs have left behind
	[ ! -x $(BIN)/roadmark ] || $(BIN)/roadmark clean
	rm -rf .venv .cache build dist results demo-reports *.egg-info .hypothesis .*_cache

$(INSTALLED): pyproject.toml constraints.txt
	@echo "setup: installing Roadmark into .venv (the first time takes some minutes)"
	@[ -x $(BIN)/pip ] || $(PYTHON) -m venv --clear .venv >/dev/null || $(MAKE) --no-print-directory .venv-from-debian
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

# Debian and Ubuntu keep the module venv in a package of its own.
.PHONY: .venv-from-debian
.venv-from-debian:
	@[ "$$(id -u)" = 0 ] || { echo "setup: Python has no venv: sudo apt-get install python3-venv" >&2; exit 1; }
	@$(APT) update >/dev/null; $(APT) install -y --no-install-recommends python3-venv </dev/null >/dev/null
	@/usr/bin/python3 -m venv --clear .venv
