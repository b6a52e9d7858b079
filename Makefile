# Every target makes the environment it needs; PYTHON chooses the interpreter.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SPEED := allocator attention_mesh dual_domain faces hypergradient maml render store
DOCS_STAMP := $(VENV)/.docs_installed

.PHONY: demo test check format bench attack docs clean

demo: $(STAMP)
	$(BIN)/metafacs demo --out runs/demo

test: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist loadfile

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Those of speed; the others need a trained model, or photos.
bench: $(STAMP)
	@for name in $(SPEED); do echo "== $$name"; $(BIN)/python benchmarks/$$name.py || exit 1; done

# Damage, hostile input, kills and power cuts: docs/reliability.md.
attack: $(STAMP)
	$(BIN)/python benchmarks/reliability.py

# The banner about MkDocs 2 is for people who have not pinned MkDocs.
docs: $(DOCS_STAMP)
	$(BIN)/python -m pytest tests/docs/test_api.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo "site: site/index.html"

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo,test,check]'
	touch $@

$(DOCS_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) runs site
