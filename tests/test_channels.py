"""Channels and places: losses against public numbers, laws of what is drawn, traces, and files."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import eipyomo as ei
from eipyomo import radio
from eipyomo.cli import main
from eipyomo.plotting import users_map
from eipyomo.radio.path_loss import Paths
from eipyomo.radio.projection import local_metres

CRRM = {
    ("uma", "los", 3.5): {10: 69.8399, 50: 77.2122, 200: 89.5695, 1000: 109.4119},
    ("uma", "nlos", 3.5): {10: 79.4150, 50: 92.5108, 200: 114.4620, 1000: 141.6660},
    ("umi", "los", 3.5): {10: 66.7610, 50: 79.0896, 200: 91.6112, 1000: 119.1531},
    ("umi", "nlos", 3.5): {10: 73.4569, 50: 94.1807, 200: 115.2288, 1000: 139.8892},
    ("inh", "los", 3.5): {10: 60.7287, 50: 72.6795, 100: 77.8829},
    ("inh", "nlos", 3.5): {10: 69.4735, 50: 95.9311, 100: 107.4506},
}
"""dB at 3.5 GHz by the pathloss classes of CRRM 2.0.2 (PyPI); users at 1.5 m, in offices at 1 m."""

NS3 = {
    ("uma", "los", 5.0): {10: 72.9380, 100: 86.2362, 1000: 109.7252, 5000: 137.6794},
    ("uma", "nlos", 5.0): {10: 82.5131, 100: 106.1356, 1000: 144.7641, 5000: 172.0753},
    ("umi", "los", 5.0): {10: 69.8591, 100: 88.4122, 1000: 119.3114, 5000: 147.2696},
    ("umi", "nlos", 5.0): {10: 76.7563, 100: 107.9432, 1000: 143.1886, 5000: 167.8617},
    ("inh", "los", 5.0): {1: 50.8072, 10: 63.7630, 50: 75.7750, 100: 80.9802},
    ("inh", "nlos", 5.0): {1: 50.8072, 10: 73.1894, 50: 99.7824, 100: 111.3062},
}
"""dB at 5 GHz by ns-3's own test suite of its three-gpp-propagation-loss-model, users at 1.5 m."""


def losses_db(loss: radio.FreeSpace | Any, *ground_m: float, seen: bool = True) -> Any:
    """Return the losses of a model at distances."""
    count = len(ground_m)
    height_m, flags = np.full(count, np.nan), np.full(count, seen)
    return loss.loss_db(Paths(np.array(ground_m, float), height_m, flags, np.zeros((count, 2))))


def at(*distances_m: float) -> radio.Listed:
    """Return users in a row to the east."""
    rows = [{"name": f"eu{j}", "x_m": x_m, "y_m": 0.0} for j, x_m in enumerate(distances_m, 1)]
    return radio.Listed(positions=rows)


@pytest.mark.parametrize("case", [*CRRM, *NS3])
def test_standard_losses_are_those_of_public_programs(case: tuple[str, str, float]) -> None:
    """To 0.01 dB at 3.5 GHz those of CRRM, and at 5 GHz those that ns-3 tests itself by.

    ns-3 takes 299,792,458 m/s where the standard has 3e8: 0.013 dB beyond the breakpoint.
    """
    model, sight, carrier_ghz = case
    channel = ei.Channel(
        path_loss={
            "model": model,
            "sight": sight,
            "carrier_hz": carrier_ghz * 1e9,
            "user_height_m": 1.0 if (model, carrier_ghz) == ("inh", 3.5) else 1.5,
        }
    )
    table = {**CRRM, **NS3}[case]
    links = ei.Links.draw(channel, at(*map(float, table)))
    room_db = 0.01 if case in CRRM else 0.015
    assert links.path_loss_db == pytest.approx(list(table.values()), abs=room_db)


def test_simple_losses() -> None:
    """Free space by P.525 in MHz and km; log-distance; 128.1 by TR 36.942's general form."""
    ground_m = np.array([10.0, 50.0, 200.0, 1000.0])
    free_db = 32.4478 + 20.0 * np.log10(3500.0) + 20.0 * np.log10(ground_m / 1e3)
    assert losses_db(radio.FreeSpace(), *ground_m) == pytest.approx(free_db, abs=0.01)
    close_in = radio.LogDistance(exponent=2.0)
    assert losses_db(close_in, *ground_m) == pytest.approx(free_db, abs=0.01)
    told = radio.LogDistance(exponent=3.0, reference_m=10.0, reference_db=60.0)
    assert losses_db(told, *ground_m) == pytest.approx(60.0 + 30.0 * np.log10(ground_m / 10.0))
    roofs_m, carrier_mhz = 15.0, 2000.0
    slope = 40.0 * (1.0 - 4e-3 * roofs_m)
    start = -18.0 * math.log10(roofs_m) + 21.0 * math.log10(carrier_mhz) + 80.0
    macro_db = losses_db(radio.Macro(), *ground_m)
    assert macro_db == pytest.approx(start + slope * np.log10(ground_m / 1e3), abs=0.06)


