"""The ways to write an end user's block; a new one is a class, and an entry here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eipyomo.models.formulations.base import Formulation
from eipyomo.models.formulations.grid import Grid
from eipyomo.models.formulations.letter import Letter
from eipyomo.models.formulations.spectral import Spectral

FORMULATIONS: Mapping[str, Formulation[Any]] = {
    formulation.name: formulation for formulation in (Letter(), Spectral(), Grid())
}
"""All formulations by name."""
