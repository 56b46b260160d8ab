"""Which decisions are still open: the joint problem (10) and its restrictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from eipyomo.errors import InputError
from eipyomo.problem import is_name
from eipyomo.scaled import Round
from eipyomo.solvers.exact.kernels import DOMAIN
from eipyomo.solvers.records import Records


@dataclass(frozen=True, eq=False)
class Restriction:
    """What every end user may still decide; scalars hold for all users.

    Attributes
    ----------
    problem
        A name of your own for decisions that make none of the problems which have one.
    edge, local
        Whether a = 0 (with ι = 1), and whether a = 1 is allowed.
    offload_min, offload_max
        Bounds of ι with a = 1; a = 0 needs `offload_max` 1.
    grid
        n: with download, ι must be one of k/n, both ends included; 0 for any ι.
    split_band
        Whether uplink and downlink have half of the band each (GBE).
    """

    problem: str | None = None
    edge: ArrayLike = True
    local: ArrayLike = True
    offload_min: ArrayLike = 0.0
    offload_max: ArrayLike = 1.0
    grid: int = 0
    split_band: bool = False

    def __post_init__(self) -> None:
        """Refuse a negative grid, and the name of another problem."""
        if self.grid < 0:
            raise InputError(f"grid is {self.grid!r}, but must be a whole number >= 0")
        if self.problem is not None and is_name(self.problem) and self.problem != self.kind():
            raise InputError(
                f"problem is {self.problem!r}, but these decisions make the problem {self.kind()!r}"
            )

    @classmethod
    def lco(cls) -> Self:
        """Return local computing only: ι = 0 and a = 1 for every user."""
        return cls(edge=False, offload_max=0.0)

    @classmethod
    def eco(cls) -> Self:
        """Return edge computing only: a = 0 for every user."""
        return cls(local=False)

    @classmethod
    def gbe(cls) -> Self:
        """Return the split band: the uplink shares sum to at most 1/2, the downlink shares too."""
        return cls(split_band=True)

    @classmethod
    def on_grid(cls, step: float) -> Self:
        """Return the restriction of ι to multiples of a step that divides 1."""
        grid = round(1.0 / step) if 0.0 < step <= 1.0 else 0
        if grid == 0 or abs(grid * step - 1.0) > 1e-9:
            raise InputError(f"step is {step!r}, but must be 1/n for a whole number n")
        return cls(grid=grid)

    @classmethod
    def training(cls, *, split_band: bool = False) -> Self:
        """Return a round n < N: everybody downloads, and there is no task to offload."""
        return cls(edge=False, offload_max=0.0, split_band=split_band)

    def kind(self, round: Round = "inference") -> str:
        """Return which problem these decisions make, by name; "restricted" if it has none."""
        if round == "training":
            return "gbe training" if self.split_band else "training"
        users = np.broadcast(self.edge, self.local, self.offload_min, self.offload_max).size
        kinds = set(self.domains(users).tolist())
        if kinds == {(True, True, 0.0, 1.0)}:
            if self.grid:
                return "restricted" if self.split_band else f"grid:{self.grid_step:g}"
            return "gbe" if self.split_band else "joint"
        if kinds == {(False, True, 0.0, 0.0)} and not self.split_band:
            return "lco"
        if kinds == {(True, False, 0.0, 1.0)} and not self.split_band:
            return "eco"
        return "restricted"

    def name(self, round: Round = "inference") -> str:
        """Return what to call the problem: as everybody does, or by the name of your own."""
        kind = self.kind(round)
        return self.problem or kind if kind == "restricted" else kind

    @property
    def grid_step(self) -> float:
        """1/n, or 0 without a grid."""
        return 1.0 / self.grid if self.grid else 0.0

    @property
    def budgets(self) -> tuple[float, ...]:
        """Budget of the whole band, or of its uplink and its downlink half."""
        return (0.5, 0.5) if self.split_band else (1.0,)

    def domains(self, users: int) -> Records:
        """Return one DOMAIN record per user; a domain may be empty."""
        domains = np.zeros(users, DOMAIN)
        low = np.maximum(np.broadcast_to(self.offload_min, users), 0.0)
        high = np.minimum(np.broadcast_to(self.offload_max, users), 1.0)
        if self.grid:
            low = np.ceil(low * self.grid - 1e-9) / self.grid
            high = np.floor(high * self.grid + 1e-9) / self.grid
        domains["offload_min"], domains["offload_max"] = low, high
        domains["edge"] = np.broadcast_to(self.edge, users) & (high >= 1.0)
        domains["local"] = np.broadcast_to(self.local, users) & (low <= high)
        return domains