def test_probabilities_of_a_line_of_sight() -> None:
    """By hand from Table 7.4.2-1 of TR 38.901; pieces meet but where the table has jumps."""
    none = np.full(3, np.nan)
    for loss, scale in ((radio.UrbanMacro(), 63.0), (radio.StreetCanyon(), 36.0)):
        found = loss.los_probability(np.array([18.0, 18.001, 100.0]), none)
        assert found[:2] == pytest.approx([1.0, 1.0], abs=1e-3)
        assert found[2] == pytest.approx(0.18 + math.exp(-100.0 / scale) * 0.82)
    mixed = radio.Office().los_probability(np.array([1.2, 5.0, 20.0]), none)
    assert mixed == pytest.approx([1, math.exp(-3.8 / 4.7), 0.32 * math.exp(-13.5 / 32.6)])
    broad = radio.Office(office="open").los_probability(np.array([5.0, 40.0, 60.0]), none)
    assert broad == pytest.approx([1, math.exp(-35 / 70.8), 0.54 * math.exp(-11 / 211.7)])
    links = ei.Links.draw({"path_loss": "umi"}, at(*[100.0] * 4000), seed=1)
    likely = 0.18 + math.exp(-100.0 / 36.0) * 0.82
    assert links.line_of_sight.mean() == pytest.approx(likely, abs=4.0 * 0.5 / math.sqrt(4000.0))


@pytest.mark.parametrize("seed", [0, 7])
def test_without_arguments_it_is_the_letters(seed: int) -> None:
    """The channel of the letter at 50 m gives the letter's instance, bit for bit."""
    letter = ei.Instance.letter(users=5, seed=seed)
    links = ei.Links.draw(ei.Channel(), at(*[50.0] * 5), seed)
    assert links.instance(letter) == letter
    assert np.array_equal(links.instance().users.numbers("channel_gain"), links.gains)


@pytest.mark.parametrize(
    "fading",
    [{"law": "rayleigh"}, {"law": "rician", "k_db": 6.0}, {"law": "nakagami", "m": 2.5}, "none"],
)
def test_moments_of_fadings(fading: Any) -> None:
    """Mean 1 and the law's variance, within 4 standard errors: a chance of 1 in 10,000 to fail."""
    law = ei.Channel(fading=fading).fading
    drawn = law.drawn(np.random.default_rng(5), 40_000)
    error = 4.0 / math.sqrt(len(drawn))
    assert drawn.mean() == pytest.approx(1.0, abs=error * math.sqrt(law.variance) + 1e-12)
    square = (drawn - 1.0) ** 2
    assert square.mean() == pytest.approx(law.variance, abs=error * square.std() + 1e-12)
    expected = {"rayleigh": 1.0, "rician": 0.3612, "nakagami": 0.4, "none": 0.0}[law.law]
    assert law.variance == pytest.approx(expected, abs=1e-4)  # (1 + 2 K) / (1 + K)^2, K = 10^0.6


def test_shadowing_is_correlated_in_space() -> None:
    """Deviation and correlation exp(-d / d_cor) of pairs of users, over 1,500 seeds."""
    channel = {
        "path_loss": {"model": "macro"},
        "shadowing": {"sigma_db": 8.0, "correlation_m": 50.0},
        "fading": "none",
    }
    places = at(100.0, 125.0)
    found = np.array([ei.Links.draw(channel, places, seed).shadowing_db for seed in range(1500)])
    assert found.std(axis=0) == pytest.approx([8.0, 8.0], rel=4.0 / math.sqrt(3000.0))
    assert np.corrcoef(found.T)[0, 1] == pytest.approx(math.exp(-0.5), abs=0.07)
    one = ei.Links.draw(channel, at(100.0, 100.0, 100.0), seed=1).shadowing_db
    assert np.ptp(one) < 1e-2  # the same place, the same shadow


