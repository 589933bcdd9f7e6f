"""Too little and too much: data without masks, classes or pixels, and numbers beyond all use, through every command.

python .ci/drill_extremes.py [--seconds 60] [--seed 0] [--only TEXT] [--show]

Small sets are drawn in which something is missing (masks, a class, all pixels but one row, all pictures but one), a
tiny network is trained on them with odd settings, and report, comparison, card, evaluation, out-of-fold figures,
corruptions and best thresholds are made of the run; between them settings and options get absurd values. Right is: exit
code 0 and pages that say "none", or exit code 2 and one line. Wrong are a traceback, a hang, a warning, a NaN that is
shown. Prints a table, and exits with 1 if anything wrong was met.
"""

import argparse
import html
import itertools
import json
import math
import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from all_drills import told_counts
from inside import Result, run_within

os.environ.setdefault("MPLBACKEND", "Agg")
LONGEST = 300  # seconds of a command, beyond which it hangs
TINY = """
architecture: {architecture: Linknet, backbone: tu-test_resnet, pretrained: false}
environment: {gpus: [], seed: 1}
image: {image_height: 64, image_width: 64}
training: {epochs: 1, batch_size: 2, build_scoring_pipelines: false}
"""


def run(*words):
    "The command `carparts` within this process, see `run_within`."
    return run_within(LONGEST, *words)


# ------------------------------------------------------------------------------------------------------------ data
SIDES = ["left_mirror", "right_mirror", "hood"]


