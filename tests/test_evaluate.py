"""The judge: every term against the letter's formulas, laws that must hold, and violations."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eipyomo as ei
from eipyomo.instance import USER_COLUMNS
from tests.allocations import random_allocation
from tests.conftest import names_up_to, reference

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = st.integers(0, 10_000)


def test_every_term_by_hand(letter: ei.Instance) -> None:
    """One user's terms equal (1)-(9) written out with Table I's numbers in SI units."""
    user, server = letter.users[0], letter.server
    allocation = random_allocation(letter, seed=5)
    j = int(np.argmax(allocation.download))
    user = letter.users[j]
    b, bd = allocation.uplink_share[j], allocation.downlink_share[j]
    iota, f = allocation.offload_fraction[j], allocation.frequency_hz[j]
    band, bits, cycles = letter.bandwidth_hz, letter.model_bits, letter.cycles_per_bit
    h, p = user.channel_gain, user.transmit_power_w

    up = b * band * math.log2(1 + p * h / (b * band * server.noise_density_w_per_hz))
    down = (
        bd
        * band
        * math.log2(1 + server.transmit_power_w * h / (bd * band * user.noise_density_w_per_hz))
    )
    upload, offload, download = bits / up, iota * user.task_bits / up, bits / down
    local = cycles * (1 - iota) * user.task_bits / f
    edge = cycles * iota * user.task_bits / server.frequency_hz
    ready = max(allocation.sync_s, 1.0 + 1.0 + upload + offload)
    latency = max(allocation.sync_s + download + local, ready + edge) - 1.0
    energy = (
        0.04
        + p * (upload + offload)
        + user.receive_power_w * download
        + user.energy_coefficient * f**2 * cycles * (1 - iota) * user.task_bits
    )

    terms = ei.evaluate(letter, allocation).breakdown
    expected = {
        "upload_s": upload,
        "offload_s": offload,
        "download_s": download,
        "local_inference_s": local,
        "edge_inference_s": edge,
        "ready_s": ready,
        "latency_s": latency,
        "energy_j": energy,
        "wsel": 0.9 * energy + 0.1 * latency,
    }
    for name, value in expected.items():
        assert getattr(terms, name)[j] == pytest.approx(value, rel=1e-12), name


def test_the_judge_takes_each_tasks_own_frequency() -> None:
    """τ^e is CιL/f of each user, (2); at f_s everywhere it is what it is without the column."""
    instance = ei.Instance.letter(total_frequency_ghz=16.0)
    allocation = random_allocation(instance, 2)
    assert allocation.edge_frequency_hz is not None
    offload = allocation.offload_fraction
    terms = ei.evaluate(instance, allocation).breakdown
    expected = 50.0 * 64e6 * offload[offload > 0] / allocation.edge_frequency_hz[offload > 0]
    assert terms.edge_inference_s[offload > 0] == pytest.approx(expected, rel=1e-14)
    held = dataclasses.replace(allocation, edge_frequency_hz=np.full(4, 4e9))
    plain = dataclasses.replace(allocation, edge_frequency_hz=None)
    costs = {ei.evaluate(instance, one).objective for one in (held, plain)}
    assert costs == {ei.evaluate(ei.Instance.letter(), plain).objective}


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS)
def test_random_allocations_are_feasible(seed: int) -> None:
    """An allocation that keeps every constraint by construction has no violation."""
    evaluation = ei.evaluate(reference("mixed-m4"), random_allocation(reference("mixed-m4"), seed))
    assert evaluation.feasible
    assert evaluation.max_violation < 1e-12


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, name=st.sampled_from(names_up_to(12)))
def test_order_of_users_is_of_no_account(seed: int, name: str) -> None:
    """Relabelling users and matching by name leave the cost and each user's part as they were."""
    instance = reference(name)
    allocation = random_allocation(instance, seed)
    order = np.random.default_rng(seed).permutation(len(instance.users))
    shuffled = instance.with_users(instance.users_frame().iloc[order])
    one, other = ei.evaluate(instance, allocation), ei.evaluate(shuffled, allocation)
    assert other.objective == pytest.approx(one.objective, rel=1e-13)
    assert other.breakdown.wsel == pytest.approx(one.breakdown.wsel[order], rel=1e-13)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_doubling_the_model_doubles_its_transmissions(seed: int) -> None:
    """At fixed shares twice D_m takes twice τ^mu and τ^md."""
    instance = reference("mixed-m4")
    allocation = random_allocation(instance, seed)
    double = instance.model_copy(update={"model_bits": 2 * instance.model_bits})
    double = ei.Instance.from_dict(double.to_dict())
    one = ei.evaluate(instance, allocation).breakdown
    two = ei.evaluate(double, allocation).breakdown
    assert two.upload_s == pytest.approx(2 * one.upload_s)
    assert two.download_s == pytest.approx(2 * one.download_s)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, factor=st.floats(1e-3, 1e3))
