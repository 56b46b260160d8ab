"""Instances: the letter's numbers, reading, writing, and one sentence for each bad input."""

from __future__ import annotations

import copy
import dataclasses
import functools
import json
import math
import pickle
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from eipyomo.channel import dbm_to_watt, mean_gain
from eipyomo.columns import Columns
from eipyomo.scaled import Scaled
from eipyomo.validation import Record
from tests.allocations import random_allocation
from tests.conftest import reference
from tests.instances import altered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Document = dict[str, Any]


def test_the_preset_is_the_reference_instance() -> None:
    """Seed 0 with 4 users gives every number of the stored reference instance, bit for bit."""
    assert ei.Instance.letter(seed=0).digest() == reference("letter-m4").digest()


def test_levels_in_decibels() -> None:
    """23 dBm, 33 dBm and -174 dBm/Hz are the watts that their definition gives."""
    assert dbm_to_watt(23.0) == pytest.approx(0.19953, rel=1e-4)
    assert dbm_to_watt(33.0) == pytest.approx(1.9953, rel=1e-4)
    assert dbm_to_watt(-174.0) == pytest.approx(3.9811e-21, rel=1e-4)


def test_path_loss() -> None:
    """The mean gain at 50 m and exponent 2.9, and the SNR it gives, worked out by hand."""
    gain = mean_gain(2.9)
    assert gain == pytest.approx(7.5886e-11, rel=1e-4)
    snr = dbm_to_watt(23.0) * gain / (20e6 * dbm_to_watt(-174.0))
    assert snr == pytest.approx(190.164, rel=1e-5)


def test_the_channel_depends_on_the_seed_alone() -> None:
    """Other options leave the fading of a seed as it was; another seed changes it."""

    def fading(**options: Any) -> list[float]:
        instance = ei.Instance.letter(users=5, **options)
        return [user.channel_gain for user in instance.users]

    assert fading(seed=3) == fading(seed=3, model_mbit=99, task_mbit=1, bandwidth_mhz=80)
    assert fading(seed=3) != fading(seed=4)
    ratio = np.array(fading(seed=3, path_loss_exponent=2.7)) / np.array(fading(seed=3))
    assert ratio == pytest.approx(mean_gain(2.7) / mean_gain(2.9))


def test_json_round_trip(letter: ei.Instance, tmp_path: Path) -> None:
    """What is written is read back, bit for bit."""
    letter.to_json(tmp_path / "copy.json")
    assert ei.Instance.from_json(tmp_path / "copy.json") == letter


def test_users_as_a_table(letter: ei.Instance, tmp_path: Path) -> None:
    """End users survive the way through a DataFrame and through CSV."""
    frame = letter.users_frame()
    assert letter.with_users(frame) == letter
    frame.to_csv(tmp_path / "users.csv", index=False)
    assert letter.with_users(tmp_path / "users.csv") == letter


@pytest.mark.parametrize("name", ["a b", "a,b", '"q"', "用户", "1", "NA", "n" * 300, "a\nb", "\\"])
def test_user_names_survive(letter: ei.Instance, name: str, tmp_path: Path) -> None:
    """Blanks, commas, quotes, line ends, digits and other letters go through JSON and CSV."""
    frame = letter.users_frame()
    frame.loc[0, "name"] = name
    frame.to_csv(tmp_path / "users.csv", index=False)
    instance = letter.with_users(tmp_path / "users.csv")
    instance.to_json(tmp_path / "copy.json")
    assert ei.Instance.from_json(tmp_path / "copy.json").users[0].name == name


def test_numpy_and_pandas_numbers_are_numbers(letter: ei.Instance) -> None:
    """Numpy's integers and floats of any width are taken like Python's."""
    frame = letter.users_frame()
    frame["task_bits"] = np.full(4, 64_000_000, dtype=np.int32)
    frame["latency_weight"] = pd.Series([0.1] * 4, dtype="float32")
    instance = letter.with_users(frame)
    assert type(instance.users[0].task_bits) is float
    assert instance.users[0].latency_weight == pytest.approx(0.1)


