"""Scenarios: what they make, where each number comes from, and what is wrong in one sentence."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo import catalog
from eipyomo.cli import main
from eipyomo.plotting import users_map

PAGE = (Path(__file__).parents[1] / "docs" / "scenario.md").read_text(encoding="utf-8")
DISC: dict[str, Any] = {"shape": "disc", "users": 6, "radius_m": 80.0}
SERVER = {"frequency_ghz": 3, "macs_per_cycle": 8, "transmit_power_dbm": 30}


def blocks(language: str) -> list[str]:
    """Return the blocks of the page in a language."""
    return [part.partition("```")[0] for part in PAGE.split(f"```{language}\n")[1:]]


STREET: dict[str, Any] = json.loads(blocks("json")[0])


@cache
def small() -> ei.Scenario:
    """Return six users with two devices that train LeNet-5 and cut it."""
    return ei.Scenario(
        places=DISC,
        channel={"path_loss": {"model": "umi", "carrier_ghz": 3}, "shadowing": "standard"},
        devices={
            "Pixel 6": {"users": 4, "max_frequency_mhz": 2000},
            "mine": {
                "max_frequency_ghz": 1,
                "energy_coefficient": 1e-27,
                "macs_per_cycle": 0.5,
                "transmit_power_dbm": 10,
                "deadline_ms": 9e4,
            },
        },
        network={"name": "LeNet-5", "precision": "float16"},
        task={"inputs": 50, "features": "int8"},
        training={"samples": 20, "epochs": 2},
        radio="NR 20 MHz",
        server={**SERVER, "machines": 2},
        weights={"energy_weight": 0.5},
        limits={"deadline_s": 100, "total_energy_budget_j": 80},
        seed=3,
    )


def values_of(instance: ei.Instance) -> dict[str, Any]:
    """Return all values of an instance's document but for names, by their paths."""
    document = instance.to_dict()
    found = {
        key: value for key, value in document.items() if not isinstance(value, dict | list | str)
    }
    found |= {f"server.{key}": value for key, value in document["server"].items()}
    for user in document["users"]:
        found |= {f"users[{user['name']}].{key}": user[key] for key in user if key != "name"}
    for where, rows in document.get("modes", {}).items():
        for row in rows:
            home = f"modes[{where}][{row['name']}]"
            found |= {f"{home}.{key}": row[key] for key in row if key != "name"}
    return found


@pytest.mark.parametrize("which", ["small", "street", "letter"])
def test_every_value_is_explained(which: str) -> None:
    """Instance and explanation have the same keys, each once, and the same values."""
    scenario = ei.Scenario.from_dict(STREET) if which == "street" else small()
    if which == "letter":
        scenario = ei.Scenario(places=DISC)
    table = scenario.explain()
    assert table["key"].is_unique
    wanted = values_of(scenario.instance())
    found = dict(zip(table["key"], table["value"], strict=True))
    assert set(found) == set(wanted)
    for key, value in wanted.items():
        is_number = isinstance(value, float)
        assert found[key] == (pytest.approx(value, rel=1e-12) if is_number else value), key
    assert table["origin"].isin(["given", "catalogue", "formula", "drawn", "letter"]).all()
    told = table[(table["origin"] != "formula") | table["given"].ne("")]
    assert told["source"].ne("").all()


def test_formulas_give_their_values() -> None:
    """The numbers that stand beside a formula, computed as they stand, are the value."""
    table = small().explain()
    told = table[~table["origin"].isin(["given", "letter"])]
    computed = told[told["given"].str.contains(r" [*/] |\^")]
    assert len(computed) > 50
    for row in computed.to_dict("records"):
        text = row["given"].replace("^", "**")
        assert re.fullmatch(r"[0-9eE.+*/() -]+", text), text
        assert eval(text) == pytest.approx(row["value"], rel=1e-9), row["key"]