def rectangle(rng, height, width):
    "A mask as run lengths: a rectangle somewhere."
    import numpy as np

    from carparts_seg.core.masks import mask_to_rle

    mask = np.zeros((height, width), np.uint8)
    y, x = rng.randrange(height), rng.randrange(width)
    mask[y : y + max(1, height // 2), x : x + max(1, width // 2)] = 1
    return mask_to_rle(mask)


def write_set(folder, rng, shown, size=(40, 48), grey=False):
    "Pictures and their table: `shown` has the classes of each picture. The table's file."
    import cv2
    import numpy as np
    import pandas as pd

    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    rows = []
    for i, classes in enumerate(shown):
        file = f"p{i}.png"
        pixels = np.frombuffer(rng.randbytes(size[0] * size[1] * 3), np.uint8).reshape(*size, 3)
        cv2.imwrite(str(folder / "pictures" / file), pixels[..., 0] if grey else pixels)
        rows += [dict(file_name=file, name=c, rle_mask=rectangle(rng, *size)) for c in classes]
        rows += [] if classes else [dict(file_name=file, name=None, rle_mask=None)]
    for row in rows:
        row |= dict(height=size[0], width=size[1])
    table = pd.DataFrame(rows, columns=["file_name", "name", "rle_mask", "height", "width"])
    table.to_parquet(folder / "all.parquet")
    return table


ALL, NONE = SIDES, []
SETS = {  # what the pictures show: first those to train on, then those held out
    "as it should be": ([ALL] * 4, [ALL] * 2),
    "nothing held out has a mask": ([ALL] * 4, [NONE] * 2),
    "nothing to train on has a mask": ([NONE] * 4, [ALL] * 2),
    "no mask at all": ([NONE] * 4, [NONE] * 2),
    "a class only in training": ([ALL] * 4, [["hood"]] * 2),
    "a class only held out": ([["hood"]] * 4, [ALL] * 2),
    "all classes only held out but one": ([["hood"]] * 4, [["left_mirror"]] * 2),
    "one side only": ([["left_mirror"]] * 4, [["right_mirror"]] * 2),
    "one class": ([["hood"]] * 4, [["hood"]] * 2),
    "one picture held out": ([ALL] * 4, [ALL]),
    "one picture to train on": ([ALL], [ALL] * 2),
    "one picture on each side": ([ALL], [ALL]),
    "one negative held out": ([ALL] * 3, [NONE]),
    "mostly negatives": ([ALL] + [NONE] * 5, [NONE] * 3 + [["hood"]]),
    "nothing held out": ([ALL] * 3, []),
    "nothing to train on": ([], [ALL] * 3),
}
SIZES = {"": (40, 48), "one pixel high": (1, 40), "one pixel wide": (40, 1), "one pixel": (1, 1), "long": (3, 900)}
ODD = [  # settings that may be too much for little data
    {},
    {"training.batch_size": 64},
    {"training.batch_size": 64, "training.drop_last_batch": "false"},
    {"training.batch_size": 3, "training.drop_last_batch": "true"},
    {"training.class_weights": "Balanced"},
    {"training.sampling": "Rare"},
    {"training.loss_function": "BCELovasz"},
    {"training.loss_function": "FocalDice"},
    {"training.loss_function": "Jaccard"},
    {"training.epochs": 2, "training.evaluation_epochs": 5},
    {"training.evaluation_epochs": 0.3},
    {"training.save_best_checkpoint": "true", "training.early_stopping_patience": 1, "training.epochs": 3},
    {"training.train_validation_data": "true"},
    {"training.calculate_train_metric": "true", "training.evaluate_before_training": "true"},
    {"training.stochastic_weight_averaging_epochs": 1},
    {"training.grad_accumulation": 100},
    {"augmentation.mix_image": "Cutmix"},
    {"augmentation.mix_image": "Mixup", "training.batch_size": 1},
    {"augmentation.augmentations_strategy": "Hard"},
    {"image.image_normalization": "Channel"},
    {"prediction.probability_threshold": 0.999},
    {"prediction.probability_threshold": 0.001},
    {"prediction.test_time_augmentations": "[HorizontalFlip]", "prediction.test_time_scales": "[0.25,4]"},
    {"prediction.metric": "Dice", "training.save_best_checkpoint": "true"},
    {"dataset.data_sample": 0.01},
    {"dataset.class_list": "[hood]"},
    {"dataset.class_list": "[hood,left_mirror,right_mirror,never_there]"},
]
DEALS = [  # how an undivided set may be divided
    {"dataset.validation_strategy": "kfold", "dataset.n_folds": 2, "dataset.folds": "[0,1]"},
    {"dataset.validation_strategy": "kfold", "dataset.n_folds": 5, "dataset.folds": "[0,1,2,3,4]"},
    {"dataset.validation_strategy": "automatic", "dataset.validation_size": 0.01},
    {"dataset.validation_strategy": "automatic", "dataset.validation_size": 0.99},
    {"dataset.validation_strategy": "kfold", "dataset.n_folds": 1000},
]

# -------------------------------------------------------------------------------------------------------- what is wrong
NAN = re.compile(r"(?<![\w.])(nan|NaN|-?inf|Infinity)(?![\w.=])")


def numbers(value, above=""):
    "Every number of a JSON file, with its place."
    if isinstance(value, dict):
        for k, v in value.items():
            yield from numbers(v, f"{above}.{k}")
    elif isinstance(value, list):
        for v in value:
            yield from numbers(v, above)
    elif isinstance(value, float):
        yield above, value


def seen(page):
    "What a page shows, without its programs and pictures."
    page = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.S)
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def shows_nan(folder):
    "Files of a folder that show a number that is none."
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".html", ".md", ".csv", ".log"):
            text = (
                seen(path.read_text(errors="replace")) if path.suffix == ".html" else path.read_text(errors="replace")
            )
            if found := NAN.search(text):
                yield f"{path.name} shows {text[max(0, found.start() - 30) : found.end() + 10]!r}"
            if found := re.search(r"[^.\n]* is left out: \w*(Error|Warning)[^\n]*", text):
                yield f"{path.name} says {found[0].strip()[:160]!r}"
        elif path.suffix == ".json":
            for place, v in numbers(json.loads(path.read_text())):
                if not math.isfinite(v):
                    yield f"{path.name} has {v} at {place}"


def wrong(result, allowed=(0, 2)):
    "What is wrong with a command that was run, or None."
    if result.code == "hang":
        return "hang"
    if "Traceback" in result.err or "this is a bug" in result.err or result.code not in allowed:
        return f"code {result.code}: {result.err.strip()[-300:]}"
    if result.code == 2 and (lines := [x for x in result.err.strip().splitlines() if not x.startswith("usage:")]):
        if len(lines) > 1 and "usage:" not in result.err:
            return f"{len(lines)} lines: {result.err.strip()[:300]}"
    if result.code == 2 and not (result.err + result.out).strip():
        return "code 2 without a word"
    if result.warned:
        return f"warning: {result.warned[0]}"
    if found := NAN.search(result.out + result.err):
        text = result.out + result.err
        return f"shows {text[max(0, found.start() - 60) : found.end() + 20]!r}"


