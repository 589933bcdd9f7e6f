"""What happens to a run that is killed, finds the disk full, may not write, or meets another: the drills.

python .ci/drills.py [kills|random|full|readonly|two|hints|many ...] [--short] [--seed N] [--keep FOLDER]

Trains a tiny network on drawn cars (a few seconds), again and again, in processes of its own, and disturbs it:
  kills     what SIGKILL leaves right before every commit point: each file that is put in place, removed or flushed to
            disk. The folder is copied there, each state that differs from the one before, and gone on with; the system
            keeps what a killed process has written, so that is the same. `--short` kills indeed
  random    SIGKILL at fifty random times
  full      ten sizes of a disk that fills up (a tmpfs; where none may be mounted, a limit of the size of a file)
  readonly  a folder that nothing can be written to, new and half-done
  two       two trainings at once, of one run, of its fold, of a grid; two reports, two pipelines
  hints     Ctrl-C, and then the very words that the command says about going on: one run, folds, a grid
  many      a hundred short trainings in one process, whose memory, threads and open files may not grow
After each, every file that is there must be whole, and going on must end with what an undisturbed run leaves: the same
weights to the bit, the same rows, curves, figures, predictions and evidence, a report, a card and a pipeline.
Prints `ok NAME: counts` or `FAILED NAME: what` a line each. `--short` is for a test: a few of each, in seconds.
"""

import argparse
import collections
import contextlib
import ctypes
import gc
import hashlib
import io
import json
import os
import random
import re
import resource
import shlex
import shutil
import signal
import statistics
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from all_drills import told_counts

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")
SETTINGS = """
architecture: {architecture: Linknet, backbone: tu-test_resnet, pretrained: false}
environment: {gpus: [], seed: 1}
image: {image_height: 64, image_width: 64}
training: {epochs: 3, batch_size: 4, optimizer: AdamW, save_best_checkpoint: true, build_scoring_pipelines: true}
"""
VARIES = re.compile("second|machine|software|memory|step_|images_a|_ms|loading|waiting")
spent = [0.0]  # seconds of a processor, of all commands
MOMENTS = ("replace", "unlink", "fsync", "rmdir")


PLAIN = ("--no-report", "--set", "training.build_scoring_pipelines=false")
FOLDS = (
    *("--set", "dataset.validation_strategy=kfold", "--set", "dataset.folds=[0,1]", "--set", "dataset.n_folds=2"),
    *("--set", "training.epochs=1"),
)
Kind = collections.namedtuple("Kind", "more expected moments seconds")


# --- the command, in a process of its own


def command(line):
    "The command `carparts` with these words: its exit code."
    from carparts_seg.cli import main

    try:
        return main(line)
    except SystemExit as e:
        return e.code
    except KeyboardInterrupt:  # before the command has taken over
        return 130


def start(line, before=None):
    "Run the command in a fork, after `before()`: process id, and the file of what it says."
    said = tempfile.NamedTemporaryFile(dir=work, suffix=".said", delete=False)
    if pid := os.fork():
        return pid, Path(said.name)
    code = 99
    try:
        os.setpgid(0, 0)
        for stream in (1, 2):
            os.dup2(said.fileno(), stream)
        sys.stdout, sys.stderr = (
            io.TextIOWrapper(io.FileIO(k, "w", closefd=False), write_through=True) for k in (1, 2)
        )
        if before:
            before()
        code = command(line)
    finally:
        os._exit(code if isinstance(code, int) else 98)


def finish(child):
    "Wait for such a process: exit code (negative: the signal), and what it said."
    pid, said = child
    _, status, used = os.wait4(pid, 0)
    spent[0] += used.ru_utime + used.ru_stime
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # what it had started itself
    text = said.read_text(errors="replace")
    said.unlink()
    return os.waitstatus_to_exitcode(status), text


def run(line, before=None):
    return finish(start(line, before))


# --- what a run leaves


def whole(path):
    "Raise where a file cannot be read to its end."
    import numpy as np
    import pandas as pd
    import yaml
    from safetensors.torch import load_file

    kind = path.suffix
    if kind == ".json":
        json.loads(path.read_text())
    elif kind == ".yaml":
        assert isinstance(yaml.safe_load(path.read_text()), dict)
    elif kind == ".parquet":
        pd.read_parquet(path)
    elif kind == ".csv":
        pd.read_csv(path)
    elif kind == ".safetensors":
        load_file(path)
    elif kind == ".npz":
        dict(np.load(path))
    elif kind in (".zip", ".pt"):
        assert zipfile.ZipFile(path).testzip() is None
    elif kind == ".html":
        assert path.read_text().rstrip().endswith("</html>")


