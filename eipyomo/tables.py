"""Tables as files, by their suffixes: for programs, for papers, and for people."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from eipyomo.errors import InputError
from eipyomo.extras import extra
from eipyomo.files import PathLike, about, read_bytes, require_path
from eipyomo.units import heading
from eipyomo.words import one_line, reason_of, short

if TYPE_CHECKING:
    import pandas as pd


class Format(NamedTuple):
    """How a table becomes a file's contents, how it is read back, and what that needs."""

    write: Callable[[pd.DataFrame], bytes]
    read: Callable[[bytes], pd.DataFrame] | None = None
    require: Callable[[], object] = lambda: None


def require_table(path: PathLike, option: str = "a table") -> Format:
    """Return the format that a file's name says, before long work starts for it.

    Raises
    ------
    InputError
        If it ends in something else.
    SolverError
        If a package is missing that the format needs.
    """
    require_path(path, option)
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"{option} is {short(str(path))}, but must end in {', '.join(FORMATS)}")
    FORMATS[suffix].require()
    return FORMATS[suffix]


def table_bytes(path: PathLike, table: pd.DataFrame) -> bytes:
    """Return a table as a file of that name holds it; errors as for :func:`require_table`.

    ``.csv`` and ``.parquet`` hold every column and digit, ``.xlsx`` sixteen digits. ``.tex`` (for
    LaTeX's package booktabs) and ``.md`` are to be read: six digits, headings with units, and what
    is the same in all rows said once above.
    """
    return require_table(path).write(table)


def read_table(path: PathLike) -> pd.DataFrame:
    """Read a table back.

    Raises
    ------
    InputError
        If the file cannot be read, or has a format that is only written.
    SolverError
        If a package is missing that the format needs.
    """
    reader = require_table(path).read
    if reader is None:
        kept = ", ".join(suffix for suffix, one in FORMATS.items() if one.read is not None)
        raise InputError(f"{short(str(path))} is a table for people; give one that ends in {kept}")
    contents = read_bytes(path, "table", bytes)
    with about(path):
        return table_in(contents, reader)


def table_in(contents: bytes, reader: Callable[[bytes], pd.DataFrame]) -> pd.DataFrame:
    """Return the table that a file's contents are; errors as for :func:`read_table`."""
    try:
        table = reader(contents)
    except Exception as error:  # whatever damaged contents lead a library to
        raise InputError(f"it holds no table: {reason_of(error)}") from None
    if table.empty:
        raise InputError("the table has no rows")
    return table


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table with Python's own values, None where a cell is empty."""
    plain = table.astype(object).where(table.notna(), None)
    return [dict(zip(map(str, plain), row, strict=True)) for row in plain.to_numpy().tolist()]


BLANKS: Final[Mapping[str, Any]] = {"keep_default_na": False, "na_values": [""]}
"""Nothing is nothing; NA and null may be names."""


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()


def _of_csv(contents: bytes) -> pd.DataFrame:
    import pandas as pd

    texts = dict.fromkeys(TEXTS, str)
    try:
        table: pd.DataFrame = pd.read_csv(io.BytesIO(contents), dtype=texts, **BLANKS)
    except ValueError as error:
        raise ValueError(f"not valid CSV: {error}") from None
    return table