# ------------------------------------------------------------------------------------------------------------- trying
class Drill:
    "Tries things, and counts."

    def __init__(self, home, show):
        self.home, self.show, self.counts, self.bad, self.slowest = home, show, Counter(), [], (0, "")

    def note(self, kind, what, result, problem):
        held = "wrong" if problem else "refused in a line" if result.code == 2 else "done"
        self.counts[kind, held] += 1
        self.slowest = max(self.slowest, (result.seconds, what))
        if problem:
            self.bad.append(f"{kind}: {what}: {problem}")
        if self.show or problem:
            words = problem or (result.err.strip().splitlines() or [""])[-1][:150]
            print(f"{held:18} {result.seconds:5.1f} s  {kind}: {what}: {words}", flush=True)

    def command(self, kind, what, *words, allowed=(0, 2)):
        result = run(*words)
        self.note(kind, what, result, wrong(result, allowed))
        return result

    def pages(self, what, folder):
        "Look at all that a run has left."
        for problem in dict.fromkeys(shows_nan(folder)):
            self.note("pages", what, Result(0, "", "", [], 0), problem)

    def train(self, what, out, settings, data=None):
        "Train, and look at the run; whether there is one."
        words = [
            "train",
            self.home / "tiny.yaml",
            "--out",
            out,
            "--quiet",
            "--no-report",
            *(["--data", data] if data else []),
        ]
        for k, v in settings.items():
            words += ["--set", f"{k}={v}"]
        if self.command("train", what, *words).code:
            return False
        self.pages(what, out)
        return True


def divided(drill, rng, name, size, odd, i):
    "A set that is divided as it says: train, and all that is made of a run."
    home, what = (
        drill.home / f"set{i}",
        ", ".join([name, *filter(None, [size]), *(f"{k.split('.')[1]}={v}" for k, v in odd.items())]),
    )
    train, valid = SETS[name]
    table = write_set(home, rng, train + valid, SIZES[size])
    first = {f"p{k}.png" for k in range(len(train))}
    table.assign(fold=(~table.file_name.isin(first)).astype(int)).to_parquet(home / "all.parquet")
    settings = {
        "dataset.train_dataframe": home / "all.parquet",
        "dataset.data_folder": home / "pictures",
        "dataset.validation_strategy": "kfold",
        "dataset.fold_column": "fold",
        "dataset.folds": "[1]",
        "dataset.class_list": "[left_mirror,right_mirror,hood]",
    } | odd
    out = home / "run"
    if drill.train(what, out, settings):
        after(drill, rng, what, out, home / "all.parquet", home / "pictures")
    shutil.rmtree(home)


def after(drill, rng, what, out, table, pictures):
    "What is made of a run."
    tries = [
        ("report", out),
        ("report", out, out.parent / "again", "--out", out.parent / "compared"),
        ("evaluate", out, "--out", out.parent / "e1"),
        ("evaluate", out, table, "--images", pictures, "--out", out.parent / "e2"),
        ("evaluate", out, "--threshold", "best", "--out", out.parent / "e3"),
        ("evaluate", out, "--corruptions", "jpeg_compression", "--out", out.parent / "e4"),
        ("evaluate", out, "-n", "1", "--tile", "16"),
        ("evaluate", out, "--only", "train", "--min-area", "100000"),
        (
            "predict",
            out,
            pictures,
            "--out",
            out.parent / "p1",
            "--outputs",
            "parquet,csv,coco,index,overlay",
            "--threshold",
            "best",
        ),
    ]
    shutil.copytree(out, out.parent / "again")
    for words in [tries[0], *rng.sample(tries[1:], 4)]:
        about = " ".join(str(w) for w in words if not isinstance(w, Path))
        drill.command(words[0], f"{about} ({what})", *words)
        drill.pages(f"{about} ({what})", out.parent)
    if not (out / "report.html").is_file():
        drill.note("report", what, Result(0, "", "", [], 0), "no report.html")


