"""Questions about resources: laws between answers, what rows prove, the commands, and the page."""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import eipyomo as ei
from eipyomo import plotting
from eipyomo.cli import main
from eipyomo.errors import InputError
from tests.conftest import reference

PAGE = (Path(__file__).parents[1] / "docs" / "planning.md").read_text(encoding="utf-8")
GAP = 1e-3


@cache
def letter() -> ei.Instance:
    """Return the letter's instance with 4 users."""
    return reference("letter-m4")


@cache
def front() -> pd.DataFrame:
    """Return a front with points that weights reach, and others."""
    return ei.plan.pareto(letter(), points=10, slowest=2.0, gap=GAP, workers=1)


def rows(method: str) -> pd.DataFrame:
    """Return the rows of a method."""
    return front()[front()["method"] == method].reset_index(drop=True)


def by(deadlines_s: list[float]) -> ei.Instance:
    """Return the letter's instance with a deadline for each user."""
    names = [user.name for user in letter().users]
    limits = zip(names, deadlines_s, strict=True)
    return letter().replace(users={name: {"deadline_s": one} for name, one in limits})


# --- the front ------------------------------------------------------------------------------------


def test_a_front_is_monotone_and_certified() -> None:
    """More time needs less energy; every point is within its budget and near its proven bound."""
    found = rows("budget")
    assert len(found) == 10
    assert (found["latency_s"].diff().dropna() > 0.0).all()
    assert (found["energy_j"].diff().dropna() < 0.0).all()
    assert (found["latency_s"] <= found["latency_budget_s"] * (1.0 + 1e-6)).all()
    assert (found["bound_j"] <= found["energy_j"]).all()
    assert (found["gap"] <= GAP).all()
    assert (found["termination"] == "optimal").all()
    assert np.allclose(found["gap"], 1.0 - found["bound_j"] / found["energy_j"])


def test_a_front_has_both_ends_and_no_hole() -> None:
    """It begins at the least latency, ends at twice it, and neighbours are near in both."""
    found = rows("budget")
    least_s = found["least_latency_bound_s"].iloc[0]
    assert least_s <= found["latency_s"].iloc[0] <= least_s * (1.0 + 2.1 * GAP)
    assert found["latency_s"].iloc[-1] == pytest.approx(2.0 * least_s, rel=2.0 * GAP)
    for column in ("latency_s", "energy_j"):
        parts = found[column].diff().abs().dropna() / np.ptp(found[column])
        assert parts.max() < 0.35


def test_points_are_optimal_the_other_way_round() -> None:
    """The least latency within a point's energy is its latency: exact, by the other budget."""
    for _, row in rows("budget").iloc[[4, 8]].iterrows():
        users = {
            user.name: {"energy_weight": 0.0, "latency_weight": 1.0} for user in letter().users
        }
        budget_j = row["energy_j"] * (1.0 + 1e-9)
        turned = letter().replace(users=users, total_energy_budget_j=budget_j)
        found = ei.solve(turned, gap=GAP)
        assert found.bound is not None
        assert found.value is not None
        assert found.bound <= row["latency_s"] * (1.0 + 1e-9)
        # A tenth of a per cent of the energy is worth no more than this much latency there.
        assert found.value >= row["latency_s"] * (1.0 - 10.0 * GAP)


def test_weights_give_the_hull_and_nothing_below_the_front() -> None:
    """Each weighted optimum is above the front's bounds, each point above the weights' lines."""
    points, optima = rows("budget"), rows("weights")
    for _, one in optima.iterrows():
        enough = points["latency_budget_s"] >= one["latency_s"]
        assert (points.loc[enough, "bound_j"] <= one["energy_j"]).all()
        sums = points["energy_j"] + one["weight_j_per_s"] * points["latency_s"]
        assert (sums >= one["bound_j"]).all()
    assert (points["hull_j"] <= points["energy_j"]).all()
    reached = points["reached_by_weights"].astype(bool)
    assert reached.any()
    assert not reached.all()
    sums = np.add.outer(points["energy_j"].to_numpy(), np.zeros(len(optima)))
    sums += np.outer(points["latency_s"], optima["weight_j_per_s"])
    above = (sums - optima["value_j"].to_numpy()).min(axis=1) / points["energy_j"]
    assert (above[reached] <= 2.0 * GAP).all()
    order = optima.sort_values("latency_s")
    chords = np.interp(points["latency_s"], order["latency_s"], order["energy_j"])
    assert (points["energy_j"] > chords * (1.0 + GAP))[~reached].any()


