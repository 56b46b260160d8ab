"""Every reader of the package: what it accepts, and what what it has accepted must be good for."""

from __future__ import annotations

import contextlib
import io
import json
import math
import runpy
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest import mock

import numpy as np
import pandas as pd

import eipyomo as ei
from eipyomo import presets
from eipyomo.bundling.bundle import Bundle
from eipyomo.claims.table import NEEDED, check_table
from eipyomo.cli.methods import method_with_options
from eipyomo.draw import Draw
from eipyomo.files import read_document, to_json
from eipyomo.instance import Instance
from eipyomo.labels.data import read_dataset
from eipyomo.matlab import mat_bytes
from eipyomo.models.sol import parse_sol, read_sol
from eipyomo.presets.published import Preset
from eipyomo.process import Training, read_answer
from eipyomo.radio.places import read_places
from eipyomo.radio.tables import read_rounds
from eipyomo.ranges import numbers_of
from eipyomo.reporting.table import read_rows
from eipyomo.result import Result, read_allocation
from eipyomo.scenario.reading import read_instance, read_links
from eipyomo.solvers.backends import BACKENDS
from eipyomo.solvers.backends.ampl import AmplBackend
from eipyomo.solvers.policies.features import FEATURES
from eipyomo.solvers.policies.network import OUTPUTS, Network
from eipyomo.studies.cell import Cell
from eipyomo.studies.judged import Benchmark
from eipyomo.studies.partial import continued
from eipyomo.studies.recorded import Recorded
from eipyomo.studies.store import Store
from eipyomo.studies.sweep import sweep
from eipyomo.tables import table_bytes
from eipyomo.verify import verify

Valid = Callable[[], Sequence[bytes]]


class UnusableError(Exception):
    """What a reader accepted is good for nothing."""


class Reader(NamedTuple):
    """A reader, and how it is tried.

    Attributes
    ----------
    name
        What it reads.
    kind
        How inputs are made; see ``fuzz_inputs.KINDS``.
    file
        Name of the file that holds an input.
    valid
        Returns files that it accepts.
    read
        Reads a file, and holds what it makes of it against what that must be good for.
    inputs
        How many the stored table has.
    """

    name: str
    kind: str
    file: str
    valid: Valid
    read: Callable[[Path], object]
    inputs: int


def demand(*, true: bool, otherwise: str) -> None:
    """Refuse what a reader has made of an input."""
    if not true:
        raise UnusableError(otherwise)


def again(document: Any) -> Any:
    """Return a document as it would be read back from its file."""
    return json.loads(to_json(document))


# --- instances and what makes them ----------------------------------------------------------------


@cache
def instance() -> Instance:
    """Return the instance that all other files are about."""
    return ei.Instance.letter(users=2)


@cache
def rich() -> Instance:
    """Return an instance with limits and modes."""
    users: dict[str, Any] = {"eu1": {"modes": "own", "deadline_s": 90.0}}
    users["eu2"] = {"energy_budget_j": 50.0, "max_uplink_share": 0.9}
    rows = [{"name": "whole", "update_bits": 1.6e7}, {"name": "half", "update_bits": 8e6}]
    modes = {"own": [{**row, "training_s": 1.0, "training_j": 0.1} for row in rows]}
    return instance().replace(modes=modes, users=users, total_energy_budget_j=100.0)


SCENARIO: Final = {
    "schema": "eipyomo/scenario@1",
    "name": "a street",
    "places": {"shape": "street", "users": 3, "length_m": 100},
    "channel": {
        "path_loss": "umi",
        "shadowing": "standard",
        "fading": {"law": "rician", "k_db": 9},
        "server_antenna_dbi": 8,
    },
    "devices": {"Pixel 6": 2, "Pixel 4a": {"users": 1, "transmit_power_dbm": 20}},
    "network": {"name": "VGG16", "precision": "int8"},
    "task": {"inputs": 100},
    "training": {"samples": 5},
    "radio": {"name": "NR micro 20 MHz", "bandwidth_mhz": 100},
    "server": "Ryzen 5 5600X desktop",
    "limits": {"deadline_s": 600},
    "seed": 1,
}


