"""What answers say: prices, phases, what binds, differences and stress, each held by laws."""

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
from eipyomo.planning.terms import ENERGIES, PHASES
from tests.conftest import reference

PAGE = (Path(__file__).parents[1] / "docs" / "planning_answers.md").read_text(encoding="utf-8")


@cache
def letter() -> ei.Instance:
    """Return the letter's instance with 4 users."""
    return reference("letter-m4")


@cache
def urgent() -> ei.Instance:
    """Return the same with deadlines of 7.5 s, of which two bind: latencies go up to 7.91 s."""
    return letter().with_settings(["users[*].deadline_s=7.5"])


@cache
def worth() -> pd.DataFrame:
    """Return what each datum of it is worth, by its path."""
    return ei.plan.sensitivity(urgent(), 0.05, workers=1).set_index("datum")


# --- settings that multiply, and axes -------------------------------------------------------------


def test_a_setting_multiplies_what_is_there() -> None:
    """Each user keeps its own number, times the factor; what is left out stays so."""
    own = letter().replace(users={"eu2": {"deadline_s": 5.0}})
    changed = own.with_settings(["users[*].channel_gain*=0.5", "users[*].deadline_s*=2"])
    assert np.array_equal(
        changed.users.numbers("channel_gain"), 0.5 * own.users.numbers("channel_gain")
    )
    assert [user.deadline_s for user in changed.users] == [None, 10.0, None, None]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("bandwidth_hz*=0", "must have a finite factor > 0"),
        ("bandwidth_hz*=much", "must have a finite factor > 0"),
        ("total_energy_budget_j*=2", "has no such number"),
        ("users[*].download*=2", "has no such number"),
        ("server.speed*=2", "has no such number"),
    ],
)
def test_what_cannot_be_multiplied_is_refused(setting: str, words: str) -> None:
    """One sentence names the path."""
    with pytest.raises(InputError, match=re.escape(setting.split("*=", maxsplit=1)[0])) as error:
        letter().with_settings([setting])
    assert words in str(error.value)


@pytest.mark.parametrize("values", ["8:4:3", "log(0:1:3)", "1:2:1", "a,b", ""])
def test_values_that_are_none_are_refused_by_their_axis(values: str) -> None:
    """One sentence that begins with the axis."""
    with pytest.raises(InputError, match=r"^y is 'bandwidth_hz="):
        ei.plan.phase(letter(), "model_bits=8e6,16e6", f"bandwidth_hz={values}", workers=1)


# --- sensitivity ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("datum", "step", "unit"),
    [
        ("bandwidth_hz", 1e-4, 1e6),
        ("users[*].deadline_s", 1e-4, 1.0),
        ("users[*].local_training_s", 1e-3, 1.0),
    ],
)
def test_prices_are_finite_differences(datum: str, step: float, unit: float) -> None:
    """What one more unit saves is the slope of optima to 1e-9 on both sides."""
    (row,) = worth().loc[[datum]].to_dict("records")
    less, more = (
        ei.solve(urgent().with_settings([f"{datum}*={part!r}"]), gap=1e-9).objective
        for part in (1.0 - step, 1.0 + step)
    )
    assert less is not None
    assert more is not None
    slope = (less - more) / (2.0 * step * row["value"] / unit)
    assert row["saves_per_unit"] == pytest.approx(slope, rel=2e-3)


def test_the_price_of_a_server_that_is_shared() -> None:
    """One more GHz of 3 GHz for two tasks saves what finite differences say."""
    shared = letter().replace(server={"total_frequency_hz": 3e9})
    datum = "server.total_frequency_hz"
    (row,) = ei.plan.sensitivity(shared, 1e-4, [datum], gap=1e-9, workers=1).to_dict("records")
    slope = (row["wsel_low"] - row["wsel_high"]) / (2e-4 * 3.0)
    assert (row["unit"], row["saves_per_unit"]) == ("GHz", pytest.approx(slope, rel=1e-4))


def test_data_have_their_direction() -> None:
    """More band, gain and CPU never cost more, and more work never less, to the gap."""
    slack = 1e-6 * worth()["wsel"].iloc[0]
    helps = [
        *("bandwidth_hz", "server.frequency_hz", "server.transmit_power_w"),
        *("users[*].channel_gain", "users[*].max_frequency_hz", "users[*].deadline_s"),
    ]
    costs = [
        *("model_bits", "cycles_per_bit", "users[*].task_bits", "users[*].receive_power_w"),
        *("users[*].energy_weight", "users[*].latency_weight", "users[*].local_training_j"),
        *("users[*].energy_coefficient", "users[*].noise_density_w_per_hz"),
    ]
    for names, sign in ((helps, 1.0), (costs, -1.0)):
        rows = worth().loc[names].astype({"wsel_low": float, "wsel_high": float})
        assert (sign * (rows["wsel"] - rows["wsel_high"]) >= -slack).all()
        assert (sign * (rows["wsel_low"] - rows["wsel"]) >= -slack).all()


