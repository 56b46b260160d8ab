"""Documents as .mat files: what is written, read by scipy alone, and what MATLAB may write."""

from __future__ import annotations

import importlib
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eipyomo as ei
from eipyomo import matlab
from eipyomo.cli import main
from eipyomo.matlab import document_of, mat_bytes, mat_document
from tests.conftest import VALUES, reference

scipy_io: Any = importlib.import_module("scipy.io")  # it has no types
PAGE = (Path(__file__).parents[1] / "docs" / "matlab.md").read_text(encoding="utf-8")
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=5)
"""Neither halves of characters nor NUL, with which MATLAB fills up."""

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXTS, inside, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.from_regex("[a-z]{1,8}_x", fullmatch=True), ANYTHING, min_size=2))
@settings(max_examples=60)
def test_any_document_comes_back(document: dict[str, Any]) -> None:
    """Keys that are no names, lists of one, empty ones, texts of any language: all as they were."""
    assert document_of(variables_of(mat_bytes(document))) == document


def variables_of(contents: bytes) -> dict[str, Any]:
    """Return what `mat_arrays` does, without a process for each file."""
    found = scipy_io.loadmat(io.BytesIO(contents), mat_dtype=True)
    return {key: one for key, one in found.items() if not key.startswith("__")}


@pytest.mark.parametrize("name", VALUES)
def test_an_instance_comes_back(name: str, tmp_path: Path) -> None:
    """All reference instances have the same digest, to the last bit of every number."""
    instance = reference(name)
    instance.to_json(tmp_path / "instance.mat")
    again = ei.Instance.from_json(tmp_path / "instance.mat")
    assert again == instance
    assert again.digest() == instance.digest()


@pytest.mark.parametrize("method", ["exact", "admm", "eco"])
@pytest.mark.parametrize("users", [1, 3])
def test_a_result_comes_back(method: str, users: int, tmp_path: Path) -> None:
    """With prices and trace, of one user as well, whose columns are numbers to MATLAB."""
    instance = ei.Instance.letter(users=users)
    result = ei.solve(instance, method)
    result.to_json(tmp_path / "result.mat")
    again = ei.Result.from_json(tmp_path / "result.mat", instance)
    assert again.to_dict() == json.loads(json.dumps(result.to_dict()))


def test_limits_modes_and_what_is_left_out_come_back(tmp_path: Path) -> None:
    """Columns with gaps, and modes whose lists have names of their own."""
    for instance in (
        ei.Instance.letter(users=2).replace(
            users={"eu2": {"deadline_s": 9.0, "download": "never"}}
        ),
        ei.Instance.letter(users=2).replace(
            modes={
                "two words": [{"name": "a", "penalty": 0.5}, {"name": "b"}],
                "c": [{"name": " "}],
            },
            users={"eu1": {"modes": "two words"}, "eu2": {"modes": "c"}},
            min_participants=1,
        ),
    ):
        instance.to_json(tmp_path / "instance.mat")
        assert ei.Instance.from_json(tmp_path / "instance.mat").digest() == instance.digest()


def test_scipy_finds_plain_columns(tmp_path: Path) -> None:
    """Who loads the files finds doubles of shape (users, 1) by the names that the page tells."""
    instance = ei.Instance.letter(users=3)
    result = ei.solve(instance)
    assert result.allocation is not None
    instance.to_json(tmp_path / "instance.mat")
    result.to_json(tmp_path / "result.mat")
    users = scipy_io.loadmat(tmp_path / "instance.mat")["users"][0, 0]
    assert users["channel_gain"].shape == (3, 1)
    assert users["channel_gain"].ravel().tolist() == instance.users.numbers("channel_gain").tolist()
    assert [name[0] for name in users["name"].ravel()] == ["eu1", "eu2", "eu3"]
    found = scipy_io.loadmat(tmp_path / "result.mat", simplify_cells=True)
    assert found["objective"] == result.objective
    shares = found["allocation"]["users"]["uplink_share"]
    assert shares.tolist() == result.allocation.uplink_share.tolist()
    assert found["allocation"]["users"]["download"].dtype.kind in "bu"