def test_instances_are_frozen(letter: ei.Instance) -> None:
    """Neither the data nor the columns made of them can be changed."""
    with pytest.raises(ValueError, match="frozen"):
        letter.__setattr__("bandwidth_hz", 1.0)
    with pytest.raises(ValueError, match="read-only"):
        letter.scaled.uplink_snr[0] = 1.0


def _user(**changes: Any) -> Callable[[Document], None]:
    return lambda document: document["users"][2].update(changes)


def _without(key: str) -> Callable[[Document], None]:
    return lambda document: document["users"][2].pop(key)


def _top(**changes: Any) -> Callable[[Document], None]:
    return lambda document: document.update(changes)


def _server(**changes: Any) -> Callable[[Document], None]:
    return lambda document: document["server"].update(changes)


USER_KEYS = (
    "channel_gain",
    "task_bits",
    "transmit_power_w",
    "receive_power_w",
    "noise_density_w_per_hz",
    "max_frequency_hz",
    "energy_coefficient",
    "energy_weight",
    "latency_weight",
    "previous_download_s",
    "local_training_s",
    "local_training_j",
)
MAY_BE_ZERO = {
    "task_bits",
    "receive_power_w",
    "energy_coefficient",
    "energy_weight",
    "previous_download_s",
    "local_training_s",
    "local_training_j",
}
BAD_NUMBERS = {
    "text": "1",
    "nan": math.nan,
    "inf": math.inf,
    "negative": -1.0,
    "true": True,
    "null": None,
    "list": [1.0],
    "huge": 10**400,
}

