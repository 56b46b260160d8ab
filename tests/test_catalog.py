"""The catalogue: totals as published, a source for every number, names, tables and commands."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import eipyomo as ei
from eipyomo.catalog.shelves import DATA, all_devices, all_networks, all_radios
from eipyomo.cli import main
from experiments import catalog as script

Capture = pytest.CaptureFixture[str]
PAGE = (Path(__file__).parents[1] / "docs" / "catalog.md").read_text(encoding="utf-8")

PUBLISHED: dict[str, tuple[int, float]] = {
    "AlexNet": (61_100_840, 0.714),
    "VGG11": (132_863_336, 7.609),
    "VGG16": (138_357_544, 15.47),
    "VGG19": (143_667_240, 19.632),
    "ResNet-18": (11_689_512, 1.814),
    "ResNet-34": (21_797_672, 3.664),
    "ResNet-50": (25_557_032, 4.089),
    "ResNet-101": (44_549_160, 7.801),
    "GoogLeNet": (6_624_904, 1.498),
    "SqueezeNet 1.1": (1_235_496, 0.349),
    "DenseNet-121": (7_978_856, 2.834),
    "MobileNetV2": (3_504_872, 0.301),
    "MobileNetV3-Small": (2_542_856, 0.057),
    "MobileNetV3-Large": (5_483_032, 0.217),
    "EfficientNet-B0": (5_288_548, 0.386),
    "ViT-B/16": (86_567_656, 17.564),
}
"""Parameters, and MACs in billions with three digits, in the metadata of torchvision's weights."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_totals_are_torchvisions(name: str) -> None:
    """Layers add up to the parameters that torchvision counts, and MACs round to its own."""
    network = ei.catalog.network(name)
    parameters, macs = PUBLISHED[name]
    assert network.parameters == parameters
    assert round(network.macs / 1e9, 3) == macs


def test_other_totals_are_those_of_papers() -> None:
    """Numbers of the papers that docs/catalog.md and each network's `check` name."""
    lenet = ei.catalog.network("LeNet-5")
    assert lenet.parameters == 60_000
    # A connection is a weight at a place, or a bias: four inputs and a bias in a subsampling.
    with_bias = sum(lenet.layers[k].outputs for k in (0, 2, 4, 5))
    assert lenet.macs + with_bias + 5 * (lenet.layers[1].outputs + lenet.layers[3].outputs) == (
        340_908
    )
    assert ei.catalog.network("FedAvg MNIST CNN").parameters == 1_663_370
    cifar = ei.catalog.network("CIFAR CNN")
    assert cifar.parameters == 1_068_298
    assert 0.93 * 19.5e6 < cifar.macs < 19.5e6  # which has local normalisation as well
    rows = [layer.parameters for layer in ei.catalog.network("char-LSTM").layers]
    assert rows == [720, 271_360, 525_312, 23_130]
    mobilenet = ei.catalog.network("MobileNetV1")
    assert mobilenet.parameters == pytest.approx(4.2e6, rel=0.01)
    assert mobilenet.macs == pytest.approx(569e6, rel=1e-3)
    assert ei.catalog.network("DeiT-Ti").parameters == pytest.approx(5.7e6, rel=0.005)
    others = {*PUBLISHED, "LeNet-5", "FedAvg MNIST CNN", "CIFAR CNN", "char-LSTM"}
    assert {*others, "MobileNetV1", "DeiT-Ti"} == {one.name for one in all_networks()}


def test_the_file_is_what_the_script_makes() -> None:
    """No layer is typed by hand."""
    assert (DATA / "networks.json").read_text(encoding="utf-8") == script.text()


def test_shapes_are_those_of_papers() -> None:
    """Outputs where a network may be cut: VGG16's poolings, ResNet's stages, MobileNetV2's last."""
    blocks = ei.catalog.network("VGG16").blocks()
    sides = (112, 56, 28, 14, 7)
    widths = (64, 128, 256, 512, 512)
    poolings = [side**2 * width for side, width in zip(sides, widths, strict=True)]
    assert [layer.outputs for layer in blocks.layers] == [*poolings, 4096, 4096, 1000]
    stages = ei.catalog.network("ResNet-50").blocks().frame().set_index("layer")["outputs"]
    assert stages["stage 3"] == 14 * 14 * 1024
    assert ei.catalog.network("MobileNetV2").layers[-2].outputs == 7 * 7 * 1280
    dense = ei.catalog.network("DenseNet-121").blocks().layers
    assert dense[-2].outputs == 7 * 7 * 1024
    for one in all_networks():
        assert one.blocks().parameters == one.parameters
        assert one.blocks().macs == one.macs