def test_scaling_the_weights_scales_the_cost(seed: int, factor: float) -> None:
    """WSEL is linear in the weights."""
    instance = reference("hostile-03")
    allocation = random_allocation(instance, seed)
    frame = instance.users_frame()
    frame[["energy_weight", "latency_weight"]] *= factor
    scaled = ei.evaluate(instance.with_users(frame), allocation).objective
    assert scaled == pytest.approx(factor * ei.evaluate(instance, allocation).objective)


@pytest.mark.parametrize("field", ["bandwidth_hz", "model_bits", "cycles_per_bit"])
def test_every_system_field_matters(field: str, letter: ei.Instance) -> None:
    """Each number of the system changes the cost of some allocation."""
    allocation = random_allocation(letter, 1)
    changed = ei.Instance.from_dict({**letter.to_dict(), field: 1.1 * getattr(letter, field)})
    assert ei.evaluate(changed, allocation).objective != ei.evaluate(letter, allocation).objective


@pytest.mark.parametrize("field", [key for key in USER_COLUMNS if key != "name"])
def test_every_user_field_matters(field: str) -> None:
    """Each number of an end user changes the result: its cost, or f_max its feasibility."""
    instance = reference("mixed-m4")
    frame = instance.users_frame()
    frame[field] *= 0.2 if field == "max_frequency_hz" else 5.0
    allocation = random_allocation(instance, 1, downloads=True)
    one, other = (
        ei.evaluate(subject, allocation) for subject in (instance, instance.with_users(frame))
    )
    assert other.objective != one.objective or other.feasible != one.feasible


@pytest.mark.parametrize("field", list(ei.EdgeServer.model_fields))
def test_every_server_field_matters(field: str) -> None:
    """Each number of the edge server changes the result: its cost, or F its feasibility."""
    instance = ei.Instance.letter(total_frequency_ghz=16.0)
    document = instance.to_dict()
    document["server"][field] *= 0.1
    allocation = dataclasses.replace(random_allocation(instance, 2), edge_frequency_hz=None)
    one = ei.evaluate(instance, allocation)
    other = ei.evaluate(ei.Instance.from_dict(document), allocation)
    assert one.feasible
    assert other.objective != one.objective or (
        field == "total_frequency_hz" and not other.feasible
    )


VIOLATIONS: dict[str, tuple[dict[str, Any], str, float]] = {
    "budget": ({"uplink_share": [0.5, 0.25, 0.25, 0.25]}, "bandwidth budget", 0.375),
    "late upload": ({"sync_s": 0.0}, "sync time after every upload", 1.0),
    "fast CPU": ({"frequency_hz": [0, 1.5e9, 0, 0]}, "frequency <= f_max", 0.5),
    "slow CPU": ({"frequency_hz": [0, -1e9, 0, 0]}, "a frequency to compute with", 1.0),
    "no CPU": ({"frequency_hz": [0, 0, 0, 0]}, "a frequency to compute with", 1.0),
    "no uplink": ({"uplink_share": [0.1, 0.1, 0.1, 0.0]}, "an uplink share to upload with", 1.0),
    "no downlink": ({"downlink_share": [0, 0, 0, 0]}, "a downlink share to download with", 1.0),
    "too much offloaded": ({"offload_fraction": [1, 1.25, 1, 1]}, "offload fraction <= 1", 0.25),
    "less than nothing": ({"offload_fraction": [1, -0.5, 1, 1]}, "offload fraction >= 0", 0.5),
    "local without model": (
        {"offload_fraction": [0.75, 0.5, 1, 1]},
        "no local part without download",
        0.25,
    ),
}


