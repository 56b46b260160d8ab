"""What became of a benchmark: tables, a figure, and files."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

from pydantic import Field, StrictStr

from eipyomo.errors import InputError
from eipyomo.files import PathLike, about, read_document, write_atomically, write_document
from eipyomo.summary import Summarised, Summary, counted
from eipyomo.validation import Finite, Flag, Record, positive_number
from eipyomo.words import short, shown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCHEMA: Final = "eipyomo/benchmark@1"

_Whole = Annotated[StrictStr, Field(min_length=0)]  # read letter by letter: no half characters
_Text = Annotated[_Whole, Field(description="a text")]
_PerhapsText = Annotated[_Whole | None, Field(description="a text or null")]
_PerhapsNumber = Annotated[Finite | None, Field(description="a finite number or null")]


class _Row(Record):
    """What a row of a document takes, by its keys."""

    policy: _Text
    instance: _Text
    excess: _PerhapsNumber
    cost: _PerhapsNumber
    optimum: _PerhapsNumber
    bound: _PerhapsNumber
    feasible: Annotated[Flag, Field(description="true or false")]
    violated: _PerhapsText
    failure: _PerhapsText
    message: _PerhapsText
    seconds: _PerhapsNumber
    digest: _Text


COLUMNS: Final = tuple(_Row.model_fields)


@dataclass(frozen=True, eq=False, repr=False)
class Benchmark(Summarised):
    """Policies held against optima.

    Attributes
    ----------
    rows
        One for each policy and instance, by ``COLUMNS``:

        * ``excess``: how far the cost is above the optimum, relative to it; None without both.
          It is negative at most by the gap of the optimum, and never if that is exact.
        * ``cost``: WSEL of the answer once nothing of it is violated; None if it is infeasible.
        * ``optimum``, ``bound``: WSEL that the reference has found, and what it has proven.
        * ``feasible``; ``violated``: the constraint, the user and by how much, if it is not.
        * ``failure``: one of ``FAILURES`` if there was no answer, with a ``message``.
        * ``seconds``: what the answer took.
        * ``digest``: hash of the instance.
    reference
        Method of the optima.
    time_limit
        Seconds that a policy had for each answer.
    """

    rows: tuple[Mapping[str, Any], ...]
    reference: str
    time_limit: float

    @property
    def policies(self) -> tuple[str, ...]:
        """Names of the policies, in their order."""
        return tuple(dict.fromkeys(str(row["policy"]) for row in self.rows))

    def _summary(self) -> Summary:
        policies = self.policies
        number = len(self.rows) // max(len(policies), 1)
        facts = (counted(number, "instance"), f"optima by {self.reference}")
        return Summary(", ".join(policies), facts, self._rows(), len(policies))

    def _rows(self) -> Iterator[dict[str, Any]]:
        for row in self.summary().to_dict("records"):
            yield {str(key): value for key, value in row.items()}

    def frame(self) -> pd.DataFrame:
        """Return one row for each policy and instance."""
        import pandas as pd

        frame = pd.DataFrame(self.rows, columns=list(COLUMNS))
        numbers = ["excess", "cost", "optimum", "bound", "seconds"]
        return frame.astype(dict.fromkeys(numbers, float))

    def summary(self) -> pd.DataFrame:
        """Return one row for each policy.

        Returns
        -------
        DataFrame
            ``mean``, ``median``, ``q95`` and ``worst`` of the excess over all feasible answers;
            numbers of ``instances`` that have an optimum, and of those ``infeasible`` and
            ``failed``; ``ms``, the mean time of an answer in milliseconds.
        """
        import pandas as pd

        frame = self.frame()
        solvable = frame[frame["optimum"].notna()]
        rows = []
        for policy in self.policies:
            part = solvable[solvable["policy"] == policy]
            excess, failed = part["excess"], part["failure"].notna()
            rows.append(
                {
                    "policy": policy,
                    "mean": excess.mean(),
                    "median": excess.median(),
                    "q95": excess.quantile(0.95),
                    "worst": excess.max(),
                    "instances": len(part),
                    "infeasible": int((~part["feasible"] & ~failed).sum()),
                    "failed": int(failed.sum()),
                    "ms": 1e3 * part["seconds"].mean(),
                }
            )
        return pd.DataFrame(rows)

    def plot(self, ax: Axes | None = None) -> Figure:
        """Draw which part of the instances each policy answers with at most which excess.

        Parameters
        ----------
        ax
            Where to draw; a figure of its own if left out.
        """
        plotting = importlib.import_module("eipyomo.plotting")  # matplotlib takes a second to load
        figure: Figure = plotting.excess(self, ax=ax)
        return figure

    def to_dict(self) -> dict[str, Any]:
        """Return the benchmark as a JSON document."""
        return {
            "schema": SCHEMA,
            "reference": self.reference,
            "time_limit": self.time_limit,
            "rows": [dict(row) for row in self.rows],
        }

    def to_json(self, path: PathLike) -> None:
        """Write :meth:`to_dict`, replacing an existing file atomically."""
        write_document(path, self.to_dict())

    def to_csv(self, path: PathLike) -> None:
        """Write :meth:`frame`, replacing an existing file atomically."""
        write_atomically({path: self.frame().to_csv(index=False)})

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Read what :meth:`to_dict` returned.

        Raises
        ------
        InputError
            If it is something else.
        """
        if not isinstance(document, Mapping) or document.get("schema") != SCHEMA:
            raise InputError(f"document is {shown(document)}, but must have the schema {SCHEMA!r}")
        told, reference = document.get("rows"), document.get("reference")
        if not isinstance(told, list):
            raise InputError(f"rows is {short(told)}, but must be a list")
        if not isinstance(reference, str):
            raise InputError(f"reference is {short(reference)}, but must be a text")
        rows = []
        for n, row in enumerate(told):
            try:
                rows.append(_Row.of(row).data())
            except InputError as error:
                raise InputError(f"rows[{n}]: {error}") from None
        limit_s = positive_number("time_limit", document.get("time_limit"))
        return cls(tuple(rows), reference, limit_s)

    @classmethod
    def from_json(cls, path: PathLike) -> Self:
        """Read what :meth:`to_json` wrote."""
        document = read_document(path, "benchmark")
        with about(path):
            return cls.from_dict(document)
