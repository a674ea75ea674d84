# Two commands for a newcomer: `make demo` and `make test`.  PYTHON names another Python 3.11 or newer.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: demo test check format bench

demo: $(INSTALLED)
	$(BIN)/gqlreports demo $(ARGS)

test: $(INSTALLED)
	$(BIN)/pytest -n auto --dist loadfile $(ARGS)

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks.reports
	$(BIN)/python -m benchmarks.loading

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	touch $@
