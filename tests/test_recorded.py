"""Answers that were made elsewhere are judged like those of the function that made them."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from tests import policies

DRAW = ei.Draw(users=3, seeds=range(3))
NAMES = [instance.name for instance in DRAW.instances()]


def stacked(policy: Callable[..., Any]) -> dict[str, Any]:
    """Return a policy's answers as arrays, a row for each instance."""
    answers = [policy(instance) for instance in DRAW.instances()]
    rows = [
        policies.columns(one)
        if isinstance(one, ei.Allocation)
        else dict(zip(("download", "offload_fraction"), one, strict=True))
        for one in answers
    ]
    return {key: np.array([row[key] for row in rows], dtype=float) for key in rows[0]}


def write_csv(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write a row for each instance and user, the users in another order."""
    rows = []
    for n, name in enumerate(NAMES):
        for j in (2, 0, 1):
            cells = {key: np.ravel(a[n])[min(j, a[n].size - 1)] for key, a in arrays.items()}
            rows.append({"instance": name, "name": f"eu{j + 1}", **cells})
    pd.DataFrame(rows[::-1]).to_csv(path, index=False)


def write_json(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write answers by the names of instances."""
    answers = {
        name: {key: array[n].tolist() for key, array in arrays.items()}
        for n, name in enumerate(NAMES)
    }
    path.write_text(json.dumps({"answers": answers}))


def write_npz(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write rows in the order of the instances."""
    np.savez(path, **arrays)


def write_mat(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write rows in another order, with the names of the instances as a cell array."""
    turned = {key: array[::-1] for key, array in arrays.items()}
    names = np.array([[name] for name in NAMES[::-1]], dtype=object)
    importlib.import_module("scipy.io").savemat(path, {**turned, "instance": names})


WRITERS = {".csv": write_csv, ".json": write_json, ".npz": write_npz, ".mat": write_mat}


@pytest.mark.parametrize("suffix", list(WRITERS))
@pytest.mark.parametrize("policy", [policies.best_half, policies.equal])
def test_a_table_is_judged_as_the_function(
    policy: Callable[..., Any], suffix: str, tmp_path: Path
) -> None:
    """Decisions alone and whole allocations, by name or in order: the same costs."""
    file = tmp_path / f"answers{suffix}"
    WRITERS[suffix](file, stacked(policy))
    found = ei.benchmark([policy, file], DRAW, workers=1, progress=False)
    costs = [row["cost"] for row in found.rows]
    assert None not in costs
    assert costs[:3] == costs[3:]
    assert found.policies == (policy.__name__, str(file))
    assert all(row["seconds"] is None for row in found.rows[3:])


def test_results_of_others_are_answers() -> None:
    """Allocations and their documents, in Python; what is not there is a failure of its own."""
    instances = list(DRAW.instances())
    first, second = (ei.solve(instance).allocation for instance in instances[:2])
    assert second is not None
    table = ei.Recorded({NAMES[0]: first, NAMES[1]: second.to_dict()}, name="others")
    found = ei.benchmark([table], instances, workers=1, progress=False)
    assert [row["policy"] for row in found.rows] == ["others"] * 3
    assert [row["excess"] for row in found.rows[:2]] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert found.rows[2]["message"] == "nothing is recorded for this instance"


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        ("a.csv", b"instance,name,download\n", "lacks the columns 'offload_fraction'"),
        ("a.json", b'{"answers": 3}', r"a\.json: answers is 3, but must be a list or an object"),
        ("a.json", b'{"answers": []}', r"a\.json has 0 answers, but must have one for each of 3"),
        ("a.npz", b"nothing", r"a\.npz: it cannot be read as \.npz"),
        ("a.mat", b"nothing", r"a\.mat: it is no valid \.mat file"),
    ],
)
def test_what_is_no_table_is_refused(
    file: str, content: bytes, sentence: str, tmp_path: Path
) -> None:
    """In one sentence that names the file."""
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ei.InputError, match=sentence):
        ei.benchmark([str(tmp_path / file)], DRAW, workers=1, progress=False)


def test_arrays_must_fit_each_other() -> None:
    """Rows that are missing are told, and columns."""
    half = {"download": np.ones((2, 3)), "offload_fraction": np.zeros((3, 3))}
    with pytest.raises(ei.InputError, match="offload_fraction has 3 rows, but download has 2"):
        ei.Recorded.from_arrays(half)
    with pytest.raises(ei.InputError, match="arrays has no offload_fraction"):
        ei.Recorded.from_arrays({"download": np.ones((2, 3))})
