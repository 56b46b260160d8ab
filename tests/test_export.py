"""Models as files: another reader computes our cost from them, and nothing is left half-written."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import casadi
import pyomo.environ as pyo
import pyscipopt
import pytest

import eipyomo as ei
from tests.allocations import random_allocation
from tests.conftest import VALUES, reference

if TYPE_CHECKING:
    from pathlib import Path


def loaded(name: str, seed: int = 1) -> Any:
    """Return the model of a reference instance with a random feasible allocation in it."""
    instance = reference(name)
    model = ei.models.minlp(instance)
    ei.models.load(model, random_allocation(instance, seed))
    return model


def columns(model: Any, path: Path) -> list[Any]:
    """Export a model, and return its variables in the file's order, as the manifest tells it."""
    ei.models.export(model, path)
    manifest = json.loads(path.with_name(path.name + ".manifest.json").read_text())
    return [model.find_component(column["name"]) for column in manifest["columns"]]


@pytest.mark.parametrize("name", list(VALUES))
def test_scip_computes_our_cost(name: str, tmp_path: Path) -> None:
    """SCIP reads the file; with every column fixed at a feasible point its cost is evaluate()'s."""
    model = loaded(name)
    variables = columns(model, tmp_path / "model.nl")
    (tmp_path / "model.col").unlink()  # so that SCIP names columns by their place
    reader = pyscipopt.Model()
    reader.hideOutput()
    reader.setParam("numerics/feastol", 1e-9)
    reader.readProblem(str(tmp_path / "model.nl"))
    for column in reader.getVars():
        if column.name[1:].isdigit():
            value = variables[int(column.name[1:])].value
            reader.chgVarLb(column, value)
            reader.chgVarUb(column, value)
    reader.optimize()
    assert reader.getStatus() == "optimal"
    assert reader.getObjVal() == pytest.approx(pyo.value(model.wsel), rel=1e-8)


@pytest.mark.parametrize("name", ["letter-m2", "mixed-m4", "hostile-00"])
def test_casadi_computes_our_cost(name: str, tmp_path: Path) -> None:
    """CasADi, a second and independent reader, computes the same cost and the same rows."""
    model = loaded(name)
    values = [variable.value for variable in columns(model, tmp_path / "model.nl")]
    reader = casadi.NlpBuilder()
    reader.import_nl(str(tmp_path / "model.nl"))
    x = casadi.vertcat(*reader.x)
    cost = casadi.Function("cost", [x], [reader.f])(values)
    rows = casadi.Function("rows", [x], [casadi.vertcat(*reader.g)])(values).full().ravel()
    assert float(cost) == pytest.approx(pyo.value(model.wsel), rel=1e-12)
    for low, row, high in zip(reader.g_lb, rows, reader.g_ub, strict=True):
        assert low - 1e-9 <= row <= high + 1e-9


