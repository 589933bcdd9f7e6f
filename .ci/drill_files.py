"""What is no file where a file is asked for, in place of every option of `carparts` and every setting that names one.

python .ci/drill_files.py [--seconds 60] [--seed 0] [--only WORD]

Options are taken from the parser, and settings from their list, so that a new one is tried by itself: whatever takes
any text, and is neither a number nor a choice, counts as a path unless it stands in ANY_TEXT. In its place come a named
pipe, a folder without anything, a device, a name that is not there, one inside of a file, a file that gives an error
when it is read, one without rights, a file of ten gigabytes of zeros, and one of zeros behind a sound beginning, each
with the suffixes of files that are read. Each must be refused in one line, with exit code 2, and at once. Prints what
was not, and counts; exit code 1 where there is something.
"""

import argparse
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
from all_drills import told_counts
from drill_commands import commands
from inside import run_within

LONGEST, AT_ONCE = 240, 45  # seconds of the clock, and of the processor: to import PyTorch takes ten
ROOM = 9 << 30  # bytes of address space: who reads ten gigabytes is noticed
ANY_TEXT = {"--set", "--grid", "--license", "--token", "--host", "--allowed-host", "--revision", "--images-url", "-n"}
WRITTEN = {"--out", "--json", "--picture", "target", "--folder"}  # there may be nothing yet
VALID = dict(
    data="cars", run_folder="run", names="run", experiment="tiny.yaml", source="cars", path="run", repo="me/it"
)
VALID |= dict(target="made.csv", n="2", out="made")  # words for what a command can't be without
BESIDE = {  # what an option needs beside it to be looked at
    ("export", "--figures"): ["--format", "network"],
    ("export", "--notes"): ["--format", "network"],
    ("evaluate", "--files"): ["cars"],
    ("evaluate", "--images"): ["cars"],
    ("evaluate", "--rename"): ["cars"],
    ("report", "--out"): ["run2"],
    ("data convert", "--labels"): ["--from", "yolo"],
    ("bench", "--data"): ["--only", "loading", "--rounds", "1"],
    ("bench", "--json"): ["--only", "loading", "--rounds", "1"],
    ("train", "--from"): ["--out", "made"],
}
HEADS = {
    ".json": b'{"images": [',
    ".jsonl": b'{"file": "a.png"}\n',
    ".csv": b"file_name,name,rle_mask\n",
    ".yaml": b"training:\n",
    ".md": b"# Words\n",
    ".txt": b"hood\n",
    ".png": b"\x89PNG\r\n\x1a\n",
    ".jpg": b"\xff\xd8\xff\xe0",
    ".zip": b"PK\x03\x04",
    ".onnx": b"\x08\x07",
    ".parquet": b"PAR1",
    ".safetensors": b"\x10\0\0\0\0\0\0\0",
    ".pth": b"PK\x03\x04",
    ".xml": b"<annotations>",
    "": b"x",
}


def is_path(action):
    "Whether an option takes any text, which may then be a path."
    name = (action.option_strings or [action.dest])[-1]
    plain = action.type is None or action.type.__name__ == "class_list"
    return action.nargs != 0 and action.choices is None and plain and name not in ANY_TEXT


def asked():
    "Each option, place and setting that may name a file: the command, what it is called, the words before the path."
    from carparts_seg.cli import make_parser
    from carparts_seg.core.settings import setting_fields

    for name, actions in commands(make_parser()):
        command = " ".join(name)
        for a in actions:
            if not is_path(a):
                continue
            title = (a.option_strings or [a.dest])[-1]
            default = [o.dest for o in actions if o.dest == "data" and name[0] == "data" and name[1] != "get"]
            if (command, title) in BESIDE and name[0] != "report":
                default.append("run_folder")
            others = [o for o in actions if o is not a and (o.required or o.dest in ("names", *default))]
            places = [o for o in actions if not o.option_strings and (o is a or o in others)]
            more = [w for o in others if o.option_strings for w in (o.option_strings[-1], VALID[o.dest])]
            more += BESIDE.get((command, title), [])

            def line(bad, name=name, a=a, places=places, more=more, title=title):
                words = [bad if o is a else VALID[o.dest] for o in places]
                return [*name, *words, *more, *([title, bad] if a.option_strings else [])]

            yield command, title, line
    for key, field in setting_fields().items():
        if "a path" in str((field.json_schema_extra or {}).get("allowed", "")) or key == "architecture.pretrained":
            more = {
                "dataset.validation_dataframe": ["--set", "dataset.validation_strategy=custom"],
                "architecture.pretrained_weights": ["--set", "architecture.pretrained=true"],
            }.get(key, [])
            if key not in ("dataset.data_folder", "dataset.train_dataframe"):  # --data is in their place
                more = [*more, "--data", "cars"]
            how = ["train", "tiny.yaml", "--out", "made", "--no-report", "--quiet", "--no-download", *more, "--set"]
            yield "train", key, lambda bad, k=key, how=how: [*how, f"{k}={bad}"]