def text_of(document: Any) -> bytes:
    """Return a document as a file has it."""
    return json.dumps(document).encode()


def check_instance(found: Instance) -> None:
    """Demand that an instance is the same when it is written and read, and can be shown."""
    read = Instance.from_dict(again(found.to_dict()))
    demand(true=read == found and read.digest() == found.digest(), otherwise="it is not itself")
    str(found)


def _scenario(path: Path) -> None:
    found = ei.Scenario.from_json(path)
    made = found.instance()
    check_instance(made)
    other = ei.Scenario.from_dict(again(found.to_dict())).instance()
    demand(true=other == made, otherwise="it makes another instance")


def _links(path: Path) -> None:
    found = read_links(path)
    read_again = type(found).from_dict(again(found.to_dict()))
    demand(true=read_again.to_dict() == found.to_dict(), otherwise="they are not themselves")


def _places(path: Path) -> None:
    found = read_places(path)
    demand(true=len(found.positions) > 0, otherwise="nobody is anywhere")
    to_json(found.to_dict())


def _users(path: Path) -> None:
    check_instance(instance().with_users(path))


def _rounds(path: Path) -> None:
    numbers = read_rounds(path, "gains", ["eu1", "eu2"]).to_numpy()
    demand(true=bool((numbers > 0).all() and np.isfinite(numbers).all()), otherwise="not positive")


def _preset(path: Path) -> None:
    found = Preset.from_dict(read_document(path, "preset"))
    check_instance(found.instance(2))
    to_json(found.to_dict())


def _settings(path: Path) -> None:
    check_instance(instance().with_settings([text_in(path)]))


def _draw_text(path: Path) -> None:
    found = Draw.from_text(text_in(path))
    demand(true=Draw.from_text(str(found)) == found, otherwise="its text is another draw")
    check_instance(found.instance(found.seeds.start))


def _draw(path: Path) -> None:
    found = Draw.from_dict(read_document(path, "draw"))
    demand(true=Draw.from_dict(again(found.to_dict())) == found, otherwise="it is not itself")


def _numbers(path: Path) -> None:
    found = numbers_of(text_in(path))
    demand(true=all(isinstance(one, float) for one in found), otherwise="they are no numbers")


def _methods(path: Path) -> None:
    name, options = method_with_options(text_in(path))
    Cell(instance(), name, options).key  # noqa: B018


def text_in(path: Path) -> str:
    """Return what a command line would hand over, which is no text where it is not UTF-8."""
    return path.read_bytes().decode("utf-8", "surrogateescape")


# --- answers and what is claimed of them ----------------------------------------------------------


