"""Many certified optima to learn from, in parallel and to be continued: :func:`dataset`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any, Final

import numpy as np

from eipyomo.draw import Draw
from eipyomo.errors import ClaimError, InputError, SolverError
from eipyomo.features import OF_A_USER, SYSTEM, features
from eipyomo.files import PathLike
from eipyomo.instance import Instance
from eipyomo.labels.columns import COLUMNS, Rows, rows_of, shapes, width
from eipyomo.labels.data import SCHEMA, Dataset, digest_of
from eipyomo.problem import Problem
from eipyomo.result import Result
from eipyomo.solvers.exact import solve_exact
from eipyomo.solvers.exact.method import GAP
from eipyomo.solvers.methods import attempt
from eipyomo.studies.many import in_order
from eipyomo.studies.partial import continued
from eipyomo.studies.pools import most_workers, require_place
from eipyomo.studies.showing import tracked
from eipyomo.studies.spreading import why
from eipyomo.studies.versions import version_of_code
from eipyomo.validation import plain_number, positive_number, require_kind, whole_number
from eipyomo.verify import verify as proven
from eipyomo.words import short

VERIFIED: Final = 0.01
"""Share of samples whose certificates are verified, if not told otherwise."""
SALT: Final = 0x0CE7
"""Keeps the choice of these apart from what instances are drawn by."""


def dataset(
    draw: Draw | str,
    samples: int | None = None,
    seed: int | None = None,
    *,
    gap: float = GAP,
    verify: float = VERIFIED,
    workers: int | None = None,
    part: PathLike | None = None,
    progress: bool = True,
) -> Dataset:
    """Solve the instances of a draw to proven optimality, and keep what one learns from.

    Parameters
    ----------
    draw
        The distribution, or the text that states it.
    samples, seed
        How many instances, and the first one's seed; as the draw says if left out. What an
        instance is depends on its own seed alone.
    gap
        Relative gap to which each optimum is proven.
    verify
        Share of the samples, chosen at random, whose certificates are verified too.
    workers
        As for :func:`eipyomo.solve_many`.
    part
        A file to keep each sample in at once, and to go on from; with more samples too.
    progress
        Whether to show on standard error, in a terminal, how many are done.

    Returns
    -------
    Dataset
        The same to the last bit for the same arguments, also where it was gone on with.

    Raises
    ------
    InputError
        If an argument is not allowed, instances have what no feature tells of, or the file is a
        part of something else.
    ClaimError
        If a certificate does not prove what an optimum claims.

    Examples
    --------
    >>> import eipyomo as ei
    >>> data = ei.dataset("users=3", samples=5, seed=1)
    >>> data.users.shape, bool(data.optimal.all())
    ((5, 3, 12), True)
    """
    draw = _asked(draw, samples, seed)
    gap, verify = positive_number("gap", gap), _share("verify", verify)
    how = {"gap": gap, "verify": verify}
    require_place(workers, None)
    first = draw.instance(draw.seeds[0])
    features(first)  # refused now if it has what they do not tell of
    users = len(first.users)
    rows = np.empty((len(draw), width(users)))
    labelled = partial(labels_of, draw=draw, gap=gap, verify=verify)
    with continued(part, {**_of_each(draw), **how}, width(users)) as (there, add):
        done = min(len(there), len(draw))
        rows[:done] = there[:done]
        left = draw.seeds[done:]
        found = _answers(in_order(labelled, left, most_workers(workers)))
        for place, row in enumerate(tracked(found, "dataset", len(left)) if progress else found):
            rows[done + place] = row
            add(row)
    return Dataset.of_rows(rows, _datasheet(rows, users, draw, how))


def _asked(draw: Draw | str, samples: int | None, seed: int | None) -> Draw:
    """Return the draw with the seeds that are asked for."""
    if isinstance(draw, str):
        draw = Draw.from_text(draw)
    require_kind("draw", draw, Draw)
    first = draw.seeds.start if seed is None else whole_number("seed", seed, 0)
    count = len(draw) if samples is None else whole_number("samples", samples, 1)
    return draw.replace(seeds=range(first, first + count))


def _share(name: str, value: Any) -> float:
    share = plain_number(value)
    if not isinstance(share, float) or not 0.0 <= share <= 1.0:
        raise InputError(f"{name} is {short(value)}, but must be a number from 0 to 1")
    return share


def _of_each(draw: Draw) -> dict[str, Any]:
    """Return what a part of the samples depends on, however many there are to be."""
    first = draw.seeds.start
    one = draw.replace(seeds=range(first, first + 1))
    return {"draw": one.to_dict(), "version": version_of_code()}


def _answers(found: Iterable[tuple[int, Rows | Exception]]) -> Iterator[Rows]:
    """Iterate over answers; the first that is an error is raised."""
    for seed, answer in found:
        if isinstance(answer, InputError):
            raise answer
        if isinstance(answer, Exception):
            raise SolverError(f"the instance of seed {seed} has no label: {why(answer)}")
        yield answer


def labels_of(seed: int, draw: Draw, gap: float, verify: float) -> Rows:
    """Return the row of the instance of a seed, (width,); runs in a worker.

    Raises
    ------
    ClaimError
        If its certificate is to be verified, and does not prove its bound.
    """
    instance = draw.instance(seed)
    result = attempt(instance, "exact", gap=gap)
    chosen = bool(np.random.default_rng([SALT, seed]).random() < verify)
    if chosen and result.bound is not None:
        _verify(seed, instance, result.bound, gap)
    told = features(instance)
    arrays = {
        "seed": seed,
        "system": told.system,
        "users": told.users,
        **_decided(result, len(instance.users)),
        "optimal": result.termination == "optimal",
        "verified": chosen and result.bound is not None,
    }
    row: Rows = rows_of({key: np.asarray(arrays[key])[np.newaxis] for key in COLUMNS})[0]
    return row


def _decided(result: Result, users: int) -> dict[str, Any]:
    """Return what was found; NaN, and no download, where that is nothing."""
    none = np.full(users, np.nan)
    allocation = result.allocation if result.feasible else None
    decided = {
        key: none if allocation is None else getattr(allocation, key)
        for key in ("offload_fraction", "frequency_hz", "uplink_share", "downlink_share")
    }
    prices = result.prices or {}
    of_users = prices.get("users", [{}] * users)
    return {
        **decided,
        "download": np.zeros(users, bool) if allocation is None else allocation.download,
        "sync_s": np.nan if allocation is None else allocation.sync_s,
        "wsel": np.nan if result.objective is None else result.objective,
        "bound": np.nan if result.bound is None else result.bound,
        "bandwidth_price": prices.get("bandwidth_per_mhz", np.nan),
        "sync_price": [one.get("sync_per_s", np.nan) for one in of_users],
        "delay_price": [one.get("delay_per_s", np.nan) for one in of_users],
    }


def _verify(seed: int, instance: Instance, bound: float, gap: float) -> None:
    """Prove a bound by the certificate that the exact method writes, without that method."""
    proof = proven(instance, solve_exact(Problem.of(instance), gap=gap).certificate())
    if proof.doubt is not None or not proof.bound >= bound:
        raise ClaimError(
            f"the bound {bound:.12g} of seed {seed} is not proven: "
            f"{proof.doubt or f'its certificate proves {proof.bound:.12g}'}"
        )


def _datasheet(rows: Rows, users: int, draw: Draw, how: dict[str, Any]) -> dict[str, Any]:
    """Return what the dataset is and how it came about."""
    data = Dataset.of_rows(rows, {"users": users})
    return {
        "schema": SCHEMA,
        "what": "instances of problem (10) with their optima, proven by the method 'exact'",
        "distribution": str(draw),
        "draw": draw.to_dict(),
        "samples": len(draw),
        "users": users,
        "method": "exact",
        **how,
        "optimal": int(data.optimal.sum()),
        "verified": int(data.verified.sum()),
        "verification": "certificates of a random share of the samples, in interval arithmetic; "
        "one that proved less than its bound would have ended the making",
        "arrays": {
            key: {
                "shape": [len(draw), *shapes(users)[key]],
                "type": column.kind.__name__,
                "unit": column.unit,
                "meaning": column.meaning,
            }
            for key, column in COLUMNS.items()
        },
        "usual": {"system": dict(SYSTEM), "users": dict(OF_A_USER)},
        "versions": {"eipyomo": version_of_code(), "numpy": version("numpy")},
        "digest": digest_of(rows),
    }