@pytest.mark.parametrize("case", VIOLATIONS)
def test_violations_are_named_and_measured(case: str, letter: ei.Instance) -> None:
    """Each broken constraint is reported by name, relative to the natural size of the quantity."""
    allocation = ei.Allocation(
        names=letter.scaled.names,
        sync_s=9.0,
        download=np.array([False, True, False, False]),
        offload_fraction=np.array([1.0, 0.5, 1.0, 1.0]),
        frequency_hz=np.array([0.0, 1e9, 0.0, 0.0]),
        uplink_share=np.array([0.25, 0.25, 0.125, 0.25]),
        downlink_share=np.array([0.0, 0.125, 0.0, 0.0]),
    )
    assert ei.evaluate(letter, allocation).violations == ()
    changes, constraint, amount = VIOLATIONS[case]
    broken = ei.evaluate(letter, dataclasses.replace(allocation, **changes))
    worst = next(found for found in broken.violations if found.constraint.startswith(constraint))
    assert worst.amount == pytest.approx(amount)
    assert not broken.feasible
    json.dumps(broken.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("frequency_hz", "words", "amount"),
    [
        ([3e9, 3e9, 2e9, 1e9], "edge frequency budget (footnote 2)", 0.5),
        ([5e9, 1.0, 1.0, 1.0], "edge frequency <= f_s (2) at user 'eu1'", 0.25),
        ([-2e9, 1e9, 1e9, 1e9], "edge frequency >= 0 (2) at user 'eu1'", 0.5),
        ([0.0, 1e9, 1e9, 1e9], "a frequency to compute with at the edge (2) at user 'eu1'", 1.0),
        (None, "edge frequency budget (footnote 2)", 5.0 / 3.0),
    ],
)
def test_violations_at_the_edge(frequency_hz: Any, words: str, amount: float) -> None:
    """Each limit has its name and natural size; without a column every task is at f_s."""
    instance = ei.Instance.letter(total_frequency_ghz=6.0)
    rest = ei.solve(instance, "eco").allocation
    assert rest is not None
    found = {
        str(violation).split(" is violated")[0]: violation.amount
        for violation in ei.evaluate(
            instance, dataclasses.replace(rest, edge_frequency_hz=frequency_hz)
        ).violations
    }
    assert found[words] == pytest.approx(amount)
    capped = ei.evaluate(
        ei.Instance.letter(), dataclasses.replace(rest, edge_frequency_hz=np.full(4, 5e9))
    )
    assert [violation.constraint for violation in capped.violations] == [
        "edge frequency <= f_s (2)"
    ]


def test_training_rounds_have_no_tasks(letter: ei.Instance) -> None:
    """With round="training" nothing is offloaded or computed, and everybody must download."""
    allocation = random_allocation(letter, 3, downloads=True)
    terms = ei.evaluate(letter, allocation, round="training").breakdown
    for name in ("offload_s", "offload_j", "local_inference_s", "edge_inference_s"):
        assert (getattr(terms, name) == 0).all()
    idle = dataclasses.replace(
        allocation,
        download=np.array([True, True, True, False]),
        offload_fraction=np.array([0.0, 0.0, 0.0, 1.0]),
    )
    worst = ei.evaluate(letter, idle, round="training").violations[0]
    assert (worst.constraint, worst.user) == ("a = 1 in the problem 'training'", "eu4")


def test_the_timeline_is_figure_1(letter: ei.Instance) -> None:
    """Phases follow one another as in Fig. 1, and the last one ends at the latency."""
    allocation = random_allocation(letter, 7)
    evaluation = ei.evaluate(letter, allocation)
    timeline = evaluation.timeline()
    assert (timeline["end_s"] > timeline["start_s"]).all()
    for j, name in enumerate(letter.scaled.names):
        rows = timeline[timeline["user"] == name].to_dict("records")
        phases = {row["phase"]: (row["start_s"], row["end_s"]) for row in rows}
        assert phases["local training"] == (1.0, 2.0)
        assert phases["model upload"][0] == 2.0
        assert phases["task offload"][0] == phases["model upload"][1]
        assert phases["edge inference"][0] == evaluation.breakdown.ready_s[j]
        assert ("model download" in phases) == allocation.download[j]
        if allocation.download[j]:
            assert phases["model download"][0] == allocation.sync_s
            assert phases["local inference"][0] == phases["model download"][1]
        end_s = max(end for _, end in phases.values())
        assert end_s - 1.0 == pytest.approx(evaluation.breakdown.latency_s[j])