def test_values_by_hand() -> None:
    """Sizes, work, training, gains and noise as one computes them from the catalogue's rows."""
    instance, links = small().instance(), small().links
    network, phone = catalog.network("LeNet-5"), catalog.device("Pixel 6")
    assert instance.model_bits == 16 * 60_000
    assert ei.Instance.from_scenario(STREET).model_bits == 8 * 138_357_544
    one, mine = instance.users[0], instance.users[5]
    assert one.task_bits == 50 * network.input_bits
    work = 20 * 2 * 3 * network.macs
    rate = phone.macs_per_cycle
    assert rate is not None
    assert one.local_training_s == pytest.approx(work / rate / 2e9)
    assert mine.local_training_s == pytest.approx(work / 0.5 / 1e9)
    assert mine.local_training_j == pytest.approx(1e-27 * 1e18 * work / 0.5)
    assert one.energy_coefficient == phone.energy_coefficient
    assert one.transmit_power_w == catalog.radio("NR 20 MHz").transmit_power_w
    assert mine.transmit_power_w == pytest.approx(0.01)
    assert (one.deadline_s, mine.deadline_s) == (100.0, 90.0)
    assert (one.energy_weight, one.latency_weight) == (0.5, 0.1)
    assert instance.total_energy_budget_j == 80.0
    assert (instance.server.frequency_hz, instance.server.total_frequency_hz) == (3e9, 6e9)
    radio = catalog.radio("NR 20 MHz")
    assert one.noise_density_w_per_hz == pytest.approx(radio.noise_density_w_per_hz)
    noise = radio.server_noise_density_w_per_hz
    assert instance.server.noise_density_w_per_hz == pytest.approx(noise)
    losses_db = links.path_loss_db + links.shadowing_db
    gains = 10.0 ** (-losses_db / 10.0) * links.fading
    assert instance.users.numbers("channel_gain") == pytest.approx(gains)
    assert links.channel.path_loss.data()["carrier_hz"] == 3e9


def test_modes_are_those_of_the_network() -> None:
    """A list for each device, with its own work in front of a cut and the server's behind it."""
    instance = small().instance()
    assert instance.modes is not None
    assert list(instance.modes) == ["LeNet-5 on Pixel 6", "LeNet-5 on mine"]
    network = catalog.network("LeNet-5")
    for mode, row in zip(
        instance.modes["LeNet-5 on mine"][1:-1], network.frame().to_dict("records"), strict=False
    ):
        assert mode.local_cycles == pytest.approx(50 * row["macs_before"] / 0.5)
        assert mode.edge_cycles == pytest.approx(50 * (network.macs - row["macs_before"]) / 8)
        assert mode.offload_bits == 50 * 8 * row["outputs"]
        assert mode.download_bits == 16 * row["parameters_before"]
        assert mode.in_sequence
    one = small().replace(devices="Pixel 6", task={"cuts": "blocks", "own_weights": False})
    lists = one.instance().modes
    assert lists is not None
    assert len(lists["LeNet-5"]) == len(network.blocks().layers) + 1
    assert all(mode.download_bits is None for mode in lists["LeNet-5"])


def test_what_is_left_out_is_the_letters() -> None:
    """Users at 50 m without anything else are the letter's own instance, bit for bit."""
    rows = [{"name": f"eu{j}", "x_m": 0.0, "y_m": 50.0} for j in (1, 2, 3, 4)]
    scenario = ei.Scenario(places={"shape": "listed", "positions": rows}, seed=7)
    assert scenario.instance().digest() == ei.Instance.letter(seed=7).digest()
    given = scenario.explain()["origin"].value_counts()
    assert given["drawn"] == 4
    assert set(given.index) == {"drawn", "formula", "letter"}


def test_a_task_that_is_not_cut_is_the_letters() -> None:
    """With one pace of all processors C L is the work of all inputs, and bits are those of all."""
    scenario = ei.Scenario(
        places=DISC,
        devices={
            "mine": {"max_frequency_ghz": 1, "energy_coefficient": 1e-28, "macs_per_cycle": 8}
        },
        network="MobileNetV2",
        task={"inputs": 10, "cuts": "none"},
        server=SERVER,
    )
    instance, network = scenario.instance(), catalog.network("MobileNetV2")
    assert instance.modes is None
    work = instance.cycles_per_bit * instance.users[0].task_bits
    assert work == pytest.approx(10 * network.macs / 8)
    assert instance.server.total_frequency_hz is None