BAD: dict[str, tuple[Callable[[Document], None], str]] = {
    **{
        f"user without {key}": (
            _without(key),
            rf"users\[2\]\.{key} \(user 'eu3'\) is missing: a finite number >=? 0 \(",
        )
        for key in USER_KEYS
    },
    **{
        f"{key} is {kind}": (
            _user(**{key: value}),
            rf"users\[2\]\.{key} \(user 'eu3'\) is .*, but must be a finite number >=? 0 \(",
        )
        for key in USER_KEYS
        for kind, value in BAD_NUMBERS.items()
    },
    **{
        f"{key} is zero": (
            _user(**{key: 0}),
            rf"users\[2\]\.{key} \(user 'eu3'\) is 0, but must be a finite number > 0 \(",
        )
        for key in USER_KEYS
        if key not in MAY_BE_ZERO
    },
    **{
        f"{key} is {value!r}": (
            _top(**{key: value}),
            rf"{key} is .*, but must be a finite number > 0",
        )
        for key in ("bandwidth_hz", "model_bits", "cycles_per_bit")
        for value in (0, -1.0, math.nan, math.inf, "x", False)
    },
    **{
        f"server.{key} is {value!r}": (
            _server(**{key: value}),
            rf"server\.{key} is .*, but must be a finite number > 0",
        )
        for key in ("transmit_power_w", "frequency_hz", "noise_density_w_per_hz")
        for value in (0, -1.0, math.nan, "x")
    },
    "no server": (lambda document: document.pop("server"), "server is missing: an object"),
    "server is a number": (_top(server=3), "server is 3, but must be an object"),
    "unknown server key": (_server(colour=1), r"server\.colour is not a known key"),
    "no users key": (lambda document: document.pop("users"), "users is missing: a non-empty list"),
    "no user": (_top(users=[]), r"users is \[\], but must be a non-empty list"),
    "users is an object": (_top(users={}), "users is {}, but must be a non-empty list"),
    "a user is a number": (
        lambda document: document["users"].__setitem__(1, 5),
        r"users\[1\] is 5, but must be an object",
    ),
    "two users of one name": (
        _user(name="eu1"),
        r"users\[2\]\.name is 'eu1', but users\[0\] has that name already",
    ),
    "name is a number": (_user(name=1), r"users\[2\]\.name .*is 1, but must be a non-empty text"),
    "name is empty": (_user(name=""), r"users\[2\]\.name .*is '', but must be a non-empty text"),
    "half a character": (_user(name="\ud800"), "name .*, but must be .*"),
    "unknown user key": (_user(colour=1), r"users\[2\]\.colour \(user 'eu3'\) is not a known key"),
    "unknown key": (_top(colour=1), "colour is not a known key, but must be one of: name, "),
    "no schema": (lambda document: document.pop("schema"), "schema is missing"),
    "another schema": (_top(schema="x@9"), "schema is 'x@9', but an instance must have"),
    "no name": (lambda document: document.pop("name"), "name is missing"),
    "free text is a number": (_top(name=5), "name is 5, but must be a text"),
    "gain too small": (_user(channel_gain=1e-60), r"users\[2\]\.channel_gain .*ratio must lie"),
    "gain too large": (_user(channel_gain=1e60), r"users\[2\]\.channel_gain .*ratio must lie"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_is_refused_in_one_sentence(case: str, letter: ei.Instance) -> None:
    """Every field missing, of a wrong type, not finite, negative or zero is named with its user."""
    change, expected = BAD[case]
    document = copy.deepcopy(letter.to_dict())
    change(document)
    with pytest.raises(ei.InputError, match=expected) as caught:
        ei.Instance.from_dict(document)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is not valid JSON"),
        ("{", "is not valid JSON"),
        ("[1]", "holds a JSON list, but must hold an object"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ("[" * 100_000, "is not valid JSON"),
        ("\xff\xfe", "cannot read|is not valid JSON"),
    ],
)
def test_foreign_files_are_refused(text: str, expected: str, tmp_path: Path) -> None:
    """Empty, truncated, foreign and doubled documents are told apart from instances."""
    file = tmp_path / "instance.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ei.InputError, match=expected):
        ei.Instance.from_json(file)


def test_a_truncated_instance_is_refused(letter: ei.Instance, tmp_path: Path) -> None:
    """Cut anywhere, an instance file is refused rather than read in part."""
    text = json.dumps(letter.to_dict())
    for length in range(0, len(text), 97):
        file = tmp_path / "cut.json"
        file.write_text(text[:length])
        with pytest.raises(ei.InputError):
            ei.Instance.from_json(file)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"users": 0}, "users is 0, but must be an integer >= 1"),
        ({"users": 2.5}, "users is 2.5, but must be an integer >= 1"),
        ({"seed": -1}, "seed is -1, but must be an integer >= 0"),
        ({"seed": True}, "seed is True, but must be an integer >= 0"),
        ({"path_loss_exponent": math.nan}, "path_loss_exponent is nan"),
        ({"distance_m": 0.0}, "distance_m is 0.0, but must be a finite number > 0"),
        ({"model_mbit": -1.0}, "model_bits is -1000000.0"),
        ({"path_loss_exponent": 30.0}, "ratio must lie between"),
    ],
)
def test_bad_presets_are_refused(options: dict[str, Any], expected: str) -> None:
    """The preset's arguments are checked as the data are."""
    with pytest.raises(ei.InputError, match=expected):
        ei.Instance.letter(**options)


def test_bad_tables_are_refused(letter: ei.Instance, tmp_path: Path) -> None:
    """A table with an unknown or a missing column, or an empty cell, is refused by name."""
    frame = letter.users_frame()
    with pytest.raises(ei.InputError, match="has the unknown column 'colour', but may have: name"):
        letter.with_users(frame.assign(colour=1))
    with pytest.raises(ei.InputError, match="the column channel_gain is missing: it is required"):
        letter.with_users(frame.drop(columns="channel_gain"))
    file = tmp_path / "users.csv"
    gain = repr(float(frame["channel_gain"][0]))
    file.write_text(frame.to_csv(index=False).replace(gain, "", 1))
    with pytest.raises(
        ei.InputError, match=r"line 2: channel_gain \(user 'eu1'\) is blank, but must"
    ):
        letter.with_users(file)
    with pytest.raises(ei.InputError, match="cannot read the users file"):
        letter.with_users(tmp_path / "none.csv")


