"""From a JSON document to a certificate of which every key and every type is right.

What is unknown, missing or of another type is refused everywhere, whether the proof needs the place
or not. Version 1, which knows no limits, is read as what it says in the words of version 2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from eipyomo.errors import InputError
from eipyomo.instance import USER_LIMITS, Instance
from eipyomo.words import short

SCHEMA = "eipyomo/certificate@2"
LARGEST_NUMBER = 1e300
LARGEST_INDEX = 10**9

CLAIMS = ("bound", "infeasible")
OBJECTIVES = ("wsel", "band", "edge_frequency", "slowest")


class Multipliers(NamedTuple):
    """μ, ν2 and η of a user, and δ and ε of its limits."""

    local: float
    ready: float
    sync: float
    deadline: float
    energy: float


class Cell(NamedTuple):
    """A range of ι, or of points of the grid, with multipliers."""

    low: float
    high: float
    multipliers: Multipliers


@dataclass(frozen=True)
class Row:
    """A user's part of a proof: multipliers without download, and cells of ι with it.

    Of a user with modes, a cell for each mode.
    """

    edge: Multipliers | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Proof:
    """Prices of what is shared, and a row for every user."""

    ray: bool
    prices: tuple[float, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Branch:
    """Both sides of a threshold of one user's decision."""

    user: int
    threshold: float
    low: Node
    high: Node


@dataclass(frozen=True)
class Node:
    """A range of sync times, the last one infinite where it has no end, and what proves it."""

    first: float
    last: float
    parts: tuple[Node, ...] | None = None
    branch: Branch | None = None
    proof: Proof | None = None


@dataclass(frozen=True)
class Domain:
    """The decisions that are left to a user; on a grid ι counts its points.

    Of one with modes it counts them, from 0; `modes` is how many there are, or 0, and `closed` are
    those that are not open anyway.
    """

    edge: bool
    local: bool
    low: float
    high: float
    modes: int = 0
    closed: frozenset[int] = frozenset()

    @property
    def left(self) -> list[int]:
        """The modes that are left."""
        return [k for k in range(int(self.low), int(self.high) + 1) if k not in self.closed]

    @property
    def computes(self) -> bool:
        """Whether any ι is left with download, or any mode."""
        return bool(self.left) if self.modes else self.local and self.low <= self.high

    @property
    def empty(self) -> bool:
        """Whether nothing is left."""
        return not self.edge and not self.computes


@dataclass(frozen=True)
class Certificate:
    """What a document says; `bound` is None where it claims infeasibility."""

    problem: str
    training: bool
    objective: str
    claim: str
    bound: float | None
    split: bool
    grid: int
    domains: tuple[Domain, ...]
    tree: Node

    @property
    def most(self) -> int:
        """The largest ι, in points of the grid if there is one."""
        return self.grid or 1


class _Version(NamedTuple):
    """The keys of a document and of a proof, and how many multipliers of limits a cell has."""

    document: tuple[str, ...]
    proof: tuple[str, ...]
    limits: int


_OLD = ("schema", "instance", "problem", "round", "bound", "split_band", "grid", "domains", "tree")
_VERSIONS = {
    "eipyomo/certificate@1": _Version(_OLD, ("prices", "users"), 0),
    SCHEMA: _Version((*_OLD, "objective", "claim"), ("ray", "prices", "users"), 2),
}


