"""What people bring: small inputs after public reports, run through the command line, with their right outcomes.

python .ci/cases.py [NAME...]   run them all, or those named; CARPARTS_CASES is the folder that holds them

The folders come with the shared data (../shared/cases) and are no part of the repository; where they are not there,
nothing is run and that is said. Each case works on a copy. Prints `ok NAME` or `FAILED NAME: why` a line each.
"""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from collections import namedtuple
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
root = Path(__file__).resolve().parent.parent
folder = Path(os.environ.get("CARPARTS_CASES", root.parent / "shared" / "cases")).resolve()
Result = namedtuple("Result", "code out err")
cases = {}
TRAIN = "train ../tiny.yaml --no-report --quiet"


def case(name):
    "Register what has to come out for a folder."

    def note(check):
        cases[name] = check
        return check

    return note


def run(line, **env):
    "The command `carparts` within this process: exit code, standard output, standard error."
    from carparts_seg.cli import main

    out, err, before = io.StringIO(), io.StringIO(), dict(os.environ)
    os.environ.update(env)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(line.split() if isinstance(line, str) else line)
            except SystemExit as e:
                code = e.code
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert "Traceback" not in err.getvalue(), f"{line}: a traceback: {err.getvalue()[-300:]}"
    return Result(code, out.getvalue(), err.getvalue())


def started(line, before=None):
    "The same in a process of its own, a fork of this one, after `before()`; its id."
    if pid := os.fork():
        return pid
    try:
        if before:
            before()
        run(line)
    finally:
        os._exit(99)


def ok(line, **env):
    "The same, which must succeed."
    got = run(line, **env)
    assert got.code == 0, f"{line}: code {got.code}: {got.out[-200:]} {got.err[-400:]}"
    return got


def refused(line, *words, **env):
    "The same, which must be refused with these words and code 2."
    got = run(line, **env)
    assert got.code == 2, f"{line}: code {got.code}: {got.out[-200:]} {got.err[-300:]}"
    for w in words:
        assert w in got.err, f"{line}: {w!r} is not in: {got.err[-400:]}"
    return got


def log_of(path):
    "The lines of a run's log, without their times."
    return [line[20:] for line in Path(path, "train.log").read_text(encoding="utf-8").splitlines()]


def said(lines, text):
    "A line of the log that holds a text."
    found = [line for line in lines if text in line]
    assert found, f"{text!r} is not in the log:\n" + "\n".join(lines[:12])
    return found[0]


def files_of(csv):
    import pandas as pd

    return sorted(set(pd.read_csv(csv)["file_name"]))


def masks_of(path):
    import pandas as pd

    frame = pd.read_csv(path) if str(path).endswith("csv") else pd.read_parquet(path)
    return int(frame["name"].notna().sum())


@case("annotation-ids-missing-or-twice")
def _():
    for name in ("no_ids", "one_id"):
        got = run(f"data check set/{name}.json")
        assert got.out.startswith(f"{name}: 6 pictures, 30 masks, 4 classes: 0 errors"), got.out[:100]
        assert "annotation-ids (1)" in got.out
        ok(f"{TRAIN} --data set/{name}.json --out {name}")
        said(log_of(name), "30 masks")
        ok(f"data convert set/{name}.json {name}_again.json")
        ids = [a["id"] for a in json.loads(Path(f"{name}_again.json").read_text())["annotations"]]
        assert len(set(ids)) == 30


@case("byte-order-mark")
def _():
    ok(f"{TRAIN} --data set --out run")
    ok("data convert yolo t.parquet")
    assert masks_of("t.parquet") == 10


@case("class-numbers-of-converted-predictions")
def _():
    classes, numbers = ["hood", "wheel", "front_bumper", "front_door"], set()
    for day in ("monday", "tuesday", "wednesday"):
        ok(f"data convert {day}.csv {day} --to yolo --classes {','.join(classes)}")
        lines = [line for p in Path(day, "labels").glob("*.txt") for line in p.read_text().splitlines()]
        numbers |= {int(line.split()[0]) for line in lines}
        text = Path(day, "data.yaml").read_text()
        assert all(f"{i}: {c}" in text for i, c in enumerate(classes)), text
        ok(f"data convert {day}.csv {day}.json --to cvat --classes {','.join(classes)}")
        assert [c["name"] for c in json.loads(Path(f"{day}.json").read_text())["categories"]] == classes
    assert numbers <= {0, 1, 2, 3}
    # what predict writes brings the list along
    ok(f"{TRAIN} --data ../coco2017-layout/set --out run")
    ok("predict run ../coco2017-layout/set/val2017 --out found --threshold 0.999999")
    names = json.loads(Path("run/data.json").read_text())["classes"]
    for kind in ("csv", "parquet"):
        ok(f"data convert found/predictions.{kind} again_{kind} --to yolo --images ../coco2017-layout/set/val2017")
        assert all(f"{i}: {c}" in Path(f"again_{kind}/data.yaml").read_text() for i, c in enumerate(names))