COPIES: dict[str, Callable[..., Any]] = {
    "replace": lambda record, **changes: record.replace(**changes),
    "copy.replace": lambda record, **changes: record.__replace__(**changes),
    "model_copy": lambda record, **changes: record.model_copy(update=changes),
    "deep model_copy": lambda record, **changes: record.model_copy(update=changes, deep=True),
    "pydantic's old copy": lambda record, **changes: record.copy(update=changes),
    "model_construct": lambda record, **changes: type(record).model_construct(
        **{**record.data(), **changes}
    ),
    "copies of copies": lambda record, **changes: copy.copy(copy.deepcopy(record)).model_copy(
        update=changes
    ),
    "a pickle": lambda record, **changes: pickle.loads(pickle.dumps(record)).replace(**changes),
    "another's state": lambda record, **changes: _with_state(
        record, {**record.data(), **changes}, copy.copy(record)
    ),
    "a state": lambda record, **changes: _with_state(record, {**record.data(), **changes}),
}


def _with_state(record: Any, state: dict[str, Any], made: Any = None) -> Any:
    kind: Any = type(record)
    made = kind.__new__(kind) if made is None else made
    made.__setstate__(state)
    return made


@pytest.mark.parametrize("way", COPIES)
def test_changed_copies_are_fresh(way: str, letter: ei.Instance) -> None:
    """However a copy is changed, all that is derived from it is that of an instance made anew."""
    changed = COPIES[way]
    user = changed(letter.users[1], task_bits=5e6, latency_weight=0.3)
    server = changed(letter.server, frequency_hz=1e9, noise_density_w_per_hz=1e-20)
    for changes in (
        {"bandwidth_hz": 4e7},
        {"model_bits": 3e6, "name": "other"},
        {"server": server},
        {"users": (letter.users[0], user)},
    ):
        copied, fresh = changed(letter, **changes), altered(letter, **changes)
        assert copied == fresh
        assert copied.digest() == fresh.digest()
        for column in dataclasses.fields(Scaled):
            one, other = (getattr(one.scaled, column.name) for one in (copied, fresh))
            assert np.array_equal(one, other), column.name
        assert (copied.scaled.uplink_snr == fresh.scaled.uplink_snr).all()
        allocation = random_allocation(fresh, 1)
        assert ei.evaluate(copied, allocation).objective == (
            ei.evaluate(fresh, allocation).objective
        )


@pytest.mark.parametrize("way", COPIES)
def test_changed_copies_are_checked(way: str, letter: ei.Instance) -> None:
    """What a new record would refuse is refused in a copy, of an instance and of its parts."""
    changed = COPIES[way]
    for record, changes, sentence in (
        (letter, {"bandwidth_hz": 0.0}, "bandwidth_hz is 0.0, but must be"),
        (letter, {"model_bits": -1.0}, "model_bits is -1.0, but must be"),
        (letter, {"colour": 1}, "colour is not a known key"),
        (letter, {"users": ()}, r"users is \(\), but must be"),
        (letter, {"users": (letter.users[0], letter.users[0])}, "names must be unique"),
        (letter.users[0], {"task_bits": math.nan}, r"task_bits \(user 'eu1'\) is nan"),
        (letter.users[0], {"colour": 1}, r"colour \(user 'eu1'\) is not a known key"),
        (letter.server, {"frequency_hz": "4e9"}, "frequency_hz is '4e9', but must be"),
    ):
        with pytest.raises(ei.InputError, match=sentence):
            changed(record, **changes)


