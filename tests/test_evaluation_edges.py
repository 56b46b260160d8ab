"""The judge at its edges: exactly at a limit, in small numbers, and of users with modes."""

from __future__ import annotations

import dataclasses
import gc
from typing import Any
from weakref import ref

import numpy as np
import pandas as pd
import pytest

import eipyomo as ei
from eipyomo import physics, timing
from eipyomo.evaluation import (
    _EVALUATED,
    Evaluation,
    Violation,
    _in_brackets,
    _over,
    evaluate_plan,
    timeline,
    value_of,
)
from eipyomo.problem import Problem
from tests.conftest import MODES


def small(**changes: Any) -> tuple[ei.Instance, ei.Allocation]:
    """Return users whose model has half a Mbit and whose rounds begin early, and an allocation."""
    users = {f"eu{j}": {"previous_download_s": 0.05, "local_training_s": 0.15} for j in (1, 2)}
    instance = ei.Instance.letter(users=2).replace(model_bits=5e5, users=users)
    decisions: dict[str, Any] = {
        "names": instance.scaled.names,
        "sync_s": 9.0,
        "download": [True, False],
        "offload_fraction": [0.5, 1.0],
        "frequency_hz": [1e9, 0.0],
        "uplink_share": [0.25, 0.25],
        "downlink_share": [0.25, 0.0],
    }
    return instance, ei.Allocation(**decisions | changes)


def found(instance: ei.Instance | Problem, allocation: ei.Allocation) -> dict[str, float]:
    """Return the amounts of what is violated."""
    violations = ei.evaluate(instance, allocation).violations
    return {violation.constraint: violation.amount for violation in violations}


def with_modes(*mode: str | None) -> tuple[ei.Instance, ei.Allocation]:
    """Return the small users with modes, and an allocation in which they take some."""
    instance, allocation = small(mode=mode, download=[False, True], frequency_hz=[0.0, 1e9])
    instance = instance.replace(
        modes={"m": MODES}, users={f"eu{j}": {"modes": "m"} for j in (1, 2)}
    )
    return instance, dataclasses.replace(allocation, downlink_share=np.array([0.0, 0.25]))


def test_the_tolerance_is_feasible() -> None:
    """A violation of exactly 1e-6 is allowed; the largest of several counts, and is said first."""
    evaluation = ei.evaluate(*small())
    assert (evaluation.feasible, evaluation._summary().facts[0]) == (True, "feasible")
    for amount, feasible in ((1e-6, True), (1.1e-6, False)):
        one = dataclasses.replace(evaluation, violations=(Violation("c", None, amount),))
        assert one.feasible is feasible
    instance, broken = small(uplink_share=[0.75, 0.75], frequency_hz=[4e9, 0.0])
    worst = ei.evaluate(instance, broken)
    amounts = [violation.amount for violation in worst.violations]
    assert amounts == pytest.approx([3.0, 0.75])
    assert worst.max_violation == pytest.approx(3.0)
    assert worst._summary().facts[0] == "not feasible"


def test_what_is_known_of_an_allocation_is_of_one_problem() -> None:
    """Asked again for the same problem it is what was found; for another one it is judged anew."""
    instance, allocation = small()
    joint, eco = Problem.of(instance), Problem.of(instance, "eco")
    first = ei.evaluate(joint, allocation)
    assert ei.evaluate(joint, allocation) is first
    assert found(eco, allocation) == {"a = 0 in the problem 'eco'": 1.0}
    assert found(joint, allocation) == found(instance, allocation) == {}
    faster = instance.replace(users={"eu1": {"latency_weight": 2.0}})
    weight = instance.users[0].latency_weight
    more = (2.0 - weight) * float(first.breakdown.latency_s[0])
    assert ei.evaluate(faster, allocation).objective == pytest.approx(first.objective + more)
    assert ei.evaluate(joint, small()[1]) is not first


def test_what_is_known_of_an_allocation_goes_with_it() -> None:
    """Neither allocation nor problem is kept by what is known; a problem that is gone is none."""
    instance, allocation = small()
    problem = Problem.of(instance)
    judged, asked, known = ref(allocation), ref(problem), ref(ei.evaluate(problem, allocation))
    assert allocation in _EVALUATED
    assert known() is not None
    before = len(_EVALUATED)
    del problem
    gc.collect()
    assert asked() is None
    assert found(Problem.of(instance, "eco"), allocation) != {}
    del allocation
    gc.collect()
    assert (judged(), known()) == (None, None)
    assert len(_EVALUATED) < before


def test_the_value_is_that_of_the_evaluation() -> None:
    """What is minimised is the same without the rest; with needs that are given it is of these."""
    instance, allocation = small()
    problem = Problem.of(instance)
    data, plan = problem.whole, allocation.plan(instance.scaled)
    other = plan._replace(offload_fraction=np.array([0.25, 1.0]))
    assert value_of(problem, plan) == evaluate_plan(problem, plan).value
    assert value_of(problem, plan, timing.needs(data, plan)) == value_of(problem, plan)
    assert value_of(problem, plan, timing.needs(data, other)) == value_of(problem, other)
    assert value_of(problem, other) != value_of(problem, plan)