@case("coco-ids-text-or-float")
def _():
    ok(f"{TRAIN} --data set/image_ids.json --out run")
    for name in ("image_ids", "category_ids", "float_ids"):
        ok(f"data convert set/{name}.json {name}.json")
        ok(f"predict run set/{name}.json --out p_{name} --outputs csv,coco")
    refused("data convert set/mixed_ids.json t.json", "no image has the id", "a text")


@case("coco2017-layout")
def _():
    ok(f"{TRAIN} --data set --out run")
    said(log_of("run"), "given split: 6 pictures to train on, 3 to validate on")
    assert run("data check set").out.startswith("set: 9 pictures")
    assert "missing-file" not in run("data check set/annotations/instances_train2017.json").out
    named = "--set dataset.data_folder=set/train2017"
    ok(f"{TRAIN} --data set/annotations/instances_train2017.json {named} --out run2")
    tables = "--set dataset.train_dataframe=set/annotations/instances_train2017.json"
    valid = "--set dataset.validation_dataframe=set/annotations/instances_val2017.json"
    ok(f"{TRAIN} {tables} {named} --set dataset.validation_strategy=custom {valid} --out run3")
    said(log_of("run3"), "6 pictures to train on, 3 to validate on")


@case("convert-takes-train-only")
def _():
    import pandas as pd

    got = ok("data convert set t.parquet")
    assert "8 pictures" in got.out, got.out
    split = pd.read_parquet("t.parquet").drop_duplicates("file_name")["split"].value_counts().to_dict()
    assert split == {"train": 4, "valid": 2, "test": 2}, split
    assert run("data check set").out.startswith("set: 8 pictures, 40 masks")
    assert "2 pictures" in ok("data convert set v.csv --split valid").out
    ok(f"{TRAIN} --data set --out run")
    said(log_of("run"), "left aside: test (2 pictures)")
    ok(f"{TRAIN} --data t.parquet --set dataset.data_folder=set --out run2")
    said(log_of("run2"), "given split: 4 pictures to train on, 2 to validate on")


@case("cvat-export-zip")
def _():
    ok(f"{TRAIN} --data task.zip --out run")
    assert run("data check task.zip").out.startswith("task: 6 pictures, 30 masks")
    ok("data convert task.zip t.parquet")
    ok(f"{TRAIN} --data project.zip --out run2")
    said(log_of("run2"), "given split: 6 pictures to train on, 2 to validate on")
    assert "8 pictures" in ok("data convert project.zip p.parquet").out


@case("label-studio-same-file-name")
def _():
    for name in ("tasks", "tasks_uploaded"):
        got = run(f"data convert {name}.json {name}.csv")
        if got.code:  # an error that names both tasks, or names that keep what tells them apart
            assert got.code == 2 and len(re.findall(r"task \d+", got.err)) >= 2, got.err
        else:
            assert len(files_of(f"{name}.csv")) == 6, files_of(f"{name}.csv")


@case("mask-image-folders")
def _():
    ok(f"{TRAIN} --data mmseg --out run")
    said(log_of("run"), "given split: 4 pictures to train on, 2 to validate on")
    assert "4 pictures" in ok("data convert voc voc.parquet").out
    assert "3 pictures" in ok("data convert binary binary.parquet").out
    for name in ("mmseg", "voc", "binary"):
        got = run(f"data check {name}")
        assert got.code in (0, 1, 2) and " 0 masks" not in got.out.splitlines()[0], got.out[:200]
    ok("data show binary --out shown.png")
    ok("predict run mmseg/img_dir/val --out found --outputs index --threshold 0.3")
    ok("data convert found/index again.parquet --images mmseg/img_dir/val")


