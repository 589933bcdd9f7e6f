"""Run folders, exports and journals that were cut, edited, swapped or filled with rubbish, through every command.

python .ci/drill_opening.py [--seconds 60] [--seed 0] [--show]

A tiny network is trained on drawn cars, exported and packed; a second one is what files are swapped with. Then a file
of it is damaged, a command is asked to read it, and what came out is counted: refused in a line with exit code 2, read
and said, or harmless (the result is what it was); and what must not be: a traceback, a hang, another result without a
word, code that was run. Prints a table, and exits with 1 if one of these was met.
"""

import argparse
import contextlib
import hashlib
import json
import os
import pickle
import random
import re
import shutil
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from unittest import mock

from all_drills import told_counts
from inside import run_within

os.environ.setdefault("MPLBACKEND", "Agg")
LONGEST = 600  # seconds of a command, beyond which it hangs; a machine may have much else to do
TINY = """
architecture: {architecture: Linknet, backbone: tu-test_resnet, pretrained: false}
environment: {gpus: [], seed: SEED}
image: {image_height: 64, image_width: 64}
training: {epochs: 1, batch_size: 4, save_best_checkpoint: true, build_scoring_pipelines: false}
"""


def run(*words):
    "The command `carparts` within this process, see `run_within`."
    return run_within(LONGEST, *words)


class Code:
    "What runs when it is unpickled."

    def __init__(self, flag):
        self.flag = str(flag)

    def __reduce__(self):
        return (open, (self.flag, "w"))


# ---------------------------------------------------------------------------------------------------------- damages


def cut(where):
    "The file's beginning."

    def damage(path, other, rng):
        content = path.read_bytes()
        path.write_bytes(content[: max(0, min(len(content) - 1, int(where * len(content))))])

    return damage


def flipped(n):
    "Some bytes become others."

    def damage(path, other, rng):
        content = bytearray(path.read_bytes())
        for _ in range(min(n, len(content))):
            content[rng.randrange(len(content))] ^= rng.randrange(1, 256)
        path.write_bytes(content)

    return damage


def filled(what):
    "Another content altogether."

    def damage(path, other, rng):
        path.write_bytes(what(path) if callable(what) else what)

    return damage


def removed(path, other, rng):
    path.unlink()


def as_folder(path, other, rng):
    path.unlink()
    path.mkdir()


def swapped(path, other, rng):
    if not other.is_file():
        raise FileNotFoundError(other)
    shutil.copyfile(other, path)


def _values(content):
    "Paths to all values in JSON-like content."
    found = [()]
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for k, v in items:
        found += [(k, *rest) for rest in _values(v)]
    return found


ODD = (None, [], {}, "x", -1, 0, 1e400, float("nan"), True, 10**30, "\ud800", [[1]], {"a": []}, "front_left_door", "")


def edited(path, other, rng):
    "One value of JSON or YAML is another."
    import yaml

    as_json = path.suffix == ".json"
    content = json.loads(path.read_text()) if as_json else yaml.safe_load(path.read_text())
    places = [p for p in _values(content) if p]
    by_depth = {}
    for p in places:  # a list of a thousand names is not a thousand times as likely as a setting
        by_depth.setdefault((len(p), tuple(k for k in p if isinstance(k, str))), []).append(p)
    *way, last = rng.choice(rng.choice(list(by_depth.values())))
    inside = content
    for k in way:
        inside = inside[k]
    how = rng.randrange(4)
    if how == 0 and isinstance(inside, dict):
        del inside[last]
    elif how == 1 and isinstance(inside, dict):
        inside["unheard_of"] = inside.pop(last)
    elif how == 1:
        inside.append(inside[last])
    else:
        inside[last] = rng.choice(ODD)
    text = json.dumps(content) if as_json else yaml.safe_dump(content, sort_keys=False)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))


def _tensors(path):
    content = path.read_bytes()
    n = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + n]), content[8 + n :]