def undivided(drill, rng, shown, deal, i):
    "A set that is dealt to folds: train, and out of fold."
    home = drill.home / f"set{i}"
    write_set(home, rng, shown)
    settings = {"dataset.train_dataframe": home / "all.parquet", "dataset.data_folder": home / "pictures"}
    masked = sum(map(bool, shown))
    what = f"{len(shown)} pictures, {masked} with masks, " + ", ".join(
        f"{k.split('.')[1]}={v}" for k, v in deal.items()
    )
    out, classes = home / "run", {"dataset.class_list": "[left_mirror,right_mirror,hood]"}
    if drill.train(what, out, settings | deal | classes):
        for words in (
            ("evaluate", out, "--out", home / "e1"),
            ("report", out),
            ("evaluate", out, "--threshold", "best"),
        ):
            about = " ".join(str(w) for w in words if not isinstance(w, Path))
            drill.command(words[0], f"{about} ({what})", *words)
        drill.pages(what, home)
    shutil.rmtree(home)


# ------------------------------------------------------------------------------------------------------------ too much
def too_much(home):
    "Commands that ask for more than there can be: each is refused, or done within bounds."
    tiny = home / "tiny.yaml"
    train = ["train", tiny, "--data", home / "cars", "--out", home / "never", "--quiet", "--no-download"]
    sets = """image.image_height=100000 training.batch_size=1000000 training.epochs=1000000000 dataset.n_folds=1000000
    environment.number_of_workers=100000 environment.number_of_seeds_per_run=1000000 prediction.test_time_scales=[100]
    training.grad_accumulation=1000000000 training.warmup_epochs=1e30 training.evaluation_epochs=1e-30
    training.stochastic_weight_averaging_epochs=1000000000 augmentation.mix_iterations=1000000
    image.image_channels=100000
    prediction.batch_size_inference=1000000 training.learning_rate=1e30 training.early_stopping_patience=1e30""".split()
    for text in sets:
        yield text, [*train, "--set", text]
    big = ["--set", "image.image_height=8192", "--set", "image.image_width=8192", "--set"]
    yield "a batch of 4096 at 8192 pixels", [*train, *big, "training.batch_size=4096"]
    yield "a batch of 4096 at 8192 pixels, dry", [*train, *big, "training.batch_size=4096", "--dry-run"]
    yield "views of 32768 pixels", [*train, *big, "prediction.test_time_scales=[4]"]
    yield "100,000 classes", [*train, "--set", f"dataset.class_list=[{','.join(f'c{i}' for i in range(100_000))}]"]
    grid = ["--grid", f"environment.seed={','.join(map(str, range(1000)))}"]
    grid += ["--grid", f"training.learning_rate={','.join(f'{i}e-5' for i in range(1, 1001))}"]
    yield "a grid of a million runs", [*train, *grid]
    yield "a billion cars", ["data", "draw", 10**9, "--out", home / "never"]
    yield "a car of a million pixels", ["data", "draw", 1, "--size", 10**6, "--out", home / "never"]
    yield "a million processes", ["data", "draw", 2, "--workers", 10**6, "--size", 32, "--out", home / "few"]
    yield "a demo of a billion cars", ["demo", "-n", 10**9, "--out", home / "never"]
    yield "a billion rounds", ["bench", "--only", "drawing", "--rounds", 10**9]
    yield "no rounds", ["bench", "--only", "drawing", "--rounds", 0]


