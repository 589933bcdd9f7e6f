"""The checks of the house that are not notebook tests. Prints `ok NAME` or `FAILED NAME: why` a line each.

python .ci/checks.py [NAME...]   run them all, or those named (all others: --without NAME...); exit code 1 if one fails
python .ci/checks.py --readme    write README.md anew from nbs/index.ipynb, and nbs/llms.txt from all title cells
python .ci/checks.py --house     print the house as a table: rooms, modules, lines, cells
"""

import ast
import base64
import io
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import namedtuple
from configparser import ConfigParser
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path

import yaml
from PIL import Image

root = Path(__file__).resolve().parent.parent
nbs, lib = root / "nbs", root / "carparts_seg"
listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
tracked = listed.split("\0")[:-1]
notebooks = [root / f for f in tracked if f.endswith(".ipynb") and (root / f).is_file()]

MOST_LINES, MEDIAN_LINES = 45, 14  # of an exported cell, blank lines and directives left out
OPTIONAL = {
    "wandb",
    "mlflow",
    "comet_ml",
    "nbdev",
    "ipython",
}  # imported only where a setting, or the making of the pages, asks for it
Import = namedtuple("Import", "notebook own name number exported")


@cache
def cells(path):
    "The cells of a notebook."
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def source(cell):
    "The text of a cell, magics left out; a cell in another language has none."
    text = "".join(cell["source"])
    return "" if re.match(r"(#.*\n|\s)*%%", text) else re.sub(r"^[%!].*$", "", text, flags=re.M)


def is_exported(cell):
    "Whether nbdev writes a cell into the package."
    return cell["cell_type"] == "code" and re.search(r"^#\|\s*export", "".join(cell["source"]), re.M) is not None


def lines_of(text):
    "The lines of code of a cell: neither blank nor a directive."
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#|")]


def place(path):
    "The two digits of a notebook: room and order in it; the guides come last."
    number = re.match(r"\d\d(?=_)", path.stem)
    return number[0] if number else "99"


@cache
def numbers():
    "Module of the package -> number of its notebook."
    found = {}
    for path in notebooks:
        for cell in cells(path):
            exported = re.match(r"#\|\s*default_exp (\S+)", source(cell))
            if exported:
                found[exported[1]] = place(path)
    return found


def front_door():
    "Public name -> module, as the package's lazy `__init__` has it."
    scope = {"__name__": "carparts_seg"}
    exec((lib / "__init__.py").read_text(encoding="utf-8"), scope)
    return scope["_HOME"]


def imported_modules(text):
    "The modules of the package that a cell imports from."
    door = front_door()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "carparts_seg":
            names = [f"carparts_seg.{door.get(a.name, a.name)}" for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module] + [f"{node.module}.{a.name}" for a in node.names]
        else:
            continue
        yield from {n.removeprefix("carparts_seg.") for n in names if n.startswith("carparts_seg.")}


def imports():
    "Every import of a module of the package by a notebook."
    known = numbers()
    for path in notebooks:
        for cell in cells(path):
            if cell["cell_type"] != "code":
                continue
            for module in imported_modules(source(cell)):
                if module in known:
                    yield Import(path.name, place(path), module, known[module], is_exported(cell))


def floors():
    "A notebook imports only from notebooks with a lower number, and so every room from rooms below; guides from any."
    seen = list(imports())
    bad = {f"{i.notebook} imports {i.name} ({i.number})" for i in seen if i.number > i.own}
    if len(numbers()) < 40 or len(seen) < 200:
        bad.add(f"only {len(seen)} imports of {len(numbers())} modules were seen: is the check looking at the rooms?")
    return sorted(bad)