def _put_tensors(path, header, data):
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def lying_header(path, other, rng):
    "A header of safetensors that isn't true of what follows."
    header, data = _tensors(path)
    name = rng.choice([k for k in header if k != "__metadata__"])
    entry, how = header[name], rng.randrange(6)
    if how == 0:
        entry["data_offsets"] = [0, 2**40]
    elif how == 1:
        entry["shape"] = [2**31, 2**31]
    elif how == 2:
        entry["dtype"] = rng.choice(["I64", "F64", "BOOL", "U8", "F16", "BF16"])
    elif how == 3:
        header[name + ".more"] = header.pop(name)
    elif how == 4:
        entry["shape"] = [*entry["shape"], 1]
    if how == 5:
        content = path.read_bytes()
        path.write_bytes((2**62).to_bytes(8, "little") + content[8:])
    else:
        _put_tensors(path, header, data)


def resaved(change):
    "Weights that were read, changed and written by safetensors itself, in good order."

    def damage(path, other, rng):
        from safetensors.torch import load_file, save_file

        state = load_file(path)
        name = rng.choice([k for k, v in state.items() if v.is_floating_point() and v.numel() > 1])
        state = change(state, name)
        path.unlink()
        save_file({k: v.contiguous() for k, v in state.items()}, path)

    return damage


def _one(value):
    def change(state, name):
        state[name].view(-1)[0] = value
        return state

    return change


def _classes_turned(state, name):
    return {k: v.flip(0) if k.startswith("segmentation_head") else v for k, v in state.items()}


def pickled(flag):
    def damage(path, other, rng):
        path.write_bytes(pickle.dumps(Code(flag)))

    return damage


def torch_pickled(flag):
    "What torch.save writes, with code in it."

    def damage(path, other, rng):
        import torch

        torch.save({"weights": Code(flag), "next_epoch": 1}, path)

    return damage


def npy_objects(flag):
    "evidence.npz whose arrays are objects, which numpy would unpickle."

    def damage(path, other, rng):
        import numpy as np

        with np.load(path) as z:
            content = {k: z[k] for k in z.files}
        content[rng.choice(list(content))] = np.array([Code(flag)], dtype=object)
        np.savez(path, **content)

    return damage


def npz_wrong(path, other, rng):
    "An array of the evidence has another shape, kind or value."
    import numpy as np

    with np.load(path) as z:
        content = {k: z[k] for k in z.files}
    k, how = rng.choice(list(content)), rng.randrange(5)
    if how == 0:
        del content[k]
    elif how == 1:
        content[k] = content[k][..., None]
    elif how == 2:
        content[k] = np.full(content[k].shape, -1.0)
    elif how == 3:
        content[k] = np.full(content[k].shape, np.nan)
    else:
        content[k] = content[k].astype(str)
    np.savez(path, **content)


def state_wrong(path, other, rng):
    "A piece of resume.pt is another."
    import torch

    state = torch.load(path, weights_only=True)
    k, how = rng.choice(list(state)), rng.randrange(4)
    if how == 0:
        del state[k]
    elif how == 1:
        state = [state]
    elif how == 2:
        state[k] = rng.choice((None, [], "x", -5, {}, float("nan"), 10**9))
    else:
        first = next(iter(state["weights"]))
        state["weights"][first] = state["weights"][first] * float("nan")
    torch.save(state, path)


def parquet_wrong(path, other, rng):
    "A column of the predictions is another."
    import pandas as pd

    table = pd.read_parquet(path)
    k, how = rng.choice(list(table.columns)), rng.randrange(4)
    if how == 0:
        table = table.drop(columns=k)
    elif how == 1:
        table[k] = rng.choice(("x", 1.5, -3, None))
    elif how == 2:
        table = table.iloc[:0]
    else:
        table["rle_mask"] = rng.choice(("1 2 3", "0 5", "-1 5", "999999999999 5", "a b"))
    table.to_parquet(path)