def test_a_record_that_was_tampered_with_is_no_part_of_another(letter: ei.Instance) -> None:
    """A parent checks its parts even where they are records, which may have been forced."""
    user = copy.copy(letter.users[0])
    object.__setattr__(user, "task_bits", -5.0)
    with pytest.raises(ei.InputError, match=r"users\[0\].task_bits \(user 'eu1'\) is -5.0"):
        letter.replace(users=(user,))
    with pytest.raises(ei.InputError, match=r"task_bits \(user 'eu1'\) is -5.0"):
        copy.deepcopy(user)


def test_scaled_columns_do_not_follow_from_each_other(letter: ei.Instance) -> None:
    """Scaled columns that are replaced change what follows from them, as in the instance."""
    wide = dataclasses.replace(letter.scaled, bandwidth_mhz=40.0)
    fresh = letter.replace(bandwidth_hz=4e7).scaled
    assert wide.uplink_snr == pytest.approx(fresh.uplink_snr, rel=1e-15)
    assert wide.downlink_snr == pytest.approx(fresh.downlink_snr, rel=1e-15)
    loud = dataclasses.replace(letter.scaled, transmit_power_w=2 * letter.scaled.transmit_power_w)
    assert loud.uplink_snr == pytest.approx(2 * letter.scaled.uplink_snr, rel=1e-15)
    for changes, sentence in (
        ({"bandwidth_mhz": 0.0}, "bandwidth_mhz is 0.0, but must be"),
        ({"model_mbit": "16"}, "model_mbit is '16', but must be"),
        ({"task_mbit": -letter.scaled.task_mbit}, "task_mbit is .*, but must hold numbers >= 0"),
        ({"task_mbit": np.ones(3)}, r"task_mbit is an array of shape \(3,\)"),
        ({"transmit_power_w": np.zeros(4)}, "ratio of 0 over the band, but the ratio must lie"),
    ):
        with pytest.raises(ei.InputError, match=sentence):
            dataclasses.replace(letter.scaled, **changes)


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda data: pickle.loads(pickle.dumps(data))]
)
def test_arrays_stay_read_only(again: Callable[[Any], Any], letter: ei.Instance) -> None:
    """Copies and pickles of everything that holds columns are the same, and read-only as well."""
    allocation = random_allocation(letter, 1)
    breakdown = ei.evaluate(letter, allocation).breakdown
    for data in (letter.scaled, allocation, breakdown, again(letter).scaled):
        copied = again(data)
        for name in [field.name for field in dataclasses.fields(data)]:
            column = getattr(copied, name)
            assert np.array_equal(column, getattr(data, name))
            if isinstance(column, np.ndarray):
                assert not column.flags.writeable, name


def test_columns_are_not_those_of_others(letter: ei.Instance) -> None:
    """Who keeps an array, or a view of one, cannot change what was made of it."""
    shares = np.full(4, 0.1)
    view = shares[:]
    view.flags.writeable = False
    allocation = dataclasses.replace(random_allocation(letter, 1), uplink_share=view)
    scaled = dataclasses.replace(letter.scaled, task_mbit=shares)
    shares[0] = 9.0
    assert allocation.uplink_share[0] == scaled.task_mbit[0] == 0.1


def test_nothing_that_is_copied_holds_what_is_derived() -> None:
    """No record and no set of columns in the package keeps a computed value among its data."""
    kinds: list[type[Any]] = [Record, Columns]
    for kind in kinds:
        kinds += kind.__subclasses__()
        assert not any(
            isinstance(part, functools.cached_property)
            for one in kind.__mro__
            for part in vars(one).values()
        )
    assert {ei.Instance, ei.EndUser, ei.EdgeServer, ei.Allocation, Scaled} <= set(kinds)
    assert list(vars(ei.Instance.letter())) == list(ei.Instance.model_fields)