def test_every_number_of_an_instance_is_a_datum() -> None:
    """The rows are all positive numbers of the file, and those first that matter most."""
    document = urgent().to_dict()
    shared = {key for key, one in document.items() if isinstance(one, float)}
    server = {f"server.{key}" for key in document["server"]}
    users = {f"users[*].{key}" for key, one in document["users"][0].items() if one != "eu1"}
    assert set(worth().index) == shared | server | users
    swing = worth()[["difference_low", "difference_high"]].astype(float).abs().max(axis=1)
    assert (swing.diff().dropna() <= 0.0).all()
    assert (worth()["bound_low"] <= worth()["wsel_low"]).all()


def test_a_change_that_is_not_allowed_or_leaves_nothing_says_so() -> None:
    """An infeasible end and a refused one are rows with a message, before all others."""
    tight = letter().with_settings(["users[*].deadline_s=5.8", "users[eu1].max_uplink_share=0.95"])
    data = ["users[*].deadline_s", "users[*].max_uplink_share", "bandwidth_hz"]
    found = ei.plan.sensitivity(tight, 0.1, data, gap=1e-3, workers=1).set_index("datum")
    row = found.loc["users[*].deadline_s"]
    assert row["termination_low"] == "infeasible"
    assert np.isnan(row["wsel_low"])
    assert "with less of it" in row["message"]
    assert found.loc["users[*].max_uplink_share"]["termination_high"] == "refused"
    assert found.index[-1] == "bandwidth_hz" or found["message"].iloc[-1] == ""


# --- phases ---------------------------------------------------------------------------------------


def test_cells_of_a_map_are_optima() -> None:
    """Each pair of values is solved as by itself: WSEL, downloads, and the part at the server."""
    found = ei.plan.phase(
        letter(), "model_bits=8e6,32e6", "users[*].channel_gain*=0.3,1", gap=1e-6, workers=1
    )
    assert list(found.columns[:2]) == ["model_bits", "users[*].channel_gain factor"]
    assert found.iloc[:, :2].to_numpy().tolist() == [
        [8e6, 0.3],
        [32e6, 0.3],
        [8e6, 1.0],
        [32e6, 1.0],
    ]
    own = ei.solve(letter().replace(model_bits=32e6))
    row = found.iloc[3]
    assert own.allocation is not None
    assert row["wsel"] == own.objective
    assert row["downloads"] == own.allocation.download.sum()
    assert row["offloaded_share"] == pytest.approx(own.allocation.offload_fraction.mean())


@pytest.mark.parametrize("x", ["model_bits", "=1,2", "model_bits=1", "bandwidth_hz=1e7,2e7", 3])
def test_axes_that_are_none_are_refused(x: str) -> None:
    """One sentence; both axes being one datum is one of the reasons, and a map of one column."""
    with pytest.raises(InputError):
        plotting.phase(ei.plan.phase(letter(), x, "bandwidth_hz=1e7,2e7", gap=1e-2, workers=1))


# --- what binds -----------------------------------------------------------------------------------


def test_what_binds_is_what_the_judge_says() -> None:
    """Used and allowed are the evaluation's; deadlines that bind have a price, others none."""
    result = ei.solve(urgent())
    assert result.allocation is not None
    terms = ei.evaluate(urgent(), result.allocation).breakdown
    found = ei.plan.binding(urgent(), result)
    for j, name in enumerate(terms.names):
        own = found[found["user"] == name]
        (row,) = own[own["limit"] == "deadline"].to_dict("records")
        assert row["used"] == terms.latency_s[j]
        assert row["binds"] == (terms.latency_s[j] > 7.5 * (1.0 - 1e-5))
        assert (row["saves_per_unit"] > 1e-4) == row["binds"]
        ends = own.loc[own["limit"].str.endswith("_branch"), "used"]
        assert ends.max() == pytest.approx(terms.latency_s[j], abs=1e-12)
    uploads = found[found["limit"] == "upload"]
    assert uploads["used"].max() == pytest.approx(result.allocation.sync_s, rel=1e-9)
    assert uploads.loc[uploads["binds"], "user"].tolist() == ["eu4"]
    band = found.iloc[:3]
    assert band["used"].iloc[0] == pytest.approx(band["used"].iloc[1:].sum())
    assert band["allowed"].iloc[0] == 20.0