@case("one-bad-entry-stops-everything")
def _():
    for name in ("two_points", "one_box", "orphans"):
        refused(f"{TRAIN} --data set/{name}.json --out no_{name}", f"{name}.json")
        ok(f"{TRAIN} --data set/{name}.json --out {name} --skip-bad")
        said(log_of(name), "skipped")
    refused("data convert yolo t.parquet", "line 6")
    got = ok("data convert yolo t.parquet --skip-bad")
    assert "entries were skipped" in got.err and masks_of("t.parquet") >= 14, got.err
    got = run("data check yolo")
    assert got.code == 2 or "broken-annotation" in got.out, got.out


@case("one-sided-class-list")
def _():
    got = run(f"{TRAIN} --data set --out run")
    text = got.err if got.code else "\n".join(log_of("run"))
    assert "left_mirror" in text and "dataset.class_list" in text and "dataset.mirror_pairs" in text, text[-500:]
    assert got.code in (0, 2)
    listed = "dataset.class_list=[hood,wheel,front_bumper,left_mirror,right_mirror]"
    ok([*TRAIN.split(), "--data", "set", "--out", "run2", "--set", listed])


@case("onnx-without-dynamic-size")
def _():
    import numpy as np
    import onnxruntime as ort

    ok(f"{TRAIN} --data set --out run")
    ok("export run --out m.onnx --seconds 0 --precision fp32 --dynamic")
    session = ort.InferenceSession("m.onnx")
    name = session.get_inputs()[0].name
    for h, w in ((64, 64), (96, 128), (160, 64)):
        assert session.run(None, {name: np.zeros((1, h, w, 3), "uint8")})[0].shape[-2:] == (h, w)


@case("photograph-of-108-megapixels")
def _():
    subprocess.run([sys.executable, "make.py"], check=True)
    ok(f"{TRAIN} --data set --out run")
    ok("predict run phone108mp.jpg --out p")
    got = run("predict run phone108mp.jpg --out q", CARPARTS_MAX_PIXELS="50_000_000")
    assert got.code == 1 and "CARPARTS_MAX_PIXELS" in got.err, got.err


@case("resume-with-other-data")
def _():
    ok(f"{TRAIN} --data set --out run --set training.epochs=2")
    refused("train --out run --resume --data bigger --no-report --quiet", "set", "bigger")


@case("roboflow-root-category")
def _():
    ok(f"{TRAIN} --data set --out run")
    said(log_of("run"), "4 classes")
    said(log_of("run"), "is no class")
    ok(f"{TRAIN} --data same --out run2")
    said(log_of("run2"), "4 classes")


@case("sides-in-other-words")
def _():
    from carparts_seg.core.parts import mirror_partners

    names = ["Spiegel links", "Spiegel rechts", "porte gauche", "porte droite", "左后视镜", "右后视镜"]
    names += [
        "LeftMirror",
        "RightMirror",
        "mirror_l",
        "mirror_r",
        "FL_door",
        "FR_door",
        "driver door",
        "passenger door",
    ]
    partners = mirror_partners(names)
    for a, b in zip(names[::2], names[1::2]):
        assert partners.get(a) == b and partners.get(b) == a, (a, partners.get(a))
    assert "mirrored" in run("data check set").out or "exchange" in run("data check set").out
    ok(f"{TRAIN} --data set --out run")
    said(log_of("run"), "exchange")


@case("target-cannot-be-written")
def _():
    refused(f"{TRAIN} --data set --out a_file", "a_file")
    refused("data draw 1 --out a_file/x", "a_file")
    refused("data convert set a_file/x.json", "a_file")
    got = run("data show set --out nowhere/x.png")
    assert got.code == 2 or Path("nowhere/x.png").is_file(), got
    refused("data check set --picture x.xyz", "x.xyz")
    if os.getuid():
        Path("ro").mkdir()
        Path("ro").chmod(0o555)
        refused("data check set --json ro/x.json", "ro")


@case("validation-without-masks")
def _():
    got = run(f"{TRAIN} --data set --out run")
    if got.code == 0:
        said(log_of("run"), "none")
        assert Path("run/metrics.json").is_file()
    refused(f"{TRAIN} --data boxes --out run2", "mask")


@case("windows-backslash-names")
def _():
    for name in ("set", "up"):
        ok(f"{TRAIN} --data {name} --out run_{name}")
        assert "missing-file" not in run(f"data check {name}").out