def breathing():
    "Exported cells are short."
    bad, sizes = [], []
    for path in notebooks:
        for i, cell in enumerate(cells(path)):
            if not is_exported(cell):
                continue
            sizes.append(len(lines_of(source(cell))))
            if sizes[-1] > MOST_LINES:
                bad.append(f"{path.name} cell {i}: an exported cell of {sizes[-1]} lines, at most {MOST_LINES}")
            if ";" in re.sub(r"""(['"]).*?\1|#.*""", "", source(cell)) and has_chain(source(cell)):
                bad.append(f"{path.name} cell {i}: two statements on one line")
            if broken := re.search(r"^    \|.*(,|=.*)  # .*", source(cell), re.M):
                bad.append(f"{path.name} cell {i}: a type on several lines, its words on no page: {broken[0].strip()}")
    if statistics.median(sizes) > MEDIAN_LINES:
        bad.append(f"the median exported cell has {statistics.median(sizes)} lines, at most {MEDIAN_LINES}")
    return bad


def has_chain(text):
    "Whether two statements stand on one line."
    starts = [node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)]
    return len(starts) != len(set(starts))


def layout():
    "ruff format changes nothing."
    done = subprocess.run(["ruff", "format", "--check", "-q", "."], cwd=root, capture_output=True, text=True)
    return [] if done.returncode == 0 else [done.stdout.strip() or done.stderr.strip() or "run `ruff format`"]


def columns():
    "No line of the package's code is longer than 120 columns (nbdev's own header of a module aside)."
    bad = []
    for path in lib.rglob("*.py"):
        code = re.sub(r"(?s)# %% auto #?0.*?(?=\n# %%)", "", path.read_text(encoding="utf-8"))
        long = [line for line in code.splitlines() if len(line) > 120]
        bad += [f"{path.relative_to(root)}: {line.strip()[:60]}…" for line in long if path.name != "_modidx.py"]
    return bad


def lint():
    "ruff check finds nothing: lines of 120 columns, unused names, missing types, and the like."
    done = subprocess.run(
        ["ruff", "check", "-q", "--output-format", "concise", "."], cwd=root, capture_output=True, text=True
    )
    return done.stdout.splitlines() + done.stderr.splitlines()


def requirements():
    "The distributions in settings.ini: those of the package itself as '', those of each extra under its name."
    cfg = about_settings()
    keys = [key for key in cfg if key.endswith("requirements")]
    return {k.removesuffix("requirements").rstrip("_"): {plain(r) for r in cfg[k].split()} for k in keys}


def plain(requirement):
    "The name of a distribution, as package indexes compare it."
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=~!\[]", requirement)[0].lower())


def library_imports(tree):
    "The libraries that a module imports: (name, whether it need not be there when the module is imported)."
    functions = [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    later = {id(n) for f in functions for n in ast.walk(f)}
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "need"]
    asked = {a.value: n.lineno for n in calls for a in n.args[2:] if isinstance(a, ast.Constant)}
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        for name in {n.split(".")[0] for n in names} - sys.stdlib_module_names - {"carparts_seg"}:
            yield name, id(node) in later or asked.get(name, node.lineno) < node.lineno


def declared():
    "Imports are requirements; those of an extra stand in a function, or behind a `need` that says what is missing."
    extras, homes, bad = requirements(), metadata.packages_distributions(), {}
    own = extras.pop("")
    extra = set().union(*(names for key, names in extras.items() if key != "dev")) | {plain(n) for n in OPTIONAL}
    for path in lib.rglob("*.py"):
        for name, late in library_imports(ast.parse(path.read_text(encoding="utf-8"))):
            names = {plain(d) for d in homes.get(name, [name])}
            if not names & (own | extra):
                bad[name] = f"{name} (imported in {path.relative_to(root)}) is not among the requirements"
            elif not names & own and not late:
                bad[name] = f"{name} comes with an extra, and {path.relative_to(root)} imports it for everybody"
    return sorted(bad.values())


