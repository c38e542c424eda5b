# Aoli: everything a developer does. `make help` lists it.
# Needed beforehand: Python 3.11 or later (with venv) and make. Everything else is installed.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	"$$p" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo "$$p"; break; }; done)
KEPT ?= $(if $(DEMO),demo,runtime)
UP := $(BIN)/aoli up $(if $(DEMO),--demo) $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT))
WORKERS ?= auto
WEB := portal/web
# Extras stay in the locks: pip 23 refuses NAME[EXTRA] of a dependency where only NAME is pinned
# and a newer release exists.
COMPILE := $(BIN)/uv pip compile setup.py --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --no-annotate --no-strip-extras \
	--extra postgres --extra build

.DEFAULT_GOAL := help
.PHONY: help run test lint format bench cluster-test translations screenshots lock clean

help: ## List what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

run: $(VENV)/.$(KEPT) ## Run the whole portal on this machine (DEMO=1: with examples; HOST=, PORT=)
	@exec $(UP)

test: $(VENV)/.dev chromium ## Run all tests that need no Kubernetes (ARGS='-k name')
	CHROMIUM=$$(command -v chromium || command -v chromium-browser || command -v google-chrome) \
		$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not kubernetes" $(ARGS)

lint: $(VENV)/.dev ## Check style, types, who imports whom, and the pages' templates and scripts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djangofmt --check $(WEB)
	$(BIN)/djangofmt check $(WEB)
	$(BIN)/oxfmt --check $(WEB)
	$(BIN)/oxlint $(WEB)
	$(BIN)/python tests/web/lint_pages.py

format: $(VENV)/.dev ## Write Python, templates, scripts and styles as `make lint` wants them
	$(BIN)/ruff format .
	$(BIN)/djangofmt $(WEB)
	$(BIN)/oxfmt $(WEB)

bench: $(VENV)/.dev ## Measure; prints one table
	$(BIN)/python -m benchmarks $(ARGS)

cluster-test: $(VENV)/.dev ## Run the tests on a real Kubernetes (AOLI_TEST_KUBECONFIG names it)
	$(BIN)/pytest -m kubernetes $(ARGS)

translations: $(VENV)/.dev ## Collect all texts, update and compile the catalogues
	$(BIN)/python -m portal.web.catalogue update
	$(BIN)/python -m portal.web.catalogue compile
	$(BIN)/python -m portal.web.catalogue check

screenshots: $(VENV)/.dev chromium ## Take a picture of every page into screenshots/
	PYTHONPATH=.:tests:tests/web $(BIN)/python tests/browser/screenshots.py screenshots $(ARGS)

lock: $(VENV)/.dev ## Resolve setup.py's ranges anew into requirements/*.lock (ARGS=--upgrade)
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/pip install -q uv
	$(COMPILE) $(ARGS) -o requirements/runtime.lock
	$(COMPILE) $(ARGS) --extra demo -o requirements/demo.lock
	$(COMPILE) $(ARGS) --extra dev -o requirements/dev.lock

clean: ## Remove the environment and everything that tools left behind
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* htmlcov

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later with its venv module is needed (on Debian and" \
		"Ubuntu: apt install python3-venv); or name one: make run PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# One stamp for each set of packages: a second run starts at once.
$(VENV)/.runtime $(VENV)/.demo $(VENV)/.dev: $(VENV)/.%: requirements/%.lock setup.py | $(BIN)/python
	@echo "installing requirements/$*.lock"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q portal plugins device_plugins alert_rules
	@touch $@

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	command -v google-chrome >/dev/null || { \
		test "$$(id -u)" = 0 && command -v apt-get >/dev/null || { \
			echo "the browser tests need Chromium: install your system's package chromium" >&2; exit 1; }; \
		echo "installing chromium"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium >/dev/null; }