def transforms():
    "Custom transforms that ask for too much, or for nothing."
    yield from (
        ("CoarseDropout", dict(num_holes_range=[1, 10**8])),
        (
            "CoarseDropout",
            dict(num_holes_range=[10**4, 10**4], hole_height_range=[200, 200], hole_width_range=[200, 200]),
        ),
        ("Affine", dict(scale=5000)),
        ("Affine", dict(scale=[1e-9, 1e-9])),
        ("Affine", dict(translate_px=10**9)),
        ("RandomScale", dict(scale_limit=[5000, 5000])),
        ("Resize", dict(height=10**6, width=10**6)),
        ("Resize", dict(height=16000, width=16000)),
        ("LongestMaxSize", dict(max_size=10**7)),
        ("PadIfNeeded", dict(min_height=10**6, min_width=10**6)),
        ("PadIfNeeded", dict(min_height=16000, min_width=16000)),
        ("GaussianBlur", dict(blur_limit=[99999, 99999])),
        ("MedianBlur", dict(blur_limit=[16001, 16001])),
        ("MotionBlur", dict(blur_limit=[9999, 9999])),
        ("GridDistortion", dict(num_steps=10**7)),
        ("GridDistortion", dict(num_steps=10_000)),
        ("ElasticTransform", dict(sigma=1e5, alpha=1e6)),
        ("RandomGridShuffle", dict(grid=[10**5, 10**5])),
        ("RandomGridShuffle", dict(grid=[10**3, 10**3])),
        ("Superpixels", dict(n_segments=[10**6, 10**6])),
        ("Superpixels", dict(n_segments=[10**4, 10**4])),
        ("RandomRain", dict(drop_length=10**6)),
        ("RandomFog", dict(alpha_coef=1e9)),
        ("RandomSunFlare", dict(num_flare_circles_range=[10**4, 10**4], src_radius=10**5)),
        ("ZoomBlur", dict(max_factor=[10**4, 10**4])),
        ("ZoomBlur", dict(max_factor=[100, 100], step_factor=[1e-6, 1e-6])),
        ("GlassBlur", dict(iterations=10**4, max_delta=100)),
        ("Spatter", dict(gauss_sigma=[1e6, 1e6])),
        ("RandomShadow", dict(num_shadows_limit=[10**4, 10**4], shadow_dimension=1000)),
        ("Sharpen", dict(kernel_size=9999)),
        ("Defocus", dict(radius=[10**4, 10**4])),
        ("AdvancedBlur", dict(blur_limit=[9999, 9999])),
        ("Morphological", dict(scale=[9999, 9999])),
        ("PixelDropout", dict(dropout_prob=2)),
        ("GridDropout", dict(ratio=0.99, unit_size_range=[2, 2])),
        ("ImageCompression", dict(quality_range=[-5, 10**9])),
        ("Downscale", dict(scale_range=[1e-9, 1e-9])),
        ("Perspective", dict(scale=[50, 50])),
        ("ShiftScaleRotate", dict(scale_limit=[5000, 5000])),
        ("RandomResizedCrop", dict(size=[10**5, 10**5])),
        (
            "CoarseDropout",
            dict(num_holes_range=[1000, 1000], hole_height_range=[200, 200], hole_width_range=[200, 200]),
        ),
        ("MedianBlur", dict(blur_limit=[1023, 1023])),
        ("MotionBlur", dict(blur_limit=[1023, 1023])),
        ("GridDistortion", dict(num_steps=256)),
        ("ElasticTransform", dict(sigma=1000, alpha=1e6)),
        ("RandomGridShuffle", dict(grid=[256, 256])),
        ("Superpixels", dict(n_segments=[1000, 1000], max_size=8192)),
        ("GlassBlur", dict(iterations=1000, max_delta=100)),
        ("ZoomBlur", dict(max_factor=[16, 16], step_factor=[1e-6, 1e-6])),
        ("Spatter", dict(gauss_sigma=[1000, 1000])),
        ("Defocus", dict(radius=[1024, 1024])),
        ("RandomSunFlare", dict(num_flare_circles_range=[1000, 1000], src_radius=1024)),
        ("RandomScale", dict(scale_limit=[15, 15])),
        ("RandomRain", dict(drop_length=1000, drop_width=1000)),
        ("PadIfNeeded", dict(min_height=8192, min_width=8192)),
        ("Resize", dict(height=8192, width=8192)),
    )