def locked():
    "What is installed is what `.ci/constraints.txt` says, and all of it is named there; the workflows pin by commit."
    from packaging.requirements import Requirement

    lines = (root / ".ci" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    told = [Requirement(line) for line in lines if line and not line.startswith("#")]
    names = {plain(r.name) for r in told}
    version = {plain(r.name): r.specifier for r in told if r.marker is None or r.marker.evaluate()}
    left = {"pip", "setuptools", "wheel", "carparts-seg"} | requirements()["imagenet"]
    bad = []
    for d in metadata.distributions():
        name = plain(d.metadata["Name"])
        if name not in names | left:
            bad.append(f"{name} {d.version} is installed, and not in .ci/constraints.txt (its first lines say how)")
        elif name in version and name not in left and d.version not in version[name]:
            bad.append(f"{name} {d.version} is installed, .ci/constraints.txt says {version[name]}")
    for path in (root / ".github" / "workflows").glob("*.yaml"):
        uses = re.findall(r"uses: *(\S+)", path.read_text(encoding="utf-8"))
        bad += [f"{path.name}: {u} is not pinned by commit" for u in uses if not re.search(r"@[0-9a-f]{40}$", u)]
    return bad


def clean():
    "nbdev_clean changes nothing."
    with tempfile.TemporaryDirectory(dir=root) as tmp:
        copies = {path: Path(tmp) / f"{i}.ipynb" for i, path in enumerate(notebooks)}
        for path, copy in copies.items():
            shutil.copyfile(path, copy)
        subprocess.run(["nbdev_clean", "--fname", tmp], check=True, cwd=root)
        changed = [path for path, copy in copies.items() if copy.read_bytes() != path.read_bytes()]
    return [f"{path.relative_to(root)} (run nbdev_clean)" for path in changed]


@contextmanager
def copied():
    "A copy of what git has of the house, that a check may change while others use it."
    with tempfile.TemporaryDirectory() as tmp:
        for f in tracked:
            if (root / f).is_symlink() or (root / f).is_file():
                (Path(tmp) / f).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / f, Path(tmp) / f, follow_symlinks=False)
        yield Path(tmp)


def exported():
    "nbdev_export changes nothing, and every module of the package comes from a notebook."
    by_hand = {"__init__.py", "__main__.py", "all.py", "_modidx.py"}
    before = {p.relative_to(lib): p.read_bytes() for p in lib.rglob("*.py")}
    with copied() as copy:
        shell = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        subprocess.run(["nbdev_export"], check=True, cwd=copy, env=shell)
        after = {p.relative_to(copy / lib.name): p.read_bytes() for p in (copy / lib.name).rglob("*.py")}
    bad = [
        f"carparts_seg/{n} (run nbdev_export)" for n in sorted(before.keys() | after) if before.get(n) != after.get(n)
    ]
    modules = {".".join(n.with_suffix("").parts) for n in after if n.name not in by_hand}
    bad += [
        f"carparts_seg/{m.replace('.', '/')}.py: no notebook exports it" for m in sorted(modules - numbers().keys())
    ]
    return bad


def titles():
    "The title cell holds title and description only: nbdev takes it as front matter, and what else is in it is lost."
    pattern = re.compile(r"# [^\n]+\n+> [^\n]+\n*(- [\w-]+: [^\n]+\n*)*")
    return [f"{p.relative_to(root)}: its first cell holds more than `# title` and `> description`"
            for p in notebooks if not pattern.fullmatch("".join(cells(p)[0]["source"]) + "\n")]  # fmt: skip


HIDDEN = r"^#\|\s*(hide|export|exporti|default_exp|include: *false)\b"  # such a cell is not on the page
SETUP = (
    "#| hide\n"
    '! [ -e /content ] && pip install -q "carparts_seg[imagenet,export,serve] @ '
    'git+https://github.com/carparts-seg/carparts_seg"  # only in Colab'
)


def shown(path):
    "The cells that a page shows: (number, cell, its source, empty where only its outputs are shown)."
    for i, cell in enumerate(cells(path)):
        text = "".join(cell["source"])
        if cell["cell_type"] != "code" or not re.search(HIDDEN, text, re.M):
            yield i, cell, "" if re.search(r"^#\|\s*echo: *false", text, re.M) else text


def is_guide(path):
    "Whether a notebook is a page for readers, not a module's."
    return path.parent.name[0] not in "123456789"


def prose(cell):
    "The text of a cell of prose without its blocks and words of code."
    return re.sub(r"(?ms)^( *)(```+).*?^\1\2|`[^`\n]+`", "", "".join(cell["source"]))


