# `make run` and `make test` do all set-up themselves on a machine that has Python 3.11 and make.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
PYTEST_ARGS ?=
SEED ?= 1
FUZZ_EXAMPLES ?= 3000
BIN := .venv/bin
CATALOGS := $(patsubst %.po,%.mo,$(wildcard idp/translations/*/LC_MESSAGES/messages.po))
CODE := idp clients wsgi.py tests docs

.PHONY: run test fuzz lint format bench screenshots docs lock messages migration clean help

help:
	@echo "make run          the provider, Tag, Pick and Pack, Express, Work, OneOffice, worker and mail sink; PORT=9000 moves the block"
	@echo "make test         the whole suite; PYTEST_ARGS='tests/policy -x' narrows it, SEED=2 is another order"
	@echo "make fuzz         the tests that invent their input, with more of it, each time another; FUZZ_EXAMPLES=3000"
	@echo "make lint         style, types, the floors of the house, templates"
	@echo "make format       rewrite what the linters can"
	@echo "make bench        requests per second, percentiles, statements per request, and how fast a loss arrives"
	@echo "make screenshots  the pictures of the README"
	@echo "make docs         write docs/reference from the code"
	@echo "make messages     what pages and mails say, brought into the translations"
	@echo "make migration    the next step of the database's history; MESSAGE='…' REV=…"
	@echo "make lock         resolve requirements/*.in into the hashed files (needs uv)"

run: .venv/.base $(CATALOGS)
	@PORT=$(PORT) exec $(BIN)/onix-account demo

test: .venv/.test $(CATALOGS)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --randomly-seed $(SEED) $(PYTEST_ARGS)

# What `make test` decides by the code alone, drawn anew.
fuzz: .venv/.test $(CATALOGS)
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/pytest -n 2 --timeout 3600 $$(grep -rlE 'hypothesis|schemathesis' tests --include='test_*.py') $(PYTEST_ARGS)

lint: .venv/.test
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy idp clients wsgi.py
	$(BIN)/lint-imports --no-cache
	$(BIN)/djlint --lint --quiet templates clients

format: .venv/.test
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

bench: .venv/.test $(CATALOGS)
	$(BIN)/python -m tests.bench.run

screenshots: .venv/.test $(CATALOGS)
	$(BIN)/python -m tests.screenshots

docs: .venv/.test $(CATALOGS)
	$(BIN)/python docs/generate.py

# The stamps make a second start cheap: nothing is asked of pip unless a requirement has changed.
.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.base: requirements/base.txt requirements/build.txt pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt -r requirements/base.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.test: requirements/test.txt .venv/.base
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

%.mo: %.po | .venv/.base
	$(BIN)/pybabel --quiet compile --input-file $< --output-file $@

messages: .venv/.base
	$(BIN)/pybabel --quiet extract --mapping-file config/babel.cfg --keyword _l --no-location --sort-output --omit-header --output-file .run-messages.pot .
	$(BIN)/pybabel --quiet update --input-file .run-messages.pot --output-dir idp/translations --locale nb --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	@rm -f .run-messages.pot

# The next step of the database's history, from what the models say now.
migration: .venv/.base
	mkdir -p .run && rm -f .run/migration.sqlite3
	ONIX_DATABASE_URL=sqlite:///.run/migration.sqlite3 $(BIN)/flask --app wsgi db upgrade
	ONIX_DATABASE_URL=sqlite:///.run/migration.sqlite3 $(BIN)/flask --app wsgi db migrate --message "$(MESSAGE)" --rev-id "$(REV)"
	rm -f .run/migration.sqlite3

lock:
	for name in build base test; do \
		uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
			--python-version 3.11 --allow-unsafe --output-file requirements/$$name.txt requirements/$$name.in || exit 1; \
	done

clean:
	rm -rf .run .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