def test_antennas_noise_and_shadows_add_up() -> None:
    """In dB a gain is antennas less losses, and noise figures raise noise densities."""
    channel = ei.Channel(
        path_loss="umi",
        shadowing="standard",
        server_antenna_dbi=8.0,
        user_antenna_dbi=-1.0,
        server_noise_figure_db=5.0,
        user_noise_figure_db=9.0,
    )
    links = ei.Links.draw(channel, {"shape": "disc", "users": 30, "radius_m": 300.0}, seed=3)
    sums_db = 7.0 - links.path_loss_db - links.shadowing_db + 10.0 * np.log10(links.fading)
    assert 10.0 * np.log10(links.gains) == pytest.approx(sums_db)
    instance = links.instance()
    noises = instance.server.noise_density_w_per_hz, instance.users[0].noise_density_w_per_hz
    assert 10.0 * np.log10(noises) + 30.0 == pytest.approx([-169.0, -165.0])


@pytest.mark.parametrize(
    "shape",
    [
        {"shape": "disc", "radius_m": 100.0},
        {"shape": "hexagon", "radius_m": 100.0},
        {"shape": "street", "length_m": 200.0, "width_m": 30.0},
    ],
)
def test_places_fill_their_area(shape: dict[str, Any]) -> None:
    """Evenly, never too near, and more users change no place of those before them."""
    links = ei.Links.draw({}, {**shape, "users": 4000}, seed=2)
    few = ei.Links.draw({}, {**shape, "users": 40}, seed=2)
    assert np.array_equal(few.x_m, links.x_m[:40])
    assert np.array_equal(few.gains, links.gains[:40])
    distance_m = np.hypot(links.x_m, links.y_m)
    assert distance_m.min() >= 10.0
    area = {"disc": math.pi * 1e4, "hexagon": 1.5 * math.sqrt(3.0) * 1e4, "street": 6e3}
    # Of the ring from 10 to 15 m, which all three hold, by areas.
    part = math.pi * (15.0**2 - 10.0**2) / (area[shape["shape"]] - math.pi * 100.0)
    found = np.mean(distance_m < 15.0)
    assert found == pytest.approx(part, abs=4.0 * math.sqrt(part / 4000.0))


def test_degrees_become_metres() -> None:
    """Against chords of the ellipsoid WGS 84 in space, to 10 cm within 5 km."""

    def in_space(latitude_deg: float, longitude_deg: float) -> Any:
        latitude, longitude = math.radians(latitude_deg), math.radians(longitude_deg)
        square = 0.00669437999014
        radius = 6378137.0 / math.sqrt(1.0 - square * math.sin(latitude) ** 2)
        flat = radius * math.cos(latitude)
        east = flat * math.cos(longitude), flat * math.sin(longitude)
        return np.array([*east, radius * (1.0 - square) * math.sin(latitude)])

    for server in ((48.2, 16.37), (-33.9, 179.999), (0.0, -60.0)):
        for north, east in ((0.03, 0.0), (0.0, 0.04), (-0.02, 0.03)):
            other = server[0] + north, (server[1] + east + 180.0) % 360.0 - 180.0
            x_m, y_m = local_metres(np.array([other[0]]), np.array([other[1]]), server)
            chord_m = np.linalg.norm(in_space(*other) - in_space(*server))
            assert math.hypot(x_m[0], y_m[0]) == pytest.approx(chord_m, abs=0.1)


def test_places_from_tables(tmp_path: Path) -> None:
    """Metres and degrees, a server in a row or told, heights or none; faults by line."""
    file = tmp_path / "places.csv"
    file.write_text("name,x_m,y_m,height_m\nserver,10,20,\na,13,24,\nÜ,10,120,1.8\n")
    places = radio.read_places(file)
    assert [(one.name, one.x_m, one.y_m, one.height_m) for one in places.positions] == [
        ("a", 3.0, 4.0, None),
        ("Ü", 0.0, 100.0, 1.8),
    ]
    file.write_text("name,latitude_deg,longitude_deg\na,48.21,16.37\n")
    assert radio.read_places(file, (48.2, 16.37)).positions[0].y_m == pytest.approx(1112.0, abs=1)
    for text, sentence in (
        ("name,latitude_deg,longitude_deg\na,48.21,16.37\n", "no row named 'server'"),
        ("name,latitude_deg,longitude_deg\nserver,48,16\na,16,48\n", "each other's columns"),
        ("name,latitude_deg,longitude_deg\nserver,48,16\na,98,48\n", "line 3: latitude_deg .*'98'"),
        ("name,x_m,y_m\na,1,\n", "line 2: y_m .user 'a'. is blank"),
        ("name,x_m,y_m\na,1,2\na,3,4\n", "'a' twice"),
        ("name,x_m\na,1\n", "lacks the columns 'y_m'"),
        ("name;x_m;y_m\na;1;2\n", "semicolons"),
        ("name,x_m,y_m\n", "no users"),
    ):
        file.write_text(text)
        with pytest.raises(ei.InputError, match=sentence):
            radio.read_places(file)