def identifier(heading):
    "The anchor of a heading, by pandoc's rule."
    own = re.search(r"\{[^}]*#([\w.-]+)[^}]*\}\s*$", heading)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"\s*\{[^}]*\}\s*$", "", heading))
    text = re.sub(r"\s+", "-", re.sub(r"[^\w\s.-]", "", text).strip().lower())
    return own[1] if own else re.sub(r"^[\W\d_]+", "", text) or "section"


def entries(text):
    "The headings that an exported cell gets on its page: public names, and the methods of a class."
    for node in ast.parse(text).body:
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or node.name.startswith("_"):
            continue
        calls = [d for d in node.decorator_list if getattr(getattr(d, "func", d), "id", "").startswith("patch")]
        owned = calls and (getattr(calls[0], "args", None) or [node.args.args[0].annotation])[0]
        owner = ast.unparse(owned).strip("'") if calls else ""
        yield f"{owner}.{node.name}" if owner else node.name
        for method in node.body if isinstance(node, ast.ClassDef) else []:
            if isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) and not method.name.startswith("_"):
                yield f"{node.name}.{method.name}"


@cache
def anchors(path):
    "The places on a page that a link can name."
    found, times = set(), {}
    for cell in cells(path)[1:]:
        text = "".join(cell["source"])
        hidden = re.search(HIDDEN, text, re.M)
        heads = list(entries(source(cell))) if is_exported(cell) else []
        made = ["".join(o.get("data", {}).get("text/markdown", "")) for o in cell.get("outputs", [])]
        for part in [text] if cell["cell_type"] == "markdown" else [] if hidden else made:
            lines = re.sub(r"(?ms)^( *)(```+).*?^\1\2", "", part)
            heads += re.findall(r"^#{1,6} +(.+)", lines, re.M)
            found |= {a or b for a, b in re.findall(r'\{#([\w.-]+)|<\w+ id="([\w.-]+)"', lines)}
        for name in map(identifier, heads):
            found.add(f"{name}-{times[name]}" if name in times else name)
            times[name] = times.get(name, 0) + 1
    return found


def links():
    "Links between pages lead to notebooks, headings, entries and pictures that are there, or that publishing makes."
    bad, published = [], (root / ".github/workflows/deploy.yaml").read_text(encoding="utf-8")
    for path in notebooks:
        text = "\n".join(prose(c) for c in cells(path) if c["cell_type"] == "markdown")
        for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)", text):
            name, _, place = target.partition("#")
            to = (path.parent / name).resolve() if name else path
            if to.suffix == ".html" and f" _docs/{to.relative_to(nbs).as_posix()}\n" in published:
                continue
            if name.endswith(".html") or not to.exists():
                bad.append(f"{path.relative_to(root)}: a link to {name}, which is not there")
            elif place and to.suffix == ".ipynb" and place not in anchors(to):
                bad.append(f"{path.relative_to(root)}: {to.name} has no heading or entry #{place}")
    return bad


@cache
def sidebar_parts():
    "The parts of the site, each with its pages."
    return yaml.safe_load((nbs / "sidebar.yml").read_text(encoding="utf-8"))["website"]["sidebar"]


def page_of(notebook):
    "The page that nbdev makes of a notebook, by its place below `nbs`: numbers before names are left out."
    return re.sub(r"(^|/)\d\d_", r"\1", notebook).replace(".ipynb", ".html")


@cache
def about_settings():
    "What settings.ini says of the project."
    about = ConfigParser(delimiters=["="])
    about.read(root / "settings.ini", encoding="utf-8")
    return about["DEFAULT"]


def sidebar():
    "Every page has its place in the sidebar, once; tests in a browser are no pages."
    parts = sidebar_parts()
    named = re.findall(r"[\w/]+\.ipynb", str(parts))
    pages = [str(p.relative_to(nbs)) for p in notebooks if not p.stem.endswith("browser_tests")]
    return [f"nbs/{p} is not in nbs/sidebar.yml" for p in pages if p not in named] + [
        f"nbs/sidebar.yml names {n}, which is no page, or twice" for n in named if n not in pages or named.count(n) > 1
    ]