def test_other_limits_hold_on_a_front() -> None:
    """The instance's own budget ends it; nothing feasible is one row that says so."""
    own = letter().replace(total_latency_budget_s=25.0)
    found = ei.plan.pareto(own, points=2, gap=1e-2, workers=1)
    assert found.loc[found["method"] == "budget", "latency_s"].max() <= 25.0 * (1.0 + 1e-6)
    none = ei.plan.pareto(letter().replace(total_energy_budget_j=0.5), points=3, workers=1)
    assert none["termination"].tolist() == ["infeasible"]
    assert "total_energy_budget_j 0.5" in none["message"].iloc[0]


# --- required resources, and the slowest ----------------------------------------------------------


def test_the_band_of_an_optimum_is_enough_for_its_latencies() -> None:
    """The least band at the latencies of the optimum of (10) is at most B, and the optimum's."""
    result = ei.solve(letter())
    assert result.evaluation is not None
    late_s = result.evaluation.breakdown.latency_s * (1.0 + 1e-9)
    (row,) = ei.plan.band(by(late_s.tolist()), workers=1).to_dict("records")
    assert np.isnan(row["deadline_s"])
    assert row["bound_mhz"] <= row["band_mhz"] <= row["available_mhz"] * (1.0 + 1e-6) == 20.00002


def test_the_slowest_and_the_band_are_two_sides_of_one() -> None:
    """At the least largest latency of a band, the least band is that band."""
    found = ei.plan.slowest(letter(), [10.0, 20.0], workers=1)
    again = ei.plan.band(letter(), found["slowest_s"].tolist(), workers=1)
    assert again["band_mhz"].tolist() == pytest.approx([20.0, 10.0], rel=1e-5)


def test_a_largest_latency_is_enclosed_by_what_it_needs_of_the_edge() -> None:
    """With 2 GHz in all: at most that at the latency found, more than that before its bound."""
    shared = letter().replace(server={"total_frequency_hz": 2e9})
    (row,) = ei.plan.slowest(shared, 20.0, gap=1e-3, workers=1).to_dict("records")
    ends = [row["bound_s"] * (1.0 - 1e-6), row["slowest_s"] * (1.0 + 1e-9)]
    found = ei.plan.edge_frequency(shared, ends, workers=1)
    assert found["available_ghz"].tolist() == [2.0, 2.0]
    assert found["bound_ghz"].iloc[0] > 2.0
    assert found["edge_frequency_ghz"].iloc[1] <= 2.0


@cache
def curves() -> dict[str, pd.DataFrame]:
    """Return the automatic curves."""
    return {
        "band_mhz": ei.plan.band(letter(), points=4, workers=1, gap=1e-4),
        "edge_frequency_ghz": ei.plan.edge_frequency(letter(), points=4, workers=1, gap=1e-4),
        "slowest_s": ei.plan.slowest(letter(), points=3, workers=1, gap=1e-4),
    }


@pytest.mark.parametrize("column", ["band_mhz", "edge_frequency_ghz", "slowest_s"])
def test_curves_fall_from_nearly_impossible_to_slack(column: str) -> None:
    """Later deadlines need less, more band is sooner; the ends are where the page says."""
    found = curves()[column]
    assert (found[column].diff().dropna() < 0.0).all()
    assert (found["termination"] == "optimal").all()
    if column == "band_mhz":
        assert found[column].iloc[0] == pytest.approx(320.0, rel=0.1)
        assert found[column].iloc[-1] == pytest.approx(1.25, rel=0.01)
    if column == "slowest_s":
        assert found["bandwidth_mhz"].tolist() == pytest.approx([1.25, 20.0, 320.0])