def test_replace(letter: ei.Instance) -> None:
    """Parts of the server and of some users are enough; whole users take the place of all."""
    changed = letter.replace(
        bandwidth_hz=np.int64(40_000_000),
        server={"frequency_hz": 2e9},
        users={"eu1": {"task_bits": 1e6}, "eu3": {"name": "x"}},
    )
    document = letter.to_dict()
    document["bandwidth_hz"] = 4e7
    document["server"]["frequency_hz"] = 2e9
    document["users"][0]["task_bits"] = 1e6
    document["users"][2]["name"] = "x"
    assert changed == ei.Instance.from_dict(document)
    assert letter == ei.Instance.letter()
    assert letter.replace(users=list(letter.users[:2])).scaled.names == ("eu1", "eu2")
    assert letter.replace(users=[letter.users[3].data()]).users == letter.users[3:]
    assert letter.replace(server={"total_frequency_hz": 6e9}).scaled.total_frequency_ghz == 6.0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"colour": 1}, "colour is not a known key, but must be one of: name, "),
        ({"server": {"colour": 1}}, r"server\.colour is not a known key"),
        ({"server": {1: 2}}, r"server\.1 is not a known key"),
        ({"users": {"eu2": {1: 2}}}, r"users\[1\]\.1 \(user 'eu2'\) is not a known key"),
        ({"server": 4e9}, "server is 4000000000.0, but must be an object"),
        ({"users": {"eu9": {}}}, "users has 'eu9', but the users are: eu1, eu2, eu3, eu4"),
        ({"users": {0: {}}}, "users has 0, but the users are"),
        ({"users": {"eu2": 5}}, r"users\[1\] \(user 'eu2'\) is 5, but must be an object"),
        ({"users": {"eu2": {"colour": 1}}}, r"users\[1\]\.colour \(user 'eu2'\) is not a known"),
        ({"users": {"eu2": {"task_bits": -1}}}, r"users\[1\]\.task_bits \(user 'eu2'\) is -1"),
        ({"users": {"eu2": {"name": "eu1"}}}, "names must be unique"),
        ({"users": []}, r"users is \[\], but must be"),
        ({"bandwidth_hz": np.complex128(4e7 + 1j)}, "bandwidth_hz is .*j.*, but must be a finite"),
        ({"bandwidth_hz": np.bool_(True)}, "bandwidth_hz is True, but must be a finite"),
        ({"bandwidth_hz": np.array(4e7)}, r"bandwidth_hz is array\(40000000.\), but must be"),
        ({"bandwidth_hz": np.timedelta64(4, "s")}, "bandwidth_hz is .*, but must be a finite"),
        ({"bandwidth_hz": Decimal(4)}, r"bandwidth_hz is Decimal\('4'\), but must be"),
    ],
)
def test_bad_replacements_are_refused(
    changes: dict[str, Any], sentence: str, letter: ei.Instance
) -> None:
    """Unknown keys and users are named, and values are checked."""
    with pytest.raises(ei.InputError, match=sentence):
        letter.replace(**changes)


def test_settings(letter: ei.Instance) -> None:
    """Every path sets what it says, later ones after earlier ones, and nothing else."""
    settings = [
        "bandwidth_hz=4e7",
        "server.frequency_hz=2e9",
        "server.total_frequency_hz=6e9",
        "users[*].latency_weight=0.2",
        "users[eu1].task_bits=1e6",
        "users[3].task_bits=0",
        "name=a = b",
    ]
    expected = letter.replace(
        name="a = b",
        bandwidth_hz=4e7,
        server={"frequency_hz": 2e9, "total_frequency_hz": 6e9},
        users={user.name: {"latency_weight": 0.2} for user in letter.users},
    ).replace(users={"eu1": {"task_bits": 1e6}, "eu4": {"task_bits": 0.0}})
    assert letter.with_settings(settings) == expected
    back = expected.with_settings(["server.total_frequency_hz=null"])
    assert back.server.total_frequency_hz is None
    assert letter.with_settings([]) == letter


