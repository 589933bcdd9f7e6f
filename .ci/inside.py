"""The command `carparts` called within a drill's own process."""

import contextlib
import io
import signal
import time
import warnings
from collections import namedtuple
from pathlib import Path

Result = namedtuple("Result", "code out err warned seconds")


class Hang(BaseException):
    "A command took too long; no `except Exception` stops it."


def run_within(longest, *words):
    "Call it with `longest` seconds to end: exit code or 'hang', output, errors, RuntimeWarnings, processor seconds."
    from carparts_seg.cli import main

    out, err = io.StringIO(), io.StringIO()

    def ring(number, frame):
        raise Hang

    before, began = signal.signal(signal.SIGALRM, ring), time.process_time()
    signal.alarm(longest)
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(record=True) as w,
        ):
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", RuntimeWarning)
            try:
                code = main([str(x) for x in words])
            except SystemExit as e:
                code = e.code
            except Hang:
                code = "hang"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    said = {f"{x.message} ({Path(x.filename).name}:{x.lineno})" for x in w if issubclass(x.category, RuntimeWarning)}
    return Result(code, out.getvalue(), err.getvalue(), sorted(said), time.process_time() - began)