def test_a_sum_that_is_lost_is_within_no_budget() -> None:
    """Shares whose sum is minus infinity do not keep to the band."""
    instance, allocation = small(uplink_share=[-1.5e308, -1.5e308])
    with np.errstate(over="ignore"):
        amounts = found(instance, allocation)
    assert amounts["bandwidth budget (10b)"] == 1.0


def test_what_is_beyond_a_limit() -> None:
    """Relative to the limit, absolute beyond 0, 1 where it never ends, 0 without a limit."""
    with np.errstate(all="ignore"):
        told = [_over(*one) for one in ((0.5, 0.0), (3.0, 2.0), (np.inf, 2.0), (5.0, np.inf))]
        told.append(_over(3.0, 1.0))
    assert [float(one) for one in told] == [0.5, 0.5, 1.0, 0.0, 2.0]
    assert [_in_brackets(one) for one in ("(10b)", "sum of (8)")] == ["(10b)", "(sum of (8))"]


def test_phases_of_who_waits() -> None:
    """In sequence the task is sent just before it is ready; otherwise just after the update."""
    frame = pd.DataFrame(
        {
            "name": ["waits", "late", "early"],
            "previous_download_s": 1.0,
            "local_training_s": 1.0,
            "upload_s": 1.0,
            "offload_s": 2.0,
            "download_s": [1.0, 0.0, 0.0],
            "local_inference_s": [1.0, 0.0, 0.0],
            "ready_s": [8.0, 5.0, 5.0],
            "edge_inference_s": [1.0, 1.0, 0.0],
        }
    )
    told = timeline(frame, 4.0)
    assert [*told.columns] == ["user", "phase", "start_s", "end_s"]
    assert told.index.tolist() == [*range(len(told))]
    sent = told[told["phase"] == "task offload"].set_index("user")[["start_s", "end_s"]]
    assert sent.T.to_dict("list") == {"waits": [6.0, 8.0], "late": [3.0, 5.0], "early": [3.0, 5.0]}
    rows = {(one.user, one.phase): (one.start_s, one.end_s) for one in told.itertuples()}
    assert rows["waits", "previous model download"] == (0.0, 1.0)
    assert rows["waits", "local training"] == (1.0, 2.0)
    assert rows["waits", "model upload"] == (2.0, 3.0)
    assert rows["waits", "model download"] == (4.0, 5.0)
    assert rows["waits", "local inference"] == (5.0, 6.0)
    assert rows["waits", "edge inference"] == (8.0, 9.0)
    assert ("early", "edge inference") not in rows


def test_a_small_model_is_needed_as_well() -> None:
    """Half a Mbit has to be sent, received, and waited for, in proportion to a short round."""
    instance, allocation = small()
    assert found(instance, allocation) == {}
    terms = ei.evaluate(instance, allocation).breakdown
    uploaded = 0.2 + terms.upload_s
    assert uploaded.max() < 1.0
    early = dataclasses.replace(allocation, sync_s=0.5 * float(uploaded.max()))
    assert found(instance, early)["sync time after every upload (6)"] == pytest.approx(0.5)
    deaf = dataclasses.replace(allocation, downlink_share=np.zeros(2))
    assert found(instance, deaf)["a downlink share to download with (5)"] == 1.0


def test_frequencies_are_relative_to_the_largest() -> None:
    """At f_max = 2 GHz, 3 GHz is beyond by a half, and -1 GHz as well."""
    instance, _ = small()
    fast = instance.replace(users={f"eu{j}": {"max_frequency_hz": 2e9} for j in (1, 2)})
    for frequency, constraint in (
        (3e9, "frequency <= f_max (10c)"),
        (-1e9, "frequency >= 0 (10c)"),
    ):
        _, allocation = small(frequency_hz=[frequency, 0.0])
        assert found(fast, allocation)[constraint] == pytest.approx(0.5)


