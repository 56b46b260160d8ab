"""How often all users were asked, and until when they may be."""

from __future__ import annotations

from dataclasses import dataclass

from eipyomo.solvers.contract import Clock


@dataclass(eq=False)
class Effort:
    """How often all users were asked for their best decisions, and how long they may be asked."""

    evaluations: int = 0
    clock: Clock | None = None

    def count(self, answers: int = 1) -> None:
        """Count answers that are asked for.

        Raises
        ------
        TimeIsUpError
            If the time is up.
        """
        self.evaluations += answers
        if self.clock is not None and self.clock.left_s < 0.0:
            raise TimeIsUpError


class TimeIsUpError(Exception):
    """The time is up in the middle of a search."""
