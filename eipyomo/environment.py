"""The rounds of a process as a Gymnasium environment, in which every answer has its regret.

Importing this needs the extra ``rl``, and registers ``eipyomo/Rounds-v0``. docs/environment.md has
all features and actions with their units.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from eipyomo.allocation import Allocation
from eipyomo.draw import Draw
from eipyomo.errors import InputError, SolverError
from eipyomo.evaluation import Evaluation, evaluate
from eipyomo.extras import missing
from eipyomo.features import END, OF_A_USER, SYSTEM, features
from eipyomo.instance import Instance
from eipyomo.problem import Problem
from eipyomo.process import following
from eipyomo.result import Result
from eipyomo.scaled import Stage
from eipyomo.solvers.exact import convex_rest
from eipyomo.solvers.methods import solve
from eipyomo.studies.train import channel_gains
from eipyomo.timing import Plan, uploaded_s
from eipyomo.validation import require_kind, whole_number
from eipyomo.words import short

try:
    import gymnasium
    from gymnasium.spaces import Box
except ImportError:
    raise missing("rl", "an environment") from None

Vector = NDArray[np.float32]
Actions = Literal["decisions", "allocation"]

ID: Final = "eipyomo/Rounds-v0"
USUAL: Final = "users=4 seeds=0:1000000"
INFEASIBLE: Final = -10.0
"""Reward of an answer that is not feasible; it ends the episode, as there is no next round."""

PARTS: Final = {
    "decisions": ("download", "offload_fraction"),
    "allocation": (
        *("download", "offload_fraction"),
        *("uplink_share", "downlink_share", "frequency_hz"),
    ),
}
"""What an action holds of each user, one after the other."""

ROUNDING: Final = 4e-16
"""So much less than the whole band is shared out for each user, as sums are rounded."""

KEPT: Final = 4096
"""So many optima of instances are kept, for all environments of a process together."""


class Rounds(gymnasium.Env[Vector, Vector]):
    """Rounds of training and the last one with inference, one a step; one round if not told more.

    The reward of a step is -(WSEL / optimum - 1) of its round, where the optimum is the certified
    one for the state that the round begins in, taken at its proven lower bound: no answer can have
    less regret than 0, and the optimum itself has at most 1e-6. Channels are those of the draw in
    the first round, and drawn anew around its means in each of the others (block fading).

    Parameters
    ----------
    draw
        Which instances there are, or the text that states it. A reset takes one of its seeds.
    rounds
        Number N of rounds, and of steps. In those before the last everybody downloads and there
        are no tasks, so that only shares are to be decided.
    actions
        "decisions": a and ι, with the best that can be made of them for the rest; "allocation":
        shares of the band and frequencies as well.

    Attributes
    ----------
    instance
        The instance of the round that is to be decided.
    feature_names
        What the entries of an observation are.

    Raises
    ------
    InputError
        If an argument is not allowed, or instances have what no feature tells of.
    """

    def __init__(
        self, draw: Draw | str = USUAL, *, rounds: int = 1, actions: Actions = "decisions"
    ) -> None:
        if isinstance(draw, str):
            draw = Draw.from_text(draw)
        require_kind("draw", draw, Draw)
        if actions not in get_args(Actions):
            allowed = ", ".join(get_args(Actions))
            raise InputError(f"actions is {short(actions)}, but must be one of: {allowed}")
        self._draw, self._rounds = draw, whole_number("rounds", rounds, 1)
        self._parts, self._convex = PARTS[actions], actions == "decisions"
        self._begin(draw.seeds[0])
        names = self.instance.scaled.names
        self.feature_names = (
            *SYSTEM,
            "rounds_left",
            *(f"{name}.{key}" for name in names for key in OF_A_USER),
        )
        low = np.full_like(self._observation(), -END)
        low[len(SYSTEM)] = 0.0
        high = np.full_like(low, END)
        high[len(SYSTEM)] = 1.0
        self.observation_space = Box(low, high, dtype=np.float32)
        self.action_space = Box(-1.0, 1.0, (len(self._parts) * len(names),), np.float32)

    def _begin(self, seed: int) -> None:
        """Take the instance of a seed, and the channels of all rounds."""
        first = self._draw.instance(seed)
        self._seed, self._played = seed, 0
        self._gains = np.tile(first.users.numbers("channel_gain"), (self._rounds, 1))
        if self._draw.fading and self._rounds > 1:
            means = self._draw.replace(fading=False).instance(seed)
            self._gains[1:] = channel_gains(means, self._rounds, seed=seed)[1:]
        self.instance = first

    @property
    def stage(self) -> Stage:
        """The round to be decided: "inference" for the last one, "training" for one before it."""
        return "inference" if self._played == self._rounds - 1 else "training"

    @property
    def problem(self) -> Problem:
        """What is to be decided."""
        return Problem.of(self.instance, round=self.stage)

    def optimum(self) -> Result:
        """Return the certified optimum of the round to be decided.

        Raises
        ------
        SolverError
            If there is none within the exact method's time limit.
        """
        return _optimum(self.instance, self.stage)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Vector, dict[str, Any]]:
        """Begin an episode.

        Parameters
        ----------
        seed
            Of all instances from now on: the same seed, the same ones.
        options
            ``{"instance": 17}`` takes that seed of the draw for this episode.

        Returns
        -------
        observation, info
            The info has the ``instance``, the seed of the draw.
        """
        super().reset(seed=seed)
        chosen = (options or {}).get("instance")
        if chosen is None:
            chosen = self._draw.seeds[int(self.np_random.integers(len(self._draw.seeds)))]
        self._begin(whole_number("options['instance']", chosen, 0))
        return self._observation(), {"instance": self._seed}

    def step(self, action: Vector) -> tuple[Vector, float, bool, bool, dict[str, Any]]:
        """Decide a round, and go on to the next.

        Parameters
        ----------
        action
            As :meth:`decided` takes it.

        Returns
        -------
        observation, reward, terminated, truncated, info
            The info has ``wsel``, ``optimum``, ``bound``, ``regret`` (infinite if not feasible),
            ``feasible``, ``violation`` (the largest, relative) and ``violated`` (in words).
        """
        best = self.optimum()
        judged = evaluate(self.problem, self.decided(action))
        info = {"instance": self._seed, **_compared(judged, best)}
        reward = -info["regret"] if judged.feasible else INFEASIBLE
        terminated = self.stage == "inference" or not judged.feasible
        if not terminated:
            self._played += 1
            downloads_s = judged.breakdown.download_s
            self.instance = following(self.instance, self._gains[self._played], downloads_s)
        return self._observation(), reward, terminated, False, info

    def _observation(self) -> Vector:
        told = features(self.instance)
        left = (self._rounds - 1 - self._played) / self._rounds
        return np.concatenate([told.system, [left], told.users.ravel()]).astype(np.float32)

    def decided(self, action: Vector) -> Allocation:
        """Return what an action decides in the present round.

        Parameters
        ----------
        action
            For each of the quantities of ``PARTS`` a number x in [-1, 1] a user: a = 1 where x > 0;
            ι = (1 + x)/2 where a = 1, else 1. Shares of the band are in proportion to 1 + x, and
            use all of it; f = f_max (1 + x)/2. The sync time is the last upload's end.
        """
        data = self.problem.data
        rows = (1.0 + np.asarray(action, np.float64).reshape(len(self._parts), len(data))) / 2.0
        part = dict(zip(self._parts, rows, strict=True))
        training = self.stage == "training"
        download = (part["download"] > 0.5) | training
        offload = np.where(download, 0.0 if training else part["offload_fraction"], 1.0)
        if self._convex:
            return convex_rest(self.problem, download, offload).allocation
        uplink, downlink = part["uplink_share"], np.where(download, part["downlink_share"], 0.0)
        whole = (uplink.sum() + downlink.sum()) * (1.0 + ROUNDING * len(data)) or 1.0
        computes = download & (offload < 1.0) & (data.task_mbit > 0.0)
        last_s = uploaded_s(data, uplink / whole).max()
        plan = Plan(
            sync_s=float(last_s) if np.isfinite(last_s) else 0.0,
            download=download,
            offload_fraction=offload,
            frequency_ghz=np.where(computes, part["frequency_hz"] * data.max_frequency_ghz, 0.0),
            uplink_share=uplink / whole,
            downlink_share=downlink / whole,
            edge_frequency_ghz=np.zeros(len(data)),
        )
        return Allocation.of_plan(data.names, plan, serves=False)

    def action_of(self, allocation: Allocation) -> Vector:
        """Return the action that decides an allocation, such as the optimum's, in this round.

        It is as good as single precision allows.
        """
        given = allocation.for_users(self.problem.data.names)
        shares = np.concatenate([given.uplink_share, given.downlink_share])
        most_hz = 1e9 * self.problem.data.max_frequency_ghz
        part = {
            "download": given.download.astype(np.float64),
            "offload_fraction": given.offload_fraction,
            "uplink_share": given.uplink_share / shares.max(),
            "downlink_share": given.downlink_share / shares.max(),
            "frequency_hz": given.frequency_hz / most_hz,
        }
        rows = [2.0 * part[key] - 1.0 for key in self._parts]
        return np.concatenate(rows).astype(np.float32)


@lru_cache(maxsize=KEPT)
def _optimum(instance: Instance, stage: Stage) -> Result:
    """Return the certified optimum of a round."""
    found = solve(instance, "exact", round=stage)
    if found.objective is None or found.bound is None:
        raise SolverError(f"there is no optimum to compare with: {found.message}")
    return found


def _compared(judged: Evaluation, best: Result) -> dict[str, Any]:
    """Return what an answer costs beside the optimum."""
    assert best.bound is not None
    worst = judged.violations[0] if judged.violations else None
    return {
        "wsel": judged.objective,
        "optimum": best.objective,
        "bound": best.bound,
        "regret": judged.objective / best.bound - 1.0 if judged.feasible else np.inf,
        "feasible": judged.feasible,
        "violation": judged.max_violation,
        "violated": "" if worst is None else str(worst),
    }


gymnasium.register(ID, entry_point="eipyomo.environment:Rounds")
