"""The table of 300 devices, and the script that takes it to a decision."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

import eipyomo as ei
from experiments import devices

SCRIPT = Path(__file__).parents[1] / "docs" / "examples" / "devices.py"


def test_the_table_is_what_its_seed_draws() -> None:
    """Every line, its blanks included."""
    assert devices.TABLE.read_text(encoding="utf-8").splitlines() == devices.lines()


def test_blanks_and_umlauts_of_the_table_are_read() -> None:
    """300 users with their names; blanks are the letter's 23 dBm, and a warning says so."""
    plant = ei.Instance.letter(users=1)
    with pytest.warns(ei.InputWarning, match="leaves out"):
        plant = plant.with_users(devices.TABLE)
    assert len(plant.users) == 300
    assert plant.users[0].name == "Kamera Süd 1"
    rows = [line.split(";") for line in devices.lines()[1:]]
    blank = [n for n, cells in enumerate(rows) if not cells[4]]
    assert blank
    assert {round(plant.users[n].transmit_power_w, 4) for n in blank} == {0.1995}


def test_the_script_says_what_its_page_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is printed stands in docs/devices.md, and the report is written."""
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(SCRIPT), run_name="__main__")
    page = (SCRIPT.parents[1] / "devices.md").read_text(encoding="utf-8")
    told = {line.strip() for line in page.splitlines()}
    assert [line for line in capsys.readouterr().out.splitlines() if line.strip() not in told] == []
    assert (tmp_path / "devices.html").stat().st_size > 1e5
