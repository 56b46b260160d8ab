"""What an installation is put through before a release, and what the page says of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from experiments import matrix, pages

ROOT = Path(__file__).parents[1]


def test_the_page_shows_the_stored_table() -> None:
    """docs/releasing.md is what ``python -m experiments.matrix --plot-only`` writes."""
    stored = matrix.TABLE.stored()
    assert matrix.PAGE.read_text(encoding="utf-8") == matrix.page(stored)
    found = stored[["on_python", "with_packages", "check"]].astype(str)
    assert set(found.itertuples(index=False, name=None)) <= set(matrix.cases())


@pytest.mark.parametrize(
    ("last", "passed", "skipped", "failed"),
    [
        ("3 failed, 42 passed, 2 deselected in 41.56s", 42, 0, 3),
        ("5110 passed, 4 skipped in 872.75s (0:14:32)", 5110, 4, 0),
        ("1 passed, 2 errors in 1.00s", 1, 0, 2),
        ("no tests ran in 0.01s", 0, 0, 1),
        ("", 0, 0, 1),
    ],
)
def test_what_pytest_says_is_counted(last: str, passed: int, skipped: int, failed: int) -> None:
    """Tests that failed are told, and where none passed, something did."""
    found = matrix.counted(f"....\n{last}\n")
    assert (found["passed"], found["skipped"], found["failed"]) == (passed, skipped, failed)


def test_a_command_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in surroundings, in an empty folder, and what one says is kept."""
    monkeypatch.setattr(matrix, "COMMANDS", ("--version", "solve none.json"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    around = matrix.Surroundings("no input", variables={"PYTHONPATH": str(ROOT)}, closed=True)
    found = matrix.commanded(Path(sys.executable), around)
    assert (found["passed"], found["failed"]) == (2, 1)
    assert "none.json" in found["says"]


@pytest.mark.parametrize("page", pages.PAGES)
def test_the_first_pages_make_an_environment_and_install(page: str) -> None:
    """A page is followed in a new environment, from top to bottom, without the developers' line."""
    script = pages.script(ROOT / page)
    assert script.index(pages.ENVIRONMENT) < script.index("python -m pip install .")
    assert script.count("python - <<") == script.count("\nEND_OF_SESSION")
    assert pages.DEVELOPERS not in script
    for _, block in pages.blocks(ROOT / page):
        kept = [line for line in block.splitlines() if pages.DEVELOPERS not in line]
        assert all(line in script for line in kept)


def test_another_optimum_than_the_page_promises_is_told() -> None:
    """Seconds and gaps may differ, values may not, and no line may be missing."""
    page = ROOT / "README.md"
    table = page.read_text(encoding="utf-8")
    assert len(pages.printed(table)) == 6
    assert pages.differences(page, table.replace("0.79", "9.99")) == []
    assert len(pages.differences(page, table.replace("5.894964", "5.894965"))) == 1
    assert len(pages.differences(page, "")) == 6