def test_documents_survive(letter: ei.Instance) -> None:
    """An allocation goes through JSON unchanged, and costs the same afterwards."""
    allocation = random_allocation(letter, 11)
    document = json.loads(json.dumps(allocation.to_dict(), allow_nan=False))
    read = ei.Allocation.from_dict(document)
    assert ei.evaluate(letter, read).objective == ei.evaluate(letter, allocation).objective


def test_the_column_of_an_allocation_is_optional() -> None:
    """It survives JSON and another order of users, its absence too; half of it is refused."""
    instance = ei.Instance.letter(total_frequency_ghz=6.0)
    allocation = random_allocation(instance, 1)
    assert allocation.edge_frequency_hz is not None
    document = json.loads(json.dumps(allocation.to_dict()))
    again = ei.Allocation.from_dict(document).for_users(allocation.names[::-1])
    assert again.edge_frequency_hz is not None
    assert (again.edge_frequency_hz == allocation.edge_frequency_hz[::-1]).all()
    del document["users"][2]["edge_frequency_hz"]
    with pytest.raises(ei.InputError, match=r"users\[2\].edge_frequency_hz is missing"):
        ei.Allocation.from_dict(document)
    without = dataclasses.replace(allocation, edge_frequency_hz=None).to_dict()
    assert "edge_frequency_hz" not in without["users"][0]
    assert ei.Allocation.from_dict(without).edge_frequency_hz is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda d: d.pop("sync_s"), "sync_s is missing"),
        (lambda d: d.update(sync_s=math.nan), "sync_s is nan, but must be a finite number"),
        (lambda d: d.update(users=3), "users is 3, but must be a list of decisions"),
        (
            lambda d: d["users"][1].pop("download"),
            r"users\[1\]\.download \(user 'eu2'\) is missing",
        ),
        (lambda d: d["users"][1].update(download=0.5), r"download \(user 'eu2'\) is 0.5, but must"),
        (lambda d: d["users"][1].update(uplink_share="x"), r"uplink_share \(user 'eu2'\) is 'x'"),
        (lambda d: d["users"].pop(), "the allocation has no user 'eu4', but the instance has"),
        (lambda d: d["users"][1].update(name="x"), "the allocation has no user 'eu2'"),
        (lambda d: d["users"][1].update(name="eu1"), "users has the name 'eu1' twice"),
    ],
)
def test_bad_allocations_are_refused(change: Any, expected: str, letter: ei.Instance) -> None:
    """What is wrong with an allocation document is said in one sentence that names it."""
    document = random_allocation(letter, 1).to_dict()
    change(document)
    with pytest.raises(ei.InputError, match=expected):
        ei.evaluate(letter, ei.Allocation.from_dict(document))


def test_arrays_of_a_wrong_shape_are_refused(letter: ei.Instance) -> None:
    """One number per user, no more and no fewer, and all of them finite."""
    allocation = random_allocation(letter, 1)
    with pytest.raises(ei.InputError, match="offload_fraction is an array of shape"):
        dataclasses.replace(allocation, offload_fraction=np.ones(3))
    with pytest.raises(ei.InputError, match="uplink_share is an array of shape"):
        dataclasses.replace(allocation, uplink_share=np.array([0.1, 0.1, 0.1, math.nan]))


NAN = math.nan