def test_of_an_infeasible_instance_the_conflict_binds() -> None:
    """With 2 s for everybody nothing is feasible: the rows are limits that are missed together."""
    found = ei.plan.binding(letter().with_settings(["users[*].deadline_s=2"]))
    assert set(found["limit"]) == {"deadline_s"}
    assert found["wsel"].isna().all()
    assert set(found["termination"]) == {"infeasible"}


def test_a_result_of_other_data_is_refused() -> None:
    """The digest tells, though all users have the same names."""
    with pytest.raises(InputError, match="another instance"):
        ei.plan.binding(letter(), ei.solve(urgent(), "eco"))


# --- what if --------------------------------------------------------------------------------------


@cache
def with_modes() -> ei.Instance:
    """Return an instance with a user that may sit out at a penalty, and one user less."""
    out = {"name": "out", "update_bits": 0.0, "penalty": 0.3, "local_cycles": 0.0}
    users = list(letter().users.records())[:3]
    users[0]["modes"] = "any"
    full = {"name": "full", "offload_bits": users[0]["task_bits"], "local_cycles": 0.0}
    return letter().replace(users=users, modes={"any": [out, full]})


@pytest.mark.parametrize("after", ["bandwidth", "modes"])
def test_differences_add_up(after: str) -> None:
    """Terms' parts of WSEL sum to it on both sides, per term and per user, and turn round."""
    other = with_modes() if after == "modes" else letter().replace(bandwidth_hz=1e7)
    terms = ei.plan.what_if(letter(), other, gap=1e-4, workers=1).set_index("term")
    parts = [one for one in (*ENERGIES, *PHASES, "penalty") if one in terms.index]
    for column in ("wsel_before", "wsel_after", "wsel_difference"):
        assert terms.loc[parts, column].sum() == pytest.approx(terms.loc["wsel", column], abs=1e-9)
    users = ei.plan.what_if(letter(), other, "user", gap=1e-4, workers=1)
    assert users["wsel_difference"].sum() == pytest.approx(terms.loc["wsel", "difference"])
    back = ei.plan.what_if(other, letter(), gap=1e-4, workers=1).set_index("term")
    assert back["difference"].to_numpy() == pytest.approx(-terms["difference"].to_numpy())
    if after == "modes":
        assert users.set_index("user").loc["eu4", "changes"] == "leaves"
    else:
        assert users.set_index("user").loc["eu1", "changes"] == "downloads"


# --- stress ---------------------------------------------------------------------------------------


@cache
def careful() -> ei.Allocation:
    """Return a plan for gains that each user misses in a fifth of all draws."""
    plan = ei.solve(letter().pessimistic(0.2)).allocation
    assert plan is not None
    return plan


def test_without_fading_a_plan_costs_what_it_costs() -> None:
    """Draws that are the instance's own gains are evaluations of the plan, in every column."""
    own = ei.evaluate(letter(), careful())
    gains = pd.DataFrame([letter().users.numbers("channel_gain")] * 2, columns=careful().names)
    found = ei.stress(letter(), careful(), 2, gains=gains)
    assert found["wsel"].tolist() == [own.objective] * 2 == found["planned_wsel"].tolist()
    assert found["energy_j"].iloc[0] == own.breakdown.energy_j.sum()
    assert found["sync_s"].iloc[0] == careful().sync_s
    assert (found["late_upload_share"] == 0.0).all()


def test_a_late_upload_makes_everybody_wait() -> None:
    """The sync time is the last upload where that is later, and the plan's elsewhere."""
    found = ei.stress(letter(), careful(), 50, seed=3)
    late = found["late_upload_share"] > 0.0
    assert 0 < late.sum() < 50
    assert (found.loc[late, "sync_s"] > careful().sync_s).all()
    assert (found.loc[~late, "sync_s"] == careful().sync_s).all()
    users = ei.stress(letter(), careful(), 50, seed=3, per="user")
    assert users["wsel"].sum() == pytest.approx(found["wsel"].mean())
    assert users["late_upload_share"].mean() == pytest.approx(found["late_upload_share"].mean())