@pytest.mark.parametrize("suffix", ["nl", "gms"])
def test_same_bytes_in_every_process(suffix: str, tmp_path: Path) -> None:
    """Two processes with different hash seeds write the same bytes."""
    script = (
        "import sys, eipyomo as ei; instance = ei.Instance.letter(users=5, seed=2); "
        "ei.models.export(ei.models.minlp(instance), sys.argv[1])"
    )
    written = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        subprocess.run(
            [sys.executable, "-c", script, str(folder / f"model.{suffix}")],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        written.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert written[0] == written[1]
    assert f"model.{suffix}.manifest.json" in written[0]


def test_what_is_written(letter: ei.Instance, tmp_path: Path) -> None:
    """.row and .col name every row and column, and the manifest what is not in the file."""
    model = ei.models.minlp(letter)
    ei.models.fix(model, download=False, offload_fraction=1.0)
    files = ei.models.export(model, tmp_path / "model.nl")
    assert [file.name for file in files] == [
        "model.nl",
        "model.row",
        "model.col",
        "model.nl.manifest.json",
    ]
    head = files[0].read_text().splitlines()[1].split()
    names = files[2].read_text().splitlines()
    assert len(names) == int(head[0])
    assert len(files[1].read_text().splitlines()) == int(head[1]) + int(head[2])
    manifest = json.loads(files[3].read_text())
    assert [column["name"] for column in manifest["columns"]] == names
    fixed = {entry["name"]: (entry["value"], entry["why"]) for entry in manifest["left_out"]}
    assert fixed["user[eu1].download"] == (0, "fixed")
    assert fixed["user[eu1].offload_fraction"] == (1.0, "fixed")
    assert len(fixed) == 8
    assert ei.Instance.from_dict(manifest["instance"]) == letter
    assert manifest["symbols"]["upload_s"]["unit"] == "s"


def test_gams_knows_every_column(letter: ei.Instance, tmp_path: Path) -> None:
    """The .gms manifest names each of GAMS's variables, and the text declares it."""
    ei.models.export(ei.models.minlp(letter), tmp_path / "model.gms")
    text = (tmp_path / "model.gms").read_text()
    manifest = json.loads((tmp_path / "model.gms.manifest.json").read_text())
    assert len(manifest["columns"]) == 49
    for column in manifest["columns"]:
        assert f"\n\t{column['column']}\n" in text or f"\t{column['column']};" in text


@pytest.mark.parametrize(
    "name", ["a b", "a,b", '"q"', "用户", "1", "n" * 300, "a\nb", "back\\slash", "it's", "[x].y"]
)
def test_user_names_come_back(name: str, letter: ei.Instance, tmp_path: Path) -> None:
    """A hostile name stands on one line of .col and comes back from the manifest as it was."""
    frame = letter.users_frame()
    frame.loc[0, "name"] = name
    model = ei.models.minlp(letter.with_users(frame))
    variables = columns(model, tmp_path / "model.nl")
    assert all(variable is not None for variable in variables) or name == "[x].y"
    assert len((tmp_path / "model.col").read_text().splitlines()) == len(variables)
    manifest = json.loads((tmp_path / "model.nl.manifest.json").read_text())
    assert sum(column["user"] == name for column in manifest["columns"]) == 12


@pytest.mark.parametrize("file", ["model.lp", "model.mps", "model.txt", "model"])
def test_other_formats_are_refused(file: str, letter: ei.Instance, tmp_path: Path) -> None:
    """A linear format or an unknown one is refused in a sentence, and nothing is written."""
    with pytest.raises(ei.InputError, match=r"cannot export to 'model.*\.nl or \.gms"):
        ei.models.export(ei.models.minlp(letter), tmp_path / file)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["nl", "gms"])
@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_what_is_no_number_is_refused(
    suffix: str, number: float, letter: ei.Instance, tmp_path: Path
) -> None:
    """NaN or infinity in a Param never reaches a file, and the old file stays."""
    target = tmp_path / f"model.{suffix}"
    ei.models.export(ei.models.minlp(letter), target)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    model = ei.models.minlp(letter)
    model.mine = pyo.Param(initialize=number, mutable=True, within=pyo.Any)
    model.row = pyo.Constraint(expr=model.sync_s * model.mine >= 1)
    with pytest.raises(ei.InputError, match=r"NaN|infinity|cannot be written"):
        ei.models.export(model, target)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_failed_write_leaves_the_old_files(letter: ei.Instance, tmp_path: Path) -> None:
    """If one of the files cannot be written, none is, and no temporary file stays."""
    target = tmp_path / "model.nl"
    target.write_text("old")
    (tmp_path / "model.col").mkdir()
    with pytest.raises(ei.InputError, match=r"cannot write .*model\.col.*it is a folder"):
        ei.models.export(ei.models.minlp(letter), target)
    assert target.read_text() == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.col", "model.nl"]
    with pytest.raises(ei.InputError, match="No such file or directory"):
        ei.models.export(ei.models.minlp(letter), tmp_path / "none" / "model.nl")


@pytest.mark.parametrize("folder", ["a b", "@~", "ü用", "d" * 200])
def test_hostile_folders(folder: str, letter: ei.Instance, tmp_path: Path) -> None:
    """Blanks, signs, other letters and long names in a path are of no account."""
    (tmp_path / folder).mkdir()
    ei.models.export(ei.models.minlp(letter), tmp_path / folder / f"{folder[:50]}.nl")
    assert len(list((tmp_path / folder).iterdir())) == 4
