"""Users kept as columns: a tuple of records in all but how it is kept."""

from __future__ import annotations

import copy
import json
import pickle
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo.devices import EndUser
from eipyomo.json_text import json_parts
from eipyomo.users import Users

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BIG = 1000
NUMBERS = tuple(key for key in EndUser.model_fields if key not in ("name", "download", "modes"))
LIMITS = ("deadline_s", "energy_budget_j", "min_uplink_share", "max_uplink_share")
DECIDED = ("download", "min_offload_fraction", "max_offload_fraction", "modes")
VALUES: tuple[Any, ...] = (
    *(None, "", "x", "never", "always", True, 0, 0.5, 1, -0.0, -1.0, 1e-320, 10**400, 2**70),
    *([], {}),
    *(float("nan"), float("inf"), np.float64(0.5), np.float32(0.3), np.int64(1), np.bool_(True)),
    *("\ud800", np.str_("q"), 1j, b"x"),
)
"""What is right for some keys, and what is for none."""


def limited() -> ei.Instance:
    """Return users of which some leave out what others do not."""
    changes: dict[str, Any] = {
        "eu1": {"deadline_s": 9.0, "download": "always"},
        "eu2": {"min_uplink_share": 0.01, "max_uplink_share": 0.5},
        "eu4": {"max_offload_fraction": 0.5, "energy_budget_j": 2.0},
    }
    return ei.Instance.letter().replace(users=changes)


def test_users_are_a_tuple_of_records() -> None:
    """Length, places, slices, order, sums, equality and hash are those of a tuple."""
    users = limited().users
    whole = tuple(users)
    assert len(users) == len(whole) == 4
    assert all(type(user) is EndUser for user in users)
    assert [users[j] for j in range(-4, 4)] == [whole[j] for j in range(-4, 4)]
    assert users[np.int64(2)] == whole[2]
    for part in (slice(1, 3), slice(None, None, -1), slice(0, 0), slice(-1, None)):
        assert users[part] == whole[part]
        assert list(users[part]) == list(whole)[part]
    assert tuple(reversed(users)) == whole[::-1]
    assert whole[2] in users
    assert users.index(whole[2]) == 2
    assert users + users[:1] == whole + whole[:1]
    assert whole[:1] + users == whole[:1] + whole
    assert users == whole
    assert hash(users) == hash(whole)
    assert users != whole[:3]
    assert users != list(whole)
    with pytest.raises(IndexError):
        users[4]
    assert repr(users) == "<4 EndUser: 'eu1', 'eu2', 'eu3', 'eu4'>"
    assert repr(ei.Instance.letter(users=9).users) == "<9 EndUser: 'eu1', 'eu2', 'eu3', ..., 'eu9'>"


def test_columns_are_those_of_the_records() -> None:
    """Numbers, texts and what nobody has; nobody can change them."""
    users = limited().users
    assert np.array_equal(users.numbers("channel_gain"), [user.channel_gain for user in users])
    assert np.array_equal(users.numbers("deadline_s"), [9.0] + [np.nan] * 3, equal_nan=True)
    assert np.isnan(users.numbers("min_downlink_share")).all()
    assert users.texts("download") == ("always", None, None, None)
    assert users.has("deadline_s")
    assert not users.has("modes")
    with pytest.raises(ValueError, match="read-only"):
        users.numbers("deadline_s")[0] = 1.0


def test_some_users_have_no_more_than_they_have() -> None:
    """A slice without the only user that has modes, or a limit, has none of them."""
    modes = {"cuts": [{"name": "whole"}]}
    instance = ei.Instance.letter().replace(modes=modes, users={"eu1": {"modes": "cuts"}})
    instance = instance.replace(users={"eu1": {"deadline_s": 9.0}})
    rest = instance.replace(users=instance.users[1:])
    assert instance.users.has("modes")
    assert not rest.users.has("modes")
    assert not rest.users.has("deadline_s")
    assert rest.scaled.modes is None
    assert rest == instance.replace(users=tuple(instance.users)[1:])


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda users: pickle.loads(pickle.dumps(users))]
)
def test_copies_are_the_same(again: Callable[[Any], Any]) -> None:
    """Copies and pickles are equal, and read-only as well."""
    users = limited().users
    assert again(users) == users
    assert not again(users).numbers("deadline_s").flags.writeable


def test_bad_columns_are_refused() -> None:
    """Columns are held against what a record takes; the sentence has the user's place."""
    columns = {**ei.Instance.letter().users.columns}
    gains = np.array([1e-11, 0.0, 1e-11, 1e-11])
    with pytest.raises(ei.InputError, match=r"users\[1\]\.channel_gain \(user 'eu2'\) is 0.0"):
        Users(EndUser, {**columns, "channel_gain": gains})
    with pytest.raises(ei.InputError, match=r"users\[0\]\.colour \(user 'eu1'\) is not a known"):
        Users(EndUser, {**columns, "colour": ["red"] * 4})
    ends = {"min_uplink_share": np.full(4, 0.5), "max_uplink_share": np.full(4, 0.4)}
    with pytest.raises(ei.InputError, match=r"users\[0\]\.min_uplink_share \(user 'eu1'\) is 0.5"):
        Users(EndUser, {**columns, **ends})