@case("yolo-same-stem-and-npy-cache")
def _():
    refused("data convert set t.csv", "car3.jpg", "car3.png")
    Path("set/images/car3.png").unlink()
    got = ok("data convert set t.csv")
    names = files_of("t.csv")
    assert len(names) == 4 and all(n.endswith(".jpg") for n in names), names
    assert ".npy" in got.err, got.err


@case("yolo-seg-layouts")
def _():
    for source, split in (
        ("roboflow", "4 pictures to train on, 2"),
        ("roboflow/data.yaml", "4 pictures to train on, 2"),
    ):
        out = source.replace("/", "_")
        ok(f"{TRAIN} --data {source} --out {out}_run")
        said(log_of(f"{out}_run"), split)
    assert "6 pictures" in ok("data convert roboflow r.parquet").out
    for source in ("ultralytics", "ultralytics/carparts-seg.yaml"):
        out = source.replace("/", "_")
        ok(f"{TRAIN} --data {source} --out {out}_run")
        said(log_of(f"{out}_run"), "4 pictures to train on, 2")
    assert "3 pictures" in ok("data convert label-studio l.parquet").out


@case("yolo-stray-files-and-names")
def _():
    for name in ("text_keys", "thumbs", "classes_txt", "over"):
        assert "2 pictures" in ok(f"data convert {name} {name}.parquet").out
    got = run("data convert gap gap.parquet")
    assert got.code == 0 or got.code == 2 and "5" in got.err and "names" in got.err, got.err


@case("rel-augmentation-blames-picture")
def _():
    ok("data draw 24 --out data --size 96")
    for name in ("holes", "scale"):
        got = refused(
            f"train {name}.yaml --data data --out run_{name} --quiet --no-report", "custom_train_augmentations"
        )
        assert "car0" not in got.err, got.err


@case("rel-coco-linter-dies")
def _():
    for path in sorted(Path().glob("*.json")):
        got = run(f"data check {path}")
        assert got.code in (0, 1, 2), (path, got)
        run(f"data convert {path} out.parquet")
        run(f"data convert {path} out.json")


@case("rel-journal-damaged")
def _():
    ok("data draw 6 --out cars --size 64")
    ok(f"{TRAIN} --data cars --out run")
    for text in ('{"file": "x"\n\n', "[1]\n\n"):
        shutil.rmtree("out", ignore_errors=True)
        ok("predict run cars/JPEGImages --out out")
        with open("out/predictions.jsonl", "a") as f:
            f.write(text)
        refused("predict run cars/JPEGImages --out out --resume", "predictions.jsonl", "line")
    Path("out/predict.json").write_text("{")
    refused("predict run cars/JPEGImages --out out --resume", "predict.json")
    for damage in ("{", "[]", '{"classes": 3}'):
        Path("run/data.json").write_text(damage)
        assert run("report run").code in (0, 2)


@case("rel-nan-loss")
def _():
    import torch
    from safetensors.torch import load_file

    from carparts_seg.train import losses

    ok("data draw 24 --out data --size 96")
    real, steps = losses.PartsLoss.forward, [0]

    def spoilt(self, *args, **kwargs):
        steps[0] += 1
        return real(self, *args, **kwargs) * (float("nan") if steps[0] >= 20 else 1)

    losses.PartsLoss.forward = spoilt
    try:
        refused(
            "train tiny.yaml --data data --out run --no-report --quiet --set training.epochs=6",
            "the loss is nan in epoch",
        )
    finally:
        losses.PartsLoss.forward = real
    kept = load_file("run/weights/last.safetensors").values()
    assert all(bool(torch.isfinite(v).all()) for v in kept if v.is_floating_point()), "NaN was saved"


@case("rel-no-positive-pixel")
def _():
    got = run("train tiny.yaml --data data --out run --quiet")
    if got.code == 0:
        assert Path("run/report.html").is_file() and Path("run/metrics.json").is_file()
        said(log_of("run"), "none")
    refused("train tiny.yaml --data data-no-masks --out run2 --quiet", "mask", "dataset.class_list")


@case("rel-picture-one-pixel-high")
def _():
    ok("train tiny.yaml --data data --out run --quiet")
    assert Path("run/report.html").is_file()


@case("rel-resume-other-data")
def _():
    ok("data draw 24 --out data --size 64")
    ok("train tiny.yaml --data data --out run --quiet --no-report --set training.epochs=1")
    ok("data draw 8 --out other --size 64 --seed 3")
    refused("train --out run --resume --data other --quiet --no-report", "data", "other")
    ok("train --out run --resume --quiet --no-report")


