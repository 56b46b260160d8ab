"""What the site does beyond MkDocs: files above docs/, links as on GitHub, formulas as MathML."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]

ABOVE = ("README.md", "README.zh.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
"""Pages that stand above docs/; on the site they stand beside the others."""

LINK = re.compile(r"\]\((?:\.\./|docs/)?([\w][\w./-]*)")
ROLE = re.compile(r":\w+:<code>(?:[^<]*&lt;)?~?([\w. -]+)(?:&gt;)?</code>")
FORMULA = re.compile(
    r'<(span|div) class="arithmatex">\s*\\[(\[](.*?)\\[)\]]\s*</\1>', flags=re.DOTALL
)


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages above docs/, and what pages link to of the rest of the repository."""
    for name in ABOVE:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    texts = [page.content_string for page in files.documentation_pages()]
    for name in sorted({name for text in texts for name in LINK.findall(text)}):
        if files.get_file_from_path(name) is None and (ROOT / name).is_file():
            files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Let links between docs/ and the folder above it stay on one level."""
    folder = "docs/" if page.file.src_uri in ABOVE else "../"
    return markdown.replace(f"]({folder}", "](")


def on_page_content(content: str, **_: Any) -> str:
    """Write formulas as MathML, which browsers draw without a script or a network.

    Docstrings name each other in the manner of Sphinx; here the name is enough.
    """
    return ROLE.sub(r"<code>\1</code>", FORMULA.sub(mathml, content))


def mathml(formula: re.Match[str]) -> str:
    """Return a formula as MathML, in a box of its own unless it is part of a line."""
    kind, latex = formula.groups()
    drawn = convert(html.unescape(latex), display="inline" if kind == "span" else "block")
    return drawn if kind == "span" else f'<div class="math-block">{drawn}</div>'