def test_every_number_has_a_source() -> None:
    """Each number of devices and radios says how it is known and whence; no source is unused."""
    for shelf in ("devices", "radios"):
        document = json.loads((DATA / f"{shelf}.json").read_text(encoding="utf-8"))
        numbers = [one for row in document[shelf] for one in row["numbers"].values()]
        assert {one["source"] for one in numbers} == set(document["sources"])
        assert all(one.get("note") for one in numbers if one["how"] == "derived")
    for entry in (*all_devices(), *all_radios()):
        table = entry.explain().set_index("key")
        known = table[table["how"] != "derived"]
        assert (known["source"].str.len() > 20).all(), entry.name
        assert set(table["how"]) <= {
            "measured",
            "stated",
            "standard",
            "assumed",
            "derived",
            "given",
        }
    assert all(len(one.source) > 20 and len(one.check) > 20 for one in all_networks())


def test_derived_numbers_follow() -> None:
    """κ, MACs a cycle and noise by hand; changed copies are fresh; energies are of this world."""
    pi = ei.catalog.device("Raspberry Pi 4")
    assert pi.energy_coefficient == pytest.approx((7.2 - 2.7) / 1.8e9**3, rel=1e-15)
    assert pi.macs_per_cycle == pytest.approx(11.889 / 1.8, rel=1e-15)
    phone = ei.catalog.device("Pixel 6")
    assert phone.energy_coefficient == pytest.approx(0.25425 * 3.7 / 2.802e9**3, rel=1e-12)
    changed = pi.replace(load_power_w=5.2)
    assert changed.energy_coefficient == pytest.approx(2.5 / 1.8e9**3, rel=1e-15)
    assert changed.explain().set_index("key").loc["load_power_w", "how"] == "given"
    assert pi.replace(max_frequency_hz=1e9).energy_coefficient == pi.energy_coefficient
    radio = ei.catalog.radio("NR 20 MHz")
    assert radio.noise_density_w_per_hz == pytest.approx(10 ** (-16.7 - 3.0), rel=1e-12)
    assert phone.receive_power_w(radio) == pytest.approx(0.198 * 3.7)
    assert phone.receive_power_w(ei.catalog.radio("Wi-Fi")) == pytest.approx(0.098 * 3.7)
    assert pi.receive_power_w(radio) == radio.receive_power_w
    assert pi.cycles_per_bit(6.605) == pytest.approx(1.0)
    for one in all_devices():
        pico_joule = 1e12 * one.energy_coefficient * one.max_frequency_hz**2 / one.macs_per_cycle
        assert 1.0 < pico_joule < 1e4, one.name


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (
            lambda: ei.catalog.device("raspbery pi 4"),
            "the catalogue has no device 'raspbery pi 4', but near that: Raspberry Pi 4, ",
        ),
        (
            lambda: ei.catalog.network("vgg"),
            "the catalogue has no network 'vgg', but near that: VGG11, VGG16, VGG19",
        ),
        (lambda: ei.catalog.radio("xyz"), "the catalogue has no radio 'xyz', but these: Wi-Fi 20"),
        (lambda: ei.catalog.radio(""), "the catalogue has no radio '', but these: Wi-Fi 20 MHz"),
        (
            lambda: ei.catalog.device(4),  # type: ignore[arg-type]
            "the name of a device is 4, but must be a text",
        ),
        (
            lambda: ei.catalog.network("VGG16").bits("float8"),
            "weights is 'float8', but must be a number of bits or one of: float32, float16",
        ),
        (
            lambda: ei.catalog.network("VGG16").modes(0),
            "inputs is 0, but must be a finite number > 0",
        ),
        (
            lambda: ei.catalog.device("T4").replace(load_power_w=-1),
            "load_power_w is -1, but must be a finite number > 0",
        ),
        (
            lambda: ei.catalog.device("T4").replace(idle_power_w=70.0),
            "idle_power_w is 70, but must be below load_power_w, which is 70",
        ),
        (
            lambda: ei.catalog.device("T4").cycles_per_bit(0.0),
            "macs_per_bit is 0.0, but must be a finite number > 0",
        ),
    ],
)
def test_bad_input_is_refused(ask: Any, sentence: str) -> None:
    """One sentence names what it is, and what is allowed."""
    with pytest.raises(ei.InputError) as error:
        ask()
    assert str(error.value).startswith(sentence)


