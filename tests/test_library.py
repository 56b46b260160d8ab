"""The library: what every entry claims is proven again, by both checkers, and its page is current.

Values and bounds are those of ``eipyomo/library/values.json``; those of the letter's instances are
also held against ``tests/reference/values.json``, which other code made.
"""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import eipyomo as ei
from checker.check_certificate import check as check_again
from eipyomo.cli import main
from eipyomo.library import shelf
from experiments import library as experiment
from experiments.reference import VALUES, reference

SLOW_FOR_RATIONALS = {
    *("letter-m4-band", "letter-m4-slowest", "letter-m100-gbe", "letter-m1000"),
    *("droo-m10", "qeco-m10", "wireless-fl-m9", "woa-mec-m10"),
}
"""Certificates of hundreds of cells and more, which take the second checker seconds."""
SECOND = [
    name
    for name in ei.library.names()
    if name not in SLOW_FOR_RATIONALS and not name.startswith(("hostile-", "letter-m100"))
]


@cache
def checked(name: str) -> ei.library.Checked:
    """Return what is proven of an entry."""
    return ei.library.check(name)


@pytest.mark.parametrize("name", ei.library.names())
def test_every_entry_is_proven_again(name: str) -> None:
    """The instance, the value of a feasible point, and the bound, or infeasibility."""
    found, entry = checked(name), ei.library.entry(name)
    assert found.doubt is None
    assert entry.infeasible == (found.bound is None)
    if entry.bound is not None:
        assert entry.value is not None
        assert entry.bound <= entry.value * (1.0 + 1e-12)
        assert entry.gap is not None
        assert entry.gap <= 2e-6


@pytest.mark.parametrize("name", SECOND)
def test_the_second_checker_proves_it_too(name: str) -> None:
    """It agrees with ``verify`` to the twelve digits of which both are sure."""
    found = check_again(ei.library.get(name).to_dict(), checked(name).certificate)
    assert found.holds
    if (bound := ei.library.entry(name).bound) is not None:
        assert found.bound == pytest.approx(checked(name).bound, rel=1e-12)
        assert found.bound >= bound


def test_values_are_those_of_independent_code() -> None:
    """The brackets of the reference instances, made by another branch and bound, overlap."""
    same = [name for name in VALUES if name in ei.library.names()]
    assert len(same) == len(VALUES)
    for name in same:
        entry = ei.library.entry(name)
        assert entry.digest == reference(name).digest()
        assert entry.value is not None
        assert entry.bound is not None
        assert entry.bound <= VALUES[name]["wsel"] * (1.0 + 1e-9)
        assert VALUES[name]["bound"] <= entry.value * (1.0 + 1e-9)


def test_no_point_is_below_a_bound() -> None:
    """Nobody's bound is above anybody's point, whatever the method."""
    for name in ei.library.names():
        found = ei.library.entry(name).found
        points = [one.value for one in found if one.value is not None]
        bounds = [one.bound for one in found if one.bound is not None]
        for bound in bounds if points else []:
            assert bound <= min(points) + 1e-6 * abs(min(points))


def test_the_page_is_what_the_values_say() -> None:
    """docs/library.md is written from the entries, and the values from the stored table."""
    assert experiment.PAGE.read_text(encoding="utf-8") == experiment.page()
    assert json.loads(shelf.VALUES.read_text(encoding="utf-8")) == experiment.values()


def test_the_table_has_a_row_for_each() -> None:
    """``frame`` has the names, gaps, and what is infeasible."""
    table = ei.library.frame().set_index("name")
    assert list(table.index) == ei.library.names()
    assert table["users"].max() == 1000
    assert table["infeasible"].sum() == 2
    assert (table["gap"].dropna().astype(float) <= 2e-6).all()


def test_the_list_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json; without, a line for each entry."""
    assert main(["library", "list", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in document["entries"]] == ei.library.names()
    assert main(["library", "list"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ei.library.names())


def test_entries_are_written_in_each_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON is the instance, .nl and .gms are models; what is asked is said."""
    for suffix in ("json", "nl", "gms"):
        assert main(["library", "get", "letter-m4-edge", "-o", str(tmp_path / f"x.{suffix}")]) == 0
    same = ei.Instance.from_json(tmp_path / "x.json")
    assert same.digest() == ei.library.entry("letter-m4-edge").digest
    assert (tmp_path / "x.nl").stat().st_size > 1000
    assert (tmp_path / "x.gms").stat().st_size > 1000
    assert f"eipyomo solve {tmp_path / 'x.json'} --objective edge_frequency" in (
        capsys.readouterr().err
    )
    assert main(["library", "get", "letter-m4"]) == 0
    printed = ei.Instance.from_dict(json.loads(capsys.readouterr().out))
    assert printed.digest() == ei.library.entry("letter-m4").digest


@pytest.mark.parametrize("asked", [["get", "letter-m5"], ["check", "--only", "letter-m4,x"]])
def test_a_name_that_is_unknown_is_refused(
    asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In one sentence that names those that there are."""
    assert main(["library", *asked]) == 2
    said = capsys.readouterr().err
    assert said.startswith("eipyomo: entry is ")
    assert "letter-m4-gbe" in said


def changed(monkeypatch: pytest.MonkeyPatch, **claims: Any) -> None:
    """Let the entry letter-m4 claim something else."""
    known = shelf.values()
    told = {**known, "letter-m4": {**known["letter-m4"], **claims}}
    monkeypatch.setattr(shelf, "values", lambda: told)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"bound": 4.0748}, "only the bound 4.07"),
        ({"value": 4.07}, "below a proven bound"),
        ({"value": None, "bound": None}, "infeasibility is not proven"),
        ({"digest": "0" * 64}, "another instance"),
    ],
)
def test_a_false_claim_ends_with_status_4(
    claims: dict[str, Any],
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A bound above the optimum, a value below it, infeasibility, and another instance."""
    changed(monkeypatch, **claims)
    assert main(["library", "check", "--only", "letter-m4", "--json"]) == 4
    said = capsys.readouterr()
    (row,) = json.loads(said.out)["entries"]
    assert why in row["doubt"]
    assert not row["proven"]
    assert "1 of 1 entries are not as they claim" in said.err


def test_certificates_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For ``eipyomo verify``, which proves them; a folder that is not there is refused."""
    folder = str(tmp_path)
    asked = ["library", "check", "--only", "letter-m2,letter-m4-missed", "--certificates"]
    assert main([*asked, folder]) == 0
    assert "2 of 2 entries proven" in capsys.readouterr().out
    for name in ("letter-m2", "letter-m4-missed"):
        files = tmp_path / f"{name}.json", tmp_path / f"{name}.certificate.json"
        assert main(["verify", *map(str, files)]) == 0
    assert main([*asked, str(tmp_path / "nowhere")]) == 2
    assert "must be a folder that is there" in capsys.readouterr().err


def test_the_page_shows_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its script runs, and so does each of its commands."""
    page = experiment.PAGE.read_text(encoding="utf-8")
    (script,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(script, "library.md", "exec"), {})
    (commands,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    for command in commands.splitlines():
        assert main(shlex.split(command)[1:]) == 0, command
    assert "2 of 2 entries proven" in capsys.readouterr().out