def heading_lines(path):
    "The headings of a notebook and what stands between them: (level, text) of a heading, None for content."
    for cell in cells(path)[1:]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            hidden = re.search(r"^#\|\s*(hide|exporti|default_exp)\b", text, re.M)
            public = re.search(r"^(@.*\n)*(async )?(def|class) (?!_)", text, re.M)
            if not hidden and (public or not is_exported(cell)):
                yield None
            continue
        fenced = re.sub(r"^( *)```.*?^\1```", "text", text, flags=re.M | re.S)
        for line in filter(str.strip, fenced.splitlines()):
            found = re.match(r"(#{1,6}) (.+)", line)
            yield (len(found[1]), found[2]) if found else None


def headings():
    "A heading has something under it, and none skips a level."
    bad = []
    for path in notebooks:
        last, empty = 1, None
        for item in heading_lines(path):
            if item and empty and item[0] <= empty[0]:
                bad.append(f"{path.relative_to(root)}: nothing stands under {empty[1]!r}")
            if item and item[0] > last + 1:
                bad.append(f"{path.relative_to(root)}: {item[1]!r} skips a level")
            last, empty = (item[0], item) if item else (last, None)
        if empty:
            bad.append(f"{path.relative_to(root)}: nothing stands under {empty[1]!r}")
    return bad


def pictures():
    "Pictures of a page have words for those who don't see them (`#| fig-alt:`, or text in the link); none is empty."
    bad = []
    for path in notebooks:
        for i, cell in enumerate(cells(path)):
            text, outs = "".join(cell["source"]), [o.get("data", {}) for o in cell.get("outputs", [])]
            drawn = any(k.startswith("image/") for out in outs for k in out)
            if drawn and not re.search(r"^#\|\s*(hide|fig-alt: *\W?\w)", text, re.M) or "![](" in text:
                bad.append(f"{path.relative_to(root)} cell {i}: a picture without fig-alt")
            if any(is_blank("".join(out["image/png"])) for out in outs if "image/png" in out):
                bad.append(f"{path.relative_to(root)} cell {i}: a picture of a single colour")
    return bad


def is_blank(png):
    "Whether a figure in base64 shows nothing."
    if len(png) > 20_000:
        return False
    lows_and_highs = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB").getextrema()
    return all(low == high for low, high in lows_and_highs)


def narrow():
    "Code that readers see is no wider than a page: at most 84 columns on a guide (`Page` lays out what modules show)."
    from carparts_seg.report.show_doc import narrow_code

    bad, places = [], []
    for path in filter(is_guide, notebooks):
        for i, cell, text in shown(path):
            if cell["cell_type"] == "code":
                places.append((path, i, text))
            blocks = re.findall(r"(?ms)^```.*?^```", text) if cell["cell_type"] == "markdown" else []
            places += [(path, i, None, block) for block in blocks]
    code = iter(narrow_code([place[2] for place in places if place[2] is not None]))
    for path, i, _, *block in places:
        long = [x for x in (block[0] if block else next(code)).splitlines() if len(x) > 84 and not x.startswith("#|")]
        bad += [f"{path.relative_to(root)} cell {i}: {len(long[0])} columns: {long[0].strip()[:40]}…"] if long else []
    return bad


def offline():
    "A page opens with the network off: nothing that it shows or runs is fetched from a server of others."
    outside = re.compile(
        r"<(script|img|iframe|source|video|audio|embed)\b[^>]*\ssrc=[\"']?(https?:)?//"
        r"|<link\b[^>]*\shref=[\"']?(https?:)?//|url\([\"']?(https?:)?//|@import [\"'](https?:)?//"
        r"|!\[[^\]]*\]\(https?:|require(\.min)?\.js|cdn\.|googleapis|application/vnd\.plotly"
    )
    bad = []
    for path in notebooks:
        for i, cell, _ in shown(path):
            made = json.dumps([o.get("data", {}) for o in cell.get("outputs", [])]).replace('\\"', '"')
            made = re.sub(r'"image/png": "[^"]*"', "", made)
            found = outside.search(made) or (cell["cell_type"] == "markdown" and outside.search(prose(cell)))
            bad += [f"{path.relative_to(root)} cell {i}: {found[0]}"] if found else []
    for path in [*lib.glob("templates/*"), *nbs.glob("*.*css"), *nbs.glob("*.qmd"), root / "_quarto.yml"]:
        found = path.is_file() and outside.search(path.read_text(encoding="utf-8"))
        bad += [f"{path.relative_to(root)}: {found[0]}"] if found else []
    return bad


