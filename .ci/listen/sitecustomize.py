"""Listens to nbdev while it executes notebooks: keeps what they print and how long they take, longest first.

Python imports a file of this name when it starts, if it is on its path. Where `CARPARTS_KEEP` names a folder, each
notebook that execnb's shell has run from top to bottom is written there, so that `.ci/execute.py --compare` need not
execute it again, and its seconds go into `seconds.csv`: of the clock, of the process, of its children. The notebooks
in `LONGEST` are begun first, and then the tutorials, so that at the end no core waits for one that began last.

Each notebook has a shell of its own, and what IPython does for a shell that people type into is left out: no history is
kept of it in a database with a thread of its own, and at the end of the process it isn't emptied, which took a garbage
collection each: half of the time of `nbdev_proc_nbs`.
"""

import atexit
import functools
import gc
import importlib.abc
import importlib.util
import os
import sys
import time
from pathlib import Path

LONGEST = "92_experiment 97_commands_train 81_export 79_browser_tests 58_learner 58_network 53_losses".split()
LONGEST += "92_grid 86_cluster 97_commands_predict 91_one_training 90_from_settings 88_package".split()


def keep_outputs(shell):
    "Have a shell write down the notebooks that it has run."
    run_all = shell.run_all

    @functools.wraps(run_all)
    def run_and_keep(self, nb, *args, **kwargs):
        import matplotlib
        import pandas as pd
        from execnb.nbio import write_nb

        pd.reset_option("^display")  # one notebook's choices are not the next one's
        pd.set_option("display.max_columns", 20, "display.width", 80)  # as in Jupyter, whatever the terminal
        preproc = kwargs.get("preproc", lambda cell: False)
        for cell in nb.cells:
            if not preproc(cell):
                cell.outputs = []  # what a cell no longer prints must not stay
        began, before = time.monotonic(), os.times()
        try:
            with matplotlib.rc_context():
                run_all(self, nb, *args, **kwargs)
        finally:
            spent = [b - a for a, b in zip(before, os.times())]
            seconds = time.monotonic() - began, spent[0] + spent[1], spent[2] + spent[3]
            with open(Path(os.environ["CARPARTS_KEEP"]) / "seconds.csv", "a") as f:
                f.write(f"{Path(nb.path_).stem}," + ",".join(f"{s:.1f}" for s in seconds) + "\n")
        write_nb(nb, Path(os.environ["CARPARTS_KEEP"]) / Path(nb.path_).name)

    shell.run_all = run_and_keep


def light_shell(shell):
    "Have a shell keep no history, and end without ceremony."
    from IPython.core.history import HistoryManager

    HistoryManager.__init__ = functools.partialmethod(HistoryManager.__init__, enabled=False)
    make = shell.__init__

    @functools.wraps(make)
    def make_light(self, *args, **kwargs):
        make(self, *args, **kwargs)
        atexit.unregister(self.atexit_operations)

    shell.__init__ = make_light


def on_execnb(module):
    "What is changed in execnb's shell."
    keep_outputs(module.CaptureShell)
    light_shell(module.CaptureShell)


def longest_first(module):
    "Have nbdev begin with the notebooks that take longest."
    parallel = module.parallel

    def sorted_parallel(f, items, *args, **kwargs):
        place = {name: i for i, name in enumerate(LONGEST)}
        rank = lambda path: (place.get(path.stem, len(place)), path.parent.name != "tutorials")
        order = sorted(range(len(items)), key=lambda i: rank(items[i]))
        results = dict(zip(order, parallel(f, [items[i] for i in order], *args, **kwargs)))
        return [results[i] for i in range(len(items))]

    module.parallel = sorted_parallel


CHANGED = {"execnb.shell": on_execnb, "nbdev.test": longest_first}


class Listener(importlib.abc.MetaPathFinder):
    "Waits for the modules in `CHANGED` to be imported."

    def __init__(self):
        self.left = dict(CHANGED)

    def find_spec(self, name, path, target=None):
        change = self.left.pop(name, None)
        if change is None:
            return None
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def load_and_change(module):
            load(module)
            change(module)

        spec.loader.exec_module = load_and_change
        return spec


if "CARPARTS_KEEP" in os.environ:
    gc.set_threshold(50_000, 20, 20)  # exports and pages of thousands of objects spent a tenth of their time there
    sys.meta_path.insert(0, Listener())
