"""What a bundle says of itself: its files with their digests, and what made them."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictInt, StrictStr

from eipyomo.errors import ClaimError, InputError
from eipyomo.files import document_in, to_json
from eipyomo.studies.versions import distributions
from eipyomo.validation import Record, Seed, Whole
from eipyomo.version import __version__, commit
from eipyomo.words import short

SCHEMA = "eipyomo/bundle@1"
FILE = "manifest.json"

Kind = Literal["instance", "result", "process", "certificate", "table", "figure", "data"]


class Item(Record):
    """A file of a bundle.

    Attributes
    ----------
    name
        ``FOLDER/FILE`` in the zip.
    kind
        What it is, which says how it is checked.
    size_bytes, sha256
        Its size, and the SHA-256 of its contents.
    seed
        What it was drawn or solved with, where a file tells.
    made_by
        The command that made it, where whoever bundled it told.
    """

    name: Annotated[StrictStr, Field(description="a text")]
    kind: Annotated[
        Kind,
        Field(description="instance, result, process, certificate, table, figure or data"),
    ]
    size_bytes: Annotated[
        Annotated[StrictInt, Field(ge=0)], Field(description="a whole number >= 0")
    ]
    sha256: Annotated[
        Annotated[StrictStr, Field(pattern="^[0-9a-f]{64}$")],
        Field(description="64 hexadecimal digits"),
    ]
    seed: Annotated[Seed | None, Field(description="a whole number >= 0 or null")] = None
    made_by: Annotated[StrictStr | None, Field(description="a text or null")] = None

    @classmethod
    def of_file(cls, name: str, kind: Kind, contents: bytes, **more: Any) -> Self:
        """Return what is said of a file with these contents."""
        digest = hashlib.sha256(contents).hexdigest()
        return cls(name=name, kind=kind, size_bytes=len(contents), sha256=digest, **more)


class Source(Record):
    """A number of a table that is one of a result: the table's source.

    Attributes
    ----------
    table, row, column
        File of the bundle, row counted from 1 without the header, and name of the column.
    result, key
        File of the bundle, and which of its numbers it is.
    """

    table: Annotated[StrictStr, Field(description="a text")]
    row: Annotated[Whole, Field(description="a whole number >= 1")]
    column: Annotated[StrictStr, Field(description="a text")]
    result: Annotated[StrictStr, Field(description="a text")]
    key: Annotated[
        Literal["objective", "value", "bound"], Field(description="objective, value or bound")
    ] = "objective"


class Manifest(Record):
    """All that a bundle says of itself, but for its schema.

    Attributes
    ----------
    made_with
        Versions of eipyomo, of its commit where that is known, of Python, and of the packages that
        eipyomo needs. Nothing else in a bundle differs from machine to machine.
    files
        All files but this one, by name.
    sources
        Which numbers of tables are those of results.
    """

    made_with: Annotated[
        dict[str, StrictStr | None], Field(description="an object of texts or nulls")
    ]
    files: Annotated[tuple[Item, ...], Field(description="a list of objects")]
    sources: Annotated[tuple[Source, ...], Field(description="a list of objects")] = ()

    @classmethod
    def of_contents(cls, contents: bytes | None) -> Self:
        """Read a manifest.

        Raises
        ------
        InputError
            If there is none, it is broken, or has another schema.
        """
        if contents is None:
            raise InputError(f"it is no bundle: it has no {FILE}")
        try:
            text = contents.decode("utf-8")
        except UnicodeDecodeError:
            raise InputError(f"the {FILE} of the bundle is not UTF-8") from None
        document = document_in(text, FILE)
        if (schema := document.pop("schema", None)) != SCHEMA:
            raise InputError(f"schema is {short(schema)}, but a bundle must have {SCHEMA!r}")
        for key in ("files", "sources"):
            rows = document.get(key, [])
            if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
                raise InputError(f"{key} must be a list of objects, but is not")
        items = [Item.of(row) for row in document.pop("files", [])]
        sources = [Source.of(row) for row in document.pop("sources", [])]
        return cls(files=tuple(items), sources=tuple(sources), **document)

    def contents(self) -> bytes:
        """Return the manifest as the file that it is."""
        document = {
            "schema": SCHEMA,
            "made_with": self.made_with,
            "files": [item.data() for item in self.files],
            "sources": [source.data() for source in self.sources],
        }
        return to_json(document).encode()

    def require(self, files: Mapping[str, bytes]) -> None:
        """Hold the files that are there against what is said of them.

        Raises
        ------
        ClaimError
            If one is missing, of none is told, or one is another.
        """
        told = {item.name: item for item in self.files}
        if len(told) < len(self.files):
            raise InputError(f"the {FILE} tells twice of a file, but names must be unique")
        if missing := [name for name in told if name not in files]:
            raise ClaimError(f"the bundle lacks {_listed(missing)}, of which its {FILE} tells")
        if foreign := [name for name in files if name not in told]:
            raise ClaimError(
                f"the bundle holds {_listed(foreign)}, of which its {FILE} tells nothing"
            )
        for name, item in told.items():
            digest = hashlib.sha256(files[name]).hexdigest()
            if (item.size_bytes, item.sha256) != (len(files[name]), digest):
                raise ClaimError(
                    f"the bundle's file {name!r} was changed: its SHA-256 is {digest[:12]}..., but "
                    f"its {FILE} says {item.sha256[:12]}..."
                )


def made_here() -> dict[str, str | None]:
    """Return the versions of what makes a bundle now."""
    return {
        "eipyomo": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        **distributions(),
    }


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(map(repr, names[:3])) + more
