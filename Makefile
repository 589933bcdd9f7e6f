# The few commands of a contributor; NB is a notebook, e.g. make test NB=nbs/5_train/53_losses.ipynb
.PHONY: setup export test run readme check
NB ?= nbs

setup:
	python -m pip install -e ".[dev]"
	nbdev_install_hooks

export:
	ruff check -q --fix --select I nbs
	ruff format -q nbs
	nbdev_export

test: export
	nbdev_test --do_print --path $(NB)

run: export
	python .ci/execute.py $(NB)

readme:
	python .ci/checks.py --readme

check: export
	nbdev_test --do_print
	python .ci/checks.py
