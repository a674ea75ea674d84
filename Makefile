# Two commands for a newcomer: `make demo` and `make test`.  PYTHON names another Python 3.11 or newer; STORE, as in
# `make test STORE=clickhouse://USER:PASSWORD@HOST:8123`, a real server for the tests of the store, CLUSTER a cluster there.
# `make bench SIZE=100` measures, on stores of up to 100 million CDRs.  `make docs` builds the site, `make dist` a release.
PYTHON ?= python3
BIN := .venv/bin
# What builds the panel; what the demo needs; what the tests need; what builds the site.
BUILDS := .venv/builds
RUNS := .venv/runs
INSTALLED := .venv/installed
DOCS_INSTALLED := .venv/docs-installed
# Told twice to be quiet, pip still prints its errors.
PIP := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt
# The panel is built while pip installs, unless pip has to bring Node first.
AT_ONCE := $(if $(shell command -v node),2,1)
# In the order of tests/conftest.py.
WORKERS := -n auto --dist loadfile --no-loadscope-reorder
COVERED := 88
# What the site shows, and what its pages link to.
PAGES := README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md compose.yaml deploy docs examples

.PHONY: demo panel screenshots test test-fast coverage check format bench docs dist

demo:
	@$(MAKE) --silent --jobs=$(AT_ONCE) $(RUNS) panel
	@$(BIN)/gqlreports demo $(ARGS)

panel: $(BUILDS)
	@$(BIN)/python hatch_build.py

# Those of the README, by a test.
screenshots: $(INSTALLED) panel
	GQLREPORTS_SCREENSHOTS=1 $(BIN)/pytest tests/panel/test_looks.py -k screenshots

ifdef STORE
test: export GQLREPORTS_TEST_STORE = $(STORE)
test: export GQLREPORTS_TEST_CLUSTER = $(CLUSTER)
endif
test: $(INSTALLED) panel
	@$(BIN)/python -m tests.clickhouse.library || true
	$(BIN)/pytest $(WORKERS) $(ARGS)

# What needs no server, browser, database or command, and makes no long comparison.
test-fast: $(INSTALLED)
	$(BIN)/pytest $(WORKERS) -m "not processes and not thorough" $(ARGS)

# The least share of lines that these tests run; what runs in processes of its own is not counted.
coverage: $(INSTALLED)
	$(BIN)/pytest $(WORKERS) -m "counted or not (processes or thorough)" --cov --cov-fail-under=$(COVERED) $(ARGS)

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

SIZE ?= 1
bench: $(INSTALLED)
	$(BIN)/python -m benchmarks --size $(SIZE) $(ARGS)

# The variable silences a notice of the theme about its successor.
docs: $(DOCS_INSTALLED)
	rm -rf build/pages
	mkdir -p build/pages
	cp -r $(PAGES) build/pages
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

dist: panel
	$(BIN)/hatchling build

$(BUILDS):
	@echo "Making a Python environment in .venv: some seconds."
	@$(PYTHON) -m venv .venv
	@$(PIP) hatchling
	@touch $@

# What is not compiled now is compiled when it is used.
$(RUNS): pyproject.toml constraints.txt | $(BUILDS)
	@echo "Installing gqlreports and its packages into .venv: about a minute, and 1.1 GB."
	@$(PIP) --no-compile --editable '.[embedded,files]'
	@touch $@

$(INSTALLED): pyproject.toml constraints.txt | $(BUILDS)
	@echo "Installing gqlreports and what its tests need into .venv: about two minutes, and 1.4 GB."
	@$(PIP) --editable '.[test]'
	@touch $(RUNS) $@

$(DOCS_INSTALLED): $(INSTALLED)
	$(PIP) --editable '.[docs]'
	touch $@