@pytest.mark.parametrize(
    ("devices", "counts"),
    [
        ("Pixel 6", {"Pixel 6": 6}),
        ({"Pixel 6": 2, "Jetson Nano": 4}, {"Pixel 6": 2, "Jetson Nano": 4}),
        ({"Pixel 6": 2, "Jetson Nano": {}}, {"Pixel 6": 2, "Jetson Nano": 4}),
        ({"Pixel 6": 1, "Jetson Nano": {}}, {"Pixel 6": 1, "Jetson Nano": 5}),
        ({"Pixel 6": 0.4, "Jetson Nano": 0.6}, {"Pixel 6": 2, "Jetson Nano": 4}),
        ({"Pixel 6": 0.5, "Jetson Nano": {}}, {"Pixel 6": 3, "Jetson Nano": 3}),
        ({"Pixel 6": ["eu6", "eu2"], "Jetson Nano": {}}, {"Pixel 6": 2, "Jetson Nano": 4}),
    ],
)
def test_devices_are_given_out(devices: Any, counts: dict[str, int]) -> None:
    """By numbers, shares, names, and the rest; everybody has one."""
    scenario = ei.Scenario(places=DISC, devices=devices)
    told = [one for one in scenario.told() if one.key == "max_frequency_hz"]
    assert Counter(one.group for one in told) == counts
    clocks = {name: catalog.device(name).max_frequency_hz for name in counts}
    users = {user.name: user.max_frequency_hz for user in scenario.instance().users}
    assert users == {one.owner: clocks[one.group] for one in told}
    if isinstance(devices, dict) and devices["Pixel 6"] == ["eu6", "eu2"]:
        assert {one.owner for one in told if one.group == "Pixel 6"} == {"eu2", "eu6"}


PHONES = {"devices": "Pixel 6", "server": SERVER}
WRONG: dict[str, dict[str, Any]] = {
    "places is missing": {},
    "taks is not a known key": {"places": DISC, "taks": {}},
    "no network 'VGG61', but near that: VGG": {"places": DISC, "network": "VGG61"},
    "devices: the catalogue has no device 'Pixel 66'": {"places": DISC, "devices": "Pixel 66"},
    "devices have {'Pixel 6': 5.0} users, but places have 6": {
        "places": DISC,
        "devices": {"Pixel 6": 5},
    },
    "devices have {'Pixel 6': 1.5, 'Jetson Nano': 4.5} users": {
        "places": DISC,
        "devices": {"Pixel 6": 1.5, "Jetson Nano": 4.5},
    },
    "devices.Pixel 6.users has 'eu9', but must have names": {
        "places": DISC,
        "devices": {"Pixel 6": ["eu9"], "Jetson Nano": {}},
    },
    "devices.Pixel 6.max_frequency_hz is -1000000000": {
        "places": DISC,
        "devices": {"Pixel 6": {"max_frequency_ghz": -1}},
    },
    "devices is 7, but must be a name": {"places": DISC, "devices": 7},
    "radio.transmit_power_hz is not a known key": {
        "places": DISC,
        "radio": {"transmit_power_hz": 1},
    },
    "radio.bandwidth_mhz and bandwidth_hz|same quantity": {
        "places": DISC,
        "radio": {"bandwidth_mhz": 1, "bandwidth_hz": 1e6},
    },
    "channel.path_loss.model is 'umx'": {"places": DISC, "channel": {"path_loss": "umx"}},
    "channel is 7": {"places": DISC, "channel": 7},
    "task.inputs is 3.0, but needs network.name": {"places": DISC, "task": {"inputs": 3}},
    "server.macs_per_cycle is missing": {"places": DISC, "network": "VGG16", "devices": "Pixel 6"},
    "devices.the letter's user.macs_per_cycle is missing": {
        "places": DISC,
        "network": "VGG16",
        "server": SERVER,
    },
    "network.name and network.model_bits are given": {
        "places": DISC,
        "network": {"name": "VGG16", "model_mbit": 4},
    },
    "task.task_bits is given, but with a network": {
        "places": DISC,
        "network": "VGG16",
        "task": {"task_mbit": 4},
    },
    "but with task.cuts 'none' it must be the server's, 8": {
        "places": DISC,
        "network": "VGG16",
        "task": {"cuts": "none"},
        **PHONES,
    },
    "training.samples and local_training_s are given": {
        "places": DISC,
        "network": "VGG16",
        "training": {"samples": 4, "local_training_s": 1},
        **PHONES,
    },
    "server.machines and total_frequency_hz are given": {
        "places": DISC,
        "server": {"machines": 2, "total_frequency_ghz": 4},
    },
    "limits.deadline_ms is 'a', but must be a real number": {
        "places": DISC,
        "limits": {"deadline_ms": "a"},
    },
    "network.precision is 'float8', but must be one of: float32": {
        "places": DISC,
        "network": {"name": "VGG16", "precision": "float8"},
    },
}


