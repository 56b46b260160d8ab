"""The whole process of section II: N - 1 rounds of training, and the N-th with inference.

Every round is one problem (10): without tasks and with a download for everybody in the rounds
before the last. They are chained by the download times: what a user's download takes in a round is
τ_{j,n-1}^md of the next one.

A round's clock starts when its user began to download the model of the round before, which is at
that round's sync time. So round n + 1 begins τ̂_n after round n, and as T_j of (9) leaves out
τ_{j,n-1}^md, which the round before has counted, nothing is counted twice:

    τ_{j,0}^md + Σ_n T_{j,n}  =  the moment at which user j is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from eipyomo import claims
from eipyomo.devices import EndUser
from eipyomo.errors import InputError
from eipyomo.files import PathLike, about, read_document, write_document
from eipyomo.instance import Instance
from eipyomo.result import Result
from eipyomo.summary import Summarised, Summary, number
from eipyomo.users import Users
from eipyomo.validation import require_kind

if TYPE_CHECKING:
    import pandas as pd

    from eipyomo.scaled import FloatColumn


@dataclass(frozen=True, eq=False, repr=False)
class Training(Summarised):
    """What was decided in every round, and what it costs together.

    Attributes
    ----------
    instances
        The instance of each round that was solved: the channel of that round, and the download
        times of the round before.
    rounds
        Their results, in order.
    planned
        Number N of rounds; fewer were solved only if one of them gave no allocation.
    method, training_method
        Methods of the last round, and of those before it.
    seed
        What the channels were drawn from; None where they were not, and in documents of old.
    """

    instances: tuple[Instance, ...]
    rounds: tuple[Result, ...]
    planned: int
    method: str
    training_method: str
    seed: int | None = None

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], instance: Instance) -> Self:
        """Read a process back; every round is evaluated anew, and every claim is checked.

        Parameters
        ----------
        document
            What :meth:`to_dict` returned.
        instance
            The instance that the process began with.

        Raises
        ------
        InputError
            If the document is broken, or one of another instance.
        ClaimError
            If it says what is not true.
        """
        require_kind("instance", instance, Instance)
        claims.check_process(document)
        instances, results = [], []
        current = instance
        download_s = instance.scaled.previous_download_s
        rounds = zip(document["channel_gains"], document["rounds"], strict=True)
        for n, (gains, result) in enumerate(rounds, start=1):
            current = following(current, np.array(gains), download_s)
            try:
                found = Result.from_dict(result, current)
            except InputError as error:
                raise type(error)(f"round {n}: {error}") from None
            if found.evaluation is not None:
                download_s = found.evaluation.breakdown.download_s
            instances.append(current)
            results.append(found)
        process = cls(
            tuple(instances),
            tuple(results),
            document["planned_rounds"],
            document["method"],
            document["training_method"],
            document.get("seed"),
        )
        totals = process.to_dict()["totals"]
        claims.compare(document["totals"], totals, "the process claims totals")
        return process

    def _summary(self) -> Summary:
        costs = [result.objective for result in self.solved if result.objective is not None]
        facts = (
            f"{len(self.solved)} of {self.planned} rounds, method {self.method}",
            number("WSEL", sum(costs)),
            self.message,
        )
        rows = (
            {
                "round": n,
                "method": result.method,
                "termination": result.termination,
                "wsel": result.objective,
                "sync_s": None if result.allocation is None else result.allocation.sync_s,
            }
            for n, result in enumerate(self.rounds, start=1)
        )
        return Summary(self.instances[0].name, facts, rows, len(self.rounds))

    @property
    def complete(self) -> bool:
        """Whether every round has a feasible allocation."""
        return len(self.rounds) == self.planned and self.rounds[-1].feasible

    @property
    def message(self) -> str:
        """One sentence on how the process ended."""
        if self.complete:
            return f"all {self.planned} rounds have an allocation"
        last = self.rounds[-1]
        return f"round {len(self.rounds)} of {self.planned} gave no allocation: {last.message}"

    @property
    def solved(self) -> tuple[Result, ...]:
        """The results that have a feasible allocation."""
        return tuple(result for result in self.rounds if result.feasible)

    def starts_s(self) -> FloatColumn:
        """Return the moment at which each solved round begins: Σ τ̂ of the rounds before.

        Returns
        -------
        array of shape (solved rounds,), in s from the start of the process.
        """
        syncs_s = [result.allocation.sync_s for result in self.solved if result.allocation]
        starts: FloatColumn = np.concatenate([[0.0], np.cumsum(syncs_s)[:-1]])[: len(syncs_s)]
        return starts

    def frame(self) -> pd.DataFrame:
        """Return a table of rounds and users: decisions, and every term of (8) and (9)."""
        import pandas as pd

        parts = []
        for n, (result, start_s) in enumerate(zip(self.solved, self.starts_s(), strict=True)):
            assert result.allocation is not None
            gains = self.instances[n].users.numbers("channel_gain")
            part = result.frame()
            part.insert(0, "round", n + 1)
            part.insert(1, "start_s", start_s)
            part.insert(2, "sync_s", result.allocation.sync_s)
            part.insert(4, "channel_gain", gains)
            parts.append(part)
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def totals(self) -> pd.DataFrame:
        """Return what every user pays in all rounds together.

        Returns
        -------
        DataFrame
            Columns ``name``, ``energy_j``, ``latency_s`` and ``wsel``, summed over rounds;
            ``initial_download_j``, which (8) charges to no round; ``end_s``, when the user is done.
        """
        import pandas as pd

        initial = self.instances[0].scaled
        sums = pd.DataFrame({"name": list(initial.names)})
        terms = [one.evaluation.breakdown for one in self.solved if one.evaluation is not None]
        for column in ("energy_j", "latency_s", "wsel"):
            sums[column] = np.sum([getattr(one, column) for one in terms], axis=0)
        sums["initial_download_j"] = initial.receive_power_w * initial.previous_download_s
        sums["end_s"] = sums["latency_s"] + initial.previous_download_s
        return sums

    def updates(self) -> pd.DataFrame:
        """Return what every user's update took in every round; nothing of any inference is in it.

        Returns
        -------
        DataFrame
            Columns ``round``, ``name``; ``download_s``, ``training_s`` and ``upload_s``, and
            ``update_s``, their sum, when the update is at the server, in s from the round's start;
            ``update_j``, the energy of all three. The download is that of the model that is
            trained, decided in the round before. Who sits a round out has no ``update_s``, but may
            have paid for the download.
        """
        import pandas as pd

        parts = []
        initial = self.instances[0].scaled
        download_j: FloatColumn = initial.receive_power_w * initial.previous_download_s
        for n, result in enumerate(self.solved, start=1):
            assert result.evaluation is not None
            terms = result.evaluation.breakdown
            parts.append(
                pd.DataFrame(
                    {
                        "round": n,
                        "name": list(terms.names),
                        "download_s": terms.previous_download_s,
                        "training_s": terms.local_training_s,
                        "upload_s": terms.upload_s,
                        "trains": terms.sits_out != 1.0,
                        "update_j": download_j + terms.local_training_j + terms.upload_j,
                    }
                )
            )
            download_j = terms.download_j
        if not parts:
            return pd.DataFrame()
        table = pd.concat(parts, ignore_index=True)
        whole = table[["download_s", "training_s", "upload_s"]].sum(axis=1)
        table.insert(5, "update_s", whole.where(table.pop("trains")))
        return table

    def learning(self) -> pd.DataFrame:
        """Return when the model of each round is at the server, and what all users paid for it.

        Returns
        -------
        DataFrame
            A row for each solved round, behind one for round 0, the model that all begin with:
            columns ``round``; ``time_s``, the sync time, in s from the start of the process;
            ``energy_j`` of all users' updates until then.
        """
        import pandas as pd

        updates = self.updates()
        syncs_s = [one.allocation.sync_s for one in self.solved if one.allocation is not None]
        paid_j: list[float] = updates.groupby("round")["update_j"].sum().tolist() if syncs_s else []
        return pd.DataFrame(
            {
                "round": range(len(syncs_s) + 1),
                "time_s": np.concatenate([[0.0], np.cumsum(syncs_s)]),
                "energy_j": np.concatenate([[0.0], np.cumsum(paid_j)]),
            }
        )

    def timeline(self) -> pd.DataFrame:
        """Return start and end of every phase of all rounds, as in Fig. 1.

        Returns
        -------
        DataFrame
            Columns ``round``, ``user``, ``phase``, ``start_s``, ``end_s``, in s from the start of
            the process. A download stands in the round in which it is decided; the first model's is
            the first round's "previous model download".
        """
        import pandas as pd

        parts = []
        for n, (result, start_s) in enumerate(zip(self.solved, self.starts_s(), strict=True)):
            assert result.evaluation is not None
            part = result.evaluation.timeline()
            part[["start_s", "end_s"]] += start_s
            part.insert(0, "round", n + 1)
            parts.append(part if n == 0 else part[part["phase"] != "previous model download"])
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def to_dict(self) -> dict[str, Any]:
        """Return the process as a JSON document of schema ``eipyomo/training@1``."""
        totals = self.totals()
        sums = {name: float(totals[name].sum()) for name in totals.columns[1:-1]}
        return {
            "schema": claims.TRAINING_SCHEMA,
            "instance": self.instances[0].name,
            "method": self.method,
            "training_method": self.training_method,
            "seed": self.seed,
            "planned_rounds": self.planned,
            "complete": self.complete,
            "message": self.message,
            "totals": {
                **sums,
                "end_s": float(totals["end_s"].max()),
                "users": totals.to_dict("records"),
            },
            "starts_s": self.starts_s().tolist(),
            "channel_gains": [
                instance.users.numbers("channel_gain").tolist() for instance in self.instances
            ],
            "rounds": [result.to_dict() for result in self.rounds],
        }

    def to_json(self, path: PathLike) -> None:
        """Write the document, by its suffix, replacing an existing one atomically."""
        write_document(path, self.to_dict())


def read_answer(path: PathLike, instance: Instance | None = None) -> dict[str, Any]:
    """Read a result file, or one of a process, if what it says is true.

    Whatever shows such a file reads it here.

    Parameters
    ----------
    path
        The file.
    instance
        The instance that was solved, or that the process began with: every number is held against
        what is computed from it. Without it, numbers are held against one another alone.

    Returns
    -------
    dict
        The document, of schema ``eipyomo/result@1`` or ``eipyomo/training@1``.

    Raises
    ------
    InputError
        If the file is broken, of another kind, or one of another instance; it is named.
    ClaimError
        If it says what is not true; the sentence has both numbers.
    """
    document = read_document(path, "result")
    with about(path):
        claims.require_schema(document.get("schema"), or_process=True)
        of_process = document["schema"] == claims.TRAINING_SCHEMA
        if instance is not None:
            (Training if of_process else Result).from_dict(document, instance)
        elif of_process:
            claims.check_process(document)
        else:
            claims.check(document)
    return document


def following(instance: Instance, gains: FloatColumn, download_s: FloatColumn) -> Instance:
    """Return an instance with the channels of a round and the download times before it."""
    changed = {"channel_gain": gains, "previous_download_s": download_s}
    return instance.replace(users=Users(EndUser, {**instance.users.columns, **changed}))
