"""Published settings: every value has a source, gains are right by hand, optima are as said."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eipyomo as ei
from eipyomo.cli import main
from eipyomo.presets.published import DEFAULT
from experiments import presets as page_of_presets

NAMES = ei.presets.names()
MBIT = 1e6


def document(name: str, **changes: Any) -> dict[str, Any]:
    """Return the document of a preset's file, changed."""
    folder = Path(str(ei.presets.__file__)).parent
    told: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return told | changes


def test_the_letter_is_the_letter() -> None:
    """The preset's instances are `Instance.letter` bit for bit, but for their names."""
    for users, seed in ((1, 0), (4, 3), (12, 7)):
        own = ei.presets.instance("letter", users, seed)
        assert own.digest() == ei.Instance.letter(users=users, seed=seed).digest()


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_is_solved(name: str) -> None:
    """Certified to 1e-6; all users of a setting do the same where and only where it says so."""
    one = ei.presets.preset(name)
    same = []
    for seed in (0, 1):
        instance = one.instance(seed=seed)
        result = ei.solve(instance)
        assert result.termination == "optimal"
        assert result.gap is not None
        assert result.gap <= 1e-6
        assert result.allocation is not None
        offloaded = result.allocation.offload_fraction
        assert ei.evaluate(instance, result.allocation).objective == result.objective
        same += [np.allclose(offloaded, 0.0 if one.trivial == "local" else 1.0)]
        same += [np.allclose(offloaded, 0.0) or np.allclose(offloaded, 1.0)]
    assert all(same) if one.trivial else not any(same)
    assert one.answer.startswith("Trivial") == (one.trivial is not None)


@pytest.mark.parametrize("name", NAMES)
def test_every_value_has_a_source(name: str) -> None:
    """The table of a preset has each key that makes an instance once, by a source or by default."""
    one = ei.presets.preset(name)
    table = one.frame()
    assert set(table["source"]) <= {*one.sources, DEFAULT}
    assert table["note"].str.len().min() > 0
    assert table["key"].is_unique
    si = [re.sub("_(mbit|kbit|kbyte)$", "_bits", key) for key in table["key"]]
    si = [re.sub("_(mhz|ghz)$", "_hz", re.sub("_dbm", "_w", key)) for key in si]
    instance = one.instance(1)
    flat = {"bandwidth_hz", "model_bits", "cycles_per_bit"}
    flat |= {f"server.{key}" for key in instance.server.data() if key != "total_frequency_hz"}
    flat |= {f"users[*].{key}" for key in next(iter(instance.users.records())) if key != "name"}
    if any(key.startswith("places.") for key in si):
        flat.remove("users[*].channel_gain")
    assert {key for key in si if key.split(".")[0] not in ("channel", "places")} == flat
    assert one.reference.title in str(one.reference)
    assert set(one.sources) >= {given.source for given in one.setting} - {DEFAULT}


def test_gains_and_noise_are_right_by_hand() -> None:
    """LyDROO's nearest and farthest users, whose formulas and numbers stand in its public code."""
    links = ei.presets.links("lydroo", 10, 5)
    assert links is not None
    distances_m = np.hypot(links.x_m, links.y_m)
    assert np.allclose(distances_m, np.linspace(120.0, 255.0, 10), rtol=1e-12)
    for j, distance_m in ((0, 120.0), (9, 255.0)):
        by_hand = 3.0 * (3e8 / (4.0 * math.pi * 915e6 * distance_m)) ** 3
        assert links.mean_gains[j] == pytest.approx(by_hand, rel=1e-12)
    instance = ei.presets.instance("lydroo", 10, 5)
    assert instance.users.numbers("channel_gain").tolist() == links.gains.tolist()
    band_hz, noise_w = 2e6, 2e6 * 10**-17.4 * 1e-3
    for density in (
        instance.server.noise_density_w_per_hz,
        *instance.users.numbers("noise_density_w_per_hz"),
    ):
        assert density * instance.bandwidth_hz == pytest.approx(noise_w)
    gain, power_w = links.gains[0], 0.1
    rate = instance.bandwidth_hz * math.log2(1.0 + gain * power_w / noise_w)
    assert rate == pytest.approx(band_hz / 1.1 * math.log2(1.0 + gain * power_w / noise_w))


def test_rates_of_links_are_those_of_the_codes() -> None:
    """DDLO's users share 100 * 2^20 bit/s, QECO's have 14 Mbit/s each, with equal shares."""
    for name, users, bit_per_s, joule_per_bit in (
        ("ddlo", 3, 100 * 2**20 / 3, 1.42e-7),
        ("qeco", 10, 14e6, 2.3 / 14e6),
    ):
        instance = ei.presets.instance(name, users)
        band_hz = instance.bandwidth_hz / users
        noise_w = instance.server.noise_density_w_per_hz * band_hz
        gains, powers_w = map(instance.users.numbers, ("channel_gain", "transmit_power_w"))
        rates = band_hz * np.log2(1.0 + gains * powers_w / noise_w)
        assert np.allclose(rates, bit_per_s)
        assert np.allclose(powers_w / rates, joule_per_bit)
    ddlo = ei.presets.instance("ddlo")
    frequency_hz, kappa = map(ddlo.users.numbers, ("max_frequency_hz", "energy_coefficient"))
    assert np.allclose(ddlo.cycles_per_bit / frequency_hz, 4.75e-7)
    assert np.allclose(kappa * ddlo.cycles_per_bit * frequency_hz**2, 3.25e-7)