def all_whole(folder):
    "The files of a folder, each of which can be read."
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith(".")]
    for p in files:
        try:
            whole(p)
        except Exception as e:
            raise AssertionError(f"{p.relative_to(folder)} is half: {e!r}") from None
    return files


def plain(x):
    "What is the same in two runs of the same experiment."
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items() if not VARIES.search(k)}
    return x


def digest(x):
    return hashlib.sha256(x if isinstance(x, bytes) else repr(x).encode()).hexdigest()[:12]


def content(path):
    "What counts in a file; for those made for people: that it is there."
    import numpy as np
    import pandas as pd

    if path.suffix == ".safetensors":
        return digest(path.read_bytes())
    if path.name == "metrics.json":
        return digest(plain(json.loads(path.read_text())))
    if path.name in ("charts.json", "config.yaml"):
        return digest(path.read_bytes())
    if path.suffix == ".csv":
        frame = pd.read_csv(path)
        return digest(frame[[c for c in frame if not VARIES.search(c)]].to_csv())
    if path.suffix == ".parquet":
        return digest(pd.read_parquet(path).to_csv())
    if path.suffix == ".npz":
        return digest([(k, v.tobytes()) for k, v in sorted(dict(np.load(path)).items())])
    return "there"


def left(folder):
    "What a complete run left, by name; nothing of it is half, no temporary file is among it."
    all_whole(folder)
    rest = [p.name for p in folder.rglob("*") if ".part" in p.name or p.name == "resume.pt"]
    assert not rest, f"left behind: {rest}"
    names = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in (".lock", "train.log", "grid.csv"))
    return {str(p.relative_to(folder)): content(p) for p in names if p.parent.name != "report"}


def same(folder, expected, what):
    found = left(folder)
    wrong = sorted(k for k in {*found, *expected} if found.get(k) != expected.get(k))
    assert not wrong, f"{what}: not as after an undisturbed run: {', '.join(wrong)}"


def go_on(out, kind, what):
    "Go on with a run, or begin it anew where nothing had been begun; what was done."
    if out.exists():
        all_whole(out)
    begun, report = (out / "config.yaml").is_file(), ["--no-report"] * ("--no-report" in kind.more)
    resume = ["train", "--out", str(out), "--resume", "--quiet", *report]
    code, said = run(resume if begun else train_line(out, *kind.more))
    assert code == 0, f"{what}: {'--resume' if begun else 'begun anew'} ends with {code}: {said[-400:]}"
    same(out, kind.expected, what)
    return "gone on with" if begun else "begun anew"


# --- the drills


def train_line(out, *more):
    return ["train", str(work / "tiny.yaml"), "--data", str(work / "cars"), "--out", str(out), "--quiet", *more]


def hooked(act):
    "Have `act(name, n)` called before the n-th commit point, from 1."
    count = [0]
    me = os.getpid()

    def wrap(name, real):
        def hook(*args, **kwargs):
            if os.getpid() == me and inside(args):
                count[0] += 1
                act(name, count[0], args)
            return real(*args, **kwargs)

        return hook

    for name in MOMENTS:
        setattr(os, name, wrap(name, getattr(os, name)))


def inside(args):
    "Whether a call is about a file of a drill's folder."
    return str(file_of(args[0])).startswith(str(work / "drill"))


def file_of(path):
    "A path, also of an open file, where the system tells."
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/self/fd/{path}") if isinstance(path, int) else path
    return path


def fresh(name):
    out = work / "drill" / name
    shutil.rmtree(out, ignore_errors=True)
    return out


def undisturbed(name, *more):
    "An undisturbed run: its options, what it leaves, its commit points, its seconds."
    out, notes = fresh(name), work / "moments"
    notes.write_text("")

    def note(what, n, args):
        with notes.open("a") as f:
            f.write(f"{what} {file_of(args[-1] if what == 'replace' else args[0])}\n")

    began, before = time.monotonic(), spent[0]
    code, said = run(train_line(out, *more), lambda: hooked(note))
    assert code == 0, said
    kind = Kind(more, left(out), notes.read_text().splitlines(), time.monotonic() - began)
    about = f"{kind.seconds:.1f} s ({spent[0] - before:.1f} of a processor), {len(kind.moments)} commit points"
    print(f"an undisturbed run, {name}: {about}, {len(kind.expected)} files", flush=True)
    return kind