@cache
def answers() -> Mapping[str, bytes]:
    """Return files of a study of the instance, by their kinds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        proof = str(folder / "proof.json")
        instance().to_json(folder / "instance.json")
        ei.solve(instance(), "exact", certificate=proof).to_json(folder / "result.json")
        ei.solve(instance(), "admm").to_json(folder / "admm.json")
        ei.train(instance(), 2, seed=1).to_json(folder / "process.json")
        ei.compare([instance()], ["exact", "lco"]).to_csv(folder / "table.csv", index=False)
        short = str(folder / "short.json")
        ei.solve(instance(), "exact", gap=0.02, certificate=short)
        kept = [folder / f"{one}.json" for one in ("instance", "result", "proof")]
        ei.bundle(folder / "bundle.zip", [*kept, folder / "table.csv"])
        ei.benchmark(
            {"greedy": "greedy", "lco": "lco"}, [instance()], workers=1, progress=False
        ).to_json(folder / "benchmark.json")
        return {file.stem: file.read_bytes() for file in folder.iterdir()}


def answer(*kinds: str) -> Valid:
    """Return what gives the files of some kinds."""
    return lambda: [answers()[kind] for kind in kinds]


@cache
def optimum() -> float:
    """Return the optimum of the instance."""
    found = ei.solve(instance()).objective
    assert found is not None
    return found


def _result(path: Path) -> None:
    found = Result.from_json(path, instance())
    read = Result.from_dict(again(found.to_dict()), instance())
    demand(true=read.to_dict() == found.to_dict(), otherwise="it is not itself")
    is_joint = found.problem == "joint" and found.minimised == "wsel"
    low = found.termination == "optimal" and is_joint and found.objective is not None
    demand(
        true=not low or found.objective >= optimum() * (1 - 1e-6),  # type: ignore[operator]
        otherwise="it is better than the optimum",
    )
    str(found)


def _process(path: Path) -> None:
    found = Training.from_dict(read_document(path, "process"), instance())
    read = Training.from_dict(again(found.to_dict()), instance())
    demand(true=read.to_dict() == found.to_dict(), otherwise="it is not itself")
    found.timeline()


def _allocation(path: Path) -> None:
    found, _ = read_allocation(path)
    judged = ei.evaluate(instance(), found)
    to_json({"users": judged.breakdown.to_dict(), "violation": judged.max_violation})
    low = judged.feasible and judged.objective < optimum() * (1 - 1e-5)
    demand(true=not low, otherwise="it is better than the optimum")


def _shown(path: Path) -> None:
    document = read_answer(path)
    demand(true=again(document) == document, otherwise="it is not itself")


def _rows(path: Path) -> None:
    rows = read_rows(path)
    if rows and set(NEEDED) <= set(rows[0]):
        check_table(rows)
    demand(true=all(isinstance(row, dict) for row in rows), otherwise="a row is none")


def _benchmark(path: Path) -> None:
    found = Benchmark.from_json(path)
    read = Benchmark.from_dict(again(found.to_dict()))
    demand(true=read.to_dict() == found.to_dict(), otherwise="it is not itself")
    str(found)
    found.frame()


def _certificate(path: Path) -> None:
    found = verify(instance(), read_document(path, "certificate"))
    is_joint = found.problem == "joint" and found.objective == "wsel"
    true = not is_joint or (not found.infeasible and found.bound <= optimum())
    demand(true=true, otherwise=f"it proves {found.bound} of {optimum()}")


def _checker(path: Path) -> None:
    """Run the second checker's command, which must end with a status of its own, and agree."""
    limit = sys.getrecursionlimit()
    words = ["checker", str(path.with_name("instance.json")), str(path)]
    with (
        mock.patch.object(sys, "argv", words),
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as err,
    ):
        status = None
        try:
            runpy.run_module("checker", run_name="__main__")
        except SystemExit as ended:
            status = ended.code
        finally:
            sys.setrecursionlimit(limit)
    if status == 2:
        raise ei.InputError(err.getvalue().strip())
    demand(true=status in (0, 4), otherwise=f"it ends with {status}")
    found = verify(instance(), read_document(path, "certificate"))
    demand(true=(found.doubt is None) == (status == 0), otherwise=f"verify denies {out.getvalue()}")


def _bundle(path: Path) -> None:
    found = Bundle.open(path)
    to_json(found.to_dict())


# --- stores ---------------------------------------------------------------------------------------


@cache
def cells() -> list[Cell]:
    """Return the cells of the store."""
    return [Cell(instance(), name) for name in ("exact", "lco", "eco")]