def read(instance: Instance, document: Any) -> Certificate:
    """Return the certificate that a document is.

    Raises
    ------
    InputError
        If it is none, or one of another instance.
    """
    if not isinstance(document, Mapping) or "schema" not in document:
        raise _broken("schema is missing")
    schema = _text(document["schema"], "schema")
    if schema not in _VERSIONS:
        raise InputError(f"schema is {short(schema)}, but must be {SCHEMA!r}")
    version = _VERSIONS[schema]
    _keys(document, "it", version.document)
    if _text(document["instance"], "instance") != instance.digest():
        raise InputError("the certificate is one of another instance")
    if not version.limits and is_limited(instance):
        raise InputError(
            f"the certificate has schema {short(schema)}, which knows no limits of users"
        )
    grid = _index(document["grid"], "grid", LARGEST_INDEX)
    claim = _one_of(document.get("claim", "bound"), "claim", CLAIMS)
    bound = document["bound"]
    if claim == "infeasible" and bound is not None:
        raise _broken("bound is not null, but an infeasible problem has none")
    rows = _list(document["domains"], "domains", len(instance.users))
    modes = tuple([_number_of_modes(instance, user.modes) for user in instance.users])
    found = Certificate(
        problem=_text(document["problem"], "problem"),
        training=_one_of(document["round"], "round", ("inference", "training")) == "training",
        objective=_one_of(document.get("objective", "wsel"), "objective", OBJECTIVES),
        claim=claim,
        bound=None if claim == "infeasible" else _number(bound, "bound"),
        split=_flag(document["split_band"], "split_band"),
        grid=grid,
        domains=tuple(_domain(row, grid, n) for row, n in zip(rows, modes, strict=True)),
        tree=_Reader(version, modes).node(document["tree"]),
    )
    if found.training and any(domain.edge for domain in found.domains):
        raise _broken("a training round needs every download")
    return found


def is_limited(instance: Instance) -> bool:
    """Tell whether an instance has limits."""
    totals = (instance.total_energy_budget_j, instance.total_latency_budget_s)
    limits = {getattr(user, key) for user in instance.users for key in USER_LIMITS}
    return totals != (None, None) or not limits <= {None, "free"}


def _number_of_modes(instance: Instance, name: str | None) -> int:
    return 0 if name is None else len((instance.modes or {})[name])


def _domain(row: Any, grid: int, modes: int) -> Domain:
    if modes:
        some_closed = "closed" in _object(row, "a domain")
        _keys(row, "a domain", ("modes", "closed") if some_closed else ("modes",))
        low, high = (_index(end, "modes", modes) for end in _list(row["modes"], "modes", 2))
        closed = [_index(k, "closed", modes) for k in _list(row.get("closed", []), "closed")]
        return Domain(
            edge=False, local=True, low=low, high=high, modes=modes, closed=frozenset(closed)
        )
    _keys(row, "a domain", ("edge", "local", "offload_min", "offload_max"))
    domain = Domain(
        edge=_flag(row["edge"], "edge"),
        local=_flag(row["local"], "local"),
        low=_number(row["offload_min"], "offload_min"),
        high=_number(row["offload_max"], "offload_max"),
    )
    if domain.low < 0 or domain.high > (grid or 1):
        raise _broken("a domain exceeds [0, 1]")
    if grid and not (domain.low.is_integer() and domain.high.is_integer()):
        raise _broken("a domain ends between points of the grid")
    return domain


