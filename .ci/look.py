"""A page to look at while writing, without Quarto: nbdev's processors, pandoc, the site's own style, light and dark.

    python .ci/look.py NOTEBOOK...            write _docs/look/ROOM_NAME.light.html and .dark.html; say where
    python .ci/look.py --measure NOTEBOOK...  and open each in a browser of 390 pixels: what is wider than the screen?

Needs pandoc (`pip install pypandoc_binary` brings one) and, to measure, playwright and chromium. Only what
the entries need is executed; figures and tables are those that the notebook has saved. Quarto's frame (navbar, sidebar,
search) is missing. Exit code 1 where a page is wider than the screen.
"""

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
out = root / "_docs" / "look"
FRAME = """
body { font: 17px/1.5 system-ui, sans-serif; margin: 0; color: #343a40; background: #fff }
main { max-width: 750px; margin: 0 auto; padding: 0 1.5em } img { max-width: 100%; height: auto } figure { margin: 0 }
pre { padding: .4em; margin: 0; font-size: 14.9px } pre > code { white-space: pre-wrap; overflow-wrap: anywhere }
code { font-size: .875em } pre code { font-size: 1em } table { border-collapse: collapse; text-align: left }
th, td { padding: .5rem; border-bottom: 1px solid #8886; vertical-align: top }
.sourceCode { background: #8882; border-radius: 4px }
h2 { border-bottom: 1px solid #8886 } h2, h3 { margin: 1.5rem 0 .5rem }
.btn { border: 1px solid; padding: .2rem .5rem; border-radius: 4px } a { color: #2780e3 }
.quarto-dark { color: #fff; background: #222 } .quarto-dark a { color: #00bc8c }
"""


def pandoc():
    "The program pandoc."
    try:
        import pypandoc

        return pypandoc.get_pandoc_path()
    except (ImportError, OSError):
        return shutil.which("pandoc") or sys.exit("pandoc isn't there: pip install pypandoc_binary")


def output(out):
    "An output as Markdown."
    data = out.get("data", {})
    if "text/markdown" in data:
        return "".join(data["text/markdown"])
    if "text/html" in data or "image/svg+xml" in data:
        return "```{=html}\n" + "".join(data.get("text/html") or data["image/svg+xml"]) + "\n```"
    if "image/png" in data:
        return f'```{{=html}}\n<img alt="" src="data:image/png;base64,{"".join(data["image/png"]).strip()}">\n```'
    text = "".join(data.get("text/plain") or out.get("text", ""))
    return f"::: cell-output-stdout\n````\n{text}\n````\n:::"


def cell(c):
    "A cell, as nbdev's processors leave it, as Markdown."
    text = "".join(c.source)
    if c.cell_type != "code":
        return "" if c.cell_type == "raw" else text
    options = dict(re.findall(r"^#\| *([\w-]+): *\"?(.*?)\"?$", text, re.M))
    code = f"```{{.python}}\n{re.sub(r'(?m)^#[|].*$', '', text).strip()}\n```"
    if options.get("code-fold") == "true":
        code = f"<details><summary>{options.get('code-summary', 'Code')}</summary>\n\n{code}\n\n</details>"
    parts = [] if options.get("echo") == "false" else [code]
    parts += [f"::: cell-output\n{output(o)}\n:::" for o in c.get("outputs", [])]
    return f"::: {{.cell .{options.get('classes', 'plain')}}}\n" + "\n\n".join(parts) + "\n:::"


def render(path):
    "Write the page of a notebook, light and dark; the light one's place."
    from execnb.nbio import read_nb
    from nbdev.processors import FilterDefaults

    made = FilterDefaults().nb_proc(read_nb(path))
    made.process()
    command = [pandoc(), "--mathml", "-f", "markdown", "-t", "html5", "--wrap=none"]
    text = "\n\n".join(map(cell, made.nb.cells))
    body = subprocess.run(command, input=text, capture_output=True, text=True, check=True, encoding="utf-8").stdout
    body = body.replace("<table>", '<table class="table">')
    body = re.sub(r'src="(?!data:|https?:)([^"]+)"', lambda m: f'src="{(path.parent / m[1]).resolve().as_uri()}"', body)
    about, style = made.nb.frontmatter_, (root / "nbs" / "styles.css").read_text(encoding="utf-8")
    title, said = html.escape(str(about.get("title"))), html.escape(str(about.get("description", "")))
    name = f"{path.parent.name}_{path.stem}"
    for theme in ("dark", "light"):
        page = out / f"{name}.{theme}.html"
        page.write_text(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{FRAME}{style}</style>'
            f'<body class="quarto-{theme}"><main><h1>{title}</h1><div class="description">{said}</div>{body}</main>',
            encoding="utf-8",
        )
    return page


def measure(pages):
    "The pages that are wider than a phone's screen, with the elements that make them so."
    from playwright.sync_api import sync_playwright

    wide = """() => [...document.querySelectorAll('main *')]
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('table, pre'))
        .slice(0, 3).map(e => e.tagName + ' ' + e.textContent.trim().slice(0, 40))"""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    with sync_playwright() as p:
        browser = p.chromium.launch(
            executable_path=next(filter(None, map(shutil.which, names)), None), args=["--no-sandbox"]
        )
        tab = browser.new_page(viewport={"width": 390, "height": 800})
        for page in pages:
            tab.goto(page.as_uri())
            if tab.evaluate("document.documentElement.scrollWidth > innerWidth"):
                yield f"{page.name} is wider than 390 pixels: {tab.evaluate(wide)}"
        browser.close()


def main(arguments):
    os.environ["IN_TEST"] = "1"
    sys.path.insert(0, str(root))
    out.mkdir(parents=True, exist_ok=True)
    pages = [render(Path(a).resolve()) for a in arguments if not a.startswith("--")]
    print(*pages, sep="\n")
    found = list(measure(pages)) if "--measure" in arguments else []
    print(*found, sep="\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
