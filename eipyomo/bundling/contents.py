"""What the files of a bundle hold; nothing in them is believed that can be computed anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from eipyomo import claims
from eipyomo.bundling.manifest import Item, Kind, Source
from eipyomo.claims.table import NEEDED
from eipyomo.claims.values import is_number
from eipyomo.errors import ClaimError, InputError
from eipyomo.files import about, document_in
from eipyomo.instance import SCHEMA as INSTANCE
from eipyomo.instance import Instance
from eipyomo.process import Training
from eipyomo.result import Result
from eipyomo.tables import FORMATS, rows_of, table_in
from eipyomo.verify import Verified, verify
from eipyomo.words import one_line, shown

if TYPE_CHECKING:
    import pandas as pd

SAME = 1e-6
"""Relative difference of a table's number and its source, at most: the gap of certified answers."""

TABLE = ".csv"
"""Only these are read: .xlsx and .parquet may unpack to anything."""

FIGURES = (".eps", ".pdf", ".png", ".svg")
SCHEMAS: Final[Mapping[str, Kind]] = {
    INSTANCE: "instance",
    claims.SCHEMA: "result",
    claims.TRAINING_SCHEMA: "process",
    "eipyomo/certificate@1": "certificate",
    "eipyomo/certificate@2": "certificate",
}
FOLDERS: Final[Mapping[Kind, str]] = {
    "instance": "instances",
    "result": "results",
    "process": "processes",
    "certificate": "certificates",
    "table": "tables",
    "figure": "figures",
    "data": "data",
}


class Read(NamedTuple):
    """A file: what it is, its document if it is one, and its seed if it tells one."""

    kind: Kind
    document: dict[str, Any] | None = None

    @property
    def seed(self) -> int | None:
        """What it was drawn or solved with."""
        document = self.document if self.kind in ("result", "process") else None
        told = document or {}
        options = told.get("options")
        seed = told.get("seed", options.get("seed") if isinstance(options, Mapping) else None)
        is_seed = isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0
        return seed if is_seed else None


