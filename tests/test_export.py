"""Models as files: another reader computes our cost from them, and nothing is left half-written."""

from __future__ import annotations

import json
import math
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import casadi
import pyomo.environ as pyo
import pyscipopt
import pytest
from pyomo.gdp import Disjunction
from pyomo.mpec import Complementarity, complements

import eipyomo as ei
from eipyomo.models.plain import HINTS, TriviallyInfeasibleError
from eipyomo.models.writers import lp, nl
from eipyomo.solvers.backends.wheels import write
from tests.allocations import random_allocation
from tests.conftest import VALUES, reference, slow_but
from tests.instances import limited

if TYPE_CHECKING:
    from collections.abc import Callable
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


@pytest.mark.parametrize("name", slow_but(VALUES, "letter-m2", "mixed-m4"))
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


@pytest.mark.slow
@pytest.mark.parametrize("suffix", slow_but(["nl", "gms"], "nl"))
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


def test_a_solution_file_is_read_back(tmp_path: Path) -> None:
    """Exported, and read from a .sol of the columns' values, an allocation is the same."""
    instance = limited(reference("letter-m2"), 0.4)
    allocation = random_allocation(instance, 5)
    model = ei.models.minlp(instance)
    ei.models.load(model, allocation)
    ei.models.export(model, tmp_path / "model.nl")
    _, columns, rows = nl(model)
    sizes = [len(rows) - 1, 0, len(columns), len(columns)]
    numbers = "\n".join(map(repr, [*sizes, *(column.value for column in columns)]))
    (tmp_path / "model.sol").write_text(f"solved\n\n{numbers}\nobjno 0 0\n", encoding="utf-8")
    read, _ = ei.models.read_sol(tmp_path / "model.sol")
    found = ei.models.allocation(read)
    assert found.edge_frequency_hz == pytest.approx(allocation.edge_frequency_hz, rel=1e-12)


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


def hinted(
    name: str, place: str, datatype: Any = pyo.Suffix.FLOAT, direction: Any = pyo.Suffix.EXPORT
) -> Any:
    """Return min x + y², x >= 2 with a suffix on all that it can stand on, at some place."""
    model = pyo.ConcreteModel()
    model.outer = pyo.Block()
    model.outer.inner = pyo.Block()
    model.x = pyo.Var(bounds=(0, 10), initialize=5)
    model.outer.inner.y = pyo.Var(bounds=(-3, 3), initialize=1)
    model.row = pyo.Constraint(expr=model.x >= 2)
    model.cost = pyo.Objective(expr=model.x + model.outer.inner.y**2)
    home = {"model": model, "block": model.outer, "nested": model.outer.inner}[place]
    suffix = pyo.Suffix(direction=direction, datatype=datatype)
    home.add_component(name, suffix)
    for part in (model.x, model.outer.inner.y, model.row, model.cost, model.outer):
        suffix[part] = 10
    return model


@pytest.mark.parametrize("place", ["model", "block", "nested"])
@pytest.mark.parametrize("datatype", [pyo.Suffix.FLOAT, pyo.Suffix.INT, None])
@pytest.mark.parametrize("name", sorted(HINTS))
def test_hints_change_no_byte(
    name: str, datatype: Any, place: str, recwarn: pytest.WarningsRecorder
) -> None:
    """With any hint on it, a model is written as without: the same .nl, .lp and pickled problem."""
    plain = hinted(name, place)
    suffix = next(plain.component_objects(pyo.Suffix))
    suffix.parent_block().del_component(suffix)
    model = hinted(name, place, datatype)
    assert nl(model)[0] == nl(plain)[0]
    linear = hinted(name, place, datatype)
    linear.cost.set_value(linear.x)
    plain.cost.set_value(plain.x)
    assert lp(linear)[0] == lp(plain)[0]
    assert next(model.component_objects(pyo.Suffix)).active
    assert not recwarn.list


@pytest.mark.parametrize("suffix", ["nl", "gms"])
def test_exports_are_in_the_models_units(suffix: str, letter: ei.Instance, tmp_path: Path) -> None:
    """With ``scaling_factor`` and ``priority`` the text is the same; the manifest names both."""
    ei.models.export(ei.models.minlp(letter), tmp_path / f"plain.{suffix}")
    model = ei.models.minlp(letter)
    model.scaling_factor = pyo.Suffix(direction=pyo.Suffix.EXPORT)
    model.user["eu1"].priority = pyo.Suffix(direction=pyo.Suffix.IMPORT_EXPORT)
    model.local = pyo.Suffix(direction=pyo.Suffix.LOCAL)
    for variable in model.component_data_objects(pyo.Var, descend_into=True):
        model.scaling_factor[variable] = 100.0
        model.local[variable] = 1.0
    model.user["eu1"].priority[model.user["eu1"].download] = 5
    ei.models.export(model, tmp_path / f"hinted.{suffix}")
    texts = [(tmp_path / f"{stem}.{suffix}").read_text() for stem in ("plain", "hinted")]
    assert texts[0] == texts[1]
    manifest = json.loads((tmp_path / f"hinted.{suffix}.manifest.json").read_text())
    assert manifest["hints_left_out"] == ["scaling_factor", "user[eu1].priority"]


