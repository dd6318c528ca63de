# Everything a clone needs, from nothing: `make demo` shows the gateway at work, `make test` proves it.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The same versions everywhere; copies, since the cache may lie on another file system.
VERSIONS := --constraint constraints.txt
INSTALL := UV_LINK_MODE=copy $(BIN)/uv pip install --quiet --python $(BIN)/python $(VERSIONS)

# Two processes, each with peers of its own: most tests wait for something.
PYTEST := $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

# What was installed, and when: made anew when what stands in these files changes.
INSTALLED := $(VENV)/.installed
INSTALLED_FOR_TESTS := $(VENV)/.installed-for-tests
DEPENDENCIES := pyproject.toml constraints.txt

.PHONY: help
help: ## Show what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

.PHONY: setup
setup: $(INSTALLED) ## Make .venv, with the gateway and the versions of constraints.txt

.PHONY: demo
demo: setup ## Send a made CT study through the gateway, and show where it went
	$(BIN)/python -m examples.demo

.PHONY: up
up: setup ## Run the gateway here, until interrupted
	$(BIN)/mig up

.PHONY: peers
peers: $(INSTALLED_FOR_TESTS) ## Install the real components that the tests need beside the gateway
	$(BIN)/python -m tests.peers.install

# Whatever the shell says: without byte code each of the many interpreters that the tests start would compile it all.
test test-quick newest: export PYTHONDONTWRITEBYTECODE :=

.PHONY: test
test: export CI := true
test: lint types contracts peers ## Check everything, with every peer (what CI runs)
	$(PYTEST)

# Its versions are looked up each time: what was the newest when it was made is not what is asked for.
.PHONY: test-newest
test-newest: ## Check everything on the newest versions that pyproject.toml allows, in .venv-newest
	rm -f .venv-newest/.installed .venv-newest/.installed-for-tests
	$(MAKE) VENV=.venv-newest VERSIONS=--upgrade newest

.PHONY: newest
newest: export CI := true
newest: peers
	$(BIN)/uv pip freeze --python $(BIN)/python
	$(PYTEST)

.PHONY: test-quick
test-quick: lint ## Check what needs no peer, in less than a minute
	$(PYTEST) --numprocesses 3 --hypothesis-profile quick -m "not peers and not slow"

.PHONY: faults
faults: export CI := true
faults: peers ## Try for an hour what make test tries for minutes: kills and requests that are made up
	$(PYTEST) --at-length -m at_length

.PHONY: pictures
pictures: peers ## Take the pictures of the docs anew
	RENEW_PICTURES=1 $(BIN)/pytest tests/site/test_dashboard.py tests/site/test_export_dashboard.py tests/site/test_studies_form.py

.PHONY: lint
lint: $(INSTALLED_FOR_TESTS) ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: $(INSTALLED_FOR_TESTS) ## Check types
	$(BIN)/mypy

.PHONY: contracts
contracts: $(INSTALLED_FOR_TESTS) ## Check that each floor imports only what lies below it
	$(BIN)/lint-imports

.PHONY: bench
bench: peers ## Measure everything beside its peers, into docs/bench.json and a chart
	$(BIN)/python -m bench --profile

.PHONY: clean
clean: ## Remove what was made here, but no received data
	rm -rf $(VENV) .venv-newest build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache test-output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): $(DEPENDENCIES)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Python 3.11 or later is needed, and \`$(PYTHON)\` is missing or older: install it, or name another by \`make PYTHON=…\`." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv module is missing: install it (Debian: apt-get install python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	$(INSTALL) --editable .
	@touch $@

$(INSTALLED_FOR_TESTS): $(INSTALLED)
	$(INSTALL) --compile-bytecode --editable '.[test]'
	@touch $@
