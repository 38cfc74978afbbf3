# Each target is complete on a fresh machine: it creates .venv and installs into it what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
# Until the result is at the noise: 490 iterations, a minute on two fast cores.
DEMO := task=denoising image=astronaut max_side=256
# Of study-gpu: packages that a machine with PyTorch is likely to have, folder of results, seconds.
HAVE ?= numpy scipy pillow scikit-image
OUT ?= outputs/study_gpu_results
SECONDS ?= 840
SITE := outputs/study_gpu_site

.PHONY: help run test docs pictures fault-test fuzz slurm-test bench time-to-quality quality wheels study-gpu study-report
.PHONY: format check clean
.DEFAULT_GOAL := help

help:  ## print this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

run: $(INSTALLED)  ## restore a bundled photograph, in minutes (ARGS="key=value ..." for your own)
	$(BIN)/python -m dip_lightning $(or $(ARGS),$(DEMO))

test: check  ## lint, types and all tests
	$(BIN)/python -m pytest

docs: $(INSTALLED)  ## the pages of docs/ and the reference as a site, in docs/_build/
	$(BIN)/python -m sphinx -W --keep-going -q docs docs/_build

pictures: $(INSTALLED)  ## run examples/ and draw their pictures anew, in minutes
	for script in examples/*.py; do \
	  (cd docs/images/examples && MPLBACKEND=agg $(abspath $(BIN))/python ../../../$$script) || exit 1; \
	done

fault-test: $(INSTALLED)  ## kill fits at 20 random moments, go on, compare every bit (POINTS=20)
	$(BIN)/python -m tests.faults.killing --points $(or $(POINTS),20)

bench: $(INSTALLED)  ## time the suite beside a textbook loop (ARGS="--pairs 3 skip:256")
	$(BIN)/python -m benchmarks.speed $(ARGS)

time-to-quality: $(INSTALLED)  ## what a minute gives, of each method (ARGS="--seconds 30 60"); hours
	$(BIN)/python -m benchmarks.time_to_quality $(ARGS)

quality: $(INSTALLED)  ## the default beside classical methods (ARGS="half/house camera"); hours
	$(BIN)/python -m benchmarks.quality $(ARGS)

wheels:  ## packages for a GPU machine without a network, in wheels/ (THERE=3.12, HAVE="numpy scipy")
	$(PYTHON) -m benchmarks.study_gpu.wheels fetch wheels --python $(or $(THERE),3.12) --have $(HAVE)

study-gpu:  ## the whole study on a GPU that is lent, in parts (OUT=folder SECONDS=840)
	$(PYTHON) -m benchmarks.study_gpu.wheels install wheels $(SITE)
	PYTHONPATH=$(SITE):src:. $(PYTHON) -m benchmarks.study_gpu --out $(OUT) --seconds $(SECONDS) $(ARGS)

study-report: $(INSTALLED)  ## tables and figures of what study-gpu has gathered (OUT=folder)
	for file in $(OUT)/results-*.zip; do $(BIN)/python -m zipfile -e $$file outputs/study_gpu_home || exit 1; done
	for part in outputs/study_gpu_home/*; do \
	  $(BIN)/python -m dip_lightning.study report $$part --to outputs/study/$$(basename $$part) || exit 1; \
	done

check: $(INSTALLED)  ## lint and types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

fuzz: $(INSTALLED)  ## 10,000 damaged images, masks and command lines, in half an hour
	FUZZ_TIMES=36 $(BIN)/python -m pytest tests/fuzz -q --timeout 0

slurm-test: $(INSTALLED)  ## a sweep on real SLURM, in minutes (root on Debian: installs it)
	$(BIN)/python tests/slurm/check.py

format: $(INSTALLED)  ## rewrite the code in the project's format
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:  ## remove the environment and caches; results in outputs/ stay
	rm -rf $(VENV) docs/_build .mypy_cache .ruff_cache .pytest_cache

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "$(PYTHON): needs Python 3.11, 3.12 or 3.13; name one: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