def complementary(model: Any) -> None:
    """Add a complementarity condition."""
    pair: Any = complements(model.x >= 0, model.outer.inner.y >= 0)
    model.pair = Complementarity(expr=pair)


def transformed(model: Any) -> None:
    """Add a complementarity condition in the form of an .nl file."""
    complementary(model)
    pyo.TransformationFactory("mpec.nl").apply_to(model)


def ordered(model: Any) -> None:
    """Add a set of type SOS."""
    model.members = pyo.Var(range(3), bounds=(0, 1))
    model.ordered = pyo.SOSConstraint(var=model.members, sos=1)


def stepped(model: Any) -> None:
    """Add a piecewise linear function with a set of type SOS inside."""
    model.z = pyo.Var()
    model.steps = pyo.Piecewise(
        model.z, model.x, pw_pts=[0, 5, 10], f_rule=[0, 1, 5], pw_constr_type="EQ", pw_repn="SOS2"
    )


def either(model: Any) -> None:
    """Add a disjunction."""
    model.either = Disjunction(expr=[[model.x >= 3], [model.outer.inner.y >= 1]])


def logical(model: Any) -> None:
    """Add a logical constraint."""
    model.truth = pyo.BooleanVar()
    model.logical = pyo.LogicalConstraint(expr=model.truth)


@pytest.mark.parametrize(
    ("add", "name"),
    [
        (complementary, "pair"),
        (transformed, "pair"),
        (ordered, "ordered"),
        (stepped, "steps"),
        (either, "either"),
        (logical, "logical"),
    ],
)
@pytest.mark.parametrize("kind", ["nl", "lp", "pickle"])
def test_what_no_file_says_is_refused(add: Any, name: str, kind: str) -> None:
    """A component that would be lost or misread is refused by its name, whatever the format."""
    model = hinted("priority", "model")
    model.cost.set_value(model.x)
    add(model)
    with pytest.raises(
        ei.InputError, match=f"the model's '{name}.* variables, constraints and one"
    ):
        write(model, kind)


@pytest.mark.parametrize("name", ["sosno", "ref", "objweight", "relax", "mine"])
@pytest.mark.parametrize("place", ["model", "block", "nested"])
@pytest.mark.parametrize("kind", ["nl", "lp", "pickle"])
def test_unknown_suffixes_are_refused(name: str, place: str, kind: str) -> None:
    """A suffix that may change the problem is refused, unless nobody exports it."""
    with pytest.raises(ei.InputError, match=rf"the suffix '\S*{name}' may change the problem"):
        write(hinted(name, place), kind)
    for direction in (pyo.Suffix.LOCAL, pyo.Suffix.IMPORT):
        model = hinted(name, place, direction=direction)
        model.cost.set_value(model.x)
        write(model, kind)
    model = hinted(name, place)
    model.cost.set_value(model.x)
    next(model.component_objects(pyo.Suffix)).deactivate()
    write(model, kind)


def parameter(model: Any, number: float) -> Any:
    """Add a parameter that may be anything."""
    model.mine = pyo.Param(initialize=number, mutable=True, within=pyo.Any)
    return model.mine


