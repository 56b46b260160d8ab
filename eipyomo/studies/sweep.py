"""Sweeps: many instances, methods and options, computed in parallel and never twice.

With a store every finished cell is on the disk before the next one counts as finished, so that a
sweep that was killed goes on where it stopped. Only the process that runs the sweep writes; workers
compute. A store holds what this very code has found with these very solvers: what others have found
stays in it, and is not taken.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from eipyomo.errors import InputError
from eipyomo.files import to_json
from eipyomo.instance import Instance
from eipyomo.solvers.methods import attempt, failure
from eipyomo.studies.cell import Cell
from eipyomo.studies.pools import open_pools, require_place
from eipyomo.studies.spreading import require_code, spread, why
from eipyomo.studies.store import KeptT, Store
from eipyomo.studies.versions import version_of_code, warn_of_missing
from eipyomo.validation import require_kind, require_list
from eipyomo.words import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from concurrent.futures import Executor

    import pandas as pd

    Report = Callable[[Cell, Mapping[str, Any]], None]


def cells(
    instances: Sequence[Instance], methods: Sequence[str | tuple[str, Mapping[str, Any]]]
) -> list[Cell]:
    """Return every instance with every method.

    Parameters
    ----------
    instances
        The instances.
    methods
        Names as in :func:`eipyomo.solve`, alone or with options.
    """
    require_list("instances", instances, "instances")
    for instance in instances:
        require_kind("an element of instances", instance, Instance)
    pairs = with_options(methods)
    return [Cell(instance, name, options) for instance in instances for name, options in pairs]


def with_options(
    methods: Sequence[str | tuple[str, Mapping[str, Any]]],
) -> list[tuple[str, Mapping[str, Any]]]:
    """Return methods, each with its options.

    Raises
    ------
    InputError
        If it is no list of names, or of names and options.
    """
    require_list("methods", methods, "names of methods")
    pairs = [(method, {}) if isinstance(method, str) else method for method in methods]
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise InputError(
                f"an element of methods is {shown(pair)}, but must be a name, or a name and options"
            )
        require_kind("options", pair[1], Mapping)
    return [(name, options) for name, options in pairs]


def sweep(
    wanted: Sequence[Cell],
    store: Store | None = None,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    report: Report | None = None,
) -> pd.DataFrame:
    """Compute cells, each once, but for those that a store holds already.

    A cell that fails, even by the death of its process, is stored as a result of termination
    ``error``, and the others go on.

    Parameters
    ----------
    wanted
        The cells; what stands twice, under other names too, is computed once.
    store
        Where finished cells are kept and looked up; nothing is kept if left out.
    workers
        Number of processes on this machine; as many as this process may use processors if left
        out. A script that calls this needs the usual guard ``if __name__ == "__main__"``. Inside of
        a process of a pool there are none: cells are computed one by one.
    cluster
        Address of a Dask scheduler to compute on instead; its workers must have one thread each,
        and this very code.
    report
        Called with every cell that is finished now, and its result document.

    Returns
    -------
    DataFrame
        One row for each of the cells, in their order; see :meth:`Store.frame`.

    Raises
    ------
    InputError
        If the number of workers is not positive, or given together with a cluster, or if a script
        has no main guard.
    SolverError
        If the cluster cannot be reached, or cannot be used.
    """
    require_place(workers, cluster)
    if not isinstance(wanted, list | tuple):
        raise InputError(f"wanted is {shown(wanted)}, but must be a list of cells")
    for cell in wanted:
        require_kind("an element of wanted", cell, Cell)
    if store is not None:
        require_kind("store", store, Store)
    else:
        with Store() as store:
            return sweep(wanted, store, workers=workers, cluster=cluster, report=report)
    if cluster is None:  # whose machines may have other solvers
        asked = {cell.key[1:3]: (cell.method, cell.arguments()) for cell in wanted}
        warn_of_missing(asked.values())
    fill(store, wanted, solved, failed, open_pools(workers, cluster), report)
    return store.frame(wanted)


def fill(
    store: Store,
    wanted: Iterable[KeptT],
    document_of: Callable[[KeptT], dict[str, Any]],
    failure_of: Callable[[KeptT, Exception], dict[str, Any]],
    pools: Generator[tuple[Executor, int]],
    report: Callable[[KeptT, Mapping[str, Any]], None] | None = None,
) -> None:
    """Compute what a store does not hold yet, each once.

    Parameters
    ----------
    store
        Where finished documents are kept and looked up.
    wanted
        What is wanted, by its keys.
    document_of
        Computes a document, in a worker.
    failure_of
        Makes a document of what that raises, or of the death of its process.
    pools
        Where it is computed; see :mod:`eipyomo.studies.pools`.
    report
        As for :func:`sweep`.
    """
    unique = {one.key: one for one in wanted}
    missing = [one for one in unique.values() if store.get(one) is None]
    if not missing:
        return
    function = partial(text_of, document_of=document_of, version=version_of_code())
    with contextlib.closing(pools):
        for one, answer in spread(function, missing, pools):
            document = json.loads(answer) if isinstance(answer, str) else failure_of(one, answer)
            store.add(one, document)
            if report is not None:
                report(one, document)


def text_of(one: KeptT, document_of: Callable[[KeptT], dict[str, Any]], version: str) -> str:
    """Return a document as JSON text; runs in a worker.

    Raises
    ------
    OtherCodeError
        If the worker has another version of this package, or of what it computes with.
    """
    require_code(version)
    return to_json(document_of(one), indent=None)


def solved(cell: Cell) -> dict[str, Any]:
    """Return the result document of a cell."""
    return attempt(cell.instance, cell.method, **cell.arguments()).to_dict()


def failed(cell: Cell, error: Exception) -> dict[str, Any]:
    """Return the document of a result that says why there is none."""
    return failure(cell.instance, cell.method, cell.arguments(), why(error)).to_dict()