def setup():
    "Tutorials and how-to pages run in Colab: their second cell installs the package there."
    parts = sidebar_parts()
    taught = re.findall(r"[\w/]+\.ipynb", str([part for part in parts if part["id"] in ("tutorials", "how-to")]))
    return [f"nbs/{n}: its second cell isn't SETUP of .ci/checks.py, which installs the package in Colab"
            for n in taught if (nbs / n).is_file() and "".join(cells(nbs / n)[1]["source"]) != SETUP]  # fmt: skip


def addresses(part):
    "The pages that a piece of `_quarto.yml` or `sidebar.yml` names."
    for key, value in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else []:
        yield from addresses(value)
        if isinstance(value, str) and (key in ("href", "image", "favicon", "css") or isinstance(part, list)):
            yield value
        yield from re.findall(r"\]\(([^)]+)\)", value) if isinstance(value, str) else []


def site():
    "What stands around the pages: valid YAML, links of navbar, footer and 404 that lead somewhere, the version."
    bad, parts = [], {}
    for name in tracked:
        text = (root / name).read_text(encoding="utf-8") if name.endswith((".yml", ".yaml", ".qmd")) else ""
        try:
            parts[name] = yaml.safe_load(text.split("---\n")[1] if name.endswith(".qmd") else text)
        except (yaml.YAMLError, IndexError) as e:
            bad.append(f"{name}: {str(e).splitlines()[0]}")
    for path in notebooks:
        keys = re.findall(r"^- ([\w-]+: .+)", "".join(cells(path)[0]["source"]), re.M)
        bad += [f"{path.name}: front matter {k!r}" for k in keys if not isinstance(yaml.safe_load(k), dict)]
    quarto = parts["_quarto.yml"]
    named = list(addresses(quarto["website"])) + list(addresses(quarto["project"])) + [quarto["format"]["html"]["css"]]
    named += re.findall(r"\]\(/?([^)]+)\)", (nbs / "404.qmd").read_text(encoding="utf-8"))
    local = [n for n in named if re.search(r"\.\w+$", n) and not re.match(r"https?:", n)]
    bad += [
        f"the site's frame names {n}, which is not there" for n in local if not (nbs / n.partition("#")[0]).exists()
    ]
    if f"carparts_seg {about_settings()['version']}" not in str(quarto["website"]["page-footer"]):
        bad.append("_quarto.yml: the footer doesn't name the version of settings.ini")
    return bad


def llms_text():
    "nbs/llms.txt: every page of the site with its sentence, for programs that read documentation."
    about = about_settings()
    lines = [f"# {about['title']}", "", f"> {about['description']}", ""]
    for part in sidebar_parts():
        lines += [f"## {part['title']}", ""]
        for name in re.findall(r"[\w/]+\.ipynb", str(part)):
            title, _, said = "".join(cells(nbs / name)[0]["source"]).partition("\n")
            link = f"{about['doc_host']}{about['doc_baseurl']}/{page_of(name)}"
            lines.append(f"- [{title.lstrip('# ')}]({link}): {said.strip().lstrip('> ')}")
        lines.append("")
    return "\n".join(lines)


def llms():
    "nbs/llms.txt is what the title cells say."
    same = (nbs / "llms.txt").is_file() and (nbs / "llms.txt").read_text(encoding="utf-8") == llms_text()
    return [] if same else ["nbs/llms.txt differs from the title cells (run python .ci/checks.py --readme)"]


