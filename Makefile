# Everything a developer or CI runs. `make` lists the targets; PYTHON=python3.12 chooses the interpreter.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help test e2e lint fmt crds goldens demo bench lock image clean

PYTHON ?= python3
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
ENVIRONMENTS := .venv/.ready .venv-runtime/.ready
TRIMTAB := PYTHONPATH=operator .venv/bin/python -m trimtab.app
LOCK := .venv/bin/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-strip-extras --no-header --no-annotate \
  $(if $(UPGRADE),--upgrade)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

test: lint ## set everything up, then run all checks and tests that need no cluster
	@hack/step 'unit tests and laws; the pure rooms are covered to the last branch' '20 s' \
	  .venv/bin/pytest tests/unit tests/property --cov --cov-report=term-missing:skip-covered
	@hack/step 'what runs in pods' '20 s' .venv-runtime/bin/pytest tests/runtime
	@hack/step 'binaries of the control plane' '12 min on 2 cores the first time, then 0 s' \
	  env PYTHONPATH=hack .venv/bin/python -m controlplane build
	@printf '\n── against a real control plane (usually 7 min)\n'
	@hack/pytest-on-clusters tests/controlplane

e2e: .venv/.ready ## the operator and a real Triton in a kind cluster; says why where there is no engine
	@printf '\n── in a real cluster (usually 25 min, and 15 min more where kind has to be built)\n'
	@hack/e2e/run $(E2E)

lint: $(ENVIRONMENTS) ## style, types and walls
	@hack/step 'ruff: style and mistakes' '1 s' \
	  bash -c '.venv/bin/ruff check --quiet && .venv/bin/ruff format --quiet --check'
	@hack/step 'mypy: types of the operator' '20 s, 2 min the first time' \
	  .venv/bin/mypy --exclude '^tests/(runtime|e2e/models)/' operator hack tests
	@hack/step 'mypy: types of what runs in pods' '5 s, 1 min the first time' \
	  .venv-runtime/bin/mypy --cache-dir=.mypy_cache/runtime runtime tests/runtime
	@hack/step 'import-linter: walls between the rooms' '2 s' \
	  env PYTHONPATH=operator:runtime .venv/bin/lint-imports --no-logo

fmt: .venv/.ready ## format the code and mend what can be mended
	@.venv/bin/ruff check --fix --show-fixes
	@.venv/bin/ruff format

crds: .venv/.ready ## write crds/ from trimtab.api
	@$(TRIMTAB) crds

goldens: .venv/.ready ## accept what rendering writes now; read the difference before you commit it
	@.venv/bin/pytest --quiet tests/unit --update-goldens
	@git diff --stat -- tests

demo: .venv/.ready ## see replicas follow traffic, 4 min; DEMO='--trace FILE' replays yours, DEMO=--help says more
	@hack/step 'binaries of the control plane' '12 min on 2 cores the first time, then 0 s' \
	  env PYTHONPATH=hack .venv/bin/python -m controlplane build
	@PYTHONPATH=operator:hack .venv/bin/python -m demo $(DEMO)

bench: .venv/.ready ## compare policies, 40 min; QUICK=1: 2 min; TRACES=DIR: on yours; WHAT=operator|trace|triton: others
	@$(or $(bench_$(WHAT)),$(error WHAT=$(WHAT): there is no such benchmark; write policies, operator, trace or triton))
WHAT = $(if $(BENCH),operator,policies)
BENCHMARK := OPENBLAS_NUM_THREADS=1 PYTHONPATH=operator:hack .venv/bin/python -m bench
bench_policies = $(BENCHMARK) policies $(if $(QUICK),--quick) $(if $(TRACES),--traces '$(TRACES)') $(BENCH)
bench_trace = $(BENCHMARK) trace $(BENCH)
bench_triton = $(BENCHMARK) triton $(BENCH)
bench_operator = $(BENCHMARK) $(or $(BENCH),--models 100 && $(BENCHMARK) --models 1000)

lock: .venv/.ready ## write requirements/ from pyproject.toml; UPGRADE=1 takes newer versions
	@$(LOCK) pyproject.toml --extra operator --output-file requirements/operator.txt
	@$(LOCK) pyproject.toml --extra runtime --output-file requirements/runtime.txt
	@$(LOCK) pyproject.toml --extra operator --extra simulate --group dev --output-file requirements/dev.txt
	@$(LOCK) pyproject.toml --extra runtime --group runtime-dev --output-file requirements/runtime-dev.txt
	@.venv/bin/python hack/train_lock.py $(LOCK) pyproject.toml --extra train --constraints requirements/runtime.txt
	@echo 'hatchling>=1.27,<2' | $(LOCK) - --output-file requirements/build.txt

image: ## build both images; BASE_IMAGE=... chooses what they stand on
	@for target in operator runtime; do \
	  docker build --target $$target --tag ghcr.io/trimtab/$$target:$(VERSION) \
	    --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) \
	    $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) .; \
	done

clean: ## remove what was made here; the control plane's binaries stay in your cache
	@rm -rf .venv .venv-runtime .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find hack operator runtime tests -name __pycache__ -prune -exec rm -rf {} +

.venv/.ready: requirements/dev.txt
	@hack/step 'the operator and its tools, in .venv' '1 min' env PYTHON=$(PYTHON) hack/venv .venv requirements/dev.txt

.venv-runtime/.ready: requirements/runtime-dev.txt
	@hack/step 'what runs in pods, in .venv-runtime' '2 min' \
	  env PYTHON=$(PYTHON) hack/venv .venv-runtime requirements/runtime-dev.txt
