# make demo: set everything up and run the main job.   make test: pass the tests.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin
# Where data sets are found; "treefold download sst" brings them to a user's cache.
TREEFOLD_DATA ?= $(firstword $(wildcard data ../shared/data))
ifneq ($(TREEFOLD_DATA),)
export TREEFOLD_DATA := $(abspath $(TREEFOLD_DATA))
endif

.PHONY: demo test lint clean

demo: $(VENV)/ready
	$(RUN)/treefold train python-swaps --config recipes/python-swaps-demo.yaml \
		--out runs/demo --overwrite

test: $(VENV)/ready
	$(RUN)/python -m pytest -q -n auto

lint: $(VENV)/ready
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/pyright --pythonpath $(RUN)/python

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN)/pip install -q -c constraints.txt -e '.[test]'
	touch $@

clean:
	rm -rf $(VENV) runs
