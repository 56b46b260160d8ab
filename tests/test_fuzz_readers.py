"""Every reader refuses in a sentence, or accepts what is good for something: a small stage.

``python -m experiments.fuzz`` does the same with many more inputs. What it has found is tested here
by name.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from eipyomo import matlab
from eipyomo.claims.values import compare
from eipyomo.cli.methods import method_with_options
from eipyomo.draw import Draw
from eipyomo.models.bounds import equal_share_cost
from eipyomo.models.sol import read_sol
from eipyomo.radio.channel import Fading
from eipyomo.reporting.table import read_rows
from eipyomo.solvers.policies.network import Network
from eipyomo.studies import benchmark, pools, sweep
from eipyomo.studies.cell import Cell
from eipyomo.studies.judged import COLUMNS, Benchmark
from eipyomo.studies.store import Store
from eipyomo.tables import read_table, table_bytes
from eipyomo.user_tables.headings import column_of
from eipyomo.verify import verify
from experiments import fuzz
from experiments.fuzz_inputs import KINDS, made
from experiments.fuzz_readers import READERS, Reader, instance, text_of

INPUTS = 12


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sweep, benchmark):
        monkeypatch.setattr(module, "open_pools", lambda *_: pools.in_this_process())


@pytest.mark.parametrize("name", READERS)
def test_a_reader_refuses_or_accepts(name: str) -> None:
    """The first inputs of the experiment end in neither an exception nor anything unusable."""
    log = fuzz.tried(READERS[name], range(INPUTS))
    assert not log.faults, next(iter(log.faults.values()))
    assert log.ends.total() == INPUTS


def test_what_is_valid_is_accepted(tmp_path: Path) -> None:
    """The files that inputs are made of are accepted, or nothing would be known of the others."""
    reader = READERS["certificate"]
    path = tmp_path / reader.file
    for contents in reader.valid():
        path.write_bytes(contents)
        assert fuzz.outcome(reader, path) == "accepted"


def test_inputs_are_always_the_same() -> None:
    """Input n of a reader can be made again by its number; others differ."""
    valid = [text_of({"a": [1, 2.5, "x", {"b": None}]})]
    for kind in ("json", "table", "words", "bytes"):
        assert kind in KINDS
        first, second = ([made(kind, valid, "x", n) for n in range(20)] for _ in range(2))
        assert first == second
        assert len(set(first)) > 10


def test_the_experiment_sees_faults(tmp_path: Path) -> None:
    """An exception, a sentence of two lines and an input that takes too long are faults."""

    def wrong(_: Path) -> None:
        raise KeyError("x")

    def two_lines(_: Path) -> None:
        raise ei.InputError("a\nb")

    def late(_: Path) -> None:
        raise fuzz.LateError("late")

    for read in (wrong, two_lines, late):
        reader = Reader("x", "words", "x", lambda: [b"x"], read, 1)
        assert fuzz.outcome(reader, tmp_path) not in fuzz.ENDS


# --- what was found -------------------------------------------------------------------------------


def test_a_refused_store_is_closed(tmp_path: Path) -> None:
    """Its locks do not outlive the refusal, for which the next one would wait a minute."""
    path = tmp_path / "kept.db"
    path.write_bytes(b"SQLite format 3\0" + bytes(200))
    with pytest.raises(ei.InputError, match="cannot keep a sweep"):
        Store(path)
    held = {str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
    assert str(path) not in held


@pytest.mark.parametrize("broken", ["[" * 50_000, '{"allocation": 5}'])
def test_results_in_a_store_that_are_none(tmp_path: Path, broken: str) -> None:
    """Whatever stands in the place of a result, the store is called damaged."""
    cell, path = Cell(instance(), "lco"), tmp_path / "kept.db"
    with Store(path) as store:
        sweep.sweep([cell], store)
    database = sqlite3.connect(path)
    ((text,),) = database.execute("SELECT result FROM cells").fetchall()
    if broken.startswith("{"):
        broken = json.dumps({**json.loads(text), **json.loads(broken)})
    database.execute("UPDATE cells SET result = ?", (broken,))
    database.commit()
    database.close()
    with Store(path) as store, pytest.raises(ei.InputError, match="is damaged"):
        store.frame([cell])


@pytest.mark.parametrize(
    ("key", "value"), [("rows", 5), ("rows", [5]), ("reference", None), ("time_limit", "x")]
)
def test_benchmarks_that_are_none(key: str, value: Any) -> None:
    """The sentence names the key."""
    document = {
        "schema": "eipyomo/benchmark@1",
        "reference": "exact",
        "time_limit": 1.0,
        "rows": [],
    }
    with pytest.raises(ei.InputError, match=key):
        Benchmark.from_dict({**document, key: value})


def test_rows_of_a_benchmark_have_numbers() -> None:
    """A text in the place of a cost is refused, and not met in a table later."""
    row = {**dict.fromkeys(COLUMNS), "policy": "a", "instance": "b", "digest": "c"}
    document = {"schema": "eipyomo/benchmark@1", "reference": "exact", "time_limit": 1.0}
    whole = {**row, "feasible": False, "cost": 1.5}
    assert Benchmark.from_dict({**document, "rows": [whole]}).frame()["cost"].tolist() == [1.5]
    with pytest.raises(ei.InputError, match=r"rows\[0\]: cost is '1', but must be a finite number"):
        Benchmark.from_dict({**document, "rows": [{**whole, "cost": "1"}]})
    with pytest.raises(ei.InputError, match=r"rows\[0\]: instance is '.udc80', but must be a text"):
        Benchmark.from_dict({**document, "rows": [{**whole, "instance": "\udc80"}]})


@pytest.mark.parametrize("contents", [b"\x93NUMPY\x01\x00\x05\x00{'a'(", b"no array"])
def test_arrays_that_are_none(tmp_path: Path, contents: bytes) -> None:
    """Whatever numpy makes of a damaged array, it is refused in a sentence."""
    path = tmp_path / "x.npz"
    np.savez(path, schema=np.array("eipyomo/network@1"))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("weights_0.npy", contents)
        archive.writestr("download.npy", contents)
    with pytest.raises(ei.InputError):
        Network.load(path)
    with pytest.raises(ei.InputError):
        ei.Recorded.from_file(path)


def test_keys_with_half_a_character() -> None:
    """A key that no text can hold is refused by name."""
    with pytest.raises(ei.InputError, match="keys must be valid Unicode"):
        instance().with_settings(["users[0].\udc80x=1"])


def test_more_users_than_there_can_be() -> None:
    """They are refused before memory is asked for."""
    for users in (2**31, 10**30):
        with pytest.raises(ei.InputError, match="users"):
            Draw(users=users)
        with pytest.raises(ei.InputError, match="users"):
            ei.Instance.letter(users=users)


def test_gains_beyond_all_numbers() -> None:
    """Antennas of 1e6 dBi are refused without a warning of numpy."""
    with pytest.raises(ei.InputError, match="antenna"):
        ei.Links.draw(
            {"path_loss": "umi", "server_antenna_dbi": 1e6},
            {"shape": "disc", "users": 2, "radius_m": 50.0},
            0,
        )


def test_long_values_are_clipped() -> None:
    """A value of many thousand characters is not said again whole."""
    long = "a" * 5000
    document = json.loads(READERS["certificate"].valid()[0])
    for key in ("instance", "round", "claim"):
        with pytest.raises(ei.InputError) as told:
            verify(instance(), {**document, key: [long]})
        assert len(str(told.value)) < 400
    for setting in (f"users[{long}].task_bits=1", f"users[0].{long}=1"):
        with pytest.raises(ei.InputError) as told:
            instance().with_settings([setting])
        assert len(str(told.value)) < 1000
    for setting in (f"users[0].task{long}*=2", f"users[0].task*={'0' * 5000}2"):
        with pytest.raises(ei.InputError, match="is to be multiplied") as told:
            instance().with_settings([setting])
        assert len(str(told.value)) < 400
    for text in (long, f"exact {long}=1"):
        name, options = method_with_options(text)
        with pytest.raises(ei.InputError) as told:
            Cell(instance(), name, options)
        assert len(str(told.value)) < 1000


def test_numbers_beyond_all_floats(recwarn: pytest.WarningsRecorder) -> None:
    """Tasks, steady parts and claims that no float can hold are refused without a warning."""
    for task in (1e308, "1..1e308"):
        with pytest.raises(ei.InputError, match=r"task_mbit is .*, but must be a finite number"):
            Draw(task_mbit=task)
    for k_db in (1e308, 1e4, -101.0):
        with pytest.raises(ei.InputError, match=r"k_db is .* must be a number from -100 to 100"):
            Fading(law="rician", k_db=k_db)
    for k_db in (-100.0, 100.0):
        fading = Fading(law="rician", k_db=k_db)
        assert fading.drawn(np.random.default_rng(0), 3).min() > 0.0
        assert fading.variance == pytest.approx(1.0 if k_db < 0.0 else 0.0, abs=1e-9)
    for true in (None, 1.0, 2):
        with pytest.raises(ei.ClaimError, match="it claims 1000"):
            compare(10**400, true, "it claims")
    assert not recwarn.list


def test_options_with_deep_values() -> None:
    """A value that is too deep for JSON is a text, which the method refuses by the option's key."""
    name, options = method_with_options("exact gap=" + "[" * 100_000)
    with pytest.raises(ei.InputError, match="gap is"):
        Cell(instance(), name, options)


