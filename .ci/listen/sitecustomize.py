"""Keeps what notebooks print while `nbdev_test` executes them, so that CI need not execute them twice.

Python imports a file of this name when it starts, if it is on its path. Where `CARPARTS_KEEP` names a folder, each
notebook that execnb's shell has run from top to bottom is written there; `.ci/execute.py --compare` reads it.
"""

import functools
import importlib.abc
import importlib.util
import os
import sys
from pathlib import Path


def keep_outputs(shell):
    "Have a shell write down the notebooks that it has run."
    run_all = shell.run_all

    @functools.wraps(run_all)
    def run_and_keep(self, nb, *args, **kwargs):
        import pandas as pd
        from execnb.nbio import write_nb

        pd.set_option("display.max_columns", 20, "display.width", 80)  # as in Jupyter, whatever the terminal
        preproc = kwargs.get("preproc", lambda cell: False)
        for cell in nb.cells:
            if not preproc(cell):
                cell.outputs = []  # what a cell no longer prints must not stay
        run_all(self, nb, *args, **kwargs)
        write_nb(nb, Path(os.environ["CARPARTS_KEEP"]) / Path(nb.path_).name)

    shell.run_all = run_and_keep


class Listener(importlib.abc.MetaPathFinder):
    "Waits for execnb's shell to be imported."

    def find_spec(self, name, path, target=None):
        if name != "execnb.shell":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def load_and_listen(module):
            load(module)
            keep_outputs(module.CaptureShell)

        spec.loader.exec_module = load_and_listen
        return spec


if "CARPARTS_KEEP" in os.environ:
    sys.meta_path.insert(0, Listener())
