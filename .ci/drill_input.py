"""Damaged and malicious data, made from a seed, against the readers and the linter.

python .ci/drill_input.py [--seconds 60] [--seed 0] [--rle N] [--files N] [--kind KIND...] [--keep FOLDER]

Run-length texts are compared with a reader that goes digit by digit. Data sets of every format that is read are
mutated (field by field and byte by byte), opened, and looked at by the linter. Counted as faults: an error that is no
line for the user (a traceback), work that takes over ten seconds (a hang), a result that an independent reader doesn't
give (a wrong result), an error that names nothing, and readers and linter that disagree. Prints `ok NAME` or
`FAILED NAME: why` a line each, with the seed of the first fault; --keep saves the folders of faults.
"""

# ruff: noqa: E501
import argparse
import csv
import faulthandler
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from base64 import b64encode
from collections import Counter
from contextlib import suppress
from copy import deepcopy
from importlib import import_module
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
if __name__ == "__main__":  # as much as a small machine has, and a cache of its own
    os.environ.pop("CARPARTS_DATA", None)
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))

import numpy as np
import pandas as pd
from all_drills import told_counts
from PIL import Image

from carparts_seg.core.basics import CarpartsError
from carparts_seg.core.images import read_image
from carparts_seg.core.masks import mask_to_rle, rle_runs, rle_to_coco, rle_to_mask
from carparts_seg.core.parts_data import PartsData
from carparts_seg.core.table import write_table
from carparts_seg.data.check import check_source
from carparts_seg.data.datasets import open_dataset

HANG = 10  # seconds of the processor, ten times as many of the clock: a machine may have much else to do
H, W = 24, 32
CLASSES = ["hood", "front_left_door", "front_right_door", "wheel"]


class Hang(BaseException):
    "Work that took too long."


def _too_long(*_):
    raise Hang


def listen() -> None:
    "Have what takes too long ended."
    signal.signal(signal.SIGALRM, _too_long)
    signal.signal(signal.SIGPROF, _too_long)


# what is put in place of a field
DEEP = "DEEP-LIST"
EVIL = [
    None, True, False, 0, 1, -1, 2, 40.5, -0.5, 1e308, 1e30, 10**30, 2**31, 2**53 + 1, 2**63, -(2**63), float("inf"),
    float("-inf"), float("nan"), "", " ", "abc", "1", "24", "32", "1_0", "+5", " 5 ", "\u0661\u0662", "\uff11", "1e3", "nan",
    "inf", "-1", "0x10", "24.0", "40.5", "\0", "a\0b", "\ud800", "\u202e", "x" * 300, "x" * 5000, "../../etc/passwd", "/etc/passwd",
    "/dev/zero", "~/x.png", "C:\\x.png", "\\\\host\\share\\x.png", "a.png", "b.png", "folder.png", "pipe.png", [], [[]], [[[]]], {},
    {"a": 1}, [1], [1, 2, 3, 4], ["a"], [None], [float("nan")] * 6, [[1, 1, 5, 1, 5, 5]], [[1, 2, 3]], [[1, 1, 1e9, 1, 5, 5]],
    {"size": [24, 32], "counts": []}, {"size": [24, 32], "counts": [768]}, {"size": [24, 32], "counts": "abc"}, {"size": "abc", "counts": 1},
    {"size": [2**40, 2**40], "counts": [1]}, {"size": [24, 32], "counts": [10, -5, 763]}, {"size": [24, 32], "counts": [10, 5.5, 752.5]}, DEEP,
]  # fmt: skip
CELLS = [
    "", " ", "abc", "0", "-1", "1", "40.5", "24.0", "1e3", "nan", "inf", "-inf", "NA", "None", "1_0", "+5", " 5 ", "\u0661\u0662", "\uff11\uff12",
    "1" * 40, "9" * 400, "1 5 20", "5 0", "0 5", "-5 5", "1 -5", "5 3 6 3", "20 3 5 3", "700 100", "-9223372036854775808 5", "9223372036854775808 5",
    "9223372036854775807 9223372036854775807", "1 1_0", "1 +5", "\u0661 \u0665", "1.0 5.0", "1 5 ", " 1 5", "1  5", "1\t5", "1\n5", "1,5", "[1, 5]",
    "['1 5']", "[", "[[[[", "[" * 10000, "{", "{}", "{'size': [24, 32], 'counts': [768]}", "a,b", "a;b", '"', "'", "\0", "x" * 300, "x" * 9000,
    "../a.png", "/etc/passwd", "a.png", "b.png", "folder.png", "pipe.png", "~/a.png", "C:\\a.png", "//host/share/a.png", "=1+1", "\u202e",
    "[1, 2, 3, 4]", "[1, 2, 3]", "['a', 2, 3, 4]", "true",
]  # fmt: skip


# ---------------------------------------------------------------- the sound data sets that are mutated
def planes(k: int) -> dict:
    "Three masks of a picture."
    out = {}
    for i, c in enumerate(CLASSES[: 2 + k]):
        m = np.zeros((H, W), np.uint8)
        m[3 + 4 * i : 8 + 4 * i, 4 + k : 20 + 3 * i] = 1
        out[c] = m
    return out


