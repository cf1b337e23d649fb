# Two commands: `make demo` runs the hospital, `make test` proves it. Both set up what they need.
SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for v in python3 python3.13 python3.12 python3.11; do \
	$$v -c '$(SUITABLE)' >/dev/null 2>&1 && echo $$v && break; done)
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check audit acceptance lock setup-demo setup-test

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

setup-demo setup-test: setup-%:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: sudo apt-get install -y python3 python3-venv"; exit 1; }
	@$(PYTHON) deploy/bootstrap $*

## make demo        set up, load the demo hospital, serve it, print what to open (Ctrl-C stops)
demo: setup-demo
	@$(BIN)/mingying demo run

## make check       format, lint, types, import contracts, pages
check:
	@test -x $(BIN)/ruff || { echo "The checkers are not installed yet: run make setup-test"; exit 1; }
	@$(BIN)/ruff format --check --quiet . || { echo "run .venv/bin/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@mkdir -p artifacts && $(BIN)/lint-imports --no-logo > artifacts/lint-imports.log || { cat artifacts/lint-imports.log; exit 1; }
	@$(BIN)/mypy --no-error-summary
	@cd viewer_h5 && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent check

## make test        set up, check, and every test, real servers and browser included
test: setup-test check
	@cd viewer_h5 && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent test
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup --no-loadscope-reorder --durations 15

## make audit       known vulnerabilities of dependencies, secrets in the tree
audit: setup-test
	@$(BIN)/pip-audit --strict -r deploy/locks/base.txt --disable-pip
	@cd viewer_h5 && PATH="$(CURDIR)/$(BIN):$$PATH" npm audit --omit=dev
	@git ls-files -z | xargs -0 $(BIN)/detect-secrets-hook --baseline deploy/secrets.baseline

## make acceptance  the acceptance book from the tests that prove requirements
acceptance: setup-test
	@$(BIN)/mingying acceptance --out artifacts/acceptance

## make lock        resolve the dependencies anew (needs uv)
lock:
	@deploy/locks/resolve