@cache
def store() -> Sequence[bytes]:
    """Return a store of a sweep, and one of a process."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        for kind in ("sweep", "train"):
            path = Path(name) / f"{kind}.db"
            with Store(path) as kept:
                if kind == "sweep":
                    sweep(cells(), kept, workers=1)
                else:
                    ei.train(instance(), 2, seed=1, store=kept)
                kept._execute("PRAGMA journal_mode = DELETE")
            found.append(path.read_bytes())
    return found


def _store(path: Path) -> None:
    for more in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + more).unlink(missing_ok=True)
    with Store(path) as kept:
        table = kept.frame(cells())
        kept.forget_errors()
        demand(true=len(table) <= len(cells()), otherwise="it has more than it was asked for")
        if table.empty:
            to_json(ei.train(instance(), 2, seed=1, store=kept).to_dict())


# --- models, arrays, data -------------------------------------------------------------------------


@cache
def exported() -> Mapping[str, bytes]:
    """Return an export of the instance's model, and its solution."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = ei.models.minlp(instance())
        ei.models.export(model, folder / "model.nl")
        manifest = (folder / "model.nl.manifest.json").read_bytes()
    document = json.loads(manifest)
    rows, columns = int(document["rows"]), len(document["columns"])
    values = "".join(f"{0.1 + k / 100}\n" for k in range(columns))
    head = f"a solver\n\nOptions\n3\n1\n1\n0\n{rows}\n0\n{columns}\n{columns}\n"
    return {"manifest": manifest, "sol": f"{head}{values}objno 0 0\n".encode()}


def _sol(path: Path) -> None:
    document = json.loads(exported()["manifest"])
    rows, columns = int(document["rows"]), len(document["columns"])
    found = parse_sol(text_in(path), rows, columns)
    demand(true=found.point is None or len(found.point) == columns, otherwise="it lacks values")


def _manifest(path: Path) -> None:
    _, found = read_sol(path.with_name("model.sol"), path)
    demand(true=found.point is not None, otherwise="it has no point")


def _log(path: Path) -> None:
    backend = BACKENDS["couenne"]
    assert isinstance(backend, AmplBackend)
    found = backend._bound(text_in(path))
    demand(true=found is None or math.isfinite(found), otherwise="its bound is no number")


@cache
def arrays() -> Mapping[str, Any]:
    """Return arrays of two answers."""
    return {
        "instance": np.array(["a", "b"]),
        "download": np.array([[True, False], [True, True]]),
        "offload_fraction": np.array([[0.5, 1.0], [0.25, 0.0]]),
    }


def packed(**named: Any) -> bytes:
    """Return arrays as a file of numpy has them."""
    file = io.BytesIO()
    np.savez(file, **named)
    return file.getvalue()


def network() -> Sequence[bytes]:
    """Return a network of one hidden layer."""
    with tempfile.TemporaryDirectory() as name:
        path, generator = Path(name) / "network.npz", np.random.default_rng(0)
        Network(
            mean=np.zeros(FEATURES),
            scale=np.ones(FEATURES),
            weights=(generator.random((FEATURES, 3)), generator.random((3, OUTPUTS))),
            biases=(np.zeros(3), np.zeros(OUTPUTS)),
        ).save(path)
        return [path.read_bytes()]


def _network(path: Path) -> None:
    found = Network.load(path).propose(instance().scaled)
    demand(true=bool(np.isfinite(found).all()), otherwise="it proposes no numbers")


def _recorded(path: Path) -> None:
    found = Recorded.from_file(path)
    str(found)
    for place in range(min(len(found.answers), 2)):
        found.answer(place, instance())