def test_path_losses_are_right_by_hand() -> None:
    """FEDL's -40 dB at 1 m and 40 dB a decade; 140.7 + 36.7 log10(d / km) of Pham's cell."""
    for name, loss_db in (
        ("fedl", lambda d_m: 40.0 + 40.0 * math.log10(d_m)),
        ("woa-mec", lambda d_m: 140.7 + 36.7 * math.log10(d_m / 1e3)),
        ("wireless-fl", lambda d_m: 20.0 * math.log10(d_m)),
        ("meco", lambda _: 30.0),
        ("lodco", lambda _: 40.0 + 40.0 * math.log10(50.0)),
    ):
        links = ei.presets.links(name, 3, 2)
        assert links is not None
        distances_m = np.hypot(links.x_m, links.y_m).tolist()
        assert links.path_loss_db.tolist() == pytest.approx(list(map(loss_db, distances_m)))


def test_distances_are_drawn_evenly() -> None:
    """Of 4,000 users at 2 to 50 m each quarter of the range has about a quarter, in each direction.

    Three standard deviations of a share of 1/4 are 0.0205.
    """
    links = ei.presets.links("fedl", 4000, 1)
    assert links is not None
    parts = np.histogram(np.hypot(links.x_m, links.y_m), 4, (2.0, 50.0))[0]
    quarters = np.histogram(np.arctan2(links.y_m, links.x_m), 4, (-math.pi, math.pi))[0]
    assert np.all(np.abs(np.array([parts, quarters]) / 4000 - 0.25) < 0.0205)
    fewer = ei.presets.links("fedl", 5, 1)
    assert fewer is not None
    assert fewer.x_m.tolist() == links.x_m[:5].tolist()
    again = ei.Links.from_dict(json.loads(json.dumps(fewer.to_dict())))
    assert again.gains.tolist() == fewer.gains.tolist()


def test_a_seed_is_an_instance() -> None:
    """The same arguments give the same instance; another seed others; ranges keep their ends."""
    one, other = (ei.presets.instance("qeco", 6, seed) for seed in (1, 2))
    assert one.digest() == ei.presets.instance("qeco", 6, 1).digest() != other.digest()
    tasks_mbit = one.users.numbers("task_bits") / MBIT
    assert 2.5 <= tasks_mbit.min() < tasks_mbit.max() <= 6.5
    assert len(ei.presets.instance("fedl").users) == 50
    assert ei.presets.links("qeco") is None


def test_bad_presets_are_refused() -> None:
    """A name, a number of users, a source or a schema that is not known is said in a sentence."""
    with pytest.raises(ei.InputError, match="preset is 'fed', but must be one of: letter, "):
        ei.presets.instance("fed")
    with pytest.raises(ei.InputError, match="users is 0, but must be a whole number >= 1"):
        ei.presets.instance("fedl", 0)
    wrong = [{"key": "bandwidth_mhz", "value": 1, "source": "hearsay", "note": "B"}]
    with pytest.raises(ei.InputError, match="source of bandwidth_mhz is 'hearsay', but must be"):
        ei.presets.Preset.from_dict(document("fedl", setting=wrong))
    with pytest.raises(ei.InputError, match="schema is 'x', but a preset must have"):
        ei.presets.Preset.from_dict(document("fedl", schema="x"))


def test_all_are_listed() -> None:
    """The letter first, then by name, each file under its own name, eight papers and more."""
    table = ei.presets.frame()
    assert table["name"].tolist() == NAMES == ["letter", *sorted(NAMES[1:])]
    assert len(NAMES) > 8
    assert all(ei.presets.preset(name).name == name for name in NAMES)


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`presets list`, `show` and `generate --preset` say what Python does."""
    assert main(["presets", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["presets"]
    assert [one["name"] for one in listed] == NAMES
    assert main(["presets", "show", "meco", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert len(shown["setting"]) == len(ei.presets.preset("meco").frame())
    assert main(["presets", "list"]) == main(["presets", "show", "lydroo"]) == 0
    assert "dist_v" in capsys.readouterr().out
    file, links = tmp_path / "i.json", tmp_path / "links.json"
    told = ["generate", "--preset", "lydroo", "--users", "3", "--seed", "1", "-o", str(file)]
    assert main([*told, "--links-output", str(links)]) == 0
    own = ei.Instance.from_json(file)
    assert own.to_dict() == ei.presets.instance("lydroo", 3, 1).to_dict()
    assert ei.Links.from_json(links).gains.tolist() == own.users.numbers("channel_gain").tolist()
    assert main(["generate", "--preset", "fedl", "--set", "model_mbit=2", "-o", str(file)]) == 0
    assert ei.Instance.from_json(file).model_bits == 2 * MBIT
    capsys.readouterr()
    for arguments, sentence in (
        (["show", "x"], "preset is 'x', but must be one of: letter"),
        (
            ["--preset", "fedl", "--task-mbit", "3"],
            "task_mbit is given, but the setting is that of",
        ),
        (["--preset", "fedl", "--links", "a.json"], "links is given, but the setting is that of"),
        (["--preset", "qeco", "--links-output", "l"], "links_output is given without links"),
    ):
        begin = "presets" if arguments[0] == "show" else "generate"
        assert main([begin, *arguments]) == 2
        assert sentence in capsys.readouterr().err


def test_the_page_is_written_from_the_files() -> None:
    """docs/presets.md is what the presets and the stored table make of it, and its Python runs."""
    text = page_of_presets.PAGE.read_text(encoding="utf-8")
    assert text == page_of_presets.page()
    (block,) = re.findall("```python\n(.*?)```", text, re.DOTALL)
    exec(compile(block, "docs/presets.md", "exec"), {})
