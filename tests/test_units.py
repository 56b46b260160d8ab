"""Units that people have: converted in one place, the same wherever keys are typed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import eipyomo as ei
from eipyomo.devices import EdgeServer, EndUser
from eipyomo.units import UNITS, heading, in_si, si_key, unit_of

OF_SI = {
    "kbit": 1e3,
    "mbit": 1e6,
    "gbit": 1e9,
    "byte": 8.0,
    "kbyte": 8e3,
    "mbyte": 8e6,
    "gbyte": 8e9,
    "khz": 1e3,
    "mhz": 1e6,
    "ghz": 1e9,
    "mw": 1e-3,
    "ms": 1e-3,
    "mj": 1e-3,
    "km": 1e3,
}
"""What one of a unit is, written down once more."""


def test_units_are_what_they_are() -> None:
    """Factors as in the list above; 30 dBm is 1 W, 10 dB are a factor of 10; and back again."""
    for ending, unit in UNITS.items():
        value = OF_SI.get(ending[1:])
        assert unit.to_si(30.0) == pytest.approx(
            30.0 * value if value else 1e3 if ending == "_gain_db" else 1.0, rel=1e-15
        )
        for number in (0.1, 7.0, 23.0):
            assert unit.from_si(unit.to_si(number)) == pytest.approx(number, rel=1e-12)


def test_every_quantity_is_its_own() -> None:
    """A key with a unit means one quantity, and no prefix of W/Hz is taken as one of Hz."""
    for kind in (ei.Instance, EdgeServer, EndUser):
        known = kind.model_fields
        for key in known:
            assert unit_of(key, known) == (key, None)
            for ending, unit in UNITS.items():
                if key.endswith(unit.si) and not (unit.si == "_hz" and key.endswith("_w_per_hz")):
                    told = key.removesuffix(unit.si) + ending
                    assert unit_of(told, known) == si_key(told) == (key, unit)
    for wrong in ("noise_density_w_per_mhz", "noise_density_mw_per_hz", "noise_density_ghz"):
        with pytest.raises(ei.InputError, match="must be one of: noise_density_w_per_hz, noise_"):
            in_si({wrong: 1.0}, EndUser.model_fields)


def test_units_mean_the_same_everywhere(letter: ei.Instance, tmp_path: Path) -> None:
    """Arguments of the letter, changes, settings, tables and their files make one instance."""
    told = ei.Instance.letter(
        model_mbit=16, bandwidth_mhz=10, task_mbit=8, transmit_power_dbm=20, max_frequency_ghz=2
    )
    of_users = {"task_mbyte": 1, "transmit_power_mw": 100, "max_frequency_mhz": 2000}
    changed = letter.replace(
        model_mbyte=2,
        bandwidth_khz=1e4,
        users=dict.fromkeys(("eu1", "eu2", "eu3", "eu4"), of_users),
    )
    assert changed == told
    settings = [f"users[*].{key}={value}" for key, value in of_users.items()]
    assert letter.with_settings(["model_mbyte=2", "bandwidth_mhz=10", *settings]) == told
    frame = told.users_frame().drop(columns=["task_bits", "transmit_power_w"])
    frame = frame.assign(
        task_mbit=8, transmit_power_dbm=20.0, deadline_ms=[9e3, math.nan, math.nan, math.nan]
    )
    frame.to_csv(tmp_path / "users.csv", index=False)
    late = told.replace(users={"eu1": {"deadline_s": 9}})
    for users in (frame, tmp_path / "users.csv"):
        assert told.with_users(users) == late
    server = {"frequency_ghz": 2, "transmit_power_dbm": 30, "total_frequency_ghz": 3}
    assert letter.replace(server=server).server == letter.server.replace(
        frequency_hz=2e9, transmit_power_w=1.0, total_frequency_hz=3e9
    )


def test_ranges_are_in_the_unit_of_their_key(letter: ei.Instance) -> None:
    """Between 10 and 20 dBm lie 0.01 and 0.1 W, drawn evenly in dBm; whole numbers stay whole."""
    drawn = letter.with_settings(["users[*].transmit_power_dbm=10..20"], seed=1)
    levels = [10 * math.log10(user.transmit_power_w * 1e3) for user in drawn.users]
    assert all(10 < level < 20 for level in levels)
    assert len(set(levels)) == 4
    draw = ei.Draw.from_text("users=2 seeds=0:2 model_mbyte=1..4")
    assert all(8e6 < instance.model_bits < 32e6 for instance in draw.instances())
    assert letter.with_settings(["min_participants=2"]).min_participants == 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model_mb": 1}, "model_mb is not a known key, but must be one of: model_bits, model_k"),
        ({"model_mbit": "16"}, "model_mbit is '16', but must be a real number"),
        ({"model_mbit": math.nan}, "model_mbit is nan, but must be a finite number in Mbit"),
        ({"model_mbit": -1}, "model_bits is -1000000.0, but must be a finite number > 0"),
        ({"model_mbit": 1, "model_bits": 1}, "model_mbit and model_bits are the same quantity"),
        ({"server": {"frequency_thz": 1}}, r"server\.frequency_thz is not a known key, but must"),
        (
            {"users": {"eu2": {"transmit_power_dbm": 4e3}}},
            r"users\[1\]\.transmit_power_dbm is 4000",
        ),
        ({"colour": 1}, "colour is not a known key, but must be one of: name, bandwidth_hz"),
    ],
)
def test_bad_units_are_refused(changes: dict[str, Any], sentence: str, letter: ei.Instance) -> None:
    """One sentence names the key as it was typed, the value, and what is allowed."""
    with pytest.raises(ei.InputError, match=f"^{sentence}") as caught:
        letter.replace(**changes)
    assert "\n" not in str(caught.value)


def test_bad_units_in_settings_and_tables(letter: ei.Instance, tmp_path: Path) -> None:
    """Twice the same quantity and a wrong value are refused as in SI units."""
    with pytest.raises(ei.InputError, match="a setting has 'model_bits' twice"):
        letter.with_settings(["model_bits=1", "model_mbit=2"])
    with pytest.raises(
        ei.InputError, match=r"users\[\*\]\.task_mbit is '8 MB', but must be a real"
    ):
        letter.with_settings(["users[*].task_mbit=8 MB"])
    file, frame = (
        tmp_path / "users.csv",
        letter.users_frame().rename(columns={"task_bits": "task_mbit"}),
    )
    frame.assign(task_mbit=["1", "2", "3 MB", "4"]).to_csv(file, index=False)
    with pytest.raises(
        ei.InputError, match=r"line 4: task_mbit \(user 'eu3'\) is '3 MB', but must"
    ):
        letter.with_users(file)
    frame.assign(task_bits=1).to_csv(file, index=False)
    with pytest.raises(ei.InputError, match="'task_mbit' and 'task_bits' are the same quantity"):
        letter.with_users(file)


def test_headings() -> None:
    """Keys in words, with units as people write them."""
    told = {
        "model_mbit": "model size [Mbit]",
        "noise_density_dbm_per_hz": "noise density [dBm/Hz]",
        "mean_channel_gain_db": "mean channel gain [dB]",
        "channel_gain": "channel gain",
        "max_latency_s": "max latency [s]",
        "objective": "WSEL",
    }
    assert {key: heading(key) for key in told} == told
