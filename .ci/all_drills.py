"""The drills: each `.ci/drill*.py` tries what a user, a disk or an attacker may do, made from a seed, for its share.

    python .ci/all_drills.py [--seconds 60] [--seed 0] [NAME...]

A drill takes `--seconds N --seed S`, ends with 1 if it met something wrong, and prints as its last lines, one a kind,

    KIND: 120 tried, 80 refused, 40 as they should be, 0 tracebacks, 0 hangs, 0 wrong

Prints `ok drill NAME: what was counted` or `FAILED drill NAME: why` a line each; exit code 1 if one fails. With `--csv`
the counts are printed as rows of nbs/explanation/reliability.csv, the command that gave them at the end.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

here = Path(__file__).resolve().parent
SHORT = {"drills": ["--short"]}  # goes by number and not by time: few in CI, all where there are over ten minutes
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


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("names", nargs="*", help="drills (default: all)")
    p.add_argument("--seconds", type=float, default=60, help="of all drills together")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--csv", action="store_true", help="print rows of reliability.csv")
    a = p.parse_args()
    files = [f for f in sorted(here.glob("drill*.py")) if not a.names or f.stem in a.names]
    failed, share = 0, max(1, a.seconds / max(1, len(files)))
    for f in files:
        how = (SHORT[f.stem] if a.seconds <= 600 else []) if f.stem in SHORT else ["--seconds", f"{share:g}"]
        command = [f".ci/{f.name}", *how, "--seed", str(a.seed)]
        env = os.environ | {"PYTHONPATH": os.pathsep.join([str(here.parent), os.environ.get("PYTHONPATH", "")])}
        began = time.monotonic()
        limit = 600 + 2 * share  # making what is damaged takes its time too
        try:
            done = subprocess.run(
                [sys.executable, *command], cwd=here.parent, capture_output=True, text=True, env=env, timeout=limit
            )
        except subprocess.TimeoutExpired:
            done = subprocess.CompletedProcess(command, 124, "", f"FAILED: no end after {limit:.0f} s")
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