WRONG: dict[str, tuple[Callable[[Any], Any], str]] = {
    "log of a negative": (lambda m: m.x * pyo.log(parameter(m, -1.0)) <= 1, "'row2' holds 'log"),
    "division by zero": (lambda m: m.x / parameter(m, 0.0) <= 1, "'row2' holds '1/mine'"),
    "root of a negative": (lambda m: m.x * parameter(m, -1.0) ** 0.5 <= 1, "'row2' holds 'mine"),
    "NaN times a fixed 0": (lambda m: m.zero * parameter(m, math.nan) + m.x >= 1, "'row2' holds"),
    "0 times NaN": (lambda m: 0 * parameter(m, math.nan) + m.x >= 1, "'row2' holds 'mine'"),
    "NaN in a function": (lambda m: pyo.exp(parameter(m, math.nan) * m.x) <= 1, "'row2' holds"),
    "an infinite divisor": (lambda m: pyo.exp(m.x) / parameter(m, math.inf) <= 1, "'row2' holds"),
    "NaN as a side": (lambda m: m.x >= parameter(m, math.nan), "'row2' cannot be written"),
    "a fixed log of 0": (lambda m: m.x + pyo.log(m.zero) <= 1, r"'row2' holds 'log\(zero"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_constant_that_is_no_number_is_named(kind: str) -> None:
    """Pyomo's writer drops some rows whose coefficient is NaN; each is refused by its name."""
    make, expected = WRONG[kind]
    model = hinted("priority", "model")
    model.zero = pyo.Var(bounds=(0, 1))
    model.zero.fix(0)
    model.row2 = pyo.Constraint(expr=make(model))
    with pytest.raises(ei.InputError, match=expected):
        nl(model)


@pytest.mark.parametrize("value", [11.0, -1.0, None, math.nan, math.inf])
@pytest.mark.parametrize("kind", ["nl", "lp", "pickle"])
def test_wrongly_fixed_variables_are_named(value: Any, kind: str) -> None:
    """A value fixed outside the bounds, or at no number, is refused by the variable's name."""
    model = hinted("priority", "model")
    model.cost.set_value(model.x)
    model.x.fix(value, skip_validation=True)
    with pytest.raises(ei.InputError, match=f"the variable 'x' is fixed at {value}"):
        write(model, kind)
    model.x.unfix()
    model.x.set_value(5.0)
    model.x.domain = pyo.Integers
    model.x.fix(2.5, skip_validation=True)
    with pytest.raises(ei.InputError, match=r"fixed at 2\.5, but must be a whole number from 0"):
        write(model, kind)


@pytest.mark.parametrize("kind", ["nl", "lp", "pickle"])
def test_domains_with_gaps_are_refused(kind: str) -> None:
    """A variable that may be 1, 3 or 5 is no interval; the .lp writer would take it for [1, 5]."""
    model = hinted("priority", "model")
    model.cost.set_value(model.x)
    model.odd = pyo.Set(initialize=[1, 3, 5])
    model.z = pyo.Var(domain=model.odd)
    model.row2 = pyo.Constraint(expr=model.z >= model.x)
    with pytest.raises(ei.InputError, match="domain of the variable 'z' is 'odd', but must be an"):
        write(model, kind)


def test_rows_of_fixed_variables_are_named() -> None:
    """Such a row is impossible if it is off by more than rounding; the error survives pickling."""
    model = hinted("priority", "model")
    model.x.fix(2 - 1e-7)
    assert nl(model)[0] == nl(model)[0]
    assert model.row.active
    model.x.fix(1.0)
    with pytest.raises(
        TriviallyInfeasibleError, match="the row 'row' cannot hold: its var"
    ) as caught:
        nl(model)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.row, str(again)) == ("row", str(caught.value))
    model.x.unfix()
    model.y = pyo.Var(domain=pyo.Integers, bounds=(0.2, 0.8))
    with pytest.raises(TriviallyInfeasibleError, match="the variable 'y' cannot hold any value"):
        nl(model)


def test_a_models_name_is_of_no_account() -> None:
    """A name with NaN, signs or line ends in it stays out of the file."""
    texts = set()
    for name in ("unknown", "nan", "a\nb", "inf # 1"):
        model = hinted("priority", "model")
        model.name = name
        texts.add(nl(model)[0])
    assert len(texts) == 1


def test_two_objectives_are_not_written() -> None:
    """Two active objectives are refused by their names, and so is none."""
    model = hinted("priority", "model")
    model.outer.second = pyo.Objective(expr=model.x)
    with pytest.raises(ei.InputError, match=r"2 active objectives \('cost', 'outer.second'\)"):
        nl(model)
    model.outer.second.deactivate()
    model.cost.deactivate()
    with pytest.raises(ei.InputError, match="0 active objectives, but must have one"):
        nl(model)


def test_threads_write_what_one_writes(tmp_path: Path) -> None:
    """Models that are written at the same time are byte by byte those written one by one."""
    wanted = [ei.models.minlp(ei.Instance.letter(users=2, seed=seed)) for seed in range(4)]
    alone = [ei.models.export(model, tmp_path / "alone.nl")[0].read_bytes() for model in wanted]
    paths = [tmp_path / f"{number}.nl" for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ei.models.export, wanted, paths))
    assert [path.read_bytes() for path in paths] == alone
