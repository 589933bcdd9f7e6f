"""The drills: each `.ci/drill*.py` tries what a user, a disk or an attacker may do, made from a seed, for its share.

    python .ci/all_drills.py [--seconds 60] [--seed 0] [NAME...]

A drill takes `--seconds N --seed S`, ends with 1 if it met something wrong, and prints as its last lines, one a kind,

    KIND: 120 tried, 80 refused, 40 as they should be, 0 tracebacks, 0 hangs, 0 wrong

Those of `TRAIN`, which need PyTorch, are forks of this process, which has imported it once; the others are processes of
their own. Prints `ok drill NAME: what was counted` or `FAILED drill NAME: why` a line each; exit code 1 if one fails.
With `--csv` the counts are printed as rows of nbs/explanation/reliability.csv, the command that gave them at the end.
"""

import argparse
import os
import re
import runpy
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

here = Path(__file__).resolve().parent
SHORT = {"drills": ["--short"]}  # goes by number and not by time: few in CI, all where there are over ten minutes
TRAIN = ("drill_extremes", "drill_files", "drill_opening", "drills")
COUNTS = ("tried", "refused", "as they should be", "tracebacks", "hangs", "wrong")
LINE = re.compile(r"(?m)^([^:\n]+): *" + ", *".join(rf"([\d,]+) {word}" for word in COUNTS) + r"\b")


def told_counts(kind, tried, refused, tracebacks=0, hangs=0, wrong=0):
    "What a drill says of a kind, as `counts` reads it; what is left of those tried was as it should be."
    right = tried - refused - tracebacks - hangs - wrong
    numbers = zip((tried, refused, right, tracebacks, hangs, wrong), COUNTS)
    return f"{kind}: " + ", ".join(f"{n} {word}" for n, word in numbers)


def counts(text):
    "The rows of a drill's output: kind, then the six counts."
    return [(kind, *(int(n.replace(",", "")) for n in numbers)) for kind, *numbers in LINE.findall(text)]


def problem(done, rows):
    "What is wrong with a drill that has ended; None: nothing."
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        failed = [line for line in lines if line.startswith("FAILED")] or lines[-5:]
        return f"exit code {done.returncode}: " + "; ".join(failed)[:600]
    bad = [f"{n} {word} ({kind})" for kind, *ns in rows for n, word in zip(ns[3:], COUNTS[3:]) if n]
    bad += [f"{kind}: nothing was tried" for kind, n, *_ in rows if not n]
    return "; ".join(bad) or None


def imported():
    "Import what a training, its report and its export need."
    os.environ.setdefault("MPLBACKEND", "Agg")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.path.insert(0, str(here.parent))
    import carparts_seg.cli
    import carparts_seg.deploy.export
    import carparts_seg.experiment
    import carparts_seg.grid  # noqa: F401


def process(command, limit):
    "Run a drill in a process of its own: what `subprocess.run` gives."
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(here.parent), os.environ.get("PYTHONPATH", "")])}
    try:
        return subprocess.run(
            [sys.executable, *command], cwd=here.parent, capture_output=True, text=True, env=env, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"FAILED: no end after {limit:.0f} s")


def as_script(command, out, err):
    "In a fork: become the script, as Python would run it; never returns."
    code = 1
    try:
        os.setpgid(0, 0)
        os.chdir(here.parent)
        for stream, file in ((1, out), (2, err)):
            os.dup2(file.fileno(), stream)
        streams = [open(k, "w", encoding="utf-8", buffering=1, closefd=False) for k in (1, 2)]
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = streams  # as long as it lives, as a process has them
        sys.argv = command
        runpy.run_path(command[0], run_name="__main__")
        code = 0
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else int(e.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def forked(command, limit):
    "The same in a fork of this process."
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        sys.stdout.flush()
        child = os.fork() or as_script(command, out, err)
        end, (done, status) = time.monotonic() + limit, (0, 0)
        while not done and time.monotonic() < end:
            time.sleep(0.1)
            done, status = os.waitpid(child, os.WNOHANG)
        if not done:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return subprocess.CompletedProcess(command, 124, "", f"FAILED: no end after {limit:.0f} s")
        out.seek(0), err.seek(0)
        said = (f.read().decode(errors="replace") for f in (out, err))
        return subprocess.CompletedProcess(command, os.waitstatus_to_exitcode(status), *said)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("names", nargs="*", help="drills (default: all)")
    p.add_argument("--seconds", type=float, default=60, help="of all drills together")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--csv", action="store_true", help="print rows of reliability.csv")
    a = p.parse_args()
    files = [f for f in sorted(here.glob("drill*.py")) if not a.names or f.stem in a.names]
    failed, share = 0, max(1, a.seconds / max(1, len(files)))
    if any(f.stem in TRAIN for f in files):
        imported()
    for f in files:
        how = (SHORT[f.stem] if a.seconds <= 600 else []) if f.stem in SHORT else ["--seconds", f"{share:g}"]
        command = [f".ci/{f.name}", *how, "--seed", str(a.seed)]
        began = time.monotonic()
        limit = 600 + 2 * share  # making what is damaged takes its time too
        done = (forked if f.stem in TRAIN else process)(command, limit)
        rows = counts(done.stdout)
        why = problem(done, rows)
        failed += why is not None
        last = next((line for line in reversed(done.stdout.splitlines()) if line.strip()), "nothing was said")
        told = "; ".join(f"{kind}: {n:,} tried" for kind, n, *_ in rows) or last.strip()[:200]
        said = f"FAILED drill {f.stem}: {why}" if why else f"ok drill {f.stem}: {told}"
        print(said.replace("\n", " ") + f" ({time.monotonic() - began:.0f} s)", flush=True)
        if a.csv:
            for row in rows:
                print(*row, "python " + " ".join(command), sep=",")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