def read(name: str, contents: bytes) -> Read:
    """Return what a file is, by its suffix, and in JSON by its schema.

    Raises
    ------
    InputError
        If it ends in ``.json`` and is none.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".json":
        with about(name):
            try:
                document = document_in(contents.decode("utf-8-sig"), "JSON")
            except UnicodeDecodeError:
                raise InputError("the JSON file is not UTF-8") from None
        schema = document.get("schema")
        return Read(SCHEMAS.get(schema, "data") if isinstance(schema, str) else "data", document)
    kinds: dict[str, Kind] = {TABLE: "table", **dict.fromkeys(FIGURES, "figure")}
    return Read(kinds.get(suffix, "data"))


@dataclass
class Contents:
    """What is in a bundle, by the names of its files, as far as it is checked.

    Attributes
    ----------
    instances, results, processes, certificates, tables
        What the files hold; of certificates what they prove.
    owners
        The instance that results, processes and certificates belong to, by its file's name.
    how
        How each file was checked, in words.
    """

    instances: dict[str, Instance] = field(default_factory=dict)
    results: dict[str, Result] = field(default_factory=dict)
    processes: dict[str, Training] = field(default_factory=dict)
    certificates: dict[str, Verified] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)

    def owner_of(self, digest: object, name: object) -> str:
        """Return the file of the instance with a digest, or of one with a name if none has it.

        Raises
        ------
        InputError
            If there is none.
        """
        for file, instance in self.instances.items():
            if digest == instance.digest():
                return file
        for file, instance in self.instances.items():
            if name == instance.name:
                return file
        raise InputError(
            f"it belongs to the instance {shown(name)}, which is not among the files: give its "
            "file too"
        )

    def of_table(self, name: str) -> list[dict[str, Any]] | None:
        """Return the rows of a table of results, as ``compare`` and ``sweep`` make them."""
        table = self.tables[name]
        return rows_of(table) if set(NEEDED) <= set(table.columns) else None


def checked(
    files: Mapping[str, bytes],
    items: Iterable[Item],
    sources: Sequence[Source],
    tell: Callable[[str], object] = lambda _: None,
) -> Contents:
    """Return what files hold, if what they claim is true.

    Parameters
    ----------
    files
        Contents by names.
    items
        What is said of each.
    sources
        Which numbers of tables are those of results.
    tell
        Called with a phrase before each file.

    Raises
    ------
    InputError
        If one is broken, or belongs to an instance that is not there.
    ClaimError
        If one says what is not true; the sentence begins with its name.
    """
    found = Contents()
    told = {item.name: (item, read(item.name, files[item.name])) for item in items}
    for name, (item, one) in told.items():
        with about(name):
            claims.compare([item.kind, item.seed], [one.kind, one.seed], "the manifest claims")
    for kind, check in CHECKS.items():
        for name, (item, one) in told.items():
            if item.kind == kind:
                tell(f"checking {one_line(name)}")
                with about(name):
                    found.how[name] = check(found, name, one.document or {}, files[name])
    for name, proof in found.certificates.items():
        _hold(found, name, proof)
    for source in sources:
        with about(source.table):
            _trace(found, source)
    for name in found.tables:
        if count := sum(source.table == name for source in sources):
            found.how[name] += f"; {count} numbers are those of results"
    found.how = {name: found.how[name] for name in told}
    return found


def _instance(found: Contents, name: str, document: dict[str, Any], _: bytes) -> str:
    instance = Instance.from_dict(document)
    found.instances[name] = instance
    return f"read: {len(instance.users)} users"


def _result(found: Contents, name: str, document: dict[str, Any], _: bytes) -> str:
    owner = found.owner_of(document.get("instance_digest"), document.get("instance"))
    found.results[name] = Result.from_dict(document, found.instances[owner])
    found.owners[name] = owner
    return f"evaluated anew on {owner}"


def _process(found: Contents, name: str, document: dict[str, Any], _: bytes) -> str:
    rounds = document.get("rounds")
    first = rounds[0] if isinstance(rounds, list) and rounds else None
    digest = first.get("instance_digest") if isinstance(first, Mapping) else None
    owner = found.owner_of(digest, document.get("instance"))
    process = Training.from_dict(document, found.instances[owner])
    found.processes[name] = process
    found.owners[name] = owner
    return f"{len(process.rounds)} rounds evaluated anew on {owner}"


def _certificate(found: Contents, name: str, document: dict[str, Any], _: bytes) -> str:
    owner = found.owner_of(document.get("instance"), None)
    proof = verify(found.instances[owner], document)
    if proof.doubt is not None:
        raise ClaimError(proof.doubt)
    found.certificates[name] = proof
    found.owners[name] = owner
    least = "infeasible" if proof.infeasible else f"{proof.objective} >= {proof.bound:.9g}"
    return f"proven for {owner}, problem {proof.problem}: {least}"


def _table(found: Contents, name: str, _: dict[str, Any], contents: bytes) -> str:
    reader = FORMATS[TABLE].read
    assert reader is not None
    try:
        found.tables[name] = table_in(contents, reader)
    except InputError:  # one of somebody else's
        return _unread()
    rows = found.of_table(name)
    if rows is None:
        return f"digest, {len(found.tables[name])} rows"
    claims.check_table(rows)
    return f"{len(rows)} rows agree with one another"


def _unread(*_: object) -> str:
    return "digest"


CHECKS: Final[Mapping[Kind, Callable[[Contents, str, dict[str, Any], bytes], str]]] = {
    "instance": _instance,
    "result": _result,
    "process": _process,
    "certificate": _certificate,
    "table": _table,
    "figure": _unread,
    "data": _unread,
}
"""How each kind of file is checked, in the order in which they need one another."""


def _hold(found: Contents, name: str, proof: Verified) -> None:
    """Hold the results that a certificate is about against what it proves."""
    for file, result in found.results.items():
        what = (found.owners[file], result.problem, result.minimised)
        if what != (found.owners[name], proof.problem, proof.objective):
            continue
        doubt = result.unproven_by(proof)
        if doubt is None:
            found.how[file] += (
                f"; {above(claims.relative_gap(result.value, proof.bound))} by {name}"
            )
        elif proof.infeasible or (result.value is not None and result.value < proof.bound):
            raise ClaimError(f"{file}: {doubt} ({name})")


def above(gap: float | None) -> str:
    """Say how far an answer is from what is proven; None is one that nothing is feasible."""
    return (
        "proven" if gap is None else f"proven to be at most {max(gap, 0.0):.1e} above the optimum"
    )


def _trace(found: Contents, source: Source) -> None:
    """Hold a number of a table against that of the result that it is said to be."""
    where = f"row {source.row}, column {shown(source.column)}"
    if source.table not in found.tables or source.result not in found.results:
        raise InputError(
            f"{where} is said to be from {shown(source.result)}, but both must be files of the "
            "bundle, a table and a result"
        )
    table, result = found.tables[source.table], found.results[source.result]
    if source.column not in table.columns or source.row > len(table):
        raise InputError(f"{where} is said to be from a result, but the table has no such number")
    cell, number = table[source.column].iloc[source.row - 1], getattr(result, source.key)
    is_true = is_number(cell) and is_number(number)
    if not is_true or abs(cell - number) > SAME * max(abs(cell), abs(number)):
        raise ClaimError(
            f"{where} is {claims.values.written(cell)}, but {source.key} of {source.result}, which "
            f"it is said to be, is {claims.values.written(number)}"
        )
