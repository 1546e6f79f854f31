# Everything a developer runs. `make install` is the only step the others need; it repeats only when it has to.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK := --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links
ARGS ?=
# Each worker has its own Kafka and PostgreSQL; most tests wait for these, so two are not too many for two cores.
# In their own order: by size, the slowest files (few tests of a minute each) would come last, one worker idle.
WORKERS ?= 2

.PHONY: help install demo check format test chaos bench bench-judging bench-install lock schemas schema settings metrics screenshots clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

install: $(STAMP) ## .venv with the locked requirements and .venv/bin/assay

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Assay needs Python 3.11 or later; name one: make install PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked requirements into $(VENV)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: install ## the whole service on embedded parts; ARGS="--exit" and the like are passed on
	@$(BIN)/assay demo $(ARGS)

check: install ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## put the format right, and what lint can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: install ## every test; ARGS="tests/unit -k sessions" and the like are passed on
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

chaos: install ## kill, stop and cut everything while 300,000 records come, then compare (docs/chaos.md); a quarter of an hour
	@$(BIN)/python -m tests.chaos $(ARGS)

bench: install ## search-log beside the limit and other libraries; ARGS="--rounds 3" and the like: full sizes
	@$(BIN)/python -m tests.bench.stream all $(or $(ARGS),--quick)

bench-judging: install ## judging at the rate limit, in pairs, a call's CPU, under faults and kill -9; ARGS=--quick: small; half an hour
	@$(BIN)/python -m tests.bench.judging all $(ARGS)

bench-install: .venv-bench/.installed ## the stream libraries to compare with, in .venv-bench

.venv-bench/.installed: tests/bench/requirements.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r tests/bench/requirements.txt
	@touch $@

fuzz: install ## a million broken records: panes and dead letters, never a stop, memory flat
	@$(BIN)/python -m tests.fuzz $(ARGS)

lock: $(BIN)/uv ## the lock files anew from pyproject.toml, and that of the benchmarks
	$(BIN)/uv pip compile -q $(LOCK) --all-extras pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q $(LOCK) --constraint requirements.txt pyproject.toml -o requirements-run.txt
	echo 'hatchling>=1.27' | $(BIN)/uv pip compile -q $(LOCK) --constraint requirements.txt - -o deploy/requirements-build.txt
	printf 'aiokafka[lz4]\nfaust-streaming\nquixstreams\n' | $(BIN)/uv pip compile -q $(LOCK) - -o tests/bench/requirements.txt

$(BIN)/uv: | install
	$(BIN)/python -m pip install -q --disable-pip-version-check uv

schemas: install ## docs/schemas from the event models
	$(BIN)/python -m cli.schemas docs/schemas

schema: install ## migrations/schema.sql from the migrations
	$(BIN)/python -m tests.support.schema_dump

settings: install ## docs/settings.md from the settings
	$(BIN)/python -m core.settings_page > docs/settings.md

metrics: install ## docs/metrics.md from the table in core/telemetry.py
	$(BIN)/python -m core.telemetry > docs/metrics.md

screenshots: install ## the console's pictures in docs/images
	$(BIN)/python -m tests.support.console_pages docs/images

clean: ## everything made here: environment, caches, the test broker's jars
	rm -rf $(VENV) .venv-bench .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
