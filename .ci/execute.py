"""Execute notebooks from top to bottom, as `nbdev_test` does, and look at what they print.

    python .ci/execute.py NOTEBOOK...          save what they print and draw, cleaned
    python .ci/execute.py --compare [NB...]    save nothing; name each cell whose text isn't the saved one

Numbers directly before a unit of time or memory, addresses, and cells with a line `# output varies: WHAT` are not
compared, nor is what a cell says where the photographs are not there (`skipped: …`). Where `CARPARTS_KEEP` names a
folder in which `nbdev_test` has left what it executed (see `.ci/listen`), that is compared, and nothing is executed
again. `LEFT_OUT` names the notebooks whose text isn't compared, with the reason. Exit code 1 where one fails or
differs.
"""

import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

root = Path(__file__).resolve().parent.parent
LEFT_OUT = {
    "79_browser_tests": "a browser, and no output",
    "84_serve": "a service under load, whose figures vary",
    "89_browser_tests": "a browser, and no output",
    "96_bench": "timing is all that it prints",
    "deploy": "timing",
}
UNITS = r"(?:s|ms|µs|seconds?|minutes?|min|MiB|MB|kB|GB)\b"


def text_of(outputs):
    "What a cell printed, without numbers that differ from run to run."
    parts = []
    for out in outputs or []:
        if out.get("name") == "stderr":
            continue  # warnings of other libraries depend on their versions
        data = out.get("data", {})
        parts.append("".join(out.get("text") or data.get("text/markdown") or data.get("text/plain", "")))
    text = re.sub(rf"\b\d+(?:[.,]\d+)*(?= ?{UNITS})", "#", "\n".join(parts))
    text = re.sub(r"0x[0-9a-f]{6,}", "0x", re.sub(r"<Figure[^>]*>", "<Figure>", text))
    return text.strip()


def is_left_alone(cell):
    "Whether a cell isn't executed: no code, slow, or not to be evaluated."
    return cell.cell_type != "code" or re.search(r"^#\|\s*(slow|notest|eval:\s*false)\b", cell.source, re.M)


def execute(path):
    "Execute a notebook in this process: (its cells with new outputs, None) or (None, what went wrong)."
    os.environ["IN_TEST"] = "1"
    os.environ.setdefault("MPLBACKEND", "Agg")
    sys.path.insert(0, str(root))
    import pandas as pd
    from execnb.nbio import read_nb
    from execnb.shell import CaptureShell

    pd.set_option("display.max_columns", 20, "display.width", 80)  # as in Jupyter, whatever the terminal
    notebook, shell, home = read_nb(path), CaptureShell(path, mpl_format="png"), os.getcwd()
    for cell in notebook.cells:
        if not is_left_alone(cell):
            cell.outputs = []  # what a cell no longer prints must not stay
    os.chdir(path.parent)
    try:
        shell.run_all(notebook, exc_stop=True, preproc=is_left_alone)
    except BaseException:  # noqa: B036  whatever a cell raises
        return None, shell.prettytb(fname=path)
    finally:
        os.chdir(home)
    return notebook, None


def executed(path):
    "A notebook as its code gives it: (cells, None), or (None, what went wrong)."
    kept = Path(os.environ.get("CARPARTS_KEEP", "/nowhere")) / path.name
    if kept.is_file():
        return read_cells(kept), None
    notebook, failed = execute(path)
    return notebook and notebook.cells, failed


def read_cells(path):
    "The cells of a notebook, as execnb has them."
    from execnb.nbio import read_nb

    return read_nb(path).cells


def differences(path):
    "A line for each cell of a notebook whose text isn't what the code gives."
    saved = [text_of(c.get("outputs")) for c in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    cells, failed = executed(path)
    if failed:
        return [f"{path.name} fails: {failed.strip().splitlines()[-1]}"]
    found = []
    for i, (old, cell) in enumerate(zip(saved, cells)):
        new = text_of(cell.get("outputs"))
        varies = "# output varies" in cell.source or "skipped:" in new
        if not is_left_alone(cell) and not varies and old != new:
            found.append(f"{path.name} cell {i}: saved {old[:200]!r}, now {new[:200]!r}")
    return found


def save(path):
    "Execute a notebook and keep what it prints and draws."
    from execnb.nbio import write_nb

    notebook, failed = execute(path)
    if failed:
        return [failed]
    for cell in notebook.cells:
        for out in cell.get("outputs", []):
            if "image/png" in out.get("data", {}):
                out["data"].pop("image/jpeg", None)  # Pillow offers both
    write_nb(notebook, path)
    subprocess.run(["nbdev_clean", "--fname", str(path)], check=True, cwd=root)
    return []


def in_own_process(path, *options):
    "Run this file for one notebook; what it prints."
    if "--compare" in options and (Path(os.environ.get("CARPARTS_KEEP", "/nowhere")) / path.name).is_file():
        return differences(path)
    command = [sys.executable, "-W", "ignore", __file__, "--one", *options, str(path)]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, cwd=root)
    print(f"{path.name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    if done.returncode not in (0, 1):
        return [f"{path.name}: {done.stderr.strip().splitlines()[-1]}"]
    lines = done.stdout.splitlines()
    return [line.removeprefix("differs: ") for line in lines if line.startswith("differs: ")]


def main(arguments):
    options = [a for a in arguments if a.startswith("--")]
    paths = [Path(a).resolve() for a in arguments if not a.startswith("--")]
    if "--one" in options:
        problems = differences(paths[0]) if "--compare" in options else save(paths[0])
        for p in problems:
            print("differs: " + p.replace("\n", "\ndiffers: "))
        return int(bool(problems))
    if not paths:
        paths = sorted(p for p in (root / "nbs").rglob("*.ipynb") if p.stem not in LEFT_OUT)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        results = list(pool.map(lambda p: in_own_process(p, *options), paths))
    problems = [line for lines in results for line in lines]
    print("\n".join(problems))
    print(f"{len(paths)} notebooks executed, {len(problems)} differences; left out: " + ", ".join(LEFT_OUT))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
