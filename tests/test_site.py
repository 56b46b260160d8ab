"""The documentation: every page is on the site, the site is built offline, and its blocks run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import eipyomo as ei
from eipyomo.cli import main
from experiments import keys
from tests.conftest import slow_but

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
NAVIGATION = (DOCS / "site" / "mkdocs.yml").read_text(encoding="utf-8")
PAGES = sorted(DOCS.glob("**/*.md"))

OF_THIS_FILE = (
    "start.md",
    "python.md",
    "command_line.md",
    "model.md",
    "decomposition.md",
    "solvers.md",
    "instances.md",
    "export.md",
    "faq.md",
    "troubleshooting.md",
    "limits.md",
    "edge_frequency.md",
    "objectives.md",
    "training.md",
    "../README.zh.md",
)
"""Pages whose blocks are run here; other files of tests run those of the others."""

WITHIN = {
    "catalog": "catalog.network",
    "library": "library.get",
    "plan": "planning.band",
    "presets": "presets.instance",
    "radio": "radio.Disc",
    "stress": "planning.stress",
    "testing": "testing.assert_bound",
}
"""Names that stand on the page of the API by another one."""

OFFLINE = """\
import socket, sys
def refused(*_, **__):
    raise OSError("the network is not to be used")
socket.socket.connect = socket.getaddrinfo = refused
from mkdocs.__main__ import cli
sys.exit(cli(sys.argv[1:]))
"""
"""MkDocs in a process that reaches nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site without a network, and return its folder."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, "build", "-f", "docs/site/mkdocs.yml", "-d", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_is_in_the_navigation(page: Path) -> None:
    """A page of docs/ has its line in docs/site/mkdocs.yml."""
    name = page.relative_to(DOCS).as_posix()
    assert re.search(rf"^ +- .*: {re.escape(name)}$", NAVIGATION, re.MULTILINE), (
        f"{name} is in no navigation: give it a line in docs/site/mkdocs.yml"
    )


def test_the_site_is_built_without_a_network(site: Path) -> None:
    """Every page, link and anchor is there, and no page asks another host for anything."""
    for page in PAGES:
        html = (site / page.relative_to(DOCS).with_suffix(".html")).read_text(encoding="utf-8")
        assert not re.search(r'(?:src|<link[^>]* href)="https?:', html), page
    assert "Documentation" in (site / "index.html").read_text(encoding="utf-8")


def test_formulas_are_drawn(site: Path) -> None:
    """Each formula of a page is MathML on the site, in a line or in a box of its own."""
    for name in ("model", "decomposition", "methods", "vocabulary", "constraints"):
        source = (DOCS / f"{name}.md").read_text(encoding="utf-8")
        html = (site / f"{name}.html").read_text(encoding="utf-8")
        boxes = source.count("```math")
        source = re.sub(r"```.*?```", "", source, flags=re.DOTALL)
        assert html.count('display="block"') == boxes
        assert html.count('display="inline"') == len(re.findall(r"\$[^$]+\$", source))
        assert "arithmatex" not in html
        assert "\\frac" not in html


def test_the_api_page_has_all_public_names(site: Path) -> None:
    """What `eipyomo` offers stands on the page, as itself or as the names within it."""
    html = (site / "api.html").read_text(encoding="utf-8")
    for name in set(vars(ei)["__all__"]) - {"__version__"}:
        inner = WITHIN.get(name, name)
        assert f'id="eipyomo.{inner}' in html, f"{name} is not in docs/api.md"


def test_the_api_page_has_mathematics(site: Path) -> None:
    """Docstrings of equations, ADMM's steps and the bound show theirs, with no LaTeX left."""
    html = (site / "api.html").read_text(encoding="utf-8")
    for name in (
        *("evaluate", "models.minlp", "models.end_user.execution_latency"),
        *("solvers.admm.consensus.update_multipliers", "solvers.exact.kernels.lagrangian"),
    ):
        begin = html.index(f'id="eipyomo.{name}"')
        assert 'display="block"' in html[begin : begin + 20_000].split("<h3")[0], name
    assert not re.search(r"\$\$|arithmatex|\\(?:frac|text|min|tau)", html)


def test_the_search_knows_all_pages(site: Path) -> None:
    """The index that the search reads from the disk has every page."""
    index = (site / "search" / "search_index.js").read_text(encoding="utf-8")
    for page in PAGES:
        assert f'"location":"{page.relative_to(DOCS).with_suffix(".html").as_posix()}' in index


def test_the_page_of_keys_is_up_to_date() -> None:
    """docs/instances.md is what ``python -m experiments.keys`` writes."""
    assert keys.PAGE.read_text(encoding="utf-8") == keys.page()


def test_every_page_with_blocks_is_run_by_a_test() -> None:
    """A page with blocks of Python or shell is named in a file of tests that runs them."""
    tests = "".join(file.read_text(encoding="utf-8") for file in Path(__file__).parent.glob("*.py"))
    for page in PAGES:
        if re.search(r"^```(python|sh)$", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert page.name in tests, f"no test runs the blocks of {page.name}"


LEFT_OUT = ("python3 -m venv", "python -m pip", "eipyomo compare", "eipyomo solvers")
"""What prepares a machine, or looks at it: the test of the README runs the last two."""


@pytest.mark.parametrize(
    "page", slow_but(OF_THIS_FILE, "instances.md", "model.md", "faq.md", "edge_frequency.md")
)
def test_the_blocks_of_a_page_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of Python and shell run word for word, from top to bottom, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    ei.Instance.letter(users=2).to_json("instance.json")
    text = (DOCS / page).read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "__main__"}
    blocks = re.findall(r"^```(python|sh)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert blocks
    for language, block in blocks:
        if language == "python":
            exec(compile(block, page, "exec"), names)
            continue
        for line in block.splitlines():
            if not line.startswith(LEFT_OUT):
                for command in line.split(" && "):
                    run(command)


def run(command: str) -> None:
    """Run a command: of the package in this process, another in its own."""
    name, *arguments = [one for word in shlex.split(command) for one in expanded(word)]
    if name == "eipyomo":
        one_process = ["--workers", "1"] if arguments[0] == "sweep" else []
        assert main([*arguments, *one_process]) == 0, command
    else:
        folder = str(Path(sys.executable).parent)
        found = shutil.which(name, path=os.pathsep.join([folder, os.environ["PATH"]]))
        assert found is not None, name
        subprocess.run([found, *arguments], check=True, capture_output=True)


def expanded(word: str) -> list[str]:
    """Return the files that a word of a command stands for, as a shell has it; else the word."""
    return sorted(str(file) for file in Path().glob(word)) if word.endswith("*.json") else [word]