def onnx_settings(path, other, rng):
    "A fact in an ONNX file is another."
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    props = {p.key: p.value for p in model.metadata_props}
    k = rng.choice(list(props))
    value = json.loads(props[k]) if k in ("classes", "image_height") else None
    props[k] = json.dumps(value[::-1] if isinstance(value, list) else rng.choice(ODD[:8]))
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, props)
    path.write_bytes(model.SerializeToString())


def onnx_nan(path, other, rng):
    "A weight of an ONNX file is NaN, where it has its weights inside."
    import numpy as np
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(path), load_external_data=False)
    inside = [i for i in model.graph.initializer if i.data_type == 1 and i.raw_data and len(i.raw_data) > 8]
    if not inside:
        raise FileNotFoundError(path)
    i = max(inside, key=lambda i: len(i.raw_data))
    i.raw_data = np.full(numpy_helper.to_array(i).shape, np.nan, np.float32).tobytes()
    path.write_bytes(model.SerializeToString())


def zip_entry(change):
    "A file in a zip is another."

    def damage(path, other, rng):
        with zipfile.ZipFile(path) as z:
            files = {n: z.read(n) for n in z.namelist()}
        name = rng.choice([n for n in files if n.endswith((".json", ".onnx"))])
        with tempfile.TemporaryDirectory() as d:
            inner = Path(d) / Path(name).name
            inner.write_bytes(files[name])
            change(inner, other, rng)
            if inner.is_file():
                files[name] = inner.read_bytes()
            else:
                del files[name]
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
            for n, content in files.items():
                z.writestr(n, content)

    return damage


def journal_line(path, other, rng):
    "A line of the journal is another."
    lines = path.read_bytes().splitlines(keepends=True)
    i, how = rng.randrange(len(lines)), rng.randrange(4)
    record = json.loads(lines[i])
    if how == 0:
        lines[i] = rng.choice((b"\n", b"[1]\n", b"\xff\xfe\x00\n", b"{}\n", b'{"file": 3}\n', b"null\n"))
    elif how == 1:
        record[rng.choice(list(record))] = rng.choice(ODD[:12])
        lines[i] = json.dumps(record).encode() + b"\n"
    elif how == 2 and record.get("parts"):
        part = rng.choice(record["parts"])
        part[rng.choice(list(part))] = rng.choice((*ODD[:12], "1 2 3", "-4 5", "99999999999999 3"))
        lines[i] = json.dumps(record).encode() + b"\n"
    else:
        lines[-1] = lines[-1][: rng.randrange(len(lines[-1]))]
    path.write_bytes(b"".join(lines))