@cache
def dataset() -> Mapping[str, bytes]:
    """Return a data set in all formats, and its datasheet."""
    data = ei.dataset("users=2", samples=3, seed=1, workers=1, progress=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for suffix in ("npz", "csv", "mat", "parquet"):
            data.write(folder / f"data.{suffix}")
        return {file.name: file.read_bytes() for file in folder.iterdir()}


def _dataset(path: Path) -> None:
    found = read_dataset(path)
    demand(true=len(found.optimal) == 3, otherwise="it has other rows than its datasheet says")


def _datasheet(path: Path) -> None:
    path.with_name("data.npz").write_bytes(dataset()["data.npz"])
    _dataset(path.with_name("data.npz"))


def _part(path: Path) -> None:
    with continued(path, {"draw": "users=2"}, 3) as (rows, _):
        demand(true=rows.shape[1] == 3, otherwise="its rows are others")


def _mat(path: Path) -> None:
    check_instance(Instance.from_json(path))


def published() -> Sequence[bytes]:
    """Return presets."""
    return [text_of(presets.preset(name).to_dict()) for name in presets.names()[:4]]


def drawn() -> Sequence[bytes]:
    """Return documents of draws."""
    return [text_of(Draw.from_text(text).to_dict()) for text in DRAWS]


def frame_of_users() -> Any:
    """Return a table of users."""
    return pd.read_csv(io.StringIO(USERS))


def recorded() -> Sequence[bytes]:
    """Return answers by order, and by name."""
    one = {"download": [True, False], "offload_fraction": [0.5, 1.0]}
    return [text_of({"answers": [one, one]}), text_of({"answers": {"a": one}})]


def part() -> Sequence[bytes]:
    """Return a part of a data set."""
    head = json.dumps({"draw": "users=2"}, sort_keys=True) + "\n"
    return [head.encode() + np.arange(9.0).tobytes()]


# --- all of them ----------------------------------------------------------------------------------


def companions(folder: Path) -> None:
    """Write the files that readers look for beside their own."""
    files = {
        "instance.json": answers()["instance"],
        "model.sol": exported()["sol"],
        **{name: text for name, text in dataset().items() if name.endswith(".npz.json")},
    }
    sheet = dataset()["data.npz.json"]
    files |= {f"data.{suffix}.json": sheet for suffix in ("npz", "csv", "mat", "parquet")}
    for name, contents in files.items():
        (folder / name).write_bytes(contents)


def lines(*texts: str) -> Valid:
    """Return what gives short texts."""
    return lambda: [text.encode() for text in texts]


def of_dataset(suffix: str) -> Valid:
    """Return what gives the data set in a format."""
    return lambda: [dataset()[f"data.{suffix}"]]


def table_in(suffix: str, frame: Callable[[], Any]) -> Valid:
    """Return what gives a table in a format."""
    return lambda: [table_bytes(f"x.{suffix}", frame())]


def compared() -> Any:
    """Return a table of results."""
    return pd.read_csv(io.BytesIO(answers()["table"]))


def links() -> Sequence[bytes]:
    """Return links with their users, and without."""
    told = ei.Scenario.from_dict(SCENARIO).links.to_dict()
    return [text_of(told), text_of({key: told[key] for key in told if key != "users"})]


USERS = "name,channel_gain,task_mbit,deadline_s\neu1,1e-10,64,\neu2,2e-11,32,9.5\n"
GAINS = "eu1,eu2\n1e-10,1e-10\n2e-10,1e-11\n"
PLACES = "name,x_m,y_m,height_m\nserver,0,0,10\neu1,50,20,\neu2,-30,4.5,1.5\n"
DEGREES = "name,latitude_deg,longitude_deg\nserver,48.1,11.5\neu1,48.101,11.502\n"
ANSWERS = "instance,name,download,offload_fraction\na,eu1,1,0.5\na,eu2,0,1\nb,eu1,true,0.25\n"
LOG = "Couenne\n\n Lower bound:   1.5\nUpper bound:  2\n\nlower bound:  1.75e0 \n"
SETTINGS = (
    "bandwidth_mhz=20",
    "users[*].deadline_s=50",
    "users[eu1].transmit_power_dbm=20",
    'users["eu2"].task_bits*=2',
    "server.frequency_ghz=3",
    "users[0].energy_budget_mj=9e5",
    "name=a b",
    "total_latency_budget_s=null",
    "users[*].channel_gain_db=-100",
)
DRAWS = (
    "users=2 seeds=0:3 model_mbit=8..32",
    "users=3 task_mbit=log(8..64) fading=true bandwidth_mhz=20",
    "mean_gain=1e-10 users[*].latency_weight=0.1..0.3",
)
LISTS = ("8,16,32", "8:64:15", "log(8:64:15)", "1e6")
METHODS = (
    "exact gap=1e-6 time_limit=5",
    "admm penalty=1.5 max_iterations=9",
    "exhaustive step=0.5",
    "milp node_limit=4",
    "minlp:couenne formulation=spectral",
    "random seed=3",
    'eco "gap=0.1"',
)

READERS: Final[Mapping[str, Reader]] = {
    one.name: one
    for one in (
        Reader(
            "instance",
            "json",
            "input.json",
            lambda: [text_of(one.to_dict()) for one in (instance(), rich())],
            lambda path: check_instance(read_instance(path)),
            40_000,
        ),
        Reader("scenario", "json", "input.json", lambda: [text_of(SCENARIO)], _scenario, 10_000),
        Reader("links", "json", "input.json", links, _links, 10_000),
        Reader("preset", "json", "input.json", published, _preset, 10_000),
        Reader("draw", "json", "input.json", drawn, _draw, 10_000),
        Reader("draw in a text", "words", "text", lines(*DRAWS), _draw_text, 20_000),
        Reader("setting", "words", "text", lines(*SETTINGS), _settings, 130_000),
        Reader("list of numbers", "words", "text", lines(*LISTS), _numbers, 230_000),
        Reader("method and options", "words", "text", lines(*METHODS), _methods, 100_000),
        Reader("users .csv", "table", "input.csv", lines(USERS), _users, 15_000),
        Reader(
            "users .xlsx", "zip", "input.xlsx", table_in("xlsx", frame_of_users), _users, 10_000
        ),
        Reader(
            "users .parquet",
            "bytes",
            "i.parquet",
            table_in("parquet", frame_of_users),
            _users,
            10_000,
        ),
        Reader("gains .csv", "table", "input.csv", lines(GAINS), _rounds, 20_000),
        Reader("places .csv", "table", "input.csv", lines(PLACES, DEGREES), _places, 20_000),
        Reader("result", "json", "input.json", answer("result", "admm"), _result, 15_000),
        Reader("process", "json", "input.json", answer("process"), _process, 10_000),
        Reader("allocation", "json", "input.json", answer("result", "admm"), _allocation, 10_000),
        Reader("answer to show", "json", "input.json", answer("result", "process"), _shown, 10_000),
        Reader("table of results .csv", "table", "input.csv", answer("table"), _rows, 10_000),
        Reader(
            "table of results .xlsx", "zip", "i.xlsx", table_in("xlsx", compared), _rows, 10_000
        ),
        Reader("benchmark", "json", "input.json", answer("benchmark"), _benchmark, 10_000),
        Reader("certificate", "json", "input.json", answer("short"), _certificate, 10_000),
        Reader("certificate, checker/", "json", "input.json", answer("short"), _checker, 10_000),
        Reader("bundle", "zip", "input.zip", answer("bundle"), _bundle, 10_000),
        Reader("store", "store", "input.db", store, _store, 10_000),
        Reader("solution .sol", "words", "input.sol", lambda: [exported()["sol"]], _sol, 100_000),
        Reader(
            "manifest of a model",
            "json",
            "input.json",
            lambda: [exported()["manifest"]],
            _manifest,
            10_000,
        ),
        Reader("log of a solver", "words", "log", lines(LOG), _log, 130_000),
        Reader(
            "instance .mat",
            "bytes",
            "input.mat",
            lambda: [mat_bytes(instance().to_dict())],
            _mat,
            500,
        ),
        Reader("recorded .csv", "table", "input.csv", lines(ANSWERS), _recorded, 10_000),
        Reader("recorded .json", "json", "input.json", recorded, _recorded, 20_000),
        Reader(
            "recorded .npz", "zip", "input.npz", lambda: [packed(**arrays())], _recorded, 10_000
        ),
        Reader("network .npz", "zip", "input.npz", network, _network, 10_000),
        Reader("data set .npz", "zip", "data.npz", of_dataset("npz"), _dataset, 10_000),
        Reader("data set .csv", "table", "data.csv", of_dataset("csv"), _dataset, 10_000),
        Reader("data set .mat", "bytes", "data.mat", of_dataset("mat"), _dataset, 500),
        Reader(
            "data set .parquet", "bytes", "data.parquet", of_dataset("parquet"), _dataset, 10_000
        ),
        Reader("datasheet", "json", "data.npz.json", of_dataset("npz.json"), _datasheet, 10_000),
        Reader("part of a data set", "bytes", "part", part, _part, 20_000),
    )
}