@pytest.mark.parametrize("sentence", list(WRONG))
def test_what_is_wrong_is_said(sentence: str) -> None:
    """One sentence names the key, the value and what is allowed."""
    with pytest.raises(ei.InputError) as caught:
        ei.Scenario(**WRONG[sentence])
    assert all(part in str(caught.value) for part in sentence.split("|")), str(caught.value)


def test_a_scenario_keeps_what_was_written(tmp_path: Path) -> None:
    """Its document has the units and names of before, and nothing that is changed later."""
    scenario = ei.Scenario.from_dict(STREET)
    assert scenario.to_dict() == STREET
    scenario.to_dict()["places"]["users"] = 1
    file = tmp_path / "street.json"
    scenario.to_json(file)
    again = ei.Scenario.from_json(file)
    assert again.to_dict() == STREET
    digest = scenario.instance().digest()
    assert again.instance().digest() == digest
    assert ei.Instance.from_scenario(file).digest() == digest
    assert ei.Instance.from_scenario(STREET).digest() == digest
    assert scenario.replace(seed=2).instance().digest() != digest
    channel = ei.Channel(path_loss="umi")
    made = ei.Scenario(places=DISC, channel=channel)
    assert made.links.channel == channel


def test_the_map_tells_cuts_apart() -> None:
    """With modes each one that is taken has its marker, and how many take it."""
    result = ei.solve(small().instance())
    assert result.allocation is not None
    figure = users_map(result, small().links)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    texts = [text.get_text().strip() for text in legend.get_texts()]
    counts = Counter(result.allocation.mode or ())
    assert {*texts} == {*(f"{mode} ({count})" for mode, count in counts.items()), "edge server"}


def test_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every block of docs/scenario.md: its plan is proven to 1e-6, with a cut of every phone."""
    monkeypatch.chdir(tmp_path)
    Path("street.json").write_text(blocks("json")[0])
    for line in "".join(blocks("sh")).splitlines():
        assert main(line.removeprefix("eipyomo ").split()) == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    assert "cut behind conv 5-3" in out
    assert "30 Pixel 6: max_frequency_hz" in out
    assert Path("map.png").read_bytes().startswith(b"\x89PNG")
    result = json.loads(Path("result.json").read_text())
    assert result["termination"] == "optimal"
    assert 0.0 <= result["gap"] <= 1e-6
    modes = Counter(user["mode"] for user in result["allocation"]["users"])
    assert len(modes) >= 2
    assert sum(modes.values()) == 40
    exec("\n".join(blocks("python")), {})


def test_commands_take_scenarios(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Explanations as documents and tables, instances with another seed, and what is refused."""
    monkeypatch.chdir(tmp_path)
    small().to_json("small.json")
    assert main(["explain", "small.json", "--json", "-o", "numbers.csv"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "eipyomo/explanation@1"
    keys = [row["key"] for row in document["numbers"]]
    assert keys == small().explain()["key"].tolist()
    assert len(Path("numbers.csv").read_text().splitlines()) == len(keys) + 1
    command = ["generate", "--scenario", "small.json", "--seed", "8", "--name", "other"]
    assert main([*command, "-o", "i.json", "--links-output", "l.json"]) == 0
    made = ei.Instance.from_json("i.json")
    assert made.digest() == small().replace(seed=8).instance().digest()
    assert made.name == "other"
    gains = made.users.numbers("channel_gain")
    assert np.array_equal(ei.Links.from_json("l.json").gains, gains)
    assert main(["compare", "small.json", "--methods", "exact", "--json"]) == 0
    capsys.readouterr()
    for words, sentence in (
        (["solve", "i.json", "--map", "m.png"], "i.json: places is missing: where users are is"),
        (["solve", "small.json", "--map", "m.bmp"], "must end in .png, .pdf or .svg"),
        ([*command, "--model-mbit", "4"], "model_mbit is given, but the instance is that of scen"),
        (["explain", "i.json"], "i.json: schema is 'eipyomo/instance@1', but a scenario must have"),
        (["explain", "small.json", "-o", "x.doc"], "must end in .csv"),
    ):
        assert main(words) == 2
        assert sentence in capsys.readouterr().err
    assert not math.isnan(gains.sum())