def damages(path, flag):
    "What can be done to a file: name -> function."
    out = {
        "removed": removed,
        "a folder": as_folder,
        "swapped": swapped,
        "emptied": filled(b""),
        "cut to a byte": cut(1e-9 + 0),
        "cut at a quarter": cut(0.25),
        "cut in half": cut(0.5),
        "cut by a byte": cut(1.0),
        "a byte flipped": flipped(1),
        "30 bytes flipped": flipped(30),
        "text": filled(b"hello\n"),
        "zeros": filled(lambda p: bytes(p.stat().st_size)),
        "random": filled(lambda p: random.Random(1).randbytes(2000)),
        "pickle": pickled(flag),
    }
    kind = path.suffix
    if kind in (".json", ".yaml"):
        deep = b"[" * 100_000 if kind == ".json" else b"{a: " * 3000
        out |= {f"edited {n}": edited for n in range(6)}
        out |= {
            "a list": filled(b"[1, 2]"),
            "null": filled(b"null"),
            "deep": filled(deep),
            "latin-1": filled(b'{"\xe9": 1}'),
        }
        out["tag"] = filled(b"!!python/object/apply:os.system ['touch " + str(flag).encode() + b"']")
        out["aliases"] = filled(
            b"a: &a [x,x]\n" + b"".join(b"%c: &%c [*%c,*%c]\n" % (n + 1, n + 1, n, n) for n in range(97, 117))
        )
    if kind == ".safetensors":
        out |= {f"header lies {n}": lying_header for n in range(4)}
        out |= {"nan": resaved(_one(float("nan"))), "infinity": resaved(_one(float("inf")))}
        out |= {"one weight": resaved(_one(0.5)), "classes turned": resaved(_classes_turned)}
        out |= {"doubles": resaved(lambda s, n: {k: v.double() for k, v in s.items()})}
        out |= {"whole numbers": resaved(lambda s, n: s | {n: s[n].int()})}
        out |= {"a tensor less": resaved(lambda s, n: {k: v for k, v in s.items() if k != n})}
        out |= {"another shape": resaved(lambda s, n: s | {n: s[n].reshape(-1)[:1]})}
    if kind == ".pt":
        out |= {"torch's pickle": torch_pickled(flag)} | {f"state {n}": state_wrong for n in range(8)}
    if kind == ".npz":
        out |= {"objects": npy_objects(flag)} | {f"array {n}": npz_wrong for n in range(8)}
    if kind == ".parquet":
        out |= {f"column {n}": parquet_wrong for n in range(6)}
    if kind == ".onnx":
        out |= {"settings": onnx_settings, "settings too": onnx_settings, "nan": onnx_nan}
    if kind == ".zip":
        inside = zip_entry(lambda p, o, r: edited(p, o, r) if p.suffix == ".json" else onnx_settings(p, o, r))
        out |= {f"json inside {n}": inside for n in range(4)}
        out |= {f"flipped inside {n}": zip_entry(flipped(1)) for n in range(3)}
        out |= {"removed inside": zip_entry(removed), "text inside": zip_entry(filled(b"hello"))}
    if kind == ".jsonl":
        out |= {f"line {n}": journal_line for n in range(8)}
    return out


# --------------------------------------------------------------------------------------------------------- commands


class _Hub:
    "A Hub that takes everything."

    token, endpoint, sent = "x", "http://hub", ""

    def upload_folder(self, *, folder_path, **kwargs):
        files = sorted(Path(folder_path).rglob("*.safetensors"))
        _Hub.sent = hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()

    def __getattr__(self, name):
        return lambda *a, **k: None


def push(run_folder):
    "`carparts push` to a Hub that takes everything."
    from carparts_seg.deploy import hub

    with mock.patch.object(hub, "HfApi", _Hub), mock.patch.object(hub, "hub_reachable", lambda *a: True):
        got = run("push", run_folder, "me/it", "--all")
    return got._replace(out=_Hub.sent if got.code == 0 else "")


def serve(path):
    "`carparts serve`, up to where it would listen; then it answers one picture."
    from carparts_seg.core.basics import sample_image
    from carparts_seg.deploy import serve as module

    answers = []

    def listen(server, sockets=None):
        from starlette.testclient import TestClient

        server.started = True
        with TestClient(server.config.app, base_url="http://127.0.0.1") as client:
            got = client.post("/predict", files={"image": ("car.png", sample_image().read_bytes(), "image/png")})
            answers.append(re.sub(r'"(seconds|ms)[^,}]*', "", got.text) if got.is_success else "")
            if not got.is_success:
                print(got.text, file=sys.stderr)
                raise SystemExit(2)

    with mock.patch.object(module.uvicorn.Server, "run", listen):
        result = run("serve", path, "--port", "0")
    return result._replace(out="".join(answers))


def _digest(folder):
    "What lies in a folder, and is no time or machine."
    h = hashlib.sha256()
    for p in sorted(Path(folder).rglob("*")):
        if p.is_file() and not p.name.startswith("."):
            h.update(p.name.encode() + p.read_bytes())
    return h.hexdigest()


def _table(folder):
    return "".join(p.read_text() for p in Path(folder).glob("predictions.csv"))


def predict(path, more=()):
    "Predict the drawn cars; the result is the table."
    shutil.rmtree("p", ignore_errors=True)
    got = run("predict", path, "data/JPEGImages", "--out", "p", *more)
    return got._replace(out=_table("p"))