def test_a_rate_is_missed_as_often_as_the_outage_says() -> None:
    """Drawn gains are below the pessimistic ones with probability 0.2, for each user.

    1000 draws of a fixed seed: the count is binomial, and a true 0.2 is outside of 160..240 with
    probability 0.002, for one of four users with at most 0.008. Who uploads last is late then, and
    nobody is late more often.
    """
    least = letter().pessimistic(0.2).users.numbers("channel_gain")
    assert least == pytest.approx(-np.log(0.8) * letter().users.numbers("channel_gain"))
    users = ei.stress(letter(), careful(), 1000, seed=0, per="user")
    late = users["late_upload_share"] * 1000
    assert late.max() <= 240
    terms = ei.evaluate(letter().pessimistic(0.2), careful()).breakdown
    last = int(np.argmax(terms.previous_download_s + terms.local_training_s + terms.upload_s))
    assert late[last] >= 160


def test_missed_limits_are_counted_among_those_who_have_them() -> None:
    """Per draw the part of those with a deadline, per user the part of the draws; else NaN."""
    limited = letter().replace(users={"eu1": {"deadline_s": 1.0}, "eu2": {"deadline_s": 1e9}})
    draws = ei.stress(limited, careful(), 5)
    assert draws["missed_deadline_share"].tolist() == [0.5] * 5
    assert draws["missed_energy_budget_share"].isna().all()
    users = ei.stress(limited, careful(), 5, per="user")["missed_deadline_share"]
    assert users.iloc[:2].tolist() == [1.0, 0.0]
    assert users.iloc[2:].isna().all()


@pytest.mark.parametrize("outage", [0.0, 1.0, -0.1, float("nan"), "much"])
def test_an_outage_is_a_probability(outage: float) -> None:
    """Neither never nor always."""
    with pytest.raises(InputError, match="outage"):
        letter().pessimistic(outage)


# --- figures, commands, page ----------------------------------------------------------------------


def test_figures_are_drawn_of_tables_and_of_their_files(tmp_path: Path) -> None:
    """On axes that are given, and of a table read back from CSV; other tables are refused."""
    axes = "model_bits*=0.5,1", "bandwidth_hz*=0.5,1"
    tables = {
        "sensitivity": worth().reset_index(),
        "phase": ei.plan.phase(letter(), *axes, gap=1e-2, workers=1),
        "binding": ei.plan.binding(urgent(), gap=1e-2),
        "what_if": ei.plan.what_if(letter(), urgent(), gap=1e-2, workers=1),
        "stress": ei.stress(letter(), careful(), 20),
    }
    for name, table in tables.items():
        draw = getattr(plotting, name)
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        assert isinstance(draw(pd.read_csv(tmp_path / f"{name}.csv")), Figure)
        figure = Figure()
        ax = figure.subplots()
        assert draw(table, ax=ax) is figure
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        with pytest.raises(InputError, match="lacks"):
            draw(pd.DataFrame({"wsel": [1.0], "a": [1.0]}))


def run(words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run a command, and return its status and what it prints."""
    status = main(shlex.split(words))
    return status, *capsys.readouterr()


def test_commands_print_one_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json its rows are the function's, with -o the figure is there; 3 is infeasible."""
    monkeypatch.chdir(tmp_path)
    letter().to_json("i.json")
    status, out, _ = run("plan binding i.json --json -o b.png --csv b.csv", capsys)
    assert status == 0
    rows = json.loads(out)["rows"]
    assert [row["used"] for row in rows] == ei.plan.binding(letter())["used"].tolist()
    assert Path("b.png").read_bytes()[:4] == b"\x89PNG"
    assert len(pd.read_csv("b.csv")) == len(rows)
    for words, code, sentence in (
        ("plan binding i.json --set users[*].deadline_s=2", 3, "keeps within these limits"),
        ("plan what-if i.json", 2, "AFTER and --set are missing"),
        ("plan stress i.json i.json", 2, "schema"),
        ("plan stress i.json --per user -o s.png", 2, "figures are of draws"),
        ("plan stress i.json --outage 2", 2, "outage"),
        ("plan phase i.json --x a=1,2 --workers 1", 2, "a"),
        ("plan sensitivity i.json --change 1", 2, "change"),
        ("plan stress i.json --outage 0.05 --set users[*].deadline_s=2", 3, ""),
    ):
        status, out, err = run(words, capsys)
        assert (status, sentence in out + err) == (code, True), words


def test_the_page_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each block of docs/planning_answers.md, with one process where it would start several."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("eipyomo.studies.pools.processors", lambda: 1)
    python, shell = (
        re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL) for kind in ("python", "sh")
    )
    assert python is not None
    assert shell is not None
    exec(python[1], {"__name__": "__main__"})
    assert "bandwidth" in capsys.readouterr().out
    for line in shell[1].strip().replace(" && ", "\n").splitlines():
        assert main(shlex.split(line)[1:]) == 0, line
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".png"}
