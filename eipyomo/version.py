"""The version of this package as it is installed, and the commit that its code is of."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from importlib.metadata import distribution, version
from pathlib import Path

__version__ = version("eipyomo")

ROOT = Path(__file__).parents[1]
"""Where the package lies: a checkout, or a folder of installed packages."""


@cache
def commit(*more: str) -> str | None:
    """Return the commit that the package's code is of, or None if nothing tells.

    A checkout knows it, and so does an installation that pip made from a repository.

    Parameters
    ----------
    *more
        Files of the checkout, as patterns, that count as code beside the package's own.

    Returns
    -------
    str or None
        40 hexadecimal digits, with a plus where code differs from the commit.
    """
    # Without its own .git a folder may lie in a checkout of something else.
    return _of_checkout("eipyomo", *more) if (ROOT / ".git").exists() else _of_installation()


def _of_checkout(*code: str) -> str | None:
    """Return what git says of the files in the checkout; None without git or its consent."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "--no-optional-locks", *words],
            cwd=ROOT,
            # In a hook of git's these name the repository of the hook.
            env={key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--", *code)
        return git("rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _of_installation() -> str | None:
    """Return what pip has noted, if it took the package from a repository (PEP 610)."""
    try:
        noted = json.loads(distribution("eipyomo").read_text("direct_url.json") or "{}")
    except ValueError:
        return None
    found = noted.get("vcs_info", {}).get("commit_id")
    return found if isinstance(found, str) else None