def go_on(words):
    "A command that writes into a copy, which is thrown away."

    def command(path):
        shutil.rmtree("copy", ignore_errors=True)
        shutil.copytree(path, "copy")
        return run(*words)

    return command


def evaluate(path):
    got = run("evaluate", path, "data")
    return got._replace(out=re.sub(r"[\d.]+ s\b", "", got.out))


def report(path):
    shutil.rmtree("copy", ignore_errors=True)
    shutil.copytree(path, "copy")
    got = run("report", "copy", "--pictures", "1")
    page = Path("copy/report.html")
    return got._replace(out="", err=got.err + (page.read_text() if got.code == 0 and page.is_file() else ""))


def compare(path):
    got = run("report", "other", path, "--out", "c")
    page = Path("c/comparison.html")
    return got._replace(out="", err=got.err + (page.read_text() if got.code == 0 and page.is_file() else ""))


def start_from(key):
    "A training that starts from weights."

    def command(path):
        shutil.rmtree("warm", ignore_errors=True)
        file = path / "weights" / "last.safetensors" if key.endswith("weights") else path
        more = ["--set", "architecture.pretrained=true"] if key.endswith("weights") else []
        got = run(
            "train",
            "tiny.yaml",
            "--data",
            "data",
            "--out",
            "warm",
            "--no-report",
            "--quiet",
            *more,
            "--set",
            f"architecture.{key}={file}",
        )
        weights = Path("warm/weights/last.safetensors")
        return got._replace(out=hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else "")

    return command


def journal(path):
    "Go on with predictions."
    shutil.rmtree("copy", ignore_errors=True)
    shutil.copytree(path, "copy")
    got = run("predict", "run", "data/JPEGImages", "--out", "copy", "--resume", "--outputs", "parquet,csv,coco")
    return got._replace(out=_table("copy"))


def export(path):
    Path("e.onnx").unlink(missing_ok=True)
    got = run(
        "export", path, "--format", "onnx", "--precision", "fp32", "--seconds", 0, "--data", "data", "--out", "e.onnx"
    )
    return got._replace(out=hashlib.sha256(Path("e.onnx").read_bytes()).hexdigest() if Path("e.onnx").is_file() else "")


def pack(path):
    shutil.rmtree("n", ignore_errors=True)
    got = run("export", path, "--format", "network", "--out", "n")
    return got._replace(out=_digest("n/weights") if got.code == 0 else "")


NETWORK = ("config.yaml", "data.json", "weights/last.safetensors", "weights/best.safetensors", "metrics.json")
RECORD = (
    "config.yaml",
    "data.json",
    "metrics.json",
    "charts.json",
    "results.csv",
    "evidence.npz",
    "validation_predictions.parquet",
    "train.log",
)
RESUMED = (
    "config.yaml",
    "data.json",
    "weights/last.safetensors",
    "weights/best.safetensors",
    "weights/resume.pt",
    "results.csv",
    "charts.json",
)
TRAIN_ON = ("train", "--out", "copy", "--resume", "--quiet", "--no-report")
COMMANDS = {  # name -> what it reads, which files of it, how dear it is in seconds, how it is asked
    "predict": ("run", NETWORK, 0.3, predict),
    "predict --threshold best": ("run", (*NETWORK, "evidence.npz"), 0.3, lambda p: predict(p, ["--threshold", "best"])),
    "evaluate": ("run", NETWORK, 0.5, evaluate),
    "serve": ("run", NETWORK, 0.5, serve),
    "push": ("run", (*NETWORK, *RECORD), 0.3, push),
    "report": ("run", RECORD, 4, report),
    "report A B": ("run", RECORD, 2, compare),
    "train --resume": ("begun", RESUMED, 1.5, go_on(TRAIN_ON)),
    "train, complete": ("run", RESUMED, 0.5, go_on(TRAIN_ON)),
    "train, pretrained": ("run", NETWORK[:4], 2, start_from("pretrained")),
    "train, pretrained_weights": ("run", NETWORK[2:3], 2, start_from("pretrained_weights")),
    "export onnx": ("run", NETWORK, 6, export),
    "export network": ("run", NETWORK, 6, pack),
    "predict pipeline": ("pipeline.zip", ("",), 0.3, predict),
    "serve pipeline": ("pipeline.zip", ("",), 0.5, serve),
    "predict pipeline's folder": ("pipeline", ("model.onnx", "settings.json", "SHA256SUMS"), 0.3, predict),
    "predict .onnx": ("model.onnx", ("",), 0.3, predict),
    "serve .onnx": ("model.onnx", ("",), 0.5, serve),
    "predict network": ("network", (*NETWORK[:3], "model.onnx"), 0.3, predict),
    "evaluate network": ("network", (*NETWORK[:3], "metrics.json"), 0.5, evaluate),
    "predict --resume": ("journal", ("predictions.jsonl", "predict.json"), 0.4, journal),
}
# what is no more than a record, in which a value that is another can't be told from one that was measured
OPEN = (
    "charts.json",
    "results.csv",
    "metrics.json",
    "train.log",
    "validation_predictions.parquet",
    "evidence.npz",
    "predictions.jsonl",
)


