# Everything sets itself up: Python 3.11+, make and git are all that must be there.
PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
  BIN := $(VENV)/Scripts
else
  BIN := $(VENV)/bin
endif
RUN := $(BIN)/python
READY := $(VENV)/.ready

.PHONY: demo test check bench drift docs clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[plot,test,dev]"
	$(RUN) -c "open('$(READY)', 'w').close()"

demo: $(READY)  ## render a schedule on the embedded model, offline
	$(RUN) -m animate render keyframes/demo.yaml -o out/demo

test: $(READY)  ## lint, types, tests
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m pytest

check: $(READY)  ## every schedule that ships
	$(RUN) -m animate check keyframes/*.yaml

bench: $(READY)  ## figures, as ratios
	$(RUN) benchmarks/run.py

drift: $(READY)  ## the curve of docs/drift.png: 240 frames, some minutes
	$(RUN) -m benchmarks.drift

docs: $(READY)  ## pages and schema generated from the table of fields
	$(RUN) -m animate.schedule.document

TRAINING := $(VENV)/.training
$(TRAINING): $(READY)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[training]"
	$(RUN) -c "open('$(TRAINING)', 'w').close()"

MINUTES ?= 60
DEVICE ?= auto
train-%: $(TRAINING)  ## train-autoencoder, train-painter, train-depth, train-inbetween, train-judge, train-critic: MINUTES=60 DEVICE=auto
	$(RUN) -m training.$* --minutes $(MINUTES) --device $(DEVICE)

clean:
	rm -rf $(VENV) out build *.egg-info