def test_titles_full_of_blanks() -> None:
    """A long title takes no time that grows with its square, and means what it meant."""
    blanks = " " * 10_000
    assert column_of(f"Task{blanks}size [{blanks}Mbit ]").key == "task_bits"
    for title in ("x" + "[" * 100_000, "x" + "," * 100_000 + " b", f"x{blanks}y"):
        with pytest.raises(LookupError):
            column_of(title)


def test_libraries_that_quote_whole_files(tmp_path: Path) -> None:
    """What a library says of a damaged header, with half a file, is clipped in the sentence."""
    path = tmp_path / "users.xlsx"
    pd.DataFrame({"name": ["eu1"] * 2000}).to_excel(path, index=False)
    contents = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():  # their names reach far into what follows
            contents[entry.header_offset + 26 : entry.header_offset + 28] = b"\xff\x0f"
    path.write_bytes(contents)
    for read in (instance().with_users, read_rows):
        with pytest.raises(ei.InputError, match="File name in directory") as told:
            read(path)
        assert len(str(told.value)) < 800


@pytest.mark.parametrize(("reader", "n"), [("result", 7754), ("answer to show", 5558)])
def test_keys_and_names_of_answers_are_clipped(reader: str, n: int) -> None:
    """Two inputs with keys of two lines and names of 5,000 letters are refused in a sentence."""
    assert fuzz.tried(READERS[reader], [n]).ends["refused"] == 1