def test_a_total_is_read_and_written_and_left_out() -> None:
    """Documents keep the key or its absence, null is absence, and F is part of the digest."""
    plain, shared = ei.Instance.letter(), ei.Instance.letter(total_frequency_ghz=6.0)
    assert "total_frequency_hz" not in plain.to_dict()["server"]
    assert shared.to_dict()["server"]["total_frequency_hz"] == 6e9
    assert shared.name.endswith("F=6GHz")
    for instance in (plain, shared):
        assert ei.Instance.from_dict(instance.to_dict()) == instance
    document = plain.to_dict()
    document["server"]["total_frequency_hz"] = None
    assert ei.Instance.from_dict(document).digest() == plain.digest()
    assert shared.digest() != plain.digest()
    assert shared.scaled.for_stage("training").total_frequency_ghz is None


@pytest.mark.parametrize("value", [0.0, -1e9, float("nan"), "6e9", True])
def test_a_total_must_be_positive(value: Any) -> None:
    """What is no number above 0 is refused in one sentence that names the key."""
    document = ei.Instance.letter().to_dict()
    document["server"]["total_frequency_hz"] = value
    with pytest.raises(ei.InputError, match=r"server\.total_frequency_hz is .* finite number > 0"):
        ei.Instance.from_dict(document)


def test_settings_of_users_with_hostile_names(letter: ei.Instance) -> None:
    """A name in quotes is a name, whatever it looks like; what can be read in two ways is not."""
    names = ["1", "*", "a].b=c", "x y"]
    instance = letter.replace(
        users={user.name: {"name": name} for user, name in zip(letter.users, names, strict=True)}
    )
    for j, name in enumerate(names):
        changed = instance.with_settings([f'users["{name}"].task_bits=1'])
        assert [user.task_bits == 1 for user in changed.users] == [k == j for k in range(4)]
    for chosen in ("1", "*"):
        with pytest.raises(ei.InputError, match="which is a user's name too"):
            instance.with_settings([f"users[{chosen}].task_bits=1"])
    assert instance.with_settings(["users[x y].task_bits=1"]).users[3].task_bits == 1


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("bandwidth_hz", "a setting is 'bandwidth_hz', but must be KEY=VALUE, server.KEY=VALUE, "),
        ("=1", "a setting is '=1', but must be"),
        ("users.task_bits=1", "a setting is 'users.task_bits=1', but must be"),
        ("server.a.b=1", "a setting is 'server.a.b=1', but must be"),
        ("colour=1", "colour is not a known key"),
        ("server.colour=1", r"server\.colour is not a known key"),
        ("users[*].colour=1", r"users\[0\]\.colour \(user 'eu1'\) is not a known key"),
        ("users[eu9].task_bits=1", r"users\[eu9\], but must have \*, a place below 4, or one of"),
        ("users[4].task_bits=1", r"users\[4\], but must have"),
        ("users[-1].task_bits=1", r"users\[-1\], but must have"),
        ("bandwidth_hz=nan", "bandwidth_hz is 'nan', but must be a finite number > 0"),
        ("bandwidth_hz=1e999", "bandwidth_hz is inf, but must be a finite number > 0"),
        ("bandwidth_hz=1_000", "bandwidth_hz is '1_000', but must be a finite number > 0"),
        ("bandwidth_hz=40 MHz", "bandwidth_hz is '40 MHz', but must be a finite number > 0"),
        ("bandwidth_hz=null", "bandwidth_hz is None, but must be a finite number > 0"),
        ("users[eu2].task_bits=true", r"task_bits \(user 'eu2'\) is 'true', but must be"),
        ("server=1", "server is 1, but must be an object"),
        ("users=[]", r"users is '\[\]', but must be a non-empty list"),
    ],
)
def test_bad_settings_are_refused(setting: str, sentence: str, letter: ei.Instance) -> None:
    """Paths that lead nowhere and values that are not allowed get one sentence."""
    with pytest.raises(ei.InputError, match=sentence) as caught:
        letter.with_settings(["server.frequency_hz=1e9", setting])
    assert "\n" not in str(caught.value)
    with pytest.raises(ei.InputError, match="a setting has 'model_bits' twice"):
        letter.with_settings(["model_bits=1", "model_bits=2"])