def prepare(folder):
    "What is damaged: `run`, `begun` (stopped after its epoch), `pipeline.zip`, `pipeline`, `network`, `journal`."
    from carparts_seg import one_training

    os.chdir(folder)
    made = [run("data", "draw", 8, "--out", "data", "--size", 96)]
    for seed, name, begun in ((1, "run", "begun"), (2, "other", "begun_other")):
        Path(f"{name}.yaml").write_text(TINY.replace("SEED", str(seed)))
        with mock.patch.object(one_training, "_finish", side_effect=KeyboardInterrupt):
            stopped = run("train", f"{name}.yaml", "--data", "data", "--quiet", "--out", begun)
            assert stopped.code == 130, stopped
        shutil.copytree(begun, name)
        made += [run("train", "--out", name, "--resume", "--quiet", "--no-report")]
    shutil.move("run.yaml", "tiny.yaml")
    made += [
        run("export", "run", "--format", "pipeline", "--precision", "fp32", "--seconds", 0, "--out", "pipeline.zip")
    ]
    made += [run("export", "run", "--format", "network", "--out", "network")]
    with zipfile.ZipFile("pipeline.zip") as z:
        z.extractall()
    shutil.copy("pipeline/model.onnx", "model.onnx")
    made += [run("predict", "run", "data/JPEGImages", "--out", "journal")]
    for got in made:
        assert got.code == 0, got


OTHERS = {"run": "other", "begun": "begun_other"}


def judge(command, name, got, before, damage):
    "What to call a result."
    text = got.out + got.err
    if got.code == "hang" or "Traceback" in got.err or got.code not in (0, 1, 2, 130):
        return "hang" if got.code == "hang" else "traceback"
    if got.code == 2:
        lines = [line for line in got.err.splitlines() if line.strip()]
        return "refused" if lines and len(lines[-1]) < 1500 else "without a word"
    if got.code:
        return "exit code 1"
    if got.out == before.out and command not in ("report", "report A B"):
        return "harmless"
    if name and Path(name).name in text or "altered" in text:
        return "said"
    if name.endswith(".jsonl") and damage.startswith("cut"):
        return "done again"  # a line that a kill tore; alone in its batch a picture's last digits may be others
    if Path(name).name in OPEN and damage.startswith(
        ("a byte", "30 bytes", "edited", "array", "column", "line", "swapped")
    ):
        return "read as it is"
    if command == "train, pretrained_weights" or command.startswith("report") and name == "config.yaml":
        return "read as it is"  # weights saved anew, without the seal of a run; settings that are only told
    return "silent"


BAD = ("traceback", "hang", "without a word", "exit code 1", "silent", "code was run")