def test_the_slowest_user_and_what_it_waits_for() -> None:
    """With little band sending takes longest; a user far slower than all is named, and its CPU."""
    first = curves()["slowest_s"].iloc[0]
    assert first["longest_phase"] in ("model upload", "task offload")
    assert 0.0 < first["longest_phase_s"] < first["slowest_s"]
    slow = letter().replace(
        users={"eu3": {"max_frequency_hz": 1e8, "download": "always", "max_offload_fraction": 0.0}}
    )
    (row,) = ei.plan.slowest(slow, 20.0, workers=1).to_dict("records")
    assert (row["user"], row["as_slow"], row["longest_phase"]) == ("eu3", 1, "local inference")
    assert row["longest_phase_s"] == pytest.approx(32.0)  # 64 Mbit, 50 cycles a bit, 0.1 GHz


def test_waiting_for_others_is_a_phase() -> None:
    """Who computes all itself waits for an upload that can begin only after 50 s, of eu2."""
    alone = {"download": "always", "max_offload_fraction": 0.0}
    users = {name: dict(alone) for name in ("eu1", "eu2", "eu3", "eu4")}
    late = letter().replace(users={**users, "eu2": {**alone, "local_training_s": 50.0}})
    (row,) = ei.plan.slowest(late, 320.0, workers=1).to_dict("records")
    assert (row["user"], row["last_upload"], row["longest_phase"]) == ("eu1", "eu2", "waiting")
    assert 30.0 < row["longest_phase_s"] < row["slowest_s"]


def test_what_cannot_be_met_is_a_row() -> None:
    """Nobody is served within 1.5 s, as the row says, and the next one goes on."""
    found = ei.plan.band(letter(), [6.0, 1.5], workers=1)
    assert found["termination"].tolist() == ["infeasible", "optimal"]
    assert "deadline_s 1.5 of user 'eu1'" in found["message"].iloc[0]
    assert np.isnan(found["band_mhz"].iloc[0])
    never = letter().replace(users={"eu1": {"energy_budget_j": 0.01}})
    (row,) = ei.plan.band(never, workers=1).to_dict("records")
    assert row["termination"] == "infeasible"
    assert "energy_budget_j 0.01 of user 'eu1'" in row["message"]


def test_a_deadline_holds_beside_the_users_own() -> None:
    """The earlier one counts: a late common deadline changes nothing."""
    own = by([7.0] * 4)
    band = ei.plan.band(own, [6.0, 9.0], gap=1e-5, workers=1)["band_mhz"]
    (alone,) = ei.plan.band(own, gap=1e-5, workers=1)["band_mhz"]
    assert band.iloc[1] == pytest.approx(alone, rel=2e-5)
    assert band.iloc[0] > alone


def test_bad_arguments_are_refused() -> None:
    """In one sentence that names the argument; modes with penalties have no front."""
    skipped = ei.Instance.from_dict(
        {
            **(document := letter().to_dict()),
            "modes": {"m": [{"name": "skip", "update_bits": 0.0, "penalty": 1.0}]},
            "users": [{**document["users"][0], "modes": "m"}, *document["users"][1:]],
        }
    )
    with pytest.raises(InputError, match=r"penalty \(mode 'skip' of 'm'\) is 1, but must be 0"):
        ei.plan.pareto(skipped)
    with pytest.raises(InputError, match=r"slowest is 1.0, but must be > 1"):
        ei.plan.pareto(letter(), slowest=1.0)
    with pytest.raises(InputError, match=r"an element of deadlines_s is -1\.0"):
        ei.plan.band(letter(), [7.0, -1.0])
    with pytest.raises(InputError, match="bandwidths_mhz is '5', but must be a list of numbers"):
        ei.plan.slowest(letter(), "5")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"instance is 'i\.json'"):
        ei.plan.band("i.json")  # type: ignore[arg-type]