def pictures(folder: Path, suffix: str = ".png", folders: bool = True) -> None:
    "Two pictures, and what only looks like one."
    folder.mkdir(parents=True, exist_ok=True)
    for k, name in enumerate("ab"):
        noise = np.random.default_rng(k).integers(0, 256, (H, W, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{name}{suffix}")
    if folders:
        (folder / "folder.png").mkdir()
        os.mkfifo(folder / "pipe.png")


def table() -> pd.DataFrame:
    "The parts table of both pictures."
    rows = []
    for k, f in enumerate(("a.png", "b.png")):
        for c, m in planes(k).items():
            rle = mask_to_rle(m)
            box = [
                float(v)
                for v in (
                    np.nonzero(m)[1].min(),
                    np.nonzero(m)[0].min(),
                    np.ptp(np.nonzero(m)[1]) + 1,
                    np.ptp(np.nonzero(m)[0]) + 1,
                )
            ]
            rows.append(
                dict(file_name=f, name=c, rle_mask=rle, height=H, width=W, area=int(m.sum()), bbox=box, iscrowd=0)
            )
    return pd.DataFrame(rows)


def coco(polygons: bool) -> dict:
    "The same as COCO."
    images = [dict(id=k, file_name=f, height=H, width=W) for k, f in ((1, "a.png"), (2, "b.png"))]
    categories = [dict(id=i, name=n, supercategory="car") for i, n in enumerate(CLASSES, 1)]
    annotations = []
    for r in table().itertuples():
        x, y, w, h = r.bbox
        seg = [[x, y, x + w, y, x + w, y + h, x, y + h]] if polygons else rle_to_coco(r.rle_mask, H, W)
        k = 1 if r.file_name == "a.png" else 2
        annotations.append(
            dict(
                id=len(annotations) + 1,
                image_id=k,
                category_id=CLASSES.index(r.name) + 1,
                segmentation=seg,
                area=r.area,
                bbox=r.bbox,
                iscrowd=0,
            )
        )
    return dict(images=images, annotations=annotations, categories=categories)


def labelme(folder: Path) -> None:
    pictures(folder, folders=False)
    for k, n in enumerate("ab"):
        shapes = []
        for c, m in planes(k).items():
            y, x = np.nonzero(m)
            pts = [
                [int(x.min()), int(y.min())],
                [int(x.max()) + 1, int(y.min())],
                [int(x.max()) + 1, int(y.max()) + 1],
                [int(x.min()), int(y.max()) + 1],
            ]
            shapes.append(dict(label=c, points=pts, group_id=None, shape_type="polygon", flags={}))
        png = io.BytesIO()
        Image.fromarray(np.full((3, 4), 255, np.uint8)).save(png, "PNG")
        shapes.append(
            dict(label="wheel", points=[[2, 2], [5, 4]], shape_type="mask", mask=b64encode(png.getvalue()).decode())
        )
        shapes.append(dict(label="hood", points=[[12, 12], [15, 14]], shape_type="circle"))
        doc = dict(
            version="5.0", flags={}, shapes=shapes, imagePath=f"{n}.png", imageData=None, imageHeight=H, imageWidth=W
        )
        (folder / f"{n}.json").write_text(json.dumps(doc))


def supervisely(folder: Path) -> None:
    pictures(folder / "ds" / "img", folders=False)
    (folder / "ds" / "ann").mkdir()
    classes = [dict(title=c, shape="any", color="#ff0000") for c in CLASSES]
    (folder / "meta.json").write_text(json.dumps(dict(classes=classes, tags=[], projectType="images")))
    for k, n in enumerate("ab"):
        objects = []
        for c, m in planes(k).items():
            png = io.BytesIO()
            Image.fromarray(m * 255).save(png, "PNG")
            data = b64encode(zlib.compress(png.getvalue())).decode()
            objects.append(dict(classTitle=c, geometryType="bitmap", bitmap=dict(data=data, origin=[0, 0])))
        objects.append(
            dict(
                classTitle="wheel", geometryType="polygon", points=dict(exterior=[[2, 2], [9, 2], [9, 9]], interior=[])
            )
        )
        (folder / "ds" / "ann" / f"{n}.png.json").write_text(
            json.dumps(dict(size=dict(height=H, width=W), objects=objects))
        )


def label_studio(folder: Path) -> None:
    pictures(folder)
    tasks = []
    for k, n in enumerate("ab"):
        result = []
        for i, (c, m) in enumerate(planes(k).items()):
            y, x = np.nonzero(m)
            box = [[x.min(), y.min()], [x.max() + 1, y.min()], [x.max() + 1, y.max() + 1], [x.min(), y.max() + 1]]
            points = [[100 * float(u) / W, 100 * float(v) / H] for u, v in box]
            value = dict(points=points, polygonlabels=[c], closed=True)
            result.append(
                dict(
                    id=f"r{i}",
                    type="polygonlabels",
                    from_name="polygon",
                    to_name="image",
                    original_width=W,
                    original_height=H,
                    image_rotation=0,
                    value=value,
                )
            )
        tasks.append(dict(id=k + 1, data=dict(image=f"{n}.png"), annotations=[dict(id=k, result=result)]))
    (folder / "export.json").write_text(json.dumps(tasks))


def cvat(folder: Path) -> None:
    pictures(folder / "images", folders=False)
    xml = ["<?xml version='1.0' encoding='utf-8'?><annotations><version>1.1</version><meta><task><labels>"]
    xml += [f"<label><name>{c}</name><type>any</type></label>" for c in CLASSES]
    xml += ["</labels></task></meta>"]
    for k, n in enumerate("ab"):
        xml.append(f'<image id="{k}" name="{n}.png" width="{W}" height="{H}">')
        for c, m in planes(k).items():
            y, x = np.nonzero(m)
            box = f"{x.min()},{y.min()};{x.max() + 1},{y.min()};{x.max() + 1},{y.max() + 1};{x.min()},{y.max() + 1}"
            xml.append(f'<polygon label="{c}" points="{box}" occluded="0" z_order="0"/>')
        xml.append('<mask label="wheel" rle="2,4,6" left="3" top="2" width="4" height="3"/></image>')
    (folder / "annotations.xml").write_text("\n".join([*xml, "</annotations>"]))


def yolo(folder: Path) -> None:
    pictures(folder / "images", folders=False)
    (folder / "labels").mkdir()
    for k, n in enumerate("ab"):
        lines = []
        for c, m in planes(k).items():
            y, x = np.nonzero(m)
            box = [x.min(), y.min(), x.max(), y.min(), x.max(), y.max(), x.min(), y.max()]
            lines.append(
                " ".join([str(CLASSES.index(c)), *(f"{(v + 0.5) / (W, H)[i % 2]:.6f}" for i, v in enumerate(box))])
            )
        (folder / "labels" / f"{n}.txt").write_text("\n".join(lines) + "\n")
    names = "".join(f"  {i}: {c}\n" for i, c in enumerate(CLASSES))
    (folder / "data.yaml").write_text(f"path: .\ntrain: images\nval: images\nnames:\n{names}")


def mask_images(folder: Path) -> None:
    pictures(folder / "JPEGImages", ".jpg", folders=False)
    (folder / "SegmentationClass").mkdir()
    (folder / "ImageSets" / "Segmentation").mkdir(parents=True)
    (folder / "ImageSets" / "Segmentation" / "train.txt").write_text("a\n")
    (folder / "ImageSets" / "Segmentation" / "val.txt").write_text("b\n")
    (folder / "labelmap.txt").write_text(
        "background:0,0,0::\n" + "".join(f"{c}:{50 * i},{i},9::\n" for i, c in enumerate(CLASSES, 1))
    )
    for k, n in enumerate("ab"):
        a = np.zeros((H, W), np.uint8)
        for c, m in planes(k).items():
            a[m > 0] = CLASSES.index(c) + 1
        im = Image.fromarray(a)
        im.putpalette([0, 0, 0] + [v for i in range(1, 5) for v in (50 * i, i, 9)])
        im.save(folder / "SegmentationClass" / f"{n}.png")


def one_row(folder: Path, kind: str) -> None:
    "A table with a row for each picture, lists in its cells."
    pictures(folder)
    t = table()
    g = t.groupby("file_name").agg(dict(name=list, rle_mask=list, height="first", width="first")).reset_index()
    g.to_parquet(folder / "train.parquet") if kind == "parquet" else g.to_csv(folder / "train.csv", index=False)


def make_seeds(root: Path) -> dict:
    "Kind -> folder of a sound data set."

    def plain(folder, name, write):
        pictures(folder)
        write(folder / name)

    t = table()
    kinds = {
        "coco": lambda d: plain(d, "annotations.json", lambda p: p.write_text(json.dumps(coco(True)))),
        "coco-rle": lambda d: plain(d, "annotations.json", lambda p: p.write_text(json.dumps(coco(False)))),
        "csv": lambda d: plain(d, "train.csv", lambda p: t.to_csv(p, index=False)),
        "csv-plain": lambda d: plain(d, "train.csv", lambda p: t[["file_name", "name", "rle_mask"]].to_csv(p, index=False)),
        "parquet": lambda d: plain(d, "train.parquet", lambda p: write_table(t, p)),
        "csv-lists": lambda d: one_row(d, "csv"),
        "parquet-lists": lambda d: one_row(d, "parquet"),
        "labelme": labelme, "supervisely": supervisely, "label-studio": label_studio, "cvat": cvat, "yolo": yolo, "mask-images": mask_images,
    }  # fmt: skip
    for name, make in kinds.items():
        make(root / name)
    return {n: root / n for n in kinds}


# ---------------------------------------------------------------- mutations
def evil(r: random.Random, kinds: list):
    "One of what shouldn't be there, for itself: what is changed later doesn't change the others."
    return deepcopy(r.choice(kinds))


def places(tree, path=()):
    "All paths into a JSON tree."
    yield path
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for k, v in items:
        yield from places(v, (*path, k))


def dumps(tree) -> str:
    "JSON with what is evil in it."
    text = json.dumps(tree)
    return text.replace(f'"{DEEP}"', "[" * 10000 + "]" * 10000)


def mutate_json(text: str, r: random.Random) -> str:
    "One to three fields of a JSON file changed."
    tree = json.loads(text)
    for _ in range(r.choice((1, 1, 1, 2, 3))):
        where = r.choice(list(places(tree)))
        if not where:
            if r.random() < 0.2:
                return dumps(evil(r, EVIL))
            continue
        at = tree
        try:
            for k in where[:-1]:
                at = at[k]
            what = r.random()
            if what < 0.12:
                del at[where[-1]]
            elif what < 0.2 and isinstance(at, list):
                at.append(at[where[-1]])
            elif what < 0.25 and isinstance(at, dict):
                at[r.choice(["id", "name", "extra", "\ud800", ""])] = evil(r, EVIL)
            else:
                at[where[-1]] = evil(r, EVIL)
        except (KeyError, IndexError, TypeError):
            continue
    out = dumps(tree)
    if r.random() < 0.05:  # a key that is there twice
        key = r.choice(["file_name", "height", "id", "image_id", "segmentation", "shapes", "annotations"])
        out = out.replace(f'"{key}":', f'"{key}": {dumps(evil(r, EVIL))}, "{key}":', 1)
    return out


def mutate_bytes(data: bytes, r: random.Random) -> bytes:
    "Bytes flipped, cut, put in, or the whole in another encoding."
    what = r.randrange(12)
    b = bytearray(data)
    at = r.randrange(len(b) + 1)
    if what < 4 and b:
        for _ in range(r.choice((1, 1, 2, 5, 30))):
            b[r.randrange(len(b))] = r.randrange(256)
    elif what == 4:
        del b[at:]
    elif what == 5:
        del b[at : at + r.choice((1, 2, 10, 100))]
    elif what == 6:
        b[at:at] = bytes(r.randrange(256) for _ in range(r.choice((1, 3, 50))))
    elif what == 7:
        b[at:at] = r.choice(
            [b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"[" * 10000, b"9" * 400, b"\xed\xa0\x80", b"\r\n", b'"']
        )
    elif what == 8:
        return r.choice(
            [b"\xef\xbb\xbf" + data, b"\xff\xfe" + data, b"", b"\0" * 100, zlib.compress(data), b"\x1f\x8b" + data]
        )
    elif what == 9:
        try:
            text = data.decode()
            return text.encode(r.choice(["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp037"]))
        except UnicodeError:
            return data[::-1]
    elif what == 10:
        import gzip

        return gzip.compress(data)
    else:
        b += b[: r.randrange(len(b) + 1)]
    return bytes(b)


def mutate_csv(text: str, r: random.Random) -> str:
    "Cells, rows, columns, separators."
    rows = list(csv.reader(io.StringIO(text)))
    for _ in range(r.choice((1, 1, 2, 3))):
        what, i = r.random(), r.randrange(len(rows))
        if not rows[i]:
            continue
        j = r.randrange(len(rows[i]))
        if what < 0.6:
            rows[i][j] = r.choice(CELLS)
        elif what < 0.66:
            del rows[i][j]
        elif what < 0.72:
            rows[i].insert(j, r.choice(CELLS))
        elif what < 0.78:
            rows.insert(i, rows[i])
        elif what < 0.84:
            some = [row for row in rows if r.random() < r.choice((0.5, 1))]
            for row in some:
                row += [""] * r.choice((1, 1, 2))
        elif what < 0.9:
            for row in rows:
                if len(row) > j:
                    row.insert(r.randrange(len(row)), row.pop(j))
        else:
            rows[0] = [r.choice([c.upper(), f" {c}", f"{c} ", c, c, "name"]) for c in rows[0]]
    out = io.StringIO()
    how = dict(
        delimiter=r.choice(",,,,,;\t|"),
        quoting=r.choice((0, 0, 1)),
        lineterminator=r.choice(("\n", "\n", "\r\n", "\r")),
    )
    csv.writer(out, escapechar="\\", **how).writerows(rows)
    return out.getvalue()


def mutate_parquet(path: Path, r: random.Random) -> None:
    "Cells and types of a Parquet table."
    frame = pd.read_parquet(path).astype(object)
    c, i = r.choice(list(frame)), r.randrange(len(frame))
    v = evil(r, [x for x in EVIL + CELLS if not (isinstance(x, str) and "\ud800" in x)])
    what = r.random()
    if what < 0.6:
        cells = list(frame[c])
        cells[i] = v
        frame[c] = pd.Series(cells, dtype=object)
    elif what < 0.7:
        frame = frame.drop(columns=c)
    elif what < 0.8:
        frame[c] = pd.Series([v] * len(frame), dtype=object)
    elif what < 0.9:
        frame = frame.rename(columns={c: r.choice([*frame, "x", c.upper()])})
    else:
        frame[c] = frame[c].map(str)
    try:
        frame.to_parquet(path)
    except Exception:
        try:
            frame[c] = frame[c].map(lambda x: None if x is None else str(x))
            frame.to_parquet(path)
        except Exception:
            path.write_bytes(mutate_bytes(path.read_bytes(), r))


def mutate_text(text: str, r: random.Random) -> str:
    "Words and lines of a text file (YOLO, XML, lists)."
    import re

    lines = text.splitlines()
    for _ in range(r.choice((1, 1, 2, 4))):
        if not lines:
            break
        i = r.randrange(len(lines))
        words = re.split(r'([\s"=,;:<>]+)', lines[i])
        what = r.random()
        if what < 0.6:
            words[r.randrange(len(words))] = str(r.choice(CELLS))
            lines[i] = "".join(words)
        elif what < 0.7:
            lines.insert(i, lines[i])
        elif what < 0.8:
            del lines[i]
        elif what < 0.9:
            del words[r.randrange(len(words))]
            lines[i] = "".join(words)
        else:
            lines.insert(i, r.choice(CELLS))
    return "\n".join(lines)


def mutate_file(path: Path, r: random.Random) -> None:
    "A file of a data set, changed as its kind is."
    suffix, data = path.suffix, path.read_bytes()
    if suffix == ".parquet" and r.random() < 0.75:
        return mutate_parquet(path, r)
    if r.random() < 0.2 or suffix in (".png", ".jpg", ".parquet"):
        path.write_bytes(mutate_bytes(data, r))
        return
    try:
        text = data.decode()
        new = (
            mutate_json(text, r)
            if suffix == ".json"
            else mutate_csv(text, r)
            if suffix == ".csv"
            else mutate_text(text, r)
        )
    except (ValueError, csv.Error, RecursionError):
        path.write_bytes(mutate_bytes(data, r))
        return
    path.write_bytes(new.encode("utf-8", "surrogatepass"))


def zipped(folder: Path, target: Path, r: random.Random) -> None:
    "A data set as an archive, sound or malicious."
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as z:
        warnings.simplefilter("ignore")
        for p in sorted(folder.rglob("*")):
            if p.is_file():
                z.write(p, p.relative_to(folder).as_posix())
        what = r.randrange(9)
        if what == 1:
            z.writestr(
                r.choice(["../out.txt", "/tmp/carparts-out.txt", "C:\\out.txt", "a/../../out.txt", "..\\out.txt"]), "x"
            )
        elif what == 2:
            z.writestr("annotations.json", "[]")
        elif what == 3:
            info = zipfile.ZipInfo("link.png")
            info.external_attr = 0o120777 << 16
            z.writestr(info, "/etc/passwd")
        elif what == 4:
            z.writestr("bomb.png", b"\0" * (1 << 24))
        elif what == 5:
            z.writestr("x" * 300 + ".png", "x")
        elif what == 6:
            z.writestr("A.PNG", "x")
            z.writestr("annotations.json/x.png", "x")
    data = bytearray(target.read_bytes())
    if r.random() < 0.5:
        target.write_bytes(mutate_bytes(bytes(data), r))
    elif r.random() < 0.2:  # says that a member is encrypted
        for sig, off in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            k = data.find(sig)
            while k >= 0:
                data[k + off] |= 1
                k = data.find(sig, k + 1)
        target.write_bytes(bytes(data))


# ---------------------------------------------------------------- what is held against it
def independent_coco(path: Path) -> dict | None:
    "Pixels of each mask by pycocotools alone: (file, class) -> areas; None where that can't be told."
    from pycocotools import mask as cm

    try:
        doc = json.loads(path.read_text("utf-8-sig"))
        files = {i["id"]: i for i in doc["images"]}
        names = {c["id"]: c["name"] for c in doc["categories"]}
        out = Counter()
        for a in doc["annotations"]:
            im, s = files[a["image_id"]], a["segmentation"]
            h, w = int(im["height"]), int(im["width"])
            if not s:
                area = 0
            elif isinstance(s, list):
                area = cm.area(cm.merge(cm.frPyObjects([[float(v) for v in p] for p in s], h, w)))
            else:
                area = cm.area(cm.frPyObjects(s, *s["size"]) if isinstance(s["counts"], list) else s)
            out[im["file_name"], names[a["category_id"]]] += int(area)
        return dict(out)
    except Exception:
        return None


def independent_csv(path: Path) -> dict | None:
    "(file, class) -> pixels by the csv module alone, of a table of one row a mask; None where that can't be told."
    try:
        rows = [r for r in csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")) if r]
        n, out = len(rows[0]), Counter()
        at = [rows[0].index(c) for c in ("file_name", "name", "rle_mask")]
    except (ValueError, csv.Error, IndexError):
        return None
    for r in rows[1:]:
        if any(c.strip() for c in r[n:]):
            return {}
        f, c, m = (r[k] if k < len(r) else "" for k in at)
        if "[" in f"{c[:1]}{m[:1]}" or "{" in m[:1] or m.strip() in ("-1", "-1.0") or not c.strip():
            return None
        runs = digits(m, None)
        if runs is None:
            return None if m in ("None", "nan", "NaN", "null") else {}
        out[f, c] += sum(e - s for s, e in runs)
    return dict(out)


def digits(rle: str, n: int | None) -> list | None:
    "Runs of a text, read digit by digit: start and end; None where it is refused."
    numbers = []
    for word in rle.split():
        if not word or any(ch not in "0123456789" for ch in word.removeprefix("-")) or word == "-":
            return None
        v = 0
        for ch in word.removeprefix("-"):
            v = 10 * v + "0123456789".index(ch)
        numbers.append(-v if word[0] == "-" else v)
    if len(numbers) % 2 or any(ch not in "0123456789- \t\n\r\x0b\x0c" for ch in rle):
        return None
    runs, last = [], 0
    for s, k in zip(numbers[::2], numbers[1::2]):
        if s < 1 or k < 0 or max(s, k) > 2**40:
            return None
        if k:
            if s - 1 < last:
                return None
            runs.append((s - 1, s - 1 + k))
            last = s - 1 + k
    return None if n is not None and last > n else runs


def areas(data: PartsData) -> dict:
    "(file, class) -> pixels, as the reader has them."
    out = Counter()
    for f, n, m in zip(data.table["file_name"], data.table["name"], data.table["rle_mask"]):
        if isinstance(n, str):
            out[f, n] += sum(map(int, m.split()[1::2])) if isinstance(m, str) else 0
    return dict(out)


class Drill:
    "Counts what was tried, and what came of it."

    def __init__(self, work: Path, keep: Path | None):
        self.work, self.keep, self.count, self.faults, self.first = work, keep, Counter(), Counter(), {}

    def fault(self, kind: str, name: str, seed: str, words: str) -> None:
        self.faults[kind] += 1
        key = (kind, name, words.splitlines()[-1][:90] if words else "")
        if key not in self.first:
            self.first[key] = f"{kind} {name} [{seed}]: {words}"
            if self.keep and (self.work / "one").is_dir():
                to = self.keep / f"{kind}-{name}-{seed}".replace(" ", "-")
                shutil.copytree(
                    self.work / "one",
                    to,
                    dirs_exist_ok=True,
                    ignore=lambda d, n: [x for x in n if x.startswith("pipe")],
                )
                (to / "WHY.txt").write_text(words)

    def ask(self, work, name: str, seed: str) -> tuple:
        "Do something within ten seconds: result, or the error for the user, or None where it was a fault."
        signal.setitimer(signal.ITIMER_PROF, HANG)
        signal.alarm(10 * HANG)
        try:
            return work(), None
        except CarpartsError as e:
            if (
                len(str(e)) < 5
                or "\n" in str(e)
                and not isinstance(getattr(e, "problems", ()), list)
                or "Traceback" in str(e)
            ):
                self.fault("says nothing", name, seed, repr(str(e)))
            return None, e
        except Hang:
            self.fault(
                "hang",
                name,
                seed,
                "over ten seconds at " + "".join(traceback.format_exc().splitlines(True)[-3:-1])[:200],
            )
        except Exception as e:
            self.fault(
                "traceback",
                name,
                seed,
                traceback.format_exc()[-700:]
                if not isinstance(e, MemoryError)
                else f"MemoryError\n{traceback.format_exc()[-400:]}",
            )
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.alarm(0)
        return None, None

    def data_set(self, source: Path, name: str, seed: str) -> None:
        "Reader and linter on one data set."
        self.count["data sets"] += 1
        report, refused = self.ask(lambda: check_source(source, progress=False), name, f"{seed} linter")
        data, why = self.ask(lambda: open_dataset(source, "all"), name, f"{seed} reader")
        if (report, refused) == (None, None) or (data, why) == (None, None):
            return
        errors = [f for f in report.findings if f.level == "error"] if report else [refused]
        self.count["refused" if why else "clean" if not errors else "read, with findings"] += 1
        if why and not errors:
            self.fault("linter is silent", name, seed, f"reader: {why}")
        if why and (problems := getattr(why, "problems", ())) and report and len(errors) < len(problems):
            self.fault(
                "linter is silent", name, seed, f"reader has {len(problems)} problems, linter {len(errors)} errors"
            )
        if data is not None and refused:
            self.fault("linter refuses what is read", name, seed, str(refused))
        if data is not None and not errors:
            self.use(data, name, seed)
        if data is not None and source.is_dir() and name.startswith(("coco", "csv")):
            truth = (
                independent_coco(source / "annotations.json")
                if name[:3] == "coc"
                else independent_csv(source / "train.csv")
            )
            got = areas(data)
            if truth is not None and {k: v for k, v in truth.items() if v} != {k: v for k, v in got.items() if v}:
                if len({str(k[0]) for k in truth}) == len({str(k[0]) for k in got}):
                    self.fault("wrong result", name, seed, f"{got} instead of {truth}")

    def use(self, data: PartsData, name: str, seed: str) -> None:
        "What the linter calls clean is read, and its masks fit."
        for f in data.files:

            def both(f=f):
                return read_image(data.path(f)), data.packed(f)

            got, why = self.ask(both, name, f"{seed} use")
            if got is None:
                return self.fault("clean and unusable", name, seed, str(why))
            if got[0].shape[:2] != got[1].shape[:2]:
                self.fault("clean and unusable", name, seed, f"{f}: {got[0].shape} {got[1].shape}")

    def rle(self, r: random.Random, seed: str) -> None:
        "A run-length text against digit by digit."
        self.count["run-length texts"] += 1
        n = r.choice([None, H * W, H * W])
        k, at, words = r.choice((0, 1, 1, 2, 3, 3)), 1, []
        for _ in range(k):
            at += r.randrange(0, 60)
            length = r.randrange(0, 40) if r.random() < 0.2 else r.randrange(1, 40)
            words += [str(at), str(length)]
            at += length
        for _ in range(r.choice((0, 0, 1, 1, 2))):
            what = r.random()
            odd = r.choice(
                [
                    "0",
                    "-1",
                    "+5",
                    "1_0",
                    "\u0661",
                    "\uff15",
                    "\u00b2",
                    "1.0",
                    "1e3",
                    "",
                    "x",
                    str(2**63),
                    str(-(2**63)),
                    str(2**64 + 3),
                    str(10**30),
                    str(2**40),
                    str(2**40 + 1),
                    "007",
                    "0x1",
                    "--1",
                    "-",
                    "1-1",
                    "-0",
                    str(r.randrange(-50, 900)),
                ]
            )
            if words and what < 0.7:
                words[r.randrange(len(words))] = odd
            elif what < 0.85:
                words.insert(r.randrange(len(words) + 1), odd)
            elif words:
                del words[r.randrange(len(words))]
        text = r.choice([" "] * 12 + ["  ", "\t", "\n", "\u00a0", "\u2003", ",", "\0", "\x1c"]).join(words)
        text = r.choice(["", "", "", " ", "\ufeff"]) + text
        want = digits(text, n)
        got, why = self.ask(lambda: rle_runs(text, n), "rle", seed)
        got = None if got is None else list(zip(*(a.tolist() for a in got)))
        if got != want:
            self.fault("wrong result", "rle", seed, f"{text!r} of {n}: {got} instead of {want}")
        if got is not None and n is not None and r.random() < 0.05:
            mask = np.zeros(n, np.uint8)
            for s, e in want:
                mask[s:e] = 1
            if not (rle_to_mask(text, H, W) == mask.reshape(W, H).T).all():
                self.fault("wrong result", "rle", seed, f"{text!r}: another mask")

    def picture(self, whole: dict, seed: str) -> None:
        "A picture with damage: read, or refused in words; refused where its format lets one know."
        self.count["pictures"] += 1
        r = random.Random(seed)
        name = r.choice(list(whole))
        how = r.choice(["mutated", "mutated", "cut", "hole", "bit"])
        data = mutate_bytes(whole[name], r) if how == "mutated" else damaged(whole[name], how, r)
        got, why = self.ask(lambda: read_image(data), name, seed)
        self.count["pictures refused"] += got is None
        known = {"cut": True, "hole": name.startswith(HOLES), "bit": name.startswith(CHECKED)}.get(how)
        if got is not None and known and data != whole[name] and (got != read_image(whole[name])).any():
            self.fault("wrong result", name, seed, f"{how}: read as if it were whole")
        if got is not None and (got.ndim, got.shape[2], got.dtype) != (3, 3, np.uint8):
            self.fault("wrong result", name, seed, f"{got.shape} {got.dtype}")

    def mutated(self, kind: str, folder: Path, seed: str) -> None:
        "One mutated data set."
        r = random.Random(seed)
        one = self.work / "one"
        shutil.rmtree(one, ignore_errors=True)
        copy(folder, one)
        files = sorted(p for p in one.rglob("*") if p.is_file())
        words = [p for p in files if p.suffix not in (".png", ".jpg")] or files
        target = r.choice(words) if r.random() < 0.85 else r.choice(files)
        source = one
        if r.random() < 0.04:
            source = self.work / "one.zip"
            zipped(one, source, r)
        else:
            mutate_file(target, r)
        self.data_set(source, kind, seed)


def copy(folder: Path, to: Path) -> None:
    "A data set copied, with the pipe that may be in it."
    for at, _, files in os.walk(folder):
        here = to / Path(at).relative_to(folder)
        here.mkdir(parents=True, exist_ok=True)
        for f in files:
            if f == "pipe.png":
                os.mkfifo(here / f)
            else:
                shutil.copyfile(Path(at) / f, here / f)


# kinds of which a hole of zeros in the middle, and of which one bit that is another is always noticed
HOLES = ("jpeg", "png", "gif", "avif", "heic", "webp", "tiff-deflate", "tiff-lzw", "tiff-jpeg")
CHECKED = ("png", "tiff-deflate")


def damaged(data: bytes, how: str, r: random.Random) -> bytes:
    "A picture that was cut in its middle, that has a hole there, or one bit that is another."
    at = r.randrange(len(data) // 4, len(data) * 3 // 4)
    if how == "cut":
        return data[:at]
    if how == "hole":
        return data[:at] + bytes(600) + data[at + 600 :]
    return data[:at] + bytes([data[at] ^ 1 << r.randrange(8)]) + data[at + 1 :]


def whole_pictures() -> dict:
    "Kind -> content of a sound picture."
    noise = np.random.default_rng(5).integers(0, 256, (H, W, 3), dtype=np.uint8)
    out, noise = {}, Image.fromarray(noise).resize((8 * W, 8 * H))
    with suppress(ImportError):  # an extra, which writes HEIC
        import_module("pillow_heif").register_heif_opener()
    kinds = {
        "jpeg": ("RGB", "JPEG", {}), "jpeg-progressive": ("RGB", "JPEG", dict(progressive=True)), "jpeg-grey": ("L", "JPEG", {}), "jpeg-cmyk": ("CMYK", "JPEG", {}),
        "png": ("RGB", "PNG", {}), "png-palette": ("P", "PNG", {}), "png-alpha": ("RGBA", "PNG", {}), "png-16": ("I;16", "PNG", {}), "webp": ("RGB", "WEBP", {}), "avif": ("RGB", "AVIF", dict(speed=10)), "heic": ("RGB", "HEIF", {}), "gif": ("P", "GIF", {}),
        "gif-animated": ("P", "GIF", dict(save_all=True, append_images=[noise.convert("P")])), "bmp": ("RGB", "BMP", {}), "ppm": ("RGB", "PPM", {}), "tiff": ("RGB", "TIFF", {}),
        "tiff-deflate": ("RGB", "TIFF", dict(compression="tiff_adobe_deflate")), "tiff-lzw": ("RGB", "TIFF", dict(compression="tiff_lzw")), "jp2": ("RGB", "JPEG2000", {}),
        "lossless-webp": ("RGB", "WEBP", dict(lossless=True)), "tiff-jpeg": ("RGB", "TIFF", dict(compression="jpeg")),
    }  # fmt: skip
    for name, (mode, kind, how) in kinds.items():
        file = io.BytesIO()
        try:
            noise.convert("L" if mode == "I;16" else mode).convert(mode).save(file, kind, **how)
        except (OSError, KeyError, ValueError):  # a kind that this Pillow doesn't write
            continue
        out[name] = file.getvalue()
    return out


def run(a: argparse.Namespace, work: Path) -> Drill:
    "Half of the time for run lengths at most, the rest for data sets."
    drill = Drill(work, a.keep)
    listen()
    seeds = {k: v for k, v in make_seeds(work / "seeds").items() if not a.kind or k in a.kind}
    start, ended = time.monotonic(), []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))  # what was counted so far is told
    over = lambda since, share: bool(ended) or time.monotonic() - since > a.seconds * share
    for k in range(a.rle):
        if k % 256 == 0 and over(start, 0.25):
            break
        drill.rle(random.Random(f"{a.seed} {k}"), f"{a.seed} {k}")
    whole, some = whole_pictures(), time.monotonic()
    for k in range(a.pictures):
        if k % 64 == 0 and over(some, 0.15):
            break
        drill.picture(whole, f"{a.seed} {k}")
    names, k, cache = list(seeds), 0, work / "cache"
    for n in names:  # as they are, all of them are right
        copy(seeds[n], work / "one")
        read = drill.count["clean"] + drill.count["read, with findings"]
        drill.data_set(work / "one", n, "unchanged")
        if drill.count["clean"] + drill.count["read, with findings"] == read:
            drill.fault("a sound data set is refused", n, "unchanged", "")
        shutil.rmtree(work / "one")
    while k < a.files and not over(start, 1):
        drill.mutated(names[k % len(names)], seeds[names[k % len(names)]], f"{a.seed} {k}")
        k += 1
        if k % 200 == 0:
            shutil.rmtree(cache, ignore_errors=True)
    return drill


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--seed", default="0")
    p.add_argument("--rle", type=int, default=1_000_000, help="most run-length texts")
    p.add_argument("--files", type=int, default=100_000, help="most mutated data sets")
    p.add_argument("--pictures", type=int, default=100_000, help="most damaged pictures")
    p.add_argument("--kind", nargs="*", help="formats to mutate")
    p.add_argument("--keep", type=Path, help="folder for the data sets of faults")
    p.add_argument("--one", help="'SEED NUMBER': run one mutated data set again; needs --kind")
    a = p.parse_args()
    import logging

    logging.disable(logging.WARNING)
    sys.stderr = os.fdopen(os.dup(2), "w")
    faulthandler.enable(sys.stderr)  # a crash of the process itself is told too
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what libraries in C say of damaged pictures
    warnings.simplefilter("error")
    root = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=root) as d:
        work = Path(d)
        os.environ["XDG_CACHE_HOME"] = str(work / "cache")
        if a.one:
            drill = Drill(work, a.keep)
            listen()
            drill.mutated(a.kind[0], make_seeds(work / "seeds")[a.kind[0]], a.one)
        else:
            drill = run(a, work)
    for words in list(drill.first.values())[:40]:
        print(words)
    counts = ", ".join(f"{n:,} {what}" for what, n in drill.count.items())
    bad = ", ".join(f"{n} {what}" for what, n in drill.faults.items())
    print(
        f"FAILED drill of input, seed {a.seed}: {bad} in {counts}"
        if bad
        else f"ok drill of input, seed {a.seed}: {counts}; no traceback, no hang, no wrong result"
    )
    tell(drill)
    return 1 if bad else 0


def tell(drill) -> None:
    "The counts, a line a kind."
    n, faults = drill.count, drill.faults
    sets, refused = n["data sets"], n["refused"]
    crashes, hangs = (sum(k for what, k in faults.items() if word in what) for word in ("traceback", "hang"))
    wrong = sum(faults.values()) - crashes - hangs
    print(told_counts("damaged data sets", sets, refused, crashes, hangs, wrong))
    for kind in ("run-length texts", "pictures"):  # held against another reader; what went wrong is counted above
        if n[kind]:
            print(told_counts(kind, n[kind], n[f"{kind} refused"]))


if __name__ == "__main__":
    sys.exit(main())