def make_bad(folder):
    "What is no file: kind -> suffix -> path."
    out = {}
    for suffix, head in HEADS.items():
        new = {k: folder / f"{k.replace(' ', '-')}{suffix}" for k in ("pipe", "empty folder", "device", "unreadable")}
        new |= {k: folder / f"{k.replace(' ', '-')}{suffix}" for k in ("forbidden", "zeros", "hollow")}
        os.mkfifo(new["pipe"])
        new["empty folder"].mkdir()
        new["device"].symlink_to("/dev/zero")
        new["unreadable"].symlink_to("/proc/self/mem")
        new["forbidden"].write_bytes(head)
        new["forbidden"].chmod(0)
        for k, begins in (("zeros", b""), ("hollow", head)):
            new[k].write_bytes(begins)
            os.truncate(new[k], 10 << 30)
        new["not there"] = folder / f"gone{suffix}"
        new["in a file"] = folder / "forbidden" / f"x{suffix}"
        for kind, path in new.items():
            out.setdefault(kind, {})[suffix] = path
    if os.geteuid() == 0:
        del out["forbidden"]  # root may read it
    return out


def wrong(got, command, title, kind):
    "What is wrong with an outcome, or None."
    said = got.out + got.err if command == "data check" else got.err  # the linter's words are its report
    lines = [line for line in said.splitlines() if line.strip()]
    written = title in WRITTEN
    if got.code == "hang":
        return "hang"
    if got.code not in (0, 1, 2) or "Traceback" in got.err:
        return "traceback"
    if got.seconds > AT_ONCE and not (got.code == 0 and written):
        return f"{got.seconds:.0f} seconds"
    if "not enough memory" in got.err:
        return "it was read"
    if got.code == 2:
        return None if lines and max(map(len, lines)) < 800 else "without a word"
    picture = (command, title) == ("predict", "names") and got.code == 1  # its error stands in its row
    unused = (command, title, kind) == ("data convert", "--images", "empty folder")  # no picture is asked for its size
    if picture or unused or written and kind == "device":  # what a device is given is no loss
        return None
    return f"exit code {got.code}"


def prepare():
    "A run, another, cars."
    for words in (
        ["data", "draw", 8, "--out", "cars", "--size", 64],
        ["train", "tiny.yaml", "--data", "cars", "--out", "run", "--no-report", "--quiet"],
        ["train", "tiny.yaml", "--data", "cars", "--out", "run2", "--no-report", "--quiet"],
    ):
        got = run_within(3600, *words)
        assert got.code == 0, got


def clear():
    "Remove what commands made."
    for p in Path().iterdir():
        if p.name not in ("cars", "run", "run2", "tiny.yaml", "bad"):
            shutil.rmtree(p) if p.is_dir() else p.unlink()


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--only", default="", help="commands and options with this in their names")
    p.add_argument("--show", action="store_true", help="a line for each try")
    a = p.parse_args()
    from drill_opening import TINY

    counts, bad_ones, home = Counter(), [], Path.cwd()
    with tempfile.TemporaryDirectory() as d:
        os.chdir(d)
        os.environ["XDG_CACHE_HOME"], os.environ["CARPARTS_DATA"] = d + "/cache", d + "/bad"
        Path("tiny.yaml").write_text(TINY.replace("SEED", "1"))
        prepare()
        Path("bad").mkdir()
        bad = make_bad(Path("bad"))
        tries = [(c, t, line, k, s) for c, t, line in asked() for k in bad for s in bad[k] if a.only in f"{c} {t} {k}"]
        tries = [
            t for t in tries if not (t[1] in WRITTEN and t[3] in ("not there", "empty folder", "unreadable"))
        ]  # a place is free
        random.Random(a.seed).shuffle(tries)
        seen, firsts, rest = set(), [], []
        for one in tries:  # each option with each kind first, then with the other suffixes
            (rest if one[0:2] + one[3:4] in seen else firsts).append(one)
            seen.add(one[0:2] + one[3:4])
        resource.setrlimit(resource.RLIMIT_AS, (ROOM, resource.getrlimit(resource.RLIMIT_AS)[1]))
        ends = time.monotonic() + a.seconds
        for command, title, line, kind, suffix in firsts + rest:
            if time.monotonic() > ends:
                break
            words = line(str(bad[kind][suffix]))
            got = run_within(LONGEST, *words)
            why = wrong(got, command, title, kind)
            counts["hang" if why == "hang" else "traceback" if why == "traceback" else "wrong" if why else
                   "refused" if got.code == 2 else "as it should be"] += 1  # fmt: skip
            if why:
                bad_ones.append(f"{why}: carparts {' '.join(words)}: {(got.err or got.out).strip()[-250:]!r}")
            if a.show:
                last = (got.err.strip().splitlines() or [""])[-1][:170]
                print(f"{why or 'ok':12} {got.code} {got.seconds:4.1f} {' '.join(words):70} {last}", flush=True)
            clear()
        os.chdir(home)
    print("\n".join(f"FAILED {b}" for b in bad_ones[:60]))
    n = sum(counts.values())
    print(f"seed {a.seed}: {n} of {len(tries)} tries, {len({t[:2] for t in tries})} options and settings")
    print(told_counts("what is no file", n, counts["refused"], counts["traceback"], counts["hang"], counts["wrong"]))
    return int(bool(bad_ones))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.exit(main())