def test_there_must_be_a_user() -> None:
    """An empty slice is refused like an empty tuple, and the schema of documents says so."""
    letter = ei.Instance.letter()
    with pytest.raises(ei.InputError, match=r"users is \(\), but must be a non-empty list"):
        letter.replace(users=letter.users[:0])
    schema = ei.Instance.model_json_schema()["properties"]["users"]
    assert (schema["type"], schema["minItems"]) == ("array", 1)


def told(users: Any) -> Any:
    """Return what an instance makes of users: its document, or the sentence that refuses them."""
    letter = ei.Instance.letter()
    modes = {"cuts": ({"name": "whole"}, {"name": "none", "offload_bits": 1e6})}
    try:
        return letter.replace(users=users, modes=modes).to_dict()
    except ei.InputError as error:
        return str(error)


@pytest.mark.parametrize("seed", range(300))
def test_columns_decide_as_records_do(seed: int) -> None:
    """Whatever is in a list, it is taken or refused as when its records are made one by one."""
    draw = np.random.default_rng(seed)
    rows: list[Any] = list(ei.Instance.letter(users=3).users.records())
    for row in rows:
        for key in draw.permutation([*LIMITS, *DECIDED])[: draw.integers(4)]:
            choices = {"download": ("free", "always", "never"), "modes": ("cuts", "none such")}
            row[str(key)] = draw.choice(choices.get(str(key), (0.2, 0.7, 1.0)))
            row[str(key)] = row[str(key)].item()
    for _ in range(draw.integers(3)):
        row, key = rows[draw.integers(3)], str(draw.choice(list(EndUser.model_fields)))
        row[key] = VALUES[draw.integers(len(VALUES))]
        if draw.random() < 0.2:
            del row[key]
    assert told(rows) == told(iter(rows))


def test_no_record_is_made_of_a_user_unless_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Built, solved, evaluated, written and read, none of 1,000 users becomes an object."""
    made: list[dict[str, Any]] = []
    init, of_checked = EndUser.__init__, EndUser.of_checked

    def initialised(user: EndUser, **data: Any) -> None:
        made.append(data)
        init(user, **data)

    def of_known(data: dict[str, Any]) -> EndUser:
        made.append(data)
        return of_checked(data)

    monkeypatch.setattr(EndUser, "__init__", initialised)
    monkeypatch.setattr(EndUser, "of_checked", of_known)
    instance = ei.Instance.letter(users=BIG)
    instance.to_json(tmp_path / "instance.json")
    instance.users_frame().to_csv(tmp_path / "users.csv", index=False)
    assert ei.Instance.from_json(tmp_path / "instance.json") == instance
    assert instance.with_users(tmp_path / "users.csv") == instance
    result = ei.solve(instance)
    result.to_json(tmp_path / "result.json")
    assert ei.Result.from_json(tmp_path / "result.json", instance).objective == result.objective
    assert not made
    assert [user.name for user in instance.users[:2]] == ["eu1", "eu2"]
    assert len(made) == 2


def test_a_user_needs_little_memory(tmp_path: Path) -> None:
    """An instance keeps well below 1 kB a user, and to write it needs no more."""
    users = 20 * BIG
    tracemalloc.start()
    instance = ei.Instance.letter(users=users)
    kept, most = tracemalloc.get_traced_memory()
    assert kept < 500 * users
    assert most < 1000 * users
    tracemalloc.reset_peak()
    instance.to_json(tmp_path / "instance.json")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most - kept < 200 * users


def anything(draw: np.random.Generator, depth: int = 0) -> Any:
    """Return a value of JSON with values within."""
    kind = draw.integers(10 if depth < 4 else 7)
    if kind < 7:
        return (1.5e-300, -7, 'é\n"\\😀', None, True, [], {})[kind]
    parts = [anything(draw, depth + 1) for _ in range(draw.integers(5))]
    return parts if kind == 7 else {f"{draw.integers(99)}é": part for part in parts}


@pytest.mark.parametrize("seed", range(100))
def test_parts_of_a_text_are_what_json_writes(seed: int) -> None:
    """Put together they are the text of ``json.dumps``, letter by letter."""
    draw = np.random.default_rng(seed)
    value = [anything(draw) for _ in range(5)]
    for indent in (1, 2):
        text = json.dumps(value, indent=indent, ensure_ascii=False)
        assert "".join(json_parts(value, indent=indent)) == text
        assert "".join(json_parts(iter(value), indent=indent)) == text
    with pytest.raises(ValueError, match="not JSON compliant"):
        list(json_parts([{"a": float("nan")}], indent=1))