def augmentations(drill, rng):
    "One absurd transform: its own name in the error, within bounds of time and memory."
    name, args = rng.choice(list(transforms()))
    node = {
        "transform": {
            "__class_fullname__": "Compose",
            "p": 1,
            "transforms": [{"__class_fullname__": name, "p": 1, **args}],
        }
    }
    text = json.dumps(node)
    words = [
        "train",
        drill.home / "tiny.yaml",
        "--data",
        drill.home / "cars",
        "--out",
        drill.home / "aug",
        "--quiet",
        "--no-report",
    ]
    words += [
        "--set",
        "augmentation.augmentations_strategy=Custom",
        "--set",
        f"augmentation.custom_train_augmentations='{text}'",
    ]
    result = run(*words)
    problem = wrong(result)
    if not problem and result.code == 2 and name not in result.err:
        problem = f"its name is not in {result.err!r}"
    if not problem and result.seconds > 20:
        problem = f"{result.seconds:.0f} s"
    drill.note("augmentation", f"{name} {args}", result, problem)
    shutil.rmtree(drill.home / "aug", ignore_errors=True)


def settings(drill, rng, n=200):
    "Values of the wrong kind for settings: refused in a line, or read as one expects and written back alike."
    from carparts_seg.core.config import ConfigError, config_text, load_config
    from carparts_seg.core.settings import setting_fields

    for _ in range(n):
        name, value = rng.choice(list(setting_fields())), rng.choice(VALUES)
        section, _, key = name.rpartition(".")
        text = f"{section}:\n  {key}: {value}\n" if section else f"{key}: {value}\n"
        began, problem, code = time.process_time(), None, 0
        try:
            cfg = load_config(text) if rng.random() < 0.5 else load_config(None, [f"{name}={value}"])
            if load_config(config_text(cfg)) != cfg:
                problem = "written back it is another"
        except ConfigError as e:
            code = 2
            if "\n" in str(e) or not str(e).isprintable() or len(str(e)) > 1000:
                problem = f"not a line: {str(e)[:300]!r}"
        except Exception as e:
            problem = f"{type(e).__name__}: {str(e)[:200]}"
        result = Result(code, "", "", [], time.process_time() - began)
        drill.note("setting", f"{name}: {value[:60]!r}", result, problem or ("slow" if result.seconds > 10 else None))


VALUES = [
    ".nan .inf -.inf nan 1e400 1e30 -1 0 -0.0 0.5 1.5 true yes no ~ null '' ' ' \"1\" '1' 1e3 1.e3 0o17 017 0x1f 0b101",
    "1_000 1:30 2020-01-01 2020-99-99 [] [[]] [~] [1,2] [a,a] [.nan] {} {a: 1} {1: 2} [1 {a *x '&a 1' !!int x",
    "!!python/object:os.system !!binary aGk= '!!set {a}' !!float 1 !!str 5 '!!bool yes' @a `a １２ ٣ 1,5 1.000,5 = <<",
    '{<<: 1} "\\ud800" "\\x00" "\\e[31m"',
]
VALUES = [v for text in VALUES for v in text.split()] + [
    "9" * 5000,
    "1e" + "9" * 50,
    "0x" + "f" * 5000,
    "a" * 100_000,
    "[" + "a," * 20_000 + "]",
    "[" + ",".join(map(str, range(20_000))) + "]",
    "[" * 2000,
    "{a: " * 900 + "1" + "}" * 900,
    "1\tx",
    "\t1",
    "'../../..'",
    "💥",
]


