"""Instances: the letter's numbers, reading, writing, and one sentence for each bad input."""

from __future__ import annotations

import copy
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from eipyomo.channel import dbm_to_watt, mean_gain
from tests.conftest import reference

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
    """A table with an unknown, a missing or an empty cell is refused by name."""
    frame = letter.users_frame()
    with pytest.raises(
        ei.InputError, match=r"users\[0\]\.colour \(user 'eu1'\) is not a known key"
    ):
        letter.with_users(frame.assign(colour=1))
    with pytest.raises(ei.InputError, match=r"users\[0\]\.task_bits \(user 'eu1'\) is missing"):
        letter.with_users(frame.drop(columns="task_bits"))
    file = tmp_path / "users.csv"
    file.write_text(frame.to_csv(index=False).replace("64000000.0", "", 1))
    with pytest.raises(ei.InputError, match=r"task_bits \(user 'eu1'\) is '', but must be"):
        letter.with_users(file)
    with pytest.raises(ei.InputError, match="cannot read the users file"):
        letter.with_users(tmp_path / "none.csv")