@case("rel-resume-window")
def _():
    ok("data draw 24 --out data --size 96")
    line, real, seen = "train tiny.yaml --data data --no-report --quiet --out", os.replace, []

    def replace(a, b, **how):
        real(a, b, **how)
        seen.extend([b] * str(b).endswith("last.safetensors"))
        if len(seen) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    ok(f"{line} whole")
    pid = started(f"{line} broken", lambda: setattr(os, "replace", replace))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    ok(f"{line} broken --resume")
    whole, broken = (Path(f, "weights", "last.safetensors").read_bytes() for f in ("whole", "broken"))
    assert whole == broken, "the weights are others"


@case("rel-rle-int64")
def _():
    refused("data convert train.csv out.json", "start below 1")


@case("rel-slow-uploads")
def _():
    ok("data draw 6 --out cars --size 64")
    ok(f"{TRAIN} --data cars --out run")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    served = started(["serve", "run", "--port", str(port)])
    slow, body = [], b'--B\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
    body += next(Path("cars/JPEGImages").glob("*.jpg")).read_bytes() + b"\r\n--B--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=B"}
    head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 1000000\r\n".encode()
    head += b"Content-Type: multipart/form-data; boundary=B"
    try:
        waited_for(port)
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(64)]
        for s in slow:
            s.sendall(head + b"\r\n\r\n--B\r\n")
        for _ in range(3):
            request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", body, kind)
            assert urllib.request.urlopen(request, timeout=30).status == 200
            time.sleep(1)
    finally:
        for s in slow:
            s.close()
        os.kill(served, signal.SIGTERM)
        assert ended(served, 30), "the service did not end"


def ended(pid, seconds):
    "Wait until a child ends, and end it where it doesn't; whether it did by itself."
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return True
        time.sleep(0.1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def waited_for(port):
    "Wait until a service answers."
    end = time.monotonic() + 180
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).status
        time.sleep(0.3)
    raise AssertionError("the service did not start")


@case("rel-table-numbers")
def _():
    for path in sorted(Path().glob("*.csv")):
        got = refused(f"data convert {path} out.json", path.name)
        assert "row 0" in got.err, got.err
        assert run(f"data check {path}").code == 2


@case("rel-two-runs-one-folder")
def _():
    from filelock import FileLock  # noqa: F401

    ok("data draw 12 --out cars --size 64")
    first = started("train tiny.yaml --data cars --out run --quiet --no-report --set training.epochs=200")
    try:
        end = time.monotonic() + 120
        while not Path("run/train.log").is_file() and time.monotonic() < end:
            time.sleep(0.2)
        refused("train tiny.yaml --data cars --out run --quiet", "another process")
    finally:
        os.kill(first, signal.SIGKILL)
        os.waitpid(first, 0)


@case("rel-unwritable-out")
def _():
    Path("file").touch()
    for line in (
        "data draw 2 --out file/x",
        "data draw -5 --out x",
        "data draw 2 --out x --size 1",
        "data draw 2 --out x --workers 0",
        "demo -n 0 --out x",
        "bench --only foo",
        f"data draw 2 --out {'x' * 300}",
    ):
        assert run(line).code == 2, line


def main(names):
    "Run cases; the exit code."
    if not folder.is_dir():
        print(f"skipped: no cases at {folder}")
        return 0
    lost = sorted({p.name for p in folder.iterdir() if p.is_dir()} - set(cases))
    failed = len(lost)
    for name in lost:
        print(f"FAILED {name}: no outcome is written down for it")
    with tempfile.TemporaryDirectory() as tmp:
        os.environ["XDG_CACHE_HOME"] = f"{tmp}/cache"
        shutil.copytree(folder, f"{tmp}/cases")
        for name, check in cases.items():
            if (names and name not in names) or not (folder / name).is_dir():
                continue
            os.chdir(Path(tmp, "cases", name))
            began = time.monotonic()
            try:
                check()
                print(f"ok {name} ({time.monotonic() - began:.0f} s)", flush=True)
            except Exception as e:
                failed += 1
                why = str(e) or traceback.format_exc().splitlines()[-2].strip()
                print(f"FAILED {name}: {type(e).__name__} {why[:600]}", flush=True)
        os.chdir(root)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