def test_names_are_found_however_they_are_written() -> None:
    """Case, blanks, hyphens and other names do not matter, and no two entries share one."""
    for name in ("mobilenet v2", "MOBILENET-V2", "MobileNetV2"):
        assert ei.catalog.network(name).name == "MobileNetV2"
    assert ei.catalog.network("vit_ti/16").name == "DeiT-Ti"
    assert ei.catalog.device("Raspberry-Pi 4 model b").name == "Raspberry Pi 4"
    assert ei.catalog.radio("5g").name == "NR 20 MHz"
    every: list[Any] = [*all_networks(), *all_devices(), *all_radios()]
    names = [re.sub(r"[^a-z0-9]", "", n.lower()) for one in every for n in (one.name, *one.aliases)]
    assert len(set(names)) == len(names)
    assert len(ei.catalog.networks()) == 22
    assert set(ei.catalog.devices()["kind"]) >= {
        "phone",
        "board",
        "accelerator",
        "laptop",
        "server",
    }
    assert ei.catalog.radios()["bandwidth_hz"].min() == 125e3
    for one in every:
        assert len(repr(one)) <= 200
        assert "<table>" in one._repr_html_()
        assert pickle.loads(pickle.dumps(one)) == one


@pytest.mark.parametrize(("name", "inputs"), [("VGG16", 20.0), ("MobileNetV2", 100.0)])
def test_cuts_are_solved(name: str, inputs: float) -> None:
    """A phone's best cut is certified, and no mode alone is better: each is judged by itself."""
    network, phone = ei.catalog.network(name), ei.catalog.device("Pixel 6")
    cuts = network.modes(
        inputs,
        macs_per_cycle=phone.macs_per_cycle,
        edge_macs_per_cycle=4.0 * phone.macs_per_cycle,
        weights="int8",
        features="int8",
    )
    assert len(cuts) == len(network.layers) + 1
    assert cuts[0].edge_cycles == pytest.approx(inputs * network.macs / phone.macs_per_cycle / 4.0)
    assert cuts[-1].local_cycles == pytest.approx(inputs * network.macs / phone.macs_per_cycle)
    assert cuts[-1].download_bits == network.bits("int8")
    base = ei.Instance.letter(users=1).replace(
        model_bits=network.bits("int8"),
        modes={"cuts": cuts},
        users={"eu1": {**phone.as_user(ei.catalog.radio("NR 20 MHz")), "modes": "cuts"}},
    )
    best = ei.solve(base, gap=1e-6)
    assert best.termination == "optimal"
    assert best.objective is not None
    alone = {cut.name: ei.solve(base.replace(modes={"cuts": [cut]})).objective for cut in cuts}
    assert best.objective == pytest.approx(min(filter(None, alone.values())), rel=1e-5)
    assert best.allocation is not None
    assert best.allocation.mode is not None
    assert alone[str(best.allocation.mode[0])] == pytest.approx(best.objective, rel=1e-5)


def test_commands_print_and_write(tmp_path: Path, capsys: Capture) -> None:
    """Tables for people, one JSON document, files by their suffix, and sentences."""
    assert main(["catalog", "list"]) == 0
    assert "MobileNetV3-Large" in capsys.readouterr().out
    assert main(["catalog", "list", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in document["radios"]][:2] == ["Wi-Fi 20 MHz", "Wi-Fi 80 MHz"]
    file = tmp_path / "layers.csv"
    assert main(["catalog", "show", "vgg-16", "-o", str(file)]) == 0
    assert "138,357,544 parameters" in capsys.readouterr().out
    assert pd.read_csv(file)["parameters"].sum() == 138_357_544
    assert main(["catalog", "show", "Pixel 6", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["numbers"][0]["key"] == "min_frequency_hz"
    assert main(["catalog", "show", "NB-IoT"]) == 0
    assert "3GPP TR 45.820" in capsys.readouterr().out
    file = tmp_path / "devices.md"
    assert main(["catalog", "list", "devices", "-o", str(file)]) == 0
    assert "Raspberry Pi 5" in file.read_text(encoding="utf-8")
    capsys.readouterr()
    for words, sentence in (
        (["list", "nets"], "'nets' is no part of the catalogue, which has: networks, devices"),
        (["list", "-o", "a.csv"], "output is given for one table: say which, of: networks,"),
        (["show", "mobilenet v9"], "the catalogue has no entry 'mobilenet v9', but near that: M"),
        (["show", "VGG16", "-o", "a.txt"], "output is 'a.txt', but must end in .csv, .tex"),
    ):
        assert main(["catalog", *words]) == 2
        assert sentence in capsys.readouterr().err
    assert main(["catalog"]) == 2


def test_the_page_runs() -> None:
    """The blocks of docs/catalog.md, word for word; its last one is solved, with cuts for all."""
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(compile(block, "docs/catalog.md", "exec"), names)
    assert names["result"].termination == "optimal"
    assert all("cut behind" in mode for mode in names["result"].allocation.mode)
