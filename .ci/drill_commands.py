"""Odd words for every option of the command `carparts`, from a seed: each is refused in words, or taken; nothing hangs.

python .ci/drill_commands.py [--seconds 60] [--seed 0] [--work]

Without --work the commands themselves are left out, so it is their words that are read: parser, checks of numbers, of
thresholds, of places. With it, those that need no network run too (config, data check, show, convert, draw). Prints
what was tried, and every traceback, bug (code 70) and hang; exit code 1 where there is one.
"""

import argparse
import collections
import contextlib
import io
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from all_drills import told_counts

os.environ.setdefault("MPLBACKEND", "Agg")
NUMBERS = "0 1 -1 2 1.5 -0 1e3 1e400 -1e400 nan inf -inf infinity 1_0 0x10 ٣ １２ ٠٫٥ 00 +1 --1 1e 9e99 .5 5. ½".split()
NUMBERS += ["9" * 30, "9" * 5000, "", " ", "1 ", "1,2", "None", "true", "1\n2", "\x1b[31m1"]
TEXTS = "a . .. / // ~ $HOME * ? [ ] {} {a: &x [*x]} - -- -x --help= best hood=0.5 hood=2 0.4,0.5 =0.4 a=b=c".split()
TEXTS += ["x\0y", "\udcff\udcfe", "\u202egnp.jpg", "\x1b[2J", "n" * 300, "/".join(["d" * 200] * 25), "é" * 200, "🚗"]
PLACES = (
    "/proc/new /dev/null/x /dev/full file/new file loop/x dangling gone/deep/er empty car-parts train valid".split()
)
SETS = (
    "training.epochs=1 training.epochs=x training.epochs=1e400 training.epoch=3 training=3 =3 training.epochs".split()
)
SETS += ["training.epochs=[", "training.epochs=*a", "image.image_height=1_0", "training.learning_rate=nan", "a.b.c=1"]
WORDS = NUMBERS + TEXTS + PLACES + SETS
SAFE = {("config",), ("data", "check"), ("data", "show"), ("data", "convert"), ("data", "draw")}


class Hang(BaseException):
    "A command that doesn't end."


def late(*_):
    raise Hang


def commands(parser, name=()):
    "Each command with its options."
    below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    if not below:
        yield name, [a for a in parser._actions if a.dest != "help"]
    for a in below:
        for word, p in a.choices.items():
            yield from commands(p, (*name, word))


def line(rng, name, actions):
    "A command with odd words: each option and place with a chance, some twice, some unknown."
    words = list(name)
    for a in actions:
        if a.option_strings and rng.random() > 2.5 / len(actions):
            continue
        several = 1 if a.nargs in (None, "?") else rng.choice((0, 1, 1, 2)) if a.nargs != 0 else 0
        for _ in range(rng.choice((1, 1, 1, 2)) if a.option_strings else 1):
            option = rng.choice(a.option_strings) if a.option_strings else None
            if option and rng.random() < 0.05:
                option = option[:-1] + rng.choice("xs")
            known = list(map(str, a.choices or ())) + [str(a.default)]
            values = [rng.choice(WORDS) if rng.random() < 0.7 else rng.choice(known) for _ in range(several)]
            if option and len(values) == 1 and option.startswith("--") and rng.random() < 0.5:
                words.append(f"{option}={values[0]}")
            else:
                words += [option] * bool(option) + values
    return words


def run(main, words, seconds):
    "What came out of a command: its code, 'hang' or 'traceback', and what it said."
    out, err = io.StringIO(), io.StringIO()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(words)
    except SystemExit as e:
        code = e.code or 0
    except Hang:
        code = "hang"
    except BaseException:
        code, err = "traceback", io.StringIO(traceback.format_exc())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return code, err.getvalue()


def fault(code, said):
    "What is wrong with an outcome, or None."
    if code in ("hang", "traceback", 70) or "Traceback" in said:
        return str(code)
    if code not in (0, 1, 2):
        return f"code {code}"
    if "\x1b" in said or "\x9b" in said:
        return "an escape code in what is said"
    return "refused without a word" if code == 2 and not said.strip() else None


def drill(seconds, seed, work):
    "Counts of outcomes, and what went wrong."
    from carparts_seg import cli
    from carparts_seg.commands import frame

    rng, ended, counts, wrong = random.Random(seed), time.monotonic() + seconds, collections.Counter(), []
    every, whole = list(commands(cli.make_parser())), frame.check_launcher
    while time.monotonic() < ended:
        name, actions = rng.choice(every)
        words = line(rng, name, actions)

        def stop(args, name=name):
            "Let only those on that need no network."
            whole(args)
            args.run = args.run if work and name in SAFE and getattr(args, "n", 1) in range(4) else lambda a: 0
            if hasattr(args, "data") and args.data in (None, "/", "//", "..", "~"):
                args.data = "gone"

        frame.check_launcher = stop
        code, said = run(cli.main, words, 30)
        counts[code] += 1
        if why := fault(code, said):
            wrong.append((why, words, said.strip()[-300:]))
    frame.check_launcher = whole
    return counts, wrong


def main():
    "Try, and say what came out; the exit code."
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--work", action="store_true")
    a = p.parse_args()
    signal.signal(signal.SIGALRM, late)
    with tempfile.TemporaryDirectory() as d:
        os.chdir(d)
        Path("file").write_text("not a table")
        Path("empty").mkdir()
        os.symlink("gone/away", "dangling")
        os.symlink("loop", "loop")
        counts, wrong = drill(a.seconds, a.seed, a.work)
        os.chdir("/")
    for why, words, said in wrong[:20]:
        print(f"FAILED {why}: {[w[:60] for w in words]!r}\n  {said!r}")
    shown = ", ".join(f"{n} with {k}" for k, n in sorted(counts.items(), key=str))
    print(f"seed {a.seed}: {shown}")
    hangs, crashes = (sum(why in kinds for why, *_ in wrong) for kinds in (("hang",), ("traceback", "70")))
    tried, refused = sum(counts.values()), counts[2]
    print(told_counts("words of commands", tried, refused, crashes, hangs, len(wrong) - hangs - crashes))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