def bombs(drill):
    "YAML files that are no experiments."
    deep = "training:\n  epochs: " + "[" * 100_000 + "\n"
    laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)
    )
    files = {
        "billion laughs": laughs.encode(),
        "billion laughs in a setting": (laughs + "dataset:\n  class_list: *m\n").encode(),
        "deep": deep.encode(),
        "deep mapping": ("".join(" " * i + "a:\n" for i in range(3000))).encode(),
        "100 MB": b"# comment\n" * 10_000_000,
        "100 MB of keys": b"".join(b"k%d: 1\n" % i for i in range(1_000_000)),
        "binary": bytes(range(256)) * 10,
        "tabs": b"training:\n\tepochs: 1\n",
        "twice": b"training:\n  epochs: 1\ntraining:\n  epochs: 2\n",
        "utf-16": "training:\n  epochs: 1\n".encode("utf-16"),
        "latin-1": "experiment_name: é\n".encode("latin-1"),
        "empty": b"",
        "a list": b"- a\n- b\n",
        "two documents": b"training:\n  epochs: 1\n---\ntraining:\n  epochs: 2\n",
        "itself": b"training: &a\n  epochs: *a\n",
        "a merge of itself": b"training: &a\n  <<: *a\n  epochs: 1\n",
        "merged": b"x: &a {epochs: 1}\ntraining:\n  <<: *a\n",
        "nul": b"training:\n  epochs: 1\0\n",
        "carriage returns": b"training:\r  epochs: 1\r",
        "byte-order mark": b"\xef\xbb\xbftraining:\n  epochs: 1\n",
        "numbers as keys": b"1: 2\n3.5: 4\n~: 5\ntrue: 6\n[1, 2]: 7\n",
    }
    for name, content in files.items():
        path = drill.home / "bomb.yaml"
        path.write_bytes(content)
        result = run("config", path)
        problem = wrong(result)
        if problem and re.match(r"\d+ lines", problem):
            problem = None if len(result.err) < 20_000 else problem  # a line a key that is none
        drill.note("YAML file", name, result, problem or ("slow" if result.seconds > 15 else None))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--only", default="", help="kinds with this text: little, folds, much, augmentation, setting, yaml"
    )
    parser.add_argument("--show", action="store_true", help="a line a try")
    a = parser.parse_args()
    import carparts_seg.all  # noqa: F401  what a first command waits for is no part of its time

    rng, began = random.Random(a.seed), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="carparts-extremes-") as home:
        home = Path(home)
        (home / "tiny.yaml").write_text(TINY)
        drill = Drill(home, a.show)
        run("data", "draw", 6, "--size", 64, "--out", home / "cars")
        little = [(s, z, {}) for s in SETS for z in SIZES if not z or s == "as it should be"]
        rest = [(s, z, o) for s, z, o in itertools.product(SETS, SIZES, ODD) if z or o]
        rng.shuffle(little)
        rng.shuffle(rest)
        little += rest
        dealt = [([ALL] * n, d) for n in (1, 2, 3, 6) for d in DEALS]
        dealt += [([ALL] * n + [NONE] * k, d) for n, k in ((1, 1), (1, 5), (0, 4)) for d in DEALS]
        rng.shuffle(dealt)
        much, i = list(too_much(home)), 0
        rng.shuffle(much)
        if "yaml".startswith(a.only):
            bombs(drill)
        while i == 0 or time.monotonic() - began < a.seconds:  # each kind once, however slow the machine
            i += 1
            if "little".startswith(a.only) and little:
                divided(drill, rng, *little.pop(0), i)
            if "folds".startswith(a.only) and dealt and i % 3 == 0:
                undivided(drill, rng, *dealt.pop(0), i)
            if "much".startswith(a.only) and much:
                what, words = much.pop(0)
                drill.command("too much", what, *words)
            if "augmentation".startswith(a.only):
                augmentations(drill, rng)
            if "setting".startswith(a.only):
                settings(drill, rng)
    kinds = dict.fromkeys(k for k, _ in drill.counts)
    print(f"{'kind':14} {'done':>6} {'refused in a line':>18} {'wrong':>6}")
    for k in kinds:
        print(
            f"{k:14} {drill.counts[k, 'done']:6} {drill.counts[k, 'refused in a line']:18} {drill.counts[k, 'wrong']:6}"
        )
    tried, (slowest, what), spent = sum(drill.counts.values()), drill.slowest, time.monotonic() - began
    print(f"{tried} tried in {spent:.0f} s, {len(drill.bad)} wrong; slowest: {slowest:.1f} s, {what[:100]}")
    refused, right = (sum(drill.counts[k, what] for k in kinds) for what in ("refused in a line", "done"))
    hangs, crashes = (sum(word in str(b) for b in drill.bad) for word in ("hang", "traceback"))
    wrong = tried - refused - right - hangs - crashes
    print(told_counts("too little and too much", tried, refused, crashes, hangs, wrong))
    return 1 if drill.bad else 0


if __name__ == "__main__":
    sys.exit(main())