def kill_at(at):
    return lambda name, n, args: os.kill(os.getpid(), signal.SIGKILL) if n == at else None


def killed(kind, at, out):
    "Kill a run before a commit point."
    code, said = run(train_line(out, *kind.more), lambda: hooked(kill_at(at)))
    assert code == -signal.SIGKILL, f"point {at} was not met: {code} {said[-200:]}"
    return out


def state_of(folder):
    "What tells a folder from others, whatever the names of temporary files."
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    return sorted((re.sub(r"[0-9a-f]{32}", "", p.name), digest(p.read_bytes())) for p in files)


def states(kind, first):
    "What a kill before each commit point from `first` leaves, where it differs: the numbers; copies lie in `states`."
    out, kept = fresh("run"), work / "states"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    last = [None]

    def copy(name, n, args):
        if n < first or not out.is_dir() or (now := state_of(out)) == last[0]:
            return
        last[0] = now
        shutil.copytree(out, kept / f"{n}", symlinks=True)

    code, said = run(train_line(out, *kind.more), lambda: hooked(copy))
    assert code == 0, said
    return sorted(int(p.name) for p in kept.iterdir())


def drill_kills(o):
    if o.short:
        each = range(1, len(o.plain.moments) + 1)
        state = [n for n in each if re.match("replace.*(resume.pt|(last|best).safetensors)", o.plain.moments[n - 1])]
        each = sorted({*state[-2:], *o.random.sample(list(each), 1), len(o.plain.moments)})
        done = [
            go_on(killed(o.plain, n, fresh("run")), o.plain, f"killed before {o.plain.moments[n - 1]}") for n in each
        ]
        return counted(f"{len(done)} commit points", done)
    # the full run is the same until its figures are written
    first = next(n for n, m in enumerate(o.full.moments) if m.endswith("metrics.json")) + 2
    done, points = [], len(o.plain.moments) + len(o.full.moments) + 1 - first
    for kind, since in ((o.plain, 1), (o.full, first)):
        for n in states(kind, since):
            shutil.copytree(work / "states" / f"{n}", out := fresh("run"), symlinks=True)
            done.append(go_on(out, kind, f"killed before {kind.moments[n - 1]}"))
    return counted(f"{len(done)} states that differ, of {points} commit points", done)


def drill_random(o):
    done = []
    for k in range(2 if o.short else 50):
        kind = o.plain if o.short or k % 10 else o.full
        out, after = fresh("run"), o.random.uniform(0, kind.seconds)
        child = start(train_line(out, *kind.more))
        time.sleep(after)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child[0], signal.SIGKILL)
        finish(child)
        done.append(go_on(out, kind, f"killed after {after:.2f} s"))
    return counted(f"{len(done)} random kills", done)


def counted(what, done):
    return f"{what}, " + ", ".join(f"{done.count(k)} {k}" for k in sorted(set(done))) + ", all with the same weights"


def mount(folder, options, kind=b"tmpfs"):
    "Mount a tmpfs, or change it; whether that is allowed."
    libc = ctypes.CDLL(None, use_errno=True)
    flags = 32 if "remount" in options else 0
    flags |= 1 if "ro" in options else 0
    text = ",".join(x for x in options if x not in ("remount", "ro")).encode()
    return libc.mount(kind, str(folder).encode(), kind, flags, text) == 0


def unmount(folder):
    ctypes.CDLL(None).umount2(str(folder).encode(), 2)


@contextlib.contextmanager
def small_disk(size):
    "A folder on a disk of its own; None where none may be mounted."
    disk = work / "drill" / "disk"
    disk.mkdir(parents=True, exist_ok=True)
    mounted = mount(disk, [f"size={size}"])
    try:
        yield disk if mounted else None
    finally:
        if mounted:
            unmount(disk)


def one_line(code, said, *words):
    assert code == 2, f"exit code {code}: {said[-400:]}"
    assert "Traceback" not in said and len(said.strip().splitlines()) == 1, f"not one line: {said[-400:]}"
    assert any(w in said for w in words), f"{words} are not in {said!r}"