def as_matlab_might(instance: ei.Instance) -> dict[str, Any]:
    """Return variables of an instance, made by hand: rows, doubles, char in place of cells."""
    document = instance.to_dict()
    rows = document.pop("users")
    users = {key: np.array([[row[key] for row in rows]]) for key in rows[0] if key != "name"}
    return {**document, "users": {**users, "name": np.array([row["name"] for row in rows])}}


def contents_of(variables: dict[str, Any]) -> bytes:
    """Return a file of variables as scipy writes them."""
    file = io.BytesIO()
    scipy_io.savemat(file, variables, long_field_names=True)
    return file.getvalue()


@pytest.mark.parametrize("users", [1, 3])
def test_what_matlab_may_write_is_read(users: int) -> None:
    """Rows, a matrix of char, arrays of structs, doubles for whole numbers, one struct for all."""
    instance = ei.Instance.letter(users=users).replace(min_participants=1)
    by_hand = as_matlab_might(instance) | {"min_participants": 1.0}
    rows = instance.to_dict()["users"]
    structs = np.empty((1, users), dtype=[(key, object) for key in rows[0]])
    structs[0] = [tuple(row.values()) for row in rows]
    for variables in (by_hand, by_hand | {"users": structs}, {"instance": by_hand}):
        document = mat_document(contents_of(variables))
        assert ei.Instance.from_dict(document).digest() == instance.digest()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"bandwidth_hz": -1.0}, "bandwidth_hz is -1.0, but must be a finite number > 0"),
        ({"users": 3.0}, "users is no struct, but must be a struct of columns"),
        ({"users": {"name": "a", "task_bits": [1.0, 2.0]}}, r"users.task_bits has 2 values, but"),
        ({"modes": {"name": "a"}}, "modes.list is missing"),
        ({"schema": "other"}, "schema is 'other', but an instance must have"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    """Sentences are those for JSON, and name the file."""
    file = tmp_path / "instance.mat"
    file.write_bytes(contents_of(as_matlab_might(ei.Instance.letter()) | change))
    with pytest.raises(ei.InputError, match=sentence) as error:
        ei.Instance.from_json(file)
    assert "instance.mat" in str(error.value)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    """Cut anywhere, or no such file at all: one sentence."""
    file = tmp_path / "instance.mat"
    ei.Instance.letter().to_json(file)
    whole = file.read_bytes()
    for part in (
        b"",
        b"{}",
        whole[:100],
        whole[: len(whole) // 2],
        whole[:-9],
        b"MATLAB 7.3 " * 20,
    ):
        file.write_bytes(part)
        with pytest.raises(ei.InputError, match=r"cannot read|schema is|is missing"):
            ei.Instance.from_json(file)


def test_a_file_that_takes_for_ever_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads damaged contents is ended."""
    monkeypatch.setattr(matlab, "LIMIT_S", 0.001)
    with pytest.raises(ei.InputError, match="reading it takes longer than 0 s"):
        mat_document(mat_bytes({"a": 1}))


def test_a_certificate_is_no_mat_file(tmp_path: Path) -> None:
    """It is JSON by whatever name, so that a name that says otherwise is refused at once."""
    with pytest.raises(ei.InputError, match=r"proof\.mat', but is JSON, and must not end in \.mat"):
        ei.solve(ei.Instance.letter(users=2), certificate=tmp_path / "proof.mat")


def test_without_scipy_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is computed, and for reading as for writing."""
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    ei.Instance.letter().to_json(tmp_path / "instance.json")
    words = ["solve", str(tmp_path / "instance.json"), "-o", str(tmp_path / "result.mat")]
    assert main(words) == 4
    assert 'python -m pip install "eipyomo[matlab]"' in capsys.readouterr().err
    with pytest.raises(ei.SolverError, match=r"a \.mat file needs the extra"):
        ei.Instance.letter().to_json(tmp_path / "instance.mat")


def test_the_page_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its commands, and a process too, word for word."""
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in [*block.splitlines(), "eipyomo train instance.mat --rounds 2 -o process.mat"]:
        assert main(line.split()[1:]) == 0
    instance = ei.Instance.from_json("instance.mat")
    assert instance.digest() == ei.Instance.letter().digest()
    assert ei.Result.from_json("result.mat", instance).termination == "optimal"
    assert main(["plot", "process.mat"]) == 0
    assert "wrote process.png" in capsys.readouterr().err