@dataclass(frozen=True)
class _Reader:
    """Reads trees of a version, for users with so many modes each, or 0."""

    version: _Version
    modes: tuple[int, ...]

    def node(self, node: Any) -> Node:
        """Read a node: of parts, a branch, a proof, or nothing below it."""
        kinds = [kind for kind in ("parts", "branch", "proof") if kind in _object(node, "a node")]
        _keys(node, "a node", ("first_s", "last_s", *kinds[:1]))
        endless = self.version.limits and node["last_s"] is None
        return Node(
            first=_number(node["first_s"], "first_s"),
            last=math.inf if endless else _number(node["last_s"], "last_s"),
            parts=tuple(map(self.node, _list(node["parts"], "parts"))) if "parts" in node else None,
            branch=self._branch(node["branch"]) if "branch" in node else None,
            proof=self._proof(node["proof"]) if "proof" in node else None,
        )

    def _branch(self, branch: Any) -> Branch:
        _keys(branch, "a branch", ("user", "threshold", "low", "high"))
        return Branch(
            user=_index(branch["user"], "user", len(self.modes)),
            threshold=_number(branch["threshold"], "threshold"),
            low=self.node(branch["low"]),
            high=self.node(branch["high"]),
        )

    def _proof(self, proof: Any) -> Proof:
        _keys(proof, "a proof", self.version.proof)
        rows = _list(proof["users"], "users of a proof", len(self.modes))
        return Proof(
            ray=_flag(proof.get("ray", False), "ray"),
            prices=tuple(_weight(one, "a price") for one in _list(proof["prices"], "prices")),
            rows=tuple(map(self._row, rows, self.modes)),
        )

    def _row(self, row: Any, modes: int) -> Row:
        if modes:
            return self._row_of_modes(row, modes)
        _keys(row, "a user's proof", ("edge", "local"))
        cells = tuple(
            Cell(low, high, self._multipliers(others))
            for low, high, *others in (
                self._weights(cell, "a cell", 5) for cell in _list(row["local"], "local")
            )
        )
        if len({(cell.low, cell.high) for cell in cells}) < len(cells):
            raise _broken("a cell stands twice")
        edge = None if row["edge"] is None else self._weights(row["edge"], "edge", 2)
        return Row(None if edge is None else self._multipliers([0.0, *edge]), cells)

    def _row_of_modes(self, row: Any, modes: int) -> Row:
        _keys(row, "a user's proof", ("modes",))
        cells = []
        for cell in _list(row["modes"], "modes"):
            place, *others = _list(cell, "a mode", 4 + self.version.limits)
            k = _index(place, "a mode", modes)
            weights = [_weight(other, "a multiplier") for other in others]
            cells.append(Cell(k, k, self._multipliers(weights)))
        if len({cell.low for cell in cells}) < len(cells):
            raise _broken("a mode stands twice")
        return Row(None, tuple(cells))

    def _weights(self, value: Any, what: str, size: int) -> list[float]:
        numbers = _list(value, what, size + self.version.limits)
        return [_weight(number, "a multiplier or an end of a cell") for number in numbers]

    def _multipliers(self, numbers: list[float]) -> Multipliers:
        return Multipliers(*numbers, *[0.0] * (2 - self.version.limits))


# --- values ---------------------------------------------------------------------------------------


def _broken(what: str) -> InputError:
    return InputError(f"the certificate is broken: {what}")


def _keys(value: Any, what: str, keys: tuple[str, ...]) -> None:
    """Refuse what is no object that has exactly these keys."""
    found = _object(value, what)
    for key in keys:
        if key not in found:
            raise _broken(f"{key} is missing")
    for key in found:
        if key not in keys:
            raise _broken(
                f"{what} has an unknown key {short(key)}, but must have {', '.join(keys)}"
            )


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _broken(f"{what} is no object")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise _broken(f"{what} is {short(value)}, but must be a text")
    return value


def _one_of(value: Any, what: str, words: tuple[str, ...]) -> str:
    if _text(value, what) not in words:
        raise _broken(f"{what} is {short(value)}, but must be one of: {', '.join(words)}")
    return str(value)


def _number(value: Any, what: str) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not abs(value) <= LARGEST_NUMBER:
        raise _broken(f"{what} is no finite number")
    return float(value)


def _weight(value: Any, what: str) -> float:
    number = _number(value, what)
    if number < 0.0:
        raise _broken(f"{what} is {short(value)}, but must be >= 0")
    return number


def _index(value: Any, what: str, size: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < size:
        raise _broken(f"{what} is {short(value)}, not in 0..{size - 1}")
    return value


def _flag(value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise _broken(f"{what} is {short(value)}, not true or false")
    return value


def _list(value: Any, what: str, size: int | None = None) -> list[Any]:
    if not isinstance(value, list) or (size is not None and len(value) != size):
        raise _broken(f"{what} is no list of the right length")
    return value
