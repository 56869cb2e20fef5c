# make help lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
TOOLS := target/tools/bin
BINARY := $(or $(CARGO_TARGET_DIR),target)/release/tagwerk
SCRIPTS := $(wildcard scripts/*.sh training/*.sh) .ci/run

ifeq ($(LIBTORCH_SOURCE),download)
FEATURES := --features download-libtorch
endif

.PHONY: help setup build demo test lint bench chaos eval train clean tools

help: ## List the targets (the default)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Check the prerequisites; find or install libtorch
	@scripts/prerequisites.sh
	@scripts/libtorch.sh

build: setup ## Build the release binary, target/release/tagwerk
	$(CARGO) build --release --locked $(FEATURES)

demo: build ## Tag a German news article and print it in colour
	@$(BINARY) tag examples/article-de.txt --format pretty --color always

test: setup ## Run every test, doc tests included
	$(CARGO) test --locked $(FEATURES) --features faults

lint: setup tools ## Check the format, clippy, the API definition and the shell scripts
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets $(FEATURES) --features faults -- -D warnings
	$(TOOLS)/buf lint proto
	$(TOOLS)/buf format proto --diff --exit-code --exclude-path proto/google
	$(TOOLS)/shellcheck $(SCRIPTS)

bench: setup ## Measure the service against the bare encoder
	$(CARGO) bench --locked $(FEATURES) --bench service -- --runs 5

chaos: setup ## Prove the promises of the server against the real program (ten minutes)
	$(CARGO) bench --locked $(FEATURES) --features faults --bench chaos -- --write docs/reliability.md

eval: build ## Measure the model package on every held split
	training/evaluate.sh models/base

train: ## Go on training from the model package (see training/README.md; needs its Python packages)
	python3 training/train.py --init models/base --out target/run

clean: ## Remove everything that was built under target
	$(CARGO) clean

tools:
	@scripts/tools.sh lint