def test_who_sends_no_update_sits_out() -> None:
    """It pays its penalty and holds up nobody; who sends a little one takes part."""
    instance, allocation = with_modes("idle", "little")
    evaluation = ei.evaluate(instance, allocation)
    assert evaluation.violations == ()
    terms = evaluation.breakdown
    assert terms.sits_out is not None
    assert terms.penalty is not None
    assert terms.sits_out.tolist() == [1.0, 0.0]
    assert terms.penalty.tolist() == [0.25, 0.0]
    weight = instance.users[0].latency_weight
    assert terms.wsel[0] == pytest.approx(0.25 + weight * terms.latency_s[0])
    plain = ei.evaluate(*small()).breakdown
    assert (plain.sits_out, plain.penalty) == (None, None)
    data = small()[0].scaled  # without modes nothing is added to what is weighed
    weighed = data.energy_weight * plain.energy_j + data.latency_weight * plain.latency_s
    assert plain.wsel.tolist() == pytest.approx(weighed.tolist())
    last_s = float(terms.previous_download_s[1] + terms.local_training_s[1] + terms.upload_s[1])
    early = dataclasses.replace(allocation, sync_s=0.75 * last_s)
    worst = ei.evaluate(instance, early).violations[0]
    assert (worst.constraint, worst.user) == ("sync time after every upload (6)", "eu2")
    assert worst.amount == pytest.approx(0.25)
    before = found(instance, dataclasses.replace(allocation, sync_s=-2.0))
    assert before["sync time >= 0 (6)"] == pytest.approx(2.0)
    instance, nobody = with_modes("idle", "idle")
    nobody = dataclasses.replace(nobody, download=np.array([False, False]), sync_s=0.01)
    assert found(instance, nobody) == {}


def test_modes_that_a_problem_closes() -> None:
    """Without local computing a mode that has some is closed, at the user that takes it."""
    instance, allocation = with_modes("idle", "little")
    problem = Problem.of(instance, "eco")
    closed = ei.evaluate(problem, allocation).violations[0]
    assert closed.constraint == "an open mode in the problem 'eco'"
    assert (closed.user, closed.amount) == ("eu2", 1.0)
    instance, allocation = with_modes("idle", "idle")
    assert "an open mode in the problem 'eco'" not in found(problem, allocation)


def test_what_is_minimised_is_no_limit_and_the_rest_is() -> None:
    """With the least band as the objective, twice the band is allowed, twice the server is not."""
    instance, allocation = small(uplink_share=[1.0, 1.0], edge_frequency_hz=[2e9, 2e9])
    limited = instance.with_settings(["server.total_frequency_ghz=2"])
    limited = limited.replace(users={f"eu{j}": {"deadline_s": 50.0} for j in (1, 2)})
    problem = Problem.of(limited, objective="band")
    assert found(problem, allocation) == {"edge frequency budget (footnote 2)": pytest.approx(1.0)}
    assert isinstance(ei.evaluate(problem, allocation), Evaluation)


def test_who_sends_something_needs_a_share() -> None:
    """Without a share of the uplink who sends nothing is fine, and a little update never ends."""
    constraint = "an uplink share to upload with (5)"
    instance, allocation = with_modes("idle", "little")
    silent = dataclasses.replace(allocation, uplink_share=np.array([0.0, 0.25]))
    assert found(instance, silent) == {}
    mute = dataclasses.replace(allocation, uplink_share=np.array([0.25, 0.0]))
    assert found(instance, mute)[constraint] == 1.0
    instance, allocation = small(uplink_share=[0.25, 0.0])
    assert found(instance, allocation)[constraint] == 1.0


def test_times_of_modes_in_small_numbers() -> None:
    """Work of 0.1 and 0.3 Gcycle at half a GHz, and half a Mbit sent, take what they take."""
    instance, allocation = with_modes("idle", "split")
    allocation = dataclasses.replace(
        allocation, frequency_hz=np.array([0.0, 5e8]), edge_frequency_hz=np.array([0.0, 5e8])
    )
    data = instance.scaled
    plan = timing.in_modes(data, allocation.plan(data))
    assert plan.download.tolist() == [False, True]
    assert plan.offload_fraction.tolist() == [0.0, pytest.approx(0.75)]
    need = timing.needs(data, plan)
    with np.errstate(all="ignore"):
        times = timing.times(data, plan, need)
    second = timing.seconds_per_mbit(plan.uplink_share, data.bandwidth_mhz, data.uplink_snr)[1]
    assert times.local_inference_s == pytest.approx([0.0, 0.2])
    assert times.edge_inference_s == pytest.approx([0.0, 0.6])
    assert times.upload_s == pytest.approx([0.0, 0.5 * second])
    assert times.offload_s == pytest.approx([0.0, 0.2 * second])
    assert times.ready_s == pytest.approx([9.0, 9.0])
    uploaded = timing.uploaded_s(data, plan.uplink_share, need)
    assert uploaded.tolist() == [-np.inf, pytest.approx(0.2 + 0.5 * second)]
    assert timing.uploaded_s(data, plan.uplink_share)[1] == pytest.approx(0.2 + 0.5 * second)


def test_shares_and_efficiencies() -> None:
    """At a quarter of the band and an SNR of 3 the efficiency is ln 13, and back; by hand."""
    assert physics.nats_at(0.25, 3.0) == pytest.approx(np.log(13.0))
    assert physics.share_at(np.log(13.0), 3.0) == pytest.approx(0.25)
    assert physics.rate_mbit_per_s(0.25, 8.0, 3.0) == pytest.approx(2.0 * np.log2(13.0))