WRONG: dict[str, tuple[dict[str, Any], Any]] = {
    r"path_loss\.model is 'x', but must be one of: exponent": ({"path_loss": "x"}, 50.0),
    "path_loss is 5, but must be an object": ({"path_loss": 5}, 50.0),
    r"path_loss\.exponent is missing": ({"path_loss": "log_distance"}, 50.0),
    r"fading\.k_db is missing": ({"fading": "rician"}, 50.0),
    r"fading\.m is 0\.2": ({"fading": {"law": "nakagami", "m": 0.2}}, 50.0),
    r"shadowing\.sigma_db is missing": ({"shadowing": "standard"}, 50.0),
    "distance of user 'eu1' is 1 m, but path loss 'umi' holds from 10 to 5000 m": (
        {"path_loss": "umi"},
        1.0,
    ),
    "is 10000 m, but path loss 'uma' holds": ({"path_loss": "uma"}, 1e4),
    "distance between antennas of user 'eu1' is 200": ({"path_loss": "inh"}, 200.0),
    "is 1 m, but path loss 'macro' holds from 35 m on": ({"path_loss": "macro"}, 1.0),
    "server_height_m is 30 m, but path loss 'uma' holds for 25 m": (
        {"path_loss": {"model": "uma", "server_height_m": 30.0}},
        50.0,
    ),
    "user 'eu1' is 0 m from the server": ({}, 0.0),
    "must be above 0 and below 1: are distances in m": ({"server_antenna_dbi": 200.0}, 50.0),
}


@pytest.mark.parametrize("sentence", WRONG)
def test_what_is_wrong_is_told(sentence: str) -> None:
    """One sentence with key, user, value and what is allowed; ranges at 1 m and 10 km hold."""
    channel, distance_m = WRONG[sentence]
    with pytest.raises(ei.InputError, match=sentence):
        ei.Links.draw(channel, at(distance_m))


def test_ranges_may_be_told(caplog: pytest.LogCaptureFixture) -> None:
    """With outside='tell' gains come all the same, and a warning says who is outside."""
    with caplog.at_level(logging.WARNING):
        links = ei.Links.draw({"path_loss": "umi", "outside": "tell"}, at(1.0, 1e4))
    assert np.all(links.gains > 0.0)
    assert "distance of user 'eu1' is 1 m (and of 1 more)" in caplog.text


def test_links_are_kept_with_what_made_them(tmp_path: Path) -> None:
    """A file gives the same links again, without its users too; a changed number is found."""
    channel = {"path_loss": "umi", "shadowing": "standard", "fading": {"law": "nakagami", "m": 2}}
    links = ei.Links.draw(channel, {"shape": "hexagon", "names": ["a", "b"], "radius_m": 90}, 4)
    links.to_json(tmp_path / "links.json")
    assert np.array_equal(ei.Links.from_json(tmp_path / "links.json").gains, links.gains)
    document = json.loads((tmp_path / "links.json").read_text())
    document["users"][1]["channel_gain"] *= 1.001
    with pytest.raises(ei.ClaimError, match=r"users\[1\].channel_gain"):
        ei.Links.from_dict(document)
    del document["users"]
    assert np.array_equal(ei.Links.from_dict(document).gains, links.gains)
    with pytest.raises(ei.InputError, match="the instance alone has 'eu1', 'eu2'"):
        links.instance(ei.Instance.letter(users=2))


def test_rounds_fade_by_the_same_law() -> None:
    """Later rounds are drawn around the mean gains; without fading they are the mean gains."""
    places = {"shape": "disc", "users": 3, "radius_m": 80.0}
    still = ei.Links.draw({"path_loss": "umi", "fading": "none"}, places)
    process = ei.train(still.instance(), 3, method="lco", seed=5, links=still)
    for instance in process.instances:
        assert np.array_equal(instance.users.numbers("channel_gain"), still.mean_gains)
    links = ei.Links.draw({"path_loss": "umi"}, places)
    process = ei.train(links.instance(), 3, method="lco", seed=5, links=links)
    fading = np.random.default_rng([5, 2]).exponential(size=3)
    gains = process.instances[2].users.numbers("channel_gain")
    assert gains == pytest.approx(links.mean_gains * fading)
    with pytest.raises(ei.InputError, match="links is given without a seed"):
        ei.train(links.instance(), 3, links=links)


