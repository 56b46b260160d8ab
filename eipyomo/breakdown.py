"""Every term of energy and latency, per user."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from eipyomo.columns import Columns, rows_of
from eipyomo.scaled import FloatColumn
from eipyomo.summary import Summarised, Summary, counted, number

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Breakdown(Summarised, Columns):
    """Every term of (8) and (9), per user; arrays of shape (users,), in s and J.

    A user without download (a_j = 0) has no download and no local inference: these terms are 0.
    """

    names: tuple[str, ...]
    previous_download_s: FloatColumn
    """τ^md of the round before, given."""
    local_training_s: FloatColumn
    """τ^lt, given."""
    upload_s: FloatColumn
    """τ^mu, (5)."""
    offload_s: FloatColumn
    """τ^to, (5)."""
    ready_s: FloatColumn
    """τ^pr: when both the new model and the task data are at the server."""
    edge_inference_s: FloatColumn
    """τ^e, (2)."""
    download_s: FloatColumn
    """τ^md, (5)."""
    local_inference_s: FloatColumn
    """τ^c, (1)."""
    latency_s: FloatColumn
    """T_j, (9)."""
    local_training_j: FloatColumn
    """e^lt, given."""
    upload_j: FloatColumn
    """e^mu, (7)."""
    offload_j: FloatColumn
    """e^to, (7)."""
    download_j: FloatColumn
    """e^md, (7)."""
    local_inference_j: FloatColumn
    """e^c, (1)."""
    energy_j: FloatColumn
    """E_j, (8)."""
    wsel: FloatColumn
    """w^e E_j + w^t T_j, user j's part of (10a), and the penalty of its mode."""
    penalty: FloatColumn | None = None
    """v_k of the user's mode; None if nobody has modes."""
    sits_out: FloatColumn | None = None
    """1 for a user that sends no update, else 0; None if nobody has modes."""

    def _columns(self) -> dict[str, FloatColumn]:
        """Return the columns that the breakdown has, by name."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)[1:]}
        return {name: column for name, column in columns.items() if column is not None}

    def frame(self) -> pd.DataFrame:
        """Return the breakdown as a table, one row per user."""
        import pandas as pd

        return pd.DataFrame({"name": list(self.names), **self._columns()})

    def _summary(self) -> Summary:
        facts = (
            number("WSEL", float(np.sum(self.wsel))),
            number("energy", float(np.sum(self.energy_j)), "J"),
            number("largest latency", float(np.max(self.latency_s)), "s"),
        )
        return Summary(counted(len(self.names), "user"), facts, self.records(), len(self.names))

    def to_dict(self) -> dict[str, Any]:
        """Return the ``breakdown`` part of a result document; what is not finite becomes null."""
        return {"users": list(self.records())}

    def records(self) -> Iterator[dict[str, Any]]:
        """Iterate over the users' terms as a document has them."""
        for row in rows_of({"name": self.names, **self._columns()}):
            yield {key: _or_null(value) for key, value in row.items()}


def _or_null(value: str | float) -> str | float | None:
    """Return a value; None for a number that is not finite."""
    return value if isinstance(value, str) or math.isfinite(value) else None