# --- figures and commands -------------------------------------------------------------------------


def test_figures_have_units_and_take_axes() -> None:
    """All are drawn into axes that are given; tables of others, or without an answer, are not."""
    tables = {"pareto": front(), "slowest": curves()["slowest_s"]}
    tables["required_band"] = curves()["band_mhz"]
    tables["required_edge_frequency"] = curves()["edge_frequency_ghz"]
    for name, table in tables.items():
        axes = Figure().subplots()
        figure = getattr(plotting, name)(table, ax=axes)
        assert figure is axes.figure
        for label in (axes.get_xlabel(), axes.get_ylabel()):
            assert re.search(r"\((s|J|MHz|GHz)\)$", label)
    with pytest.raises(InputError, match="the table lacks deadline_s"):
        plotting.required_band(front())
    with pytest.raises(InputError, match="no answer to draw: no allocation keeps"):
        plotting.required_band(ei.plan.band(letter(), 1.5, workers=1))


def test_a_front_is_drawn_from_its_file(tmp_path: Path) -> None:
    """Points that weights reach are filled, others are not, and a CSV file draws the same."""
    front().to_csv(tmp_path / "front.csv", index=False)
    counts = []
    for table in (front(), pd.read_csv(tmp_path / "front.csv")):
        axes = Figure().subplots()
        plotting.pareto(table, ax=axes)
        lines = {str(line.get_label()): len(line.get_xdata()) for line in axes.lines}  # type: ignore[arg-type]
        counts.append((lines["reached by weights"], lines["reached by budgets alone"]))
    assert counts[0] == counts[1]
    assert sum(counts[0]) == 10


def test_commands_answer_and_say_why_not(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One document, exit status 3 where nothing is possible, 2 for bad input, without files."""
    monkeypatch.chdir(tmp_path)
    letter().to_json("i.json")
    words = "plan band i.json --deadlines 1.5,7 --gap 1e-3 --workers 1 --json --csv t.csv -o t.svg"
    assert main(words.split()) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["schema"] == "eipyomo/plan-band@1"
    assert [row["termination"] for row in document["rows"]] == ["infeasible", "optimal"]
    assert document["rows"][0]["band_mhz"] is None
    assert len(pd.read_csv("t.csv")) == 2
    assert "deadline of every user (s)" in Path("t.svg").read_text(encoding="utf-8")
    assert main(["plan", "band", "i.json", "--deadlines", "1.5", "-o", "none.png"]) == 3
    out, err = capfd.readouterr()
    assert "infeasible: no allocation keeps within" in out
    assert "none.png is not written" in err
    assert not Path("none.png").exists()
    for bad, sentence in {
        "band i.json --deadlines 5:4:3": "deadlines is '5:4:3', but must be numbers such as",
        "pareto i.json -o t.gif": "output is 't.gif', but must end in .png, .pdf or .svg",
        "slowest i.json --bandwidths-mhz 0": "an element of bandwidths_mhz is 0.0, but must be",
    }.items():
        assert main(["plan", *bad.split()]) == 2
        assert sentence in capfd.readouterr().err
    assert main(["plan"]) == 2
    assert "edge-frequency" in capfd.readouterr().err


@pytest.mark.slow
def test_the_page_runs(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks of docs/planning.md, word for word, write the files that they name."""
    monkeypatch.chdir(tmp_path)
    (script,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(script, {})
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in commands.splitlines():
        own = ["--workers", "1"] if " plan " in line else []
        assert main([*shlex.split(line)[1:], *own]) == 0
    assert "Weights reach" in capfd.readouterr().out
    for file in ("band.png", "front.pdf", "slowest.png", "band.csv", "front.csv"):
        assert Path(file).exists()