def test_what_crashes_scipy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Damaged contents end the process that reads them, and not this one."""
    monkeypatch.setattr(matlab, "READER", "import os; os.abort()")
    with pytest.raises(ei.InputError, match=r"no valid \.mat file: whoever reads it crashes"):
        matlab.mat_arrays(b"MATLAB 5.0")


def test_numbers_of_a_network_have_a_measure() -> None:
    """With a scale of 1e-308 what a network computes is beyond all floats: it is refused."""
    network = Network.load(Path(ei.solvers.__file__).parent / "policies" / "droo.npz")
    with pytest.raises(ei.InputError, match="a scale of at least 1e-30"):
        replace(network, scale=1e-278 * network.scale)


def test_a_trace_has_costs_that_are_numbers() -> None:
    """A list in the place of a bound is refused by its key."""
    instance = ei.Instance.letter(users=2)
    document = ei.solve(instance, "exact").to_dict()
    row = {**document["trace"][0], "bound": [1.0]}
    with pytest.raises(ei.InputError, match=r"trace\[0\]\.bound is \[1\.0\], but must be a number"):
        ei.Result.from_dict({**document, "trace": [row] * len(document["trace"])}, instance)


@pytest.mark.parametrize(
    ("key", "value"), [("schema", "a" * 5000), ("formulation", "a" * 5000), ("rows", 1e999)]
)
def test_manifests_are_refused_in_short(tmp_path: Path, key: str, value: Any) -> None:
    """What a manifest says wrongly is clipped, and a number of rows without end is refused."""
    ei.models.export(ei.models.minlp(ei.Instance.letter(users=2)), tmp_path / "model.nl")
    path = tmp_path / "model.nl.manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    (tmp_path / "model.sol").write_text("")
    with pytest.raises(ei.InputError) as refused:
        read_sol(tmp_path / "model.sol")
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("key", ["instance", "download"])
def test_texts_of_no_characters(tmp_path: Path, key: str) -> None:
    """An array of texts whose numbers are beyond all characters is refused by whoever reads it."""
    path = tmp_path / "x.npz"
    texts = np.frombuffer(b"\xff" * 8, dtype="<U1")
    arrays: dict[str, Any] = {"download": [[True]] * 2, "offload_fraction": [[0.5]] * 2}
    np.savez(path, **{**arrays, key: texts})
    with pytest.raises(ei.InputError, match=r"cannot be read as \.npz"):
        ei.Recorded.from_file(path)


def test_costs_beyond_all_floats_are_bounded_by_nothing(recwarn: pytest.WarningsRecorder) -> None:
    """A cost that no float can hold is never exceeded, and said without a warning."""
    letter = ei.Instance.letter(users=2)
    dear = letter.replace(users={"eu1": {"latency_weight": 1e300, "task_bits": 1e25}})
    assert equal_share_cost(dear.scaled) == np.inf
    assert not recwarn


def test_books_print_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A style that openpyxl does not know is no reason to write among what the user asked for."""
    whole, odd = tmp_path / "whole.xlsx", tmp_path / "odd.xlsx"
    whole.write_bytes(table_bytes(whole, pd.DataFrame({"name": ["eu1"], "task_bits": [8e6]})))
    with zipfile.ZipFile(whole) as book, zipfile.ZipFile(odd, "w") as other:
        for name in book.namelist():
            contents = book.read(name)
            if name == "xl/styles.xml":
                assert b'<cellStyle name="Normal" xfId="0"' in contents
                contents = contents.replace(b'xfId="0" builtinId', b'xfId="9" builtinId')
            other.writestr(name, contents)
    for read in (read_table, instance().with_users):
        with contextlib.suppress(ei.InputError):
            read(odd)
        assert capsys.readouterr().out == ""