def limited(size):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def full_once(kind, sizes, share):
    "One disk that fills up: how it ended."
    with small_disk(int(sum(sizes) * share) // 4096 * 4096) as disk:
        out, before = (disk / "run", None) if disk else (fresh("run"), lambda: limited(int(max(sizes) * share)))
        code, said = run(train_line(out, *kind.more), before)
        if code == 0:
            same(out, kind.expected, f"disk of {share:.0%}")
            return "fitted in"
        one_line(code, said, "No space left on device", "File too large")
        assert not [*out.rglob("*.part*")], "temporary files are left behind"
        if disk:
            assert mount(disk, ["remount", "size=1g"])
        return go_on(out, kind, f"disk of {share:.0%}")


def drill_full(o):
    kind, name = (o.plain, "plain") if o.short else (o.full, "full")
    sizes = [p.stat().st_size for p in (work / "drill" / name).rglob("*") if p.is_file()]
    shares = [0.8] if o.short else [0.002, 0.02, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0]
    done = [full_once(kind, sizes, share) for share in shares]
    return counted(f"{len(done)} sizes", done)


def names(folder):
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob("*")}


def drill_readonly(o):
    with small_disk("200m") as disk:
        if not disk:
            return "left out: no disk may be mounted here"
        half = killed(o.plain, len(o.plain.moments) // 2, disk / "half")
        before = names(disk)
        assert mount(disk, ["remount", "ro"])
        lines = [train_line(disk / "new"), ["train", "--out", str(half), "--resume"], ["report", str(half)]]
        lines.append(train_line(disk / "grid", "--grid", "training.epochs=1,2"))
        for line in lines:
            one_line(*run(line), "Read-only file system")
        assert names(disk) == before, "something was written"
        assert mount(disk, ["remount", "size=200m"])
        go_on(half, o.plain, "read-only")
    return f"{len(lines)} commands refused in a line, nothing was written, then gone on with"


def both(first, second):
    "Run two commands at once; exactly one is refused."
    children = [start(first), start(second)]
    ends = [finish(c) for c in children]
    codes = sorted(code for code, _ in ends)
    assert codes == [0, 2], f"{' '.join(first[:1])}: exit codes {codes}: {[said[-300:] for _, said in ends]}"
    one_line(*next(e for e in ends if e[0] == 2), "another process is")


def drill_two(o):
    out, line = fresh("two"), train_line(work / "drill" / "two", *o.plain.more)
    both(line, line)
    same(out, o.plain.expected, "two at once")
    if o.short:
        return "1 pair, one refused"
    half = killed(o.plain, len(o.plain.moments) // 2, fresh("half"))
    resume = ["train", "--out", str(half), "--resume", "--quiet", "--no-report"]
    both(resume, resume)
    same(half, o.plain.expected, "two go on at once")
    both(["report", str(out)], ["report", str(out)])
    grid = train_line(fresh("grid"), *PLAIN, "--grid", "training.epochs=1,2")
    both(grid, grid)
    pipeline = ["export", str(out), "--format", "pipeline"]  # with --out the last one that is whole counts
    both(pipeline, pipeline)
    return "5 pairs (run, going on, report, grid, pipeline), one of each refused"


def hint_once(o, kind, more):
    "Interrupt at a random time, and do what it says until it is done; how often that was."
    if kind not in o.kinds:
        o.kinds[kind] = undisturbed(kind, *more)
    expected = o.kinds[kind]
    out, line, times = fresh("run"), train_line(work / "drill" / "run", *more), 0
    while True:
        child, after = start(line), o.random.uniform(0.1, 0.8) * expected.seconds if times < 2 else 1e9
        began = time.monotonic()
        while (
            time.monotonic() - began < after
            and os.waitid(os.P_PID, child[0], os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        ):
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child[0], signal.SIGINT)
        code, said = finish(child)
        if code == 0:
            break
        assert code == 130, f"{kind}: exit code {code}: {said[-400:]}"
        hint = re.search(r"carparts (.*)$", said, re.M)
        line, times = (shlex.split(hint.group(1)) if hint else line), times + 1
    same(out, expected.expected, f"{kind}, by its own words")
    return "interrupted" if times else "not interrupted"


def drill_hints(o):
    kinds = {"plain": PLAIN, "folds": (*PLAIN, *FOLDS), "grid": (*PLAIN, "--grid", "training.epochs=1,2")}
    kinds = {"plain": PLAIN} if o.short else kinds
    done = [hint_once(o, kind, more) for kind, more in kinds.items() for _ in range(1 if o.short else 5)]
    return counted(f"{len(done)} times by the words that were said ({', '.join(kinds)})", done)


def state():
    "Resident megabytes, threads and open files of this process."
    gc.collect()
    told = Path("/proc/self/status").read_text()
    numbers = [int(re.search(rf"{key}:\s+(\d+)", told)[1]) for key in ("VmRSS", "Threads")]
    return numbers[0] / 1024, numbers[1], len(os.listdir("/proc/self/fd"))


def drill_many(o):
    if o.short:
        return "left out: it takes minutes"
    line, notes, n = (*PLAIN, "--set", "training.epochs=1"), work / "states.txt", 100

    def others():
        with notes.open("w", buffering=1) as f:
            for _ in range(n - 1):
                code = command(train_line(fresh("one"), *line))
                f.write(json.dumps([code, *state()]) + "\n")

    code, said = run(train_line(fresh("last"), *line), others)
    states = [json.loads(row) for row in notes.read_text().splitlines()]
    codes = {code, *(row[0] for row in states)}
    assert codes == {0} and len(states) == n - 1, f"exit codes {codes}: {said[-400:]}"
    quarter = len(states) // 4
    of = lambda part: [statistics.median(row[k] for row in part) for k in (1, 2, 3)]
    before, after = of(states[quarter : 2 * quarter]), of(states[-quarter:])
    told = ", ".join(f"{b:.0f} -> {a:.0f} {what}" for b, a, what in zip(before, after, ("MB", "threads", "open files")))
    assert after[0] < 1.05 * before[0] + 10 and after[1] <= before[1] and after[2] <= before[2], f"it grows: {told}"
    return f"{n} trainings in one process, {told} (second and last quarter)"


DRILLS = {k[6:]: f for k, f in list(globals().items()) if k.startswith("drill_")}
KINDS = dict(
    kills="kills before commit points",
    random="kills at random times",
    full="disks that fill up",
    readonly="read-only folders",
    two="two at once",
    hints="Ctrl-C, and the hint followed",
    many="short trainings, one after the other",
)


def prepare():
    "Settings and drawn cars; everything that the command needs is imported once, before the forks."
    (work / "tiny.yaml").write_text(SETTINGS)
    assert command(["data", "draw", "12", "--out", str(work / "cars"), "--size", "64", "--seed", "3"]) == 0
    import cv2
    import torch

    import carparts_seg.deploy.export  # noqa: F401
    import carparts_seg.experiment  # noqa: F401
    import carparts_seg.grid  # noqa: F401

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def main():
    global work
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", metavar="DRILL", help=f"{', '.join(DRILLS)} (default: all)")
    p.add_argument("--short", action="store_true", help="a few of each")
    p.add_argument("--seed", type=int, default=0)
    o = p.parse_args()
    o.random, o.kinds, failed = random.Random(o.seed), {}, 0
    if unknown := set(o.names) - set(DRILLS):
        p.error(f"no drill {', '.join(unknown)}; there are {', '.join(DRILLS)}")
    memory = Path("/dev/shm")  # a kill doesn't lose what the system has not yet put on a disk: none is needed
    where = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="carparts-drills-", dir=where) as folder:
        work = Path(folder).resolve()
        prepare()
        o.plain = o.kinds["plain"] = undisturbed("plain", *PLAIN)
        o.full = None if o.short else undisturbed("full")
        for name in o.names or DRILLS:
            began, used = time.monotonic(), spent[0]
            try:
                counts = DRILLS[name](o)
                took = f"{time.monotonic() - began:.0f} s ({spent[0] - used:.0f} of a processor)"
                print(f"ok drill {name}: {counts}; {took}", flush=True)
                if found := re.match(r"\d+", counts):  # one that was left out has no counts
                    n = int(found[0])
                    refused = n if name == "readonly" else 0
                    print(told_counts(KINDS[name], n, refused))
            except AssertionError as e:
                failed += 1
                print(f"FAILED drill {name}: {e}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