@pytest.mark.parametrize(
    ("column", "given"),
    [
        ("download", [1e-9, "no", NAN, True]),
        ("download", [1e-9, 0, 0, 1]),
        ("download", ["1", "0", "1", "1"]),
        ("download", np.array([1, 0, 2, 1])),
        ("download", np.array([1, 0, NAN, 1])),
        ("download", np.array(["true", "", "x", "y"])),
        ("download", np.array([True, False, True, None])),
        ("download", pd.Series([True, None, True, True], dtype="boolean")),
        ("download", [1 + 0j, 0, 0, 1]),
        ("download", "1011"),
        ("download", None),
        ("offload_fraction", [True, 0.5, 0.5, 0.5]),
        ("offload_fraction", [[0.5], [0.5], [0.5], [0.5]]),
        ("offload_fraction", ["0.5", 0.5, 0.5, 0.5]),
        ("offload_fraction", np.array([True, False, True, True])),
        ("offload_fraction", 0.5),
        ("frequency_hz", np.array([1e9, 1e9, 1e9, 1e9 + 1j])),
        ("frequency_hz", [1e9, 1e9, np.complex128(1e9 + 1j), 1e9]),
        ("frequency_hz", np.array([1, 1, 1, 1], dtype="m8[s]")),
        ("frequency_hz", [1e9, 10**400, 1e9, 1e9]),
        ("uplink_share", np.array([0.1, 0.1, 0.1, "x"], dtype=object)),
        ("uplink_share", np.array([0.1, 0.1, 0.1, 0.1], dtype=object)),
        ("uplink_share", np.ma.array([0.1] * 4, mask=[False, True, False, False])),
        ("uplink_share", {"eu1": 0.1, "eu2": 0.1, "eu3": 0.1, "eu4": 0.1}),
        ("downlink_share", [0.1, 0.1, 0.1, None]),
        ("downlink_share", [0.1, 0.1, 0.1, math.inf]),
        ("downlink_share", [0.1, 0.1, 0.1]),
        ("downlink_share", np.full((4, 1), 0.1)),
        ("edge_frequency_hz", ["4e9"] * 4),
        ("sync_s", "9"),
        ("sync_s", True),
        ("sync_s", np.complex128(9 + 1j)),
        ("sync_s", None),
        ("names", "abcd"),
        ("names", (1, 2, 3, 4)),
    ],
)
def test_columns_are_read_strictly(column: str, given: Any, letter: ei.Instance) -> None:
    """Whatever numpy would turn into a number or a boolean is refused unless it is one."""
    with pytest.raises(ei.InputError, match=f"{column} is .*, but must ") as caught:
        dataclasses.replace(random_allocation(letter, 1), **{column: given})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        [True, False, True, True],
        (1, 0, 1.0, np.int8(1)),
        np.array([1, 0, 1, 1], dtype=np.uint8),
        np.array([1.0, -0.0, 1.0, 1.0]),
        pd.Series([True, False, True, True]),
        [np.bool_(True), np.float32(0), 1, True],
    ],
)
def test_columns_of_all_kinds(given: Any, letter: ei.Instance) -> None:
    """Lists, arrays and series of booleans, or of exactly 0 and 1, and of real numbers are read."""
    allocation = dataclasses.replace(random_allocation(letter, 1), download=given)
    assert allocation.download.tolist() == [True, False, True, True]
    assert allocation.download.dtype == np.bool_
    numbers: dict[str, Any] = {
        "uplink_share": [0, np.float64(0.5), np.int64(0), 0.25],
        "downlink_share": pd.Series([0.5, 0.25, 0.0, 0.0], dtype="float32"),
    }
    shares = dataclasses.replace(allocation, **numbers)
    assert shares.uplink_share.tolist() == [0.0, 0.5, 0.0, 0.25]
    assert shares.downlink_share.tolist() == [0.5, 0.25, 0.0, 0.0]


def test_allocation_files(letter: ei.Instance, tmp_path: Path) -> None:
    """An allocation is read from a file of its own, and out of a result's; nothing else is one."""
    file = tmp_path / "file.json"
    result = ei.solve(letter, "eco")
    assert result.allocation is not None
    result.allocation.to_json(file)
    assert ei.Allocation.from_json(file).to_dict() == result.allocation.to_dict()
    result.to_json(file)
    assert ei.Allocation.from_json(file).to_dict() == result.allocation.to_dict()
    for document, sentence in (
        (letter.to_dict(), "sync_s is missing"),
        ({"sync_s": 1.0, "users": [], "x": 1}, "x is not a known key, but must be one of: sync_s"),
        ({"allocation": None}, "allocation is None, but must be an object"),
        ({"allocation": [1]}, r"allocation is \[1\], but must be an object"),
        ({"sync_s": 1.0}, "users is missing"),
        ({"sync_s": True, "users": []}, "sync_s is True, but must be"),
    ):
        file.write_text(json.dumps(document))
        with pytest.raises(ei.InputError, match=sentence):
            ei.Allocation.from_json(file)
