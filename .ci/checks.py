"""The checks of the house that are not notebook tests. Prints `ok NAME` or `FAILED NAME: why` a line each.

python .ci/checks.py            run them all; exit code 1 if one fails
python .ci/checks.py --readme   write README.md anew from nbs/index.ipynb
"""

import ast
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

root = Path(__file__).resolve().parent.parent
nbs = root / "nbs"
tracked = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout.split(
    "\0"
)[:-1]
notebooks = [root / f for f in tracked if f.endswith(".ipynb")]


def code_cells(path):
    "The sources of the code cells of a notebook, magics left out."
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            yield re.sub(r"^[%!].*$", "", "".join(cell["source"]), flags=re.M)


def imported_modules(source):
    "Names of the modules of carparts_seg that a cell imports."
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] + [f"{node.module}.{a.name}" for a in node.names]
        for name in names:
            if name.startswith("carparts_seg."):
                yield name.split(".")[1]


def floors():
    "A notebook imports only from notebooks before it: 28 < 28b < 29; the guides may import from any."
    parts = [re.fullmatch(r"(\d\d[a-z]?)_(\w+)", p.stem) for p in notebooks]
    number = {m[2]: m[1] for m in parts if m}
    bad = set()
    for path, part in zip(notebooks, parts):
        own, name = (part[1], part[2]) if part else ("99z", path.stem)
        for source in code_cells(path):
            bad |= {
                f"{path.name} imports {m}"
                for m in imported_modules(source)
                if m in number and number[m] >= own and m != name
            }
    return sorted(bad)


def clean():
    "nbdev_clean changes nothing."
    with tempfile.TemporaryDirectory(dir=root) as tmp:
        bad = []
        for path in notebooks:
            copy = Path(tmp) / path.name
            copy.write_bytes(path.read_bytes())
            subprocess.run(["nbdev_clean", "--fname", str(copy)], check=True, cwd=root)
            if copy.read_bytes() != path.read_bytes():
                bad.append(f"{path.relative_to(root)} (run nbdev_clean)")
    return bad


def exported():
    "nbdev_export changes nothing."
    lib = root / "carparts_seg"
    before = {p.name: p.read_bytes() for p in lib.glob("*.py")}
    subprocess.run(["nbdev_export"], check=True, cwd=root)
    after = {p.name: p.read_bytes() for p in lib.glob("*.py")}
    return [
        f"carparts_seg/{n} (run nbdev_export)" for n in sorted(before.keys() | after) if before.get(n) != after.get(n)
    ]


def readme_text():
    "README.md as nbs/index.ipynb gives it: prose, code and outputs, front matter and hidden cells left out."
    from nbconvert import MarkdownExporter
    from nbformat import read

    nb = read(nbs / "index.ipynb", as_version=4)
    nb.cells = [c for c in nb.cells if not re.match(r"#\|\s*hide\b", c.source)]
    for cell in nb.cells:
        cell.source = re.sub(r"^#\|.*\n?", "", cell.source, flags=re.M)
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\(images/", "](nbs/images/", cell.source)
            cell.source = re.sub(
                r"\]\(([\w/]+)\.html\)", r"](nbs/\1.ipynb)", cell.source
            )  # the site's pages are notebooks here
    body, _ = MarkdownExporter().from_notebook_node(nb)
    head = "<!-- Made from nbs/index.ipynb by `python .ci/checks.py --readme`: edit there. -->\n\n"
    return head + re.sub(r"\n{3,}", "\n\n", body).strip() + "\n"


def readme():
    "README.md is nbs/index.ipynb, rendered."
    same = (root / "README.md").read_text(encoding="utf-8") == readme_text()
    return [] if same else ["README.md differs from nbs/index.ipynb (run python .ci/checks.py --readme)"]


def docs():
    "nbdev makes the pages of the site (Quarto, which renders them, isn't needed for that)."
    r = subprocess.run(["nbdev_proc_nbs"], cwd=root, capture_output=True, text=True)
    return (
        [] if r.returncode == 0 else [next((l for l in r.stderr.splitlines() if "Error" in l), "nbdev_proc_nbs failed")]
    )


def outputs():
    "No warning, traceback, path of a machine, photograph or oversized picture in a notebook's outputs."
    bad = []
    for path in notebooks:
        for i, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
            for out in cell.get("outputs", []):
                data = out.get("data", {})
                text = "".join(out.get("text", "")) + "".join(data.get("text/plain", ""))
                if out.get("output_type") == "error" or "image/jpeg" in data:
                    bad.append(f"{path.name} cell {i}: an error or a JPEG")
                if re.search(r"Warning:|(?<![\w.])/(root|tmp|work|home)/|site-packages", text):
                    bad.append(f"{path.name} cell {i}: a warning or a machine's path")
                if sum(len("".join(v)) for v in data.values() if isinstance(v, (str, list))) > 800_000:
                    bad.append(f"{path.name} cell {i}: an output of more than 800 kB")
    return bad


def files():
    "No file over 1 MB, no photograph, and the links that nbdev needs."
    bad = [f"{f}: over 1 MB" for f in tracked if (root / f).is_file() and (root / f).stat().st_size > 1_000_000]
    bad += [f"{f}: a JPEG" for f in tracked if f.lower().endswith((".jpg", ".jpeg"))]
    if not (nbs / "_quarto.yml").is_symlink():
        bad.append("nbs/_quarto.yml: not a link to ../_quarto.yml")
    return bad


def main():
    if "--readme" in sys.argv:
        (root / "README.md").write_text(readme_text(), encoding="utf-8")
        return 0
    failed = 0
    for check in (floors, clean, exported, readme, docs, outputs, files):
        problems = check()
        failed += bool(problems)
        print(f"FAILED {check.__name__}: " + "; ".join(problems) if problems else f"ok {check.__name__}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
