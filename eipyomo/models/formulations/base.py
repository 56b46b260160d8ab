"""What every formulation offers: its name, its options, and an end user's block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from eipyomo.errors import InputError
from eipyomo.models.end_user import Links, Way
from eipyomo.models.formulation_options import HANDLED, Options
from eipyomo.models.types import Block
from eipyomo.problem import Feature, Problem

OptionsT = TypeVar("OptionsT", bound=Options)


class Formulation(ABC, Generic[OptionsT]):
    """A way to write an end user.

    Attributes
    ----------
    name
        As in :func:`eipyomo.models.minlp`.
    convex
        Whether a model is convex but for integrality, whatever its data.
    handles
        Features of problems that it can say.
    Options
        Record of its options, as in ``formulation_options.OPTIONS``.
    """

    name: ClassVar[str]
    convex: ClassVar[bool] = False
    handles: ClassVar[frozenset[Feature]] = HANDLED
    Options: type[OptionsT]

    def chosen(self, choices: Mapping[str, Any]) -> OptionsT:
        """Return checked options.

        Raises
        ------
        InputError
            If there is no such option, or a value is not allowed.
        """
        known = self.Options.model_fields
        for name in choices:
            if name not in known:
                raise InputError(
                    f"{name} is no option of the formulation {self.name!r}; it has: "
                    f"{', '.join(known) or 'none'}"
                )
        return self.Options(**choices)

    def restricted(self, problem: Problem, options: OptionsT) -> tuple[Problem, OptionsT]:
        """Return what of a problem the formulation says, and its options for that.

        Raises
        ------
        InputError
            If options and problem do not go together.
        """
        return problem, options

    @abstractmethod
    def transmit(self, block: Block, system: Block, ways: Sequence[Way], options: OptionsT) -> None:
        """Add (3)-(5): so many Mbit take at least the time that the rate over a share gives.

        Parameters
        ----------
        block
            The block of an end user.
        system
            What holds the data of ``symbols.SYSTEM_DATA``.
        ways
            The user's links.
        options
            As :meth:`restricted` has returned them.
        """

    @abstractmethod
    def build(self, block: Block, links: Links, options: OptionsT) -> None:
        """Fill the block of one of the letter's users, whose data stand there already.

        Parameters
        ----------
        block
            A Pyomo block with what :func:`eipyomo.models.end_user.declare_data` declares.
        links
            What the block has in common with others, or an agent's copies of that.
        options
            As :meth:`restricted` has returned them.
        """
