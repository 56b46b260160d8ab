"""Stated distributions: one seed is one instance, and what is drawn lies where it must."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo.draw import OF_ALL, OF_USERS
from eipyomo.ranges import Range

TEXT = (
    "users=3 model_mbit=8..32 distance_m=log(10..100) fading=false users[*].deadline_s=5..9 "
    "bandwidth_hz=4e7 seeds=2:12"
)


@pytest.mark.parametrize("seed", range(5))
def test_the_letters_draw_is_the_letters(seed: int) -> None:
    """With what the letter takes too, an instance is the letter's own, bit for bit."""
    assert ei.Draw(users=10).instance(seed) == ei.Instance.letter(users=10, seed=seed)
    same: dict[str, Any] = {
        "users": 3,
        "model_mbit": 20.0,
        "path_loss_exponent": 3.1,
        "bandwidth_mhz": 15.0,
        "task_mbit": 30.0,
        "distance_m": 70.0,
        "total_frequency_ghz": 6.0,
    }
    drawn, letter = ei.Draw(**same).instance(seed), ei.Instance.letter(**same, seed=seed)
    assert drawn.digest() == letter.digest()


def test_a_draw_is_the_same_by_whatever_way() -> None:
    """Text, document, pickle and copy say the same, and so make the same instances."""
    draw = ei.Draw.from_text(TEXT)
    assert str(draw) == TEXT
    again = ei.Draw(
        users=3,
        seeds=range(2, 12),
        model_mbit=(8, 32),
        distance_m="log(10..100)",
        fading=False,
        settings=["users[*].deadline_s=5..9", "bandwidth_hz=4e7"],
    )
    for other in (
        again,
        ei.Draw.from_dict(draw.to_dict()),
        pickle.loads(pickle.dumps(draw)),
        copy.deepcopy(draw),
    ):
        assert other == draw
        assert list(other.instances()) == list(draw.instances())
    assert len(draw) == len({instance.digest() for instance in draw.instances()}) == 10


def test_a_quantity_changes_no_other() -> None:
    """Another range of the model size leaves every other number as it was, the channel too."""
    draws = [ei.Draw(model_mbit=size, task_mbit=(10, 90)) for size in (16.0, (1, 99))]
    one, other = (draw.instance(4) for draw in draws)
    assert other.replace(model_bits=one.model_bits, name=one.name) == one
    gains = ei.Instance.letter(seed=4).users.numbers("channel_gain")
    assert np.array_equal(one.users.numbers("channel_gain"), gains)


@pytest.mark.parametrize("key", [*OF_ALL, *OF_USERS])
def test_each_quantity_is_drawn(key: str) -> None:
    """Another seed is another number, and users draw their own where they have their own."""
    draw = ei.Draw.from_text(f"users=50 {key}=2..3 fading=false")
    first, second = draw.instance(0), draw.instance(1)
    assert first.digest() != second.digest()
    column = "task_bits" if key == "task_mbit" else "channel_gain"
    assert len(set(first.users.numbers(column))) == (50 if key in OF_USERS else 1)


def test_ranges_of_settings_are_drawn_for_each_user() -> None:
    """Each user has a number of its own within the range, even in the logarithm if asked."""
    draw = ei.Draw(users=4000, settings=["users[*].channel_gain=log(1e-12..1e-8)"])
    exponents = np.log10(draw.instance(1).users.numbers("channel_gain"))
    assert exponents.min() >= -12.0
    assert exponents.max() <= -8.0
    assert np.mean(exponents) == pytest.approx(-10.0, abs=4.0 / np.sqrt(12.0 * 4000) * 4)


def test_a_base_keeps_its_data(tmp_path: Path) -> None:
    """Gains are drawn around the base's own, as exponential numbers of mean 1, and nothing else."""
    base = ei.Instance.letter(users=2, model_mbit=5.0, name="cell")
    base.to_json(tmp_path / "cell.json")
    draw = ei.Draw.from_text(f'base={tmp_path / "cell.json"} users["eu1"].task_bits=1e6..2e6')
    assert draw.base == base
    drawn = draw.instance(7)
    assert drawn.name == "base='cell' users[\"eu1\"].task_bits=1e6..2e6 seed=7"
    fading = np.random.default_rng(7).exponential(size=2)
    assert np.array_equal(
        drawn.users.numbers("channel_gain"), base.users.numbers("channel_gain") * fading
    )
    assert 1e6 <= drawn.users[0].task_bits <= 2e6
    assert drawn.users[1].task_bits == base.users[1].task_bits
    assert ei.Draw.from_dict(draw.to_dict()) == draw


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("users", "a draw has 'users', but must have KEY=VALUE"),
        ("users=0", "users is 0, but must be a whole number >= 1"),
        ("users=x", "users is 'x', but must be a whole number >= 1"),
        ("users=3 users=4", "a draw has 'users' twice"),
        ("seeds=5", "seeds is '5', but must be whole numbers >= 0 such as 0:1000"),
        ("seeds=5:5", "seeds is '5:5', but must be"),
        ("model_mbit=9..8", r"model_mbit is '9\.\.8', but must be a finite number > 0, or a range"),
        ("model_mbit=-1..8", r"model_mbit is '-1\.\.8', but must be"),
        ("model_mbit=log(0..8)", r"model_mbit is 'log\(0\.\.8\)', but must be"),
        ("fading=no", "fading is 'no', but must be true or false"),
        ("colour=3", "colour is not a known key"),
        ("mean_gain=1e-10 distance_m=3", "distance_m and mean_gain are given, but gains follow"),
        ("users[*].deadline_s=9..5", r"deadline_s \(user 'eu1'\) is '9\.\.5', but must be"),
        ("base=missing.json", "cannot read the instance file 'missing.json'"),
    ],
)
def test_what_states_no_distribution_is_refused(text: str, sentence: str) -> None:
    """One sentence names the key, the value and what is allowed."""
    with pytest.raises(ei.InputError, match=sentence) as caught:
        ei.Draw.from_text(text)
    assert "\n" not in str(caught.value)


def test_a_base_has_users_of_its_own() -> None:
    """What a base says cannot be said beside it."""
    with pytest.raises(ei.InputError, match="users is given together with a base"):
        ei.Draw(base=ei.Instance.letter(), users=3)


def test_ranges_need_a_seed() -> None:
    """Where nothing is drawn a range is no value."""
    with pytest.raises(ei.InputError, match=r"bandwidth_hz is '1e6\.\.2e6', but must be"):
        ei.Instance.letter().with_settings(["bandwidth_hz=1e6..2e6"])


def test_ranges_are_read_as_they_are_written() -> None:
    """The text of a range is the range, whatever its numbers."""
    for spread in (Range(low=1 / 3, high=2.0, log=True), Range(low=-1e-12, high=0.0)):
        assert Range.of_text(str(spread)) == spread
    with pytest.raises(ei.InputError, match=r"a range is '2\.\.1', but must have low < high"):
        Range(low=2, high=1)
