"""A smoke test of an installed package: from drawn cars to a network that is exported, in under a minute of one core.

    python .ci/smoke.py FIGURES.json

Prints `ok NAME` or `FAILED NAME: why` a line each, and the versions of what it ran with. Where FIGURES.json is there,
it is what another environment has given, and is compared: drawn masks are the same, figures of the training agree; what
gives no figure but takes long is left out there: the notebooks try it in that environment. Where it isn't, it is
written. Needs the extras `serve` and `export`. Exit code 1 where one fails.
"""

import contextlib
import hashlib
import importlib
import io
import json
import pkgutil
import sys
import tempfile
import time
import warnings
from importlib import metadata
from pathlib import Path
from unittest import mock

warnings.filterwarnings("ignore")
NAMED = ("fastai", "fastcore", "torch", "torchvision", "segmentation-models-pytorch", "albumentations", "timm")
NAMED += ("numpy", "pandas", "plum-dispatch", "onnx", "onnxruntime", "openvino", "fastapi", "starlette", "pydantic")
SETTINGS = {
    "architecture": {"architecture": "FPN", "backbone": "tu-test_resnet", "pretrained": False},
    "environment": {"gpus": [], "seed": 1},
    "image": {"image_height": 64, "image_width": 64},
    "training": {"epochs": 1, "batch_size": 2, "build_scoring_pipelines": False},
}


def carparts(*words, code=0):
    "The command, in this process; what it says."
    from carparts_seg.cli import main

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        got = main([str(w) for w in words])
    assert got == code, f"carparts {words[0]} ended with {got}, not {code}: {said.getvalue().strip()[-300:]}"
    return said.getvalue()


def modules(work):
    "Every module can be imported."
    import carparts_seg

    found = [m.name for m in pkgutil.walk_packages(carparts_seg.__path__, "carparts_seg.")]
    for name in found:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    assert len(found) > 50, f"only {len(found)} modules"
    return {}


def shipped(work):
    "The network that comes with the package finds the parts of the picture that comes with it."
    said = carparts("predict", "--out", work / "shipped")
    table = (work / "shipped" / "predictions.csv").read_text(encoding="utf-8")
    assert "front_bumper" in table and list((work / "shipped" / "overlay").iterdir()), said
    return {"parts": len(table.splitlines()) - 1}


def extras(work):
    "What is missing is said in one line, with exit code 2."
    for command, lacking in (("serve", "fastapi"), ("export", "onnx")):
        with mock.patch.dict(sys.modules):
            for name in [m for m in sys.modules if m.startswith("carparts_seg.deploy.")]:
                del sys.modules[name]
            sys.modules[lacking] = None
            said = carparts(command, work / "run", code=2)
        wanted = f'carparts {command} needs {lacking}: pip install "carparts_seg[{command}]"\n'
        assert said == wanted, said
    return {}


def draw(work):
    "Eight cars."
    carparts("data", "draw", 8, "--out", work / "cars", "--size", 64, "--seed", 3)
    from carparts_seg import open_dataset

    table = open_dataset(str(work / "cars")).table
    text = table[["file_name", "name", "rle_mask"]].to_csv(index=False)
    return {"masks": len(table), "sum of masks": hashlib.sha256(text.encode()).hexdigest()}


def train(work):
    "One epoch of a tiny network, and its report."
    import pandas as pd

    (work / "tiny.yaml").write_text(json.dumps(SETTINGS), encoding="utf-8")  # JSON is YAML
    carparts("train", work / "tiny.yaml", "--data", work / "cars", "--out", work / "run", "--quiet")
    figures = json.loads((work / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert (work / "run" / "report.html").stat().st_size > 10_000, "the report is short"
    kept = {k: figures[k] for k in ("miou", "dice", "iou_per_image", "n_images", "parameters")}
    last = pd.read_csv(work / "run" / "results.csv").iloc[-1]
    return kept | {k: float(last[k]) for k in ("train_loss", "valid_loss")}


def predict(work):
    "Masks of the pictures, and how sure the network is."
    carparts("predict", work / "run", work / "cars", "--out", work / "found")
    from carparts_seg import load_run, open_dataset, read_image, read_table

    data, run = open_dataset(str(work / "cars")), load_run(work / "run", device="cpu", precision="fp32")
    assert read_table(work / "found" / "predictions.parquet").file_name.nunique() == 8, "a picture is missing"
    probabilities = run.probabilities([run.prepare(read_image(data.path(f), 3)) for f in data.files])
    return {"mean probability": float(probabilities.mean()), "largest": float(probabilities.max())}


def export(work):
    "A file for ONNX Runtime, which reads it, one for OpenVINO, and a packed network, which predicts."
    plain = ("--precision", "fp32", "--seconds", 0)
    carparts("export", work / "run", "--out", work / "model.onnx", *plain)
    carparts("export", work / "run", "--format", "openvino", "--out", work / "model.xml", *plain)
    carparts("export", work / "run", "--format", "network", "--out", work / "network", "--seconds", 0)
    carparts("predict", work / "network", work / "cars", "--out", work / "found_by_onnx")
    from carparts_seg import OnnxScorer

    assert OnnxScorer(work / "model.onnx").classes, "no classes in the file"
    return {}


def learner(work):
    "fastai's own way: fit, export, load_learner, predict."
    import torch
    from fastai.learner import load_learner

    from carparts_seg import open_dataset, parts_dataloaders, parts_learner

    data = open_dataset(str(work / "cars"))
    dls = parts_dataloaders(data, data.files[:6], data.files[6:], 64, 64, batch_size=2, progress=False)
    learn = parts_learner(dls, "FPN", "tu-test_resnet", pretrained=False)
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(1, 1e-3)
        loss = learn.recorder.values[-1][0]
        learn.export(work / "learner.pkl")
        there = load_learner(work / "learner.pkl")
        with there.no_bar():
            here, back = (torch.as_tensor(x.predict(data.path(data.files[0]))[2]) for x in (learn, there))
    assert torch.equal(here, back), "what was loaded predicts something else"
    assert loss > 0, "no training loss"
    return {}


STEPS = (modules, shipped, draw, train, extras, predict, export, learner)
COMPARED = (modules, shipped, draw, train, predict)


def agrees(a, b):
    "Whether two environments gave the same: text and counts to the letter, measured figures within a thousandth."
    return abs(a - b) <= 1e-3 + 1e-3 * abs(a) if isinstance(a, float) else a == b


def problems(step, work, known, given):
    "What is wrong with a step, and with the figures that it gives."
    try:
        figures = step(work)
    except (Exception, SystemExit) as e:
        return [f"{type(e).__name__}: {e}".replace("\n", " ")[:500]]
    given |= figures
    return [
        f"{k} is {v}, and elsewhere {known.get(k)}" for k, v in figures.items() if known and not agrees(v, known.get(k))
    ]


def main(path):
    known, given, failed = json.loads(path.read_text()) if path.is_file() else {}, {}, 0
    with tempfile.TemporaryDirectory() as work:
        for step in COMPARED if known else STEPS:
            began, wrong = time.monotonic(), problems(step, Path(work), known, given)
            failed += bool(wrong)
            said = f"FAILED smoke {step.__name__}: " + "; ".join(wrong) if wrong else f"ok smoke {step.__name__}"
            print(f"{said} ({time.monotonic() - began:.0f} s)", flush=True)
    if not known:
        path.write_text(json.dumps(given))
    print("smoke test with " + ", ".join(f"{n} {metadata.version(n)}" for n in NAMED))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