def _parquet(table: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    table.to_parquet(file, engine="pyarrow", index=False)
    return file.getvalue()


def _of_parquet(contents: bytes) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(io.BytesIO(contents), engine="pyarrow")


def require_pyarrow() -> object:
    """Return what reads and writes ``.parquet`` files."""
    return extra("pyarrow", "parquet", "a .parquet file")


def _xlsx(table: pd.DataFrame) -> bytes:
    import pandas as pd

    file = io.BytesIO()
    with pd.ExcelWriter(file, engine="openpyxl") as book:
        table.map(_seen).to_excel(book, index=False, sheet_name="table")
        for row in book.sheets["table"].iter_rows():
            for cell in row:
                if cell.data_type == "f":  # a text that begins with "=" is no formula
                    cell.data_type = "s"
    return file.getvalue()


def _seen(cell: Any) -> Any:
    """Return a cell without the signs that a sheet cannot hold."""
    return _UNSEEN.sub(lambda sign: ascii(sign[0])[1:-1], cell) if isinstance(cell, str) else cell


_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def _of_xlsx(contents: bytes) -> pd.DataFrame:
    import pandas as pd

    with redirect_stdout(io.StringIO()):  # openpyxl prints which styles it does not know
        table: pd.DataFrame = pd.read_excel(io.BytesIO(contents), engine="openpyxl", **BLANKS)
    return table


def _require_openpyxl() -> object:
    return extra("openpyxl", "excel", "a .xlsx file")


def _tex(table: pd.DataFrame) -> bytes:
    said, columns = _for_people(table)
    lines = [f"% {one_line(words)}" for words in said]
    lines.append(f"\\begin{{tabular}}{{{''.join(_side(column) for column in columns.values())}}}")
    rows = zip(*columns.values(), strict=True)
    heads = _tex_row([_capital(heading(key)) for key in columns])
    lines += ["\\toprule", heads, "\\midrule", *(_tex_row(list(map(_cell, row))) for row in rows)]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""]).encode()


def _side(column: Sequence[Any]) -> str:
    """Return where a column of a table is set: texts left, numbers right."""
    return "l" if any(isinstance(cell, str | bool) for cell in column) else "r"


def _tex_row(cells: Sequence[str]) -> str:
    return " & ".join(cell.translate(_TEX) for cell in cells) + r" \\"


_TEX = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "[": "{[}",  # which behind the end of a row would be a length
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
)


def _md(table: pd.DataFrame) -> bytes:
    said, columns = _for_people(table)
    sides = ["---:" if _side(column) == "r" else "---" for column in columns.values()]
    rows = [[_capital(heading(key)) for key in columns], sides]
    rows += [list(map(_cell, row)) for row in zip(*columns.values(), strict=True)]
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows]
    above = [f"{'; '.join(said)}", ""] if said else []
    return "\n".join([*above, *lines, ""]).encode()


def _for_people(table: pd.DataFrame) -> tuple[list[str], dict[str, list[Any]]]:
    """Return what all rows have in common, in words, and the other columns."""
    if "label" in table and "method" in table:  # which says as much, and more
        table = table.assign(method=table["label"]).drop(columns="label")
    shown = [str(key) for key in table.columns if key not in FOR_PROGRAMS]
    if {"value", "objective"} <= set(shown) and table["value"].equals(table["objective"]):
        shown.remove("value")
    columns = {key: table[key].astype(object).tolist() for key in shown}
    alike = {key for key in columns if len(table) > 1 and len(set(map(_cell, columns[key]))) == 1}
    if len(alike) == len(columns):
        alike = set()
    said = [f"{heading(key)}: {_cell(columns[key][0])}" for key in columns if key in alike]
    said = [words for words in said if not words.endswith(": -")]
    return said, {key: column for key, column in columns.items() if key not in alike}


def _capital(words: str) -> str:
    return words if words.isupper() else words[:1].upper() + words[1:]


def _cell(value: Any) -> str:
    """Return a value as a person reads it."""
    if isinstance(value, str):
        return one_line(value) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


FOR_PROGRAMS: Final = (
    *("options", "digest", "version", "solver_version", "message"),
    *("max_violation", "iterations", "setup_s"),
)
"""Columns that tables for people leave out."""

TEXTS: Final = frozenset(
    ("instance", "method", "options", "problem", "termination", "minimised", "solver_version")
) | {"message", "digest", "version"}
"""Columns that are texts, even where they look like numbers."""

FORMATS: Final[Mapping[str, Format]] = {
    ".csv": Format(_csv, _of_csv),
    ".tex": Format(_tex),
    ".md": Format(_md),
    ".xlsx": Format(_xlsx, _of_xlsx, _require_openpyxl),
    ".parquet": Format(_parquet, _of_parquet, require_pyarrow),
}