@pytest.mark.parametrize("direction", ["uplink", "downlink"])
def test_throughputs_become_gains(direction: Any) -> None:
    """Rates of known gains, by (3) and (4) in SI units, lead back to these gains."""
    instance = ei.Instance.letter(users=2, seed=1)
    gains = pd.DataFrame({"eu2": [2e-12, 3e-10], "eu1": [5e-11, 1e-11]})
    band_hz, up = 10e6, direction == "uplink"
    one = instance.users[0]
    power_w = one.transmit_power_w if up else instance.server.transmit_power_w
    noise = instance.server.noise_density_w_per_hz if up else one.noise_density_w_per_hz
    rates = gains.map(lambda h: band_hz / 1e6 * math.log2(1.0 + power_w * h / (noise * band_hz)))
    found = radio.gains_of_throughput(instance, rates, direction=direction, bandwidth_mhz=10.0)
    assert list(found.columns) == ["eu1", "eu2"]
    assert found["eu2"].to_numpy() == pytest.approx(gains["eu2"].to_numpy())


def test_impossible_throughputs_are_told(tmp_path: Path) -> None:
    """Zero and kbit/s taken for Mbit/s are refused by file, line, user and round."""
    file = tmp_path / "trace.csv"
    for text, sentence in (
        ("eu1,eu2\n20,30\n20000,30\n", "line 3: throughput of user 'eu1' in round 2 is 20000 Mbit"),
        ("eu1,eu2\n20,0\n", "line 2: throughput of user 'eu2' in round 1 is 0.0"),
    ):
        file.write_text(text)
        with pytest.raises(ei.InputError, match=sentence) as caught:
            radio.gains_of_throughput(ei.Instance.letter(users=2), file)
        assert str(caught.value).startswith(f"{file}: ")


def test_the_map_shows_who_does_what() -> None:
    """Users stand at their places, the legend counts them, axes have units, given axes are used."""
    links = ei.Links.draw({"path_loss": "umi"}, {"shape": "disc", "users": 6, "radius_m": 90}, 1)
    result = ei.solve(links.instance())
    assert result.allocation is not None
    axes = Figure().subplots()
    assert users_map(result, links, ax=axes) is axes.figure
    downloads = sum(user["download"] for user in result.allocation.to_dict()["users"])
    legend = axes.get_legend()
    assert legend is not None
    assert f"({downloads})" in legend.get_texts()[0].get_text()
    drawn = np.concatenate([np.asarray(one.get_offsets()) for one in axes.collections[:2]])
    assert sorted(drawn[:, 0]) == pytest.approx(sorted(links.x_m))
    assert axes.get_xlabel().endswith("(m)")
    other = ei.Links.draw({}, at(50.0))
    with pytest.raises(ei.InputError, match="the links must be those of the result's users"):
        users_map(result, other)


@pytest.mark.parametrize("width", [None, "column"])
def test_names_on_a_map_cover_nothing(width: Any) -> None:
    """In a crowd no name lies on another one or on a marker, and most names are there."""
    places = {"shape": "street", "users": 14, "length_m": 300.0}
    links = ei.Links.draw({"path_loss": "umi"}, places, 1)
    figure = users_map(ei.solve(links.instance(), "eco"), links, width=width)
    axes = figure.axes[0]
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts if text.get_visible()]
    assert len(boxes) >= 7
    for place, box in enumerate(boxes):
        assert not box.count_overlaps(boxes[place + 1 :])
        markers = axes.transData.transform(np.column_stack([links.x_m, links.y_m]))
        assert not any(box.contains(*marker) for marker in markers)


PAGE = (Path(__file__).parents[1] / "docs" / "channels.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the blocks of the page in a language."""
    return [part.partition("```")[0] for part in PAGE.split(f"```{language}\n")[1:]]


def test_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every block of docs/channels.md, word for word: the file, the commands, and Python."""
    monkeypatch.chdir(tmp_path)
    Path("street.json").write_text(blocks("json")[0])
    for line in "".join(blocks("sh")).splitlines():
        assert main(line.removeprefix("eipyomo ").split()) == 0, capsys.readouterr().err
    assert Path("map.png").read_bytes().startswith(b"\x89PNG")
    Path("trace.csv").write_text("eu1,eu2\n20,30\n25,8\n")
    exec("\n".join(blocks("python")), {})