def drill(seconds, seed, show, only=""):
    "Damage and ask until the time is up; counts by command and outcome, and what was bad."
    flag, rng = Path("code-was-run"), random.Random(seed)
    flag = flag.absolute()
    commands = {k: v for k, v in COMMANDS.items() if only in k}
    before = {}  # name -> what comes out of what is whole
    tries = []
    for name, (source, files, price, _) in commands.items():
        for file in files:
            path = Path(source) / file
            if path.is_file():
                tries += [(rng.random() * price, name, file, d) for d in damages(path, flag)]
    tries.sort()  # what is dear comes later
    counts, bad, until = Counter(), [], time.monotonic() + seconds
    for _, name, file, damage in tries:
        if time.monotonic() > until:
            break
        source, ask = COMMANDS[name][0], COMMANDS[name][3]
        whole, path = Path(source), Path(source) / file
        if name not in before:
            before[name] = ask(whole)
            assert before[name].code == 0, (name, before[name].code, before[name].err)
        kept = Path("kept")
        shutil.rmtree(kept, ignore_errors=True)
        a_folder = whole.is_dir()
        shutil.copytree(whole, kept) if a_folder else (kept.mkdir(), shutil.copy(whole, kept))
        own = random.Random(f"{seed} {name} {file} {damage}")
        try:
            damages(path, flag)[damage](path, Path(OTHERS.get(source, "nothing")) / file, own)
            got = ask(whole)
            outcome = judge(name, file or source, got, before[name], damage)
        except FileNotFoundError as e:
            if "nothing" not in str(e) and str(path) not in str(e):
                raise
            outcome, got = None, None
        finally:
            shutil.rmtree(whole) if whole.is_dir() else whole.unlink(missing_ok=True)
            shutil.copytree(kept, whole) if a_folder else shutil.copy(kept / whole.name, whole)
        if outcome is None:
            continue
        if flag.exists():
            outcome = "code was run"
            flag.unlink()
        counts[name, outcome] += 1
        if outcome in BAD:
            bad.append(f"{outcome}: {name}, {file or source}, {damage}: {got.code} {got.err.strip()[-300:]}")
        if show:
            print(f"{outcome:14} {name:26} {file or source:28} {damage:18} {got.err.strip()[-200:]!r}", flush=True)
    return counts, bad, len(tries)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seconds", type=float, default=60, help="of damaging and asking; making the runs comes before")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--show", action="store_true", help="a line for each try")
    p.add_argument("--folder", help="where the runs are, or are made and left (default: a temporary one)")
    p.add_argument("--only", default="", help="commands with this in their names")
    a = p.parse_args()
    home, began = Path.cwd(), time.monotonic()
    with tempfile.TemporaryDirectory() if a.folder is None else contextlib.nullcontext(a.folder) as folder:
        try:
            if (Path(folder) / "journal").is_dir():
                os.chdir(folder)
            else:
                Path(folder).mkdir(exist_ok=True)
                prepare(folder)
            ready = time.monotonic()
            counts, bad, planned = drill(a.seconds, a.seed, a.show, a.only)
        finally:
            os.chdir(home)
    outcomes = sorted({o for _, o in counts})
    print(f"{'':28}" + "".join(f"{o:>16}" for o in outcomes))
    for name in COMMANDS:
        if any(n == name for n, _ in counts):
            print(f"{name:28}" + "".join(f"{counts[name, o]:>16}" for o in outcomes))
    n = sum(counts.values())
    took = f"{time.monotonic() - ready:.0f} s (made ready in {ready - began:.0f} s)"
    print(f"{n} of {planned} tries in {took}, seed {a.seed}; {len(bad)} bad")
    print("\n".join(bad))
    total = Counter()
    for (_, outcome), k in counts.items():
        total[outcome] += k
    wrong = sum(total[o] for o in BAD) - total["traceback"] - total["hang"]
    print(told_counts("damaged runs and exports", n, total["refused"], total["traceback"], total["hang"], wrong))
    return int(bool(bad))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.exit(main())
