"""Where a result comes from: version and commit of the package, and seeds."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import eipyomo as ei
from eipyomo import version

DIGITS = r"[0-9a-f]{40}"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a repository with a package and one commit, and let this package seem to be there."""
    (tmp_path / "eipyomo").mkdir()
    (tmp_path / "eipyomo" / "code.py").write_text("1\n")
    who = ["-c", "user.name=n", "-c", "user.email=e@x"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.setattr(version, "ROOT", tmp_path)
    version.commit.cache_clear()
    yield tmp_path
    version.commit.cache_clear()


def told() -> str | None:
    """Return the commit as if it was asked for the first time."""
    version.commit.cache_clear()
    return version.commit()


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_a_checkout_tells_its_commit(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plus stands for code that differs from it; a hook's variables do not mislead."""
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=checkout, check=True, capture_output=True, text=True
    )
    head = done.stdout.strip()
    assert re.fullmatch(DIGITS, head)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert told() == head
    (checkout / "notes.txt").write_text("no code")
    assert told() == head
    (checkout / "eipyomo" / "code.py").write_text("2\n")
    assert told() == f"{head}+"
    monkeypatch.setenv("PATH", "/nowhere")
    assert told() is None


def test_an_installation_tells_what_pip_has_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By PEP 610, if it was made from a repository; other notes, and none, tell nothing."""
    monkeypatch.setattr(version, "ROOT", tmp_path)
    for note, expected in (
        (json.dumps({"vcs_info": {"vcs": "git", "commit_id": "a" * 40}}), "a" * 40),
        (json.dumps({"dir_info": {"editable": True}}), None),
        ("}{", None),
        (None, None),
    ):
        found = SimpleNamespace(read_text=lambda _, note=note: note)
        monkeypatch.setattr(version, "distribution", lambda _, found=found: found)
        assert told() == expected
    version.commit.cache_clear()


def test_results_tell_where_they_come_from() -> None:
    """Version, commit if there is one, and the seed even where it is the usual one."""
    instance = ei.Instance.letter(users=2)
    document = ei.solve(instance, "random").to_dict()
    assert document["options"]["seed"] == 0
    assert document["package_version"] == ei.__version__
    assert document["package_commit"] == version.commit()
    assert "seed" not in ei.solve(instance, "eco").options
    process = ei.train(instance, 2, seed=7).to_dict()
    assert process["seed"] == 7
    assert ei.Training.from_dict(process, instance).to_dict() == process
    with pytest.raises(ei.InputError, match="seed is -1"):
        ei.Training.from_dict({**process, "seed": -1}, instance)


def test_all_files_tell_the_same_version() -> None:
    """pyproject.toml, CITATION.cff, how to cite, and the changelog's newest release."""
    root = Path(__file__).parents[1]
    text = {
        name: (root / name).read_text(encoding="utf-8")
        for name in ("pyproject.toml", "CITATION.cff", "docs/faq.md", "CHANGELOG.md")
    }
    released = tomllib.loads(text["pyproject.toml"])["project"]["version"]
    assert re.findall(r"^version: (.+)$", text["CITATION.cff"], re.MULTILINE) == [released]
    assert re.findall(r"version = {(.+)}", text["docs/faq.md"]) == [released]
    newest = re.search(r"^## ([0-9.]+) - (\d{4}-\d{2}-\d{2})$", text["CHANGELOG.md"], re.MULTILINE)
    assert newest is not None
    assert newest[1] == released
    assert f"date-released: {newest[2]}" in text["CITATION.cff"]
