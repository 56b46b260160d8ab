"""The first pages, followed word for word: their blocks as one script, and what they say it prints.

`matrix` runs them in fresh environments, in what the source distribution holds.
"""

from __future__ import annotations

import re
from pathlib import Path

PAGES = ("docs/start.md", "README.md", "README.zh.md")
ENVIRONMENT = "python3 -m venv .venv && . .venv/bin/activate"
"""How all of them make an environment, in a block or in a sentence."""
DEVELOPERS = "python -m pytest"
"""A line for who changes the package, which is no part of a first look."""
COMPARED = (0, 1, 2, 4, 5, 6, 7, -1)
"""Columns of ``eipyomo compare`` that every machine prints alike: not gap and seconds."""

Blocks = list[tuple[str, str]]


def blocks(page: Path) -> Blocks:
    """Return language and text of the blocks of shell and Python, in order."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```(sh|python)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def script(page: Path) -> str:
    """Return a script of bash that does what a page says, and ends where something fails.

    Blocks of Python that follow one another are typed into one session of Python.
    """
    found = blocks(page)
    lines = ["set -eu"]
    if not any(ENVIRONMENT in text for _, text in found):
        lines.append(ENVIRONMENT)
    session: list[str] = []
    for language, text in [*found, ("sh", "")]:
        if language == "python":
            session.append(text)
            continue
        if session:
            lines += ["python - <<'END_OF_SESSION'", *session, "END_OF_SESSION"]
            session = []
        lines += [line for line in text.splitlines() if DEVELOPERS not in line]
    return "\n".join([*lines, ""])


def printed(text: str) -> dict[str, list[str]]:
    """Return what a table of ``eipyomo compare`` says, by method, but for gaps and seconds."""
    rows = (line.split() for line in text.splitlines())
    full = [row for row in rows if len(row) == 10 and row[2].endswith("%")]
    return {row[0]: [row[column] for column in COMPARED] for row in full}


def differences(page: Path, output: str) -> list[str]:
    """Return a sentence for each line of a table on a page that was printed otherwise."""
    promised, found = printed(page.read_text(encoding="utf-8")), printed(output)
    return [
        f"{page.name} promises {' '.join(row)}, printed was {' '.join(found.get(method, []))}"
        for method, row in promised.items()
        if found.get(method) != row
    ]