def readme_text():
    "README.md as nbs/index.ipynb gives it: prose, code and outputs, front matter and hidden cells left out."
    from nbconvert import MarkdownExporter
    from nbformat import read

    nb = read(nbs / "index.ipynb", as_version=4)
    nb.cells = [c for c in nb.cells if not re.match(r"#\|\s*hide\b", c.source)]
    for cell in nb.cells:
        cell.source = re.sub(r"^#\|.*\n?", "", cell.source, flags=re.M)
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\((images/|[\w/]+\.ipynb)", r"](nbs/\1", cell.source)
    body, _ = MarkdownExporter().from_notebook_node(nb)
    head = "<!-- Made from nbs/index.ipynb by `python .ci/checks.py --readme`: edit there. -->\n\n"
    return head + re.sub(r"\n{3,}", "\n\n", body).strip() + "\n"


def readme():
    "README.md is nbs/index.ipynb, rendered."
    same = (root / "README.md").read_text(encoding="utf-8") == readme_text()
    return [] if same else ["README.md differs from nbs/index.ipynb (run python .ci/checks.py --readme)"]


def made_pages():
    "The pages that nbdev makes, for Quarto to render: what it ended with, and the text of each, by notebook."
    with copied() as copy, tempfile.TemporaryDirectory() as idle:
        quarto = Path(idle, "quarto")  # where there is none, nbdev would install it, and this package anew
        quarto.write_text("#!/bin/sh\n")
        quarto.chmod(0o755)
        env = os.environ | {"PATH": os.pathsep.join([os.environ["PATH"], idle]), "CARPARTS_KEEP": idle}
        env["PYTHONPATH"] = os.pathsep.join([str(root / ".ci" / "listen"), os.environ.get("PYTHONPATH", "")]).strip(":")
        done = subprocess.run(["nbdev_proc_nbs"], cwd=copy, capture_output=True, text=True, env=env)
        made = {path: copy / "_proc" / path.relative_to(nbs) for path in notebooks}
        return done, {path: page.read_text(encoding="utf-8") for path, page in made.items() if page.is_file()}


def docs():
    "nbdev makes the pages of the site (Quarto, which renders them, isn't needed for that); its links lead to entries."
    done, made = made_pages()
    if done.returncode != 0:
        return [next((line for line in done.stderr.splitlines() if "Error" in line), "nbdev_proc_nbs failed")]
    bad = [f"no page was made of {path.name}" for path in notebooks if path not in made]
    pages = {page_of(p.relative_to(nbs).as_posix()): p for p in notebooks}
    for path, text in made.items():
        for page, place in set(re.findall(r"\]\((?:\.\./)*([\w/]+\.html)#([^)\s]+)\)", text)):
            if page not in pages or place not in anchors(pages[page]):
                bad.append(f"the page of {path.name} links to {page}#{place}, which is not there")
    return bad


def outputs():
    "No warning, traceback, path of a machine, private name, photograph or oversized picture in a notebook's outputs."
    bad = []
    for path in notebooks:
        for i, cell in enumerate(cells(path)):
            for out in cell.get("outputs", []):
                bad += [f"{path.name} cell {i}: {what}" for what in faults(out)]
        for i, cell, text in shown(path):
            said = " ".join(words_of(out) for out in cell.get("outputs", []))
            private = re.findall(r"(?<![\w./'\"*-])_[a-z]\w*\b(?!\.\w)", said)
            private += private_names(source(cell)) if is_guide(path) and text and cell["cell_type"] == "code" else []
            bad += [f"{path.name} cell {i}: a private name, {private[0]}"] if private else []
    return bad


def private_names(text):
    "The names in code that a reader shouldn't use."
    kinds = {ast.Name: "id", ast.Attribute: "attr", ast.alias: "name"}
    names = [getattr(n, kinds[type(n)]).split(".")[-1] for n in ast.walk(ast.parse(text)) if type(n) in kinds]
    return [name for name in names if re.match("_[a-zA-Z]", name)]


def words_of(out):
    "What an output says, as text or in a table."
    data = out.get("data", {})
    return "".join(out.get("text", "")) + "".join("".join(data.get(f"text/{kind}", "")) for kind in ("plain", "html"))


def faults(out):
    "What is wrong with an output."
    data, text = out.get("data", {}), words_of(out) + "".join(out.get("data", {}).get("text/markdown", ""))
    if out.get("output_type") == "error" or "image/jpeg" in data:
        yield "an error or a JPEG"
    machine = r"(?<![\w.])/(root|tmp|work|home|Users|content|var/folders)/|site-packages|dist-packages"
    if out.get("name") == "stderr" or re.search(rf"Warning:|{machine}", text):
        yield "a warning or a machine's path"
    if sum(len("".join(v)) for v in data.values() if isinstance(v, (str, list))) > 800_000:
        yield "an output of more than 800 kB"


def truth():
    "What a notebook shows is what its code gives: all are executed anew, and their text is compared."
    done = subprocess.run(
        [sys.executable, str(root / ".ci" / "execute.py"), "--compare"], cwd=root, capture_output=True, text=True
    )
    return [] if done.returncode == 0 else done.stdout.splitlines()


def files():
    "No file over 1 MB, a network that ships at most 12 MB in all, no photograph, and the links that nbdev needs."
    there = [f for f in tracked if (root / f).is_file()]
    ships = [f for f in there if f.startswith("carparts_seg/networks/")]
    bad = [f"{f}: over 1 MB" for f in there if f not in ships and (root / f).stat().st_size > 1_000_000]
    for name in {Path(f).parts[2] for f in ships}:
        size = sum((root / f).stat().st_size for f in ships if Path(f).parts[2] == name)
        bad += [f"carparts_seg/networks/{name}: over 12 MB"] if size > 12_000_000 else []
    bad += [f"{f}: a JPEG" for f in there if f.lower().endswith((".jpg", ".jpeg"))]
    if not (nbs / "_quarto.yml").is_symlink():
        bad.append("nbs/_quarto.yml: not a link to ../_quarto.yml")
    return bad


def house():
    "The house as a table."
    up = sum(i.number > i.own for i in imports())
    rows, every = [], []
    for room in sorted({m.split(".")[0] if "." in m else "front door" for m in numbers()}, key=lambda r: first(r)):
        own = [m for m in numbers() if (m.split(".")[0] if "." in m else "front door") == room]
        paths = [p for p in notebooks if any(numbers()[m] == place(p) for m in own)]
        sizes = [len(lines_of(source(c))) for p in paths for c in cells(p) if is_exported(c)]
        every += sizes
        rows.append((room, len(own), sum(sizes), len(sizes), statistics.median(sizes), max(sizes)))
    rows.append(("the house", len(numbers()), sum(every), len(every), statistics.median(every), max(every)))
    print("| room | modules | exported lines | exported cells | median | longest |\n|---|---|---|---|---|---|")
    print(
        "\n".join("| " + " | ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in row) + " |" for row in rows)
    )
    print(f"\nimports: {sum(1 for _ in imports())}, up: {up}")


def first(room):
    "The lowest number of a room."
    return min(n for m, n in numbers().items() if (m.split(".")[0] if "." in m else "front door") == room)


CHECKS = (
    floors,
    breathing,
    layout,
    lint,
    titles,
    links,
    sidebar,
    headings,
    pictures,
    narrow,
    offline,
    setup,
    site,
    llms,
    declared,
    locked,
    clean,
    exported,
    readme,
    docs,
    outputs,
    files,
    truth,
)


def main():
    asked = sys.argv[1:]
    if "--readme" in asked:
        (root / "README.md").write_text(readme_text(), encoding="utf-8")
        (nbs / "llms.txt").write_text(llms_text(), encoding="utf-8")
        return 0
    if "--house" in asked:
        house()
        return 0
    failed, without = 0, asked[:1] == ["--without"]
    for check in CHECKS:
        if asked and (check.__name__ in asked) == without:
            continue
        try:
            problems = check()
        except Exception as e:  # a check that breaks has not passed
            problems = [f"the check itself broke: {type(e).__name__}: {e}"]
        failed += bool(problems)
        more = f"; and {len(problems) - 40} more" if len(problems) > 40 else ""
        said = f"FAILED {check.__name__}: " + "; ".join(problems[:40]) + more if problems else f"ok {check.__name__}"
        print(said.replace("\n", " "), flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
