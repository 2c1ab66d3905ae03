# `make demo` and `make test` need Python 3.11-3.13, git and make, and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
JOBS ?= 2

.PHONY: demo test lint types contracts house unit data fuzz calibration kills bench notebooks docs docs-links lock clean

demo: $(STAMP)
	$(BIN)/coatqc demo -o demo_report

test: lint types contracts unit

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

contracts: $(STAMP)
	$(BIN)/lint-imports

# Counts of rooms, modules, long bodies, names; tests hold them.
house: $(STAMP)
	$(BIN)/python docs/house.py

# Each worker is one thread: the matrices are small.
unit: $(STAMP)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal

# The committed demo batch, made again; a test holds it to the bit.
data: $(STAMP)
	$(BIN)/python data/make_demo.py

# Long form of the reader fuzz; the short form is part of `make test`.
fuzz: $(STAMP)
	COATQC_FUZZ_MUTATIONS=10000 $(BIN)/python -m pytest tests/fuzz -p no:cacheprovider

# Long form of the calibrations; in `make test` three that take minutes have half their runs.
calibration: $(STAMP)
	OPENBLAS_NUM_THREADS=1 COATQC_CALIBRATION=long $(BIN)/python -m pytest -n $(JOBS) -m calibration

# Long form of the kills at random moments; the short form is part of `make test`.
kills: $(STAMP)
	OPENBLAS_NUM_THREADS=1 COATQC_KILLS=500 $(BIN)/python -m pytest tests/qc/test_watch.py -k killed

bench: $(STAMP)
	$(BIN)/python benchmarks/import_time.py
	$(BIN)/python benchmarks/side_by_side.py
	$(BIN)/python benchmarks/crack_throughput.py
	$(BIN)/python benchmarks/impedance_fits.py
	$(BIN)/python benchmarks/many_batches.py


# The site, in docs/_build/html; and whether its links to other hosts lead somewhere.
docs: $(STAMP)
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

docs-links: $(STAMP)
	$(BIN)/python -m sphinx -b linkcheck docs docs/_build/links

# The notebooks of docs/notebooks, executed anew and stored with what they gave.
notebooks: $(STAMP)
	$(BIN)/python docs/execute_notebooks.py

lock: $(STAMP)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --extra dev \
	  --no-header --quiet --upgrade pyproject.toml -o requirements.lock

$(STAMP): pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] <= (3,13) and "coatqc needs Python 3.11-3.13, found " + sys.version.split()[0] + "; call make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps -e .
	touch $(STAMP)

clean:
	rm -rf $(VENV) demo_report build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