def test_numbers_of_all_kinds(letter: ei.Instance) -> None:
    """Numpy's integers are whole numbers, booleans are none, and -0.0 is 0.0."""
    whole: dict[str, Any] = {"users": np.int64(4), "seed": np.uint8(0)}
    assert ei.Instance.letter(**whole) == letter
    with pytest.raises(ei.InputError, match="users is True, but must be an integer"):
        ei.Instance.letter(users=True)
    zero, minus = (
        letter.replace(users={"eu2": {"task_bits": value}}) for value in (0.0, np.float32(-0.0))
    )
    assert zero.digest() == minus.digest()
    assert zero.to_dict() == minus.to_dict()
    wrong: dict[str, Any] = {
        "model_mbit": "16",
        "task_mbit": True,
        "bandwidth_mhz": np.complex128(20 + 1j),
        "total_frequency_ghz": 4 + 0j,
        "path_loss_exponent": np.complex128(2.9 + 1j),
        "distance_m": False,
    }
    for name, value in wrong.items():
        with pytest.raises(ei.InputError, match=f"{name} is .*, but must be"):
            ei.Instance.letter(**{name: value})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda rows: [rows[0], *(f"{row},1" for row in rows[1:])], "14 fields in line 2, but"),
        (lambda rows: [*rows[:3], rows[3].rpartition(",")[0], rows[4]], "12 fields in line 4, but"),
        (
            lambda rows: [rows[0] + ",name", *(f"{row},x" for row in rows[1:])],
            "the columns 'name' and 'name' are the same quantity",
        ),
        (lambda rows: [f",{rows[0]}", *(f"{row},1" for row in rows[1:])], "column 1 has no name"),
        (lambda rows: [rows[0], rows[1].replace("64000000.0", "6_4"), *rows[2:]], "is '6_4', but"),
        (lambda rows: [rows[0], rows[1].replace("64000000.0", "64+1j"), *rows[2:]], "'64.1j', but"),
        (
            lambda rows: [rows[0], rows[1], rows[2].replace("64000000.0", "ask me")],
            r"'eu2'\) is 'ask me', but",
        ),
    ],
)
def test_tables_are_read_strictly(
    change: Any, sentence: str, letter: ei.Instance, tmp_path: Path
) -> None:
    """A row is as long as the header, a column has one name, and each field is read by itself."""
    file = tmp_path / "users.csv"
    rows = letter.users_frame().to_csv(index=False).splitlines()
    file.write_text("\n".join(change(rows)) + "\n")
    with pytest.raises(ei.InputError, match=sentence):
        letter.with_users(file)


def test_frames_are_read_strictly(letter: ei.Instance) -> None:
    """Columns of one name, texts, complex numbers and booleans in a DataFrame are refused."""
    frame = letter.users_frame()
    twice = pd.concat([frame, frame[["task_bits"]] * 2], axis=1)
    with pytest.raises(ei.InputError, match="the columns 'task_bits' and 'task_bits' are the same"):
        letter.with_users(twice)
    wrongs: tuple[Any, ...] = ("64 Mbit", 64e6 + 1j, True, [64e6], pd.Timestamp(0))
    for wrong in wrongs:
        with pytest.raises(
            ei.InputError, match=r"row 0: task_bits \(user 'eu1'\) is .*, but must be"
        ):
            letter.with_users(frame.assign(task_bits=[wrong] * 4))


def test_numbers_in_tables_are_rounded_once(letter: ei.Instance, tmp_path: Path) -> None:
    """What was written with 17 digits is read back to the last bit, whatever the number."""
    file = tmp_path / "users.csv"
    draw = np.random.default_rng(1)
    for _ in range(40):
        weights = draw.uniform(1.0, 10.0, 4) * 10.0 ** draw.integers(-12, 12, 4)
        frame = letter.users_frame().assign(energy_weight=weights)
        frame.to_csv(file, index=False)
        assert [user.energy_weight for user in letter.with_users(file).users] == weights.tolist()
