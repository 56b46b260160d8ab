"""Inputs that nobody should write and somebody will: valid files, changed in ways that know them.

Input n of a reader is the same on every machine; see :func:`made`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import sqlite3
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from random import Random
from typing import Any, Final

Change = Callable[[bytes, Random], bytes]

RAW: Final = (
    *("NaN", "Infinity", "-Infinity", "1e400", "-0", "-0.0", "1E5", "+1", ".5", "1.", "0x10"),
    *("1_000", "01", "9" * 5000, "1e-400", "1" * 400, "tru", "None", "undefined", "'a'", ""),
    *("[" * n + "]" * n for n in (40, 400, 1100, 100_000)),
    *('{"a":' * n + "0" + "}" * n for n in (40, 400, 1100, 100_000)),
)
"""What stands where a JSON value stands, and often is none."""

TEXTS: Final = (
    *("", " ", "x", "name", "eu1", "1", "1e9", "nan", "inf", "-inf", "null", "true", "0", "-1"),
    *(
        "1e-320",
        "1e308",
        "1,5",
        "1.000,5",
        "1 000",
        "\uff11\uff12",
        "٣",
        "½",
        "1e",
        "--1",
        "=1+1",
        "#1",
    ),
    *("*", "..", "../x", "/dev/null", "a" * 5000, "中文", "ü", "\u202e", "\u2028", "\x00", "\x07"),
    *("\ud800", "\udc80", "\U0001f4f6", "e\u0301", "%s", "{0}", "\\", '"', "'", "[]", "{}", "a\nb"),
    *("joint", "eco", "gbe", "grid:0.2", "optimal", "infeasible", "free", "always", "training"),
    *("[/red]", "$x$", "1..2", "log(1..2)", "1:2:3", "9" * 400, "0.1", "8..8", "5e-324", "1e-300"),
)
VALUES: Final[Sequence[Any]] = (
    *(None, True, False, 0, 1, -1, 2, 0.5, -0.5, 1e-9, 1e9, 1e308, -1e308, 5e-324, 2**31, 2**63),
    *(2**64, 10**30, 10**400, float("nan"), float("inf"), -0.0, 1.5, 3, 7.0, 1e-320, 1e150, 1e-150),
    *([], {}, [[]], [None], [1], {"a": 1}, {"": ""}, [1, "a", None], [0.1, 0.2], [[1, 2], [3]]),
)
FACTORS: Final = (-1.0, 0.0, 1 + 1e-12, 1 + 1e-7, 0.999, 0.5, 2.0, 1e3, 1e-3, 1e12, 1e-12, 1e200)
_MARK = re.compile(r'"@raw (\d+)@"')
_NUMBER = re.compile(rb"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
TWICE: Final = "@twice@"
"""Stands before a key that is to stand a second time in its object."""


def made(kind: str, valid: Sequence[bytes], name: str, n: int) -> bytes:
    """Return input n of a reader.

    Parameters
    ----------
    kind
        One of ``KINDS``: what the reader reads.
    valid
        What it accepts.
    name
        The reader's name.
    n
        Which input; the same `name` and `n`, the same input.
    """
    random = Random(f"{name} {n}")
    whole = random.choice(valid)
    change = damaged if random.random() < 0.15 else KINDS[kind]
    return change(whole, random)


# --- bytes ----------------------------------------------------------------------------------------


def damaged(whole: bytes, random: Random) -> bytes:
    """Return a file that was cut, overwritten, encoded anew, or is none at all."""
    return random.choice(DAMAGES)(whole, random)


def _cut(whole: bytes, random: Random) -> bytes:
    return whole[: random.randint(0, len(whole))]


def _overwritten(whole: bytes, random: Random) -> bytes:
    found = bytearray(whole or b"0")
    for _ in range(random.choice((1, 1, 2, 8, 64))):
        found[random.randrange(len(found))] = random.choice(
            (0, 10, 34, 44, 255, random.getrandbits(8))
        )
    return bytes(found)


def _moved(whole: bytes, random: Random) -> bytes:
    """Put a part of a file somewhere else, or leave it out."""
    first, last = sorted((random.randint(0, len(whole)), random.randint(0, len(whole))))
    rest = whole[:first] + whole[last:]
    place = random.randint(0, len(rest))
    return rest if random.random() < 0.5 else rest[:place] + whole[first:last] + rest[place:]


def _encoded(whole: bytes, random: Random) -> bytes:
    text = whole.decode("utf-8", "replace")
    name = random.choice(
        ("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "utf-7", "cp037")
    )
    return text.encode(name, "replace")


def _renumbered(whole: bytes, random: Random) -> bytes:
    """Put odd texts in the place of numbers, wherever they stand."""
    places = list(_NUMBER.finditer(whole))
    for place in random.sample(places, min(len(places), random.choice((1, 1, 2, 3)))):
        other = _odd_text(random).encode("utf-8", "surrogatepass")
        whole = whole[: place.start()] + other + whole[place.end() :]
    return whole


def _inserted(whole: bytes, random: Random) -> bytes:
    place = random.randint(0, len(whole))
    more = random.choice(
        (b"\0", b"\r\n", b"\xff\xfe", b" " * 10_000, b'"', b",", b"[" * 2000, b"\xef\xbb\xbf")
    )
    return whole[:place] + more + whole[place:]


DAMAGES: Final[Sequence[Change]] = (
    _cut,
    _overwritten,
    _moved,
    _encoded,
    _renumbered,
    _inserted,
    lambda whole, _: whole + whole,
    lambda whole, _: whole[::-1],
    lambda _, random: random.randbytes(random.choice((0, 1, 4, 100, 5000))),
)


# --- JSON -----------------------------------------------------------------------------------------


def json_changed(whole: bytes, random: Random) -> bytes:
    """Return a document with some values, types and keys changed at any depth."""
    try:
        document = json.loads(whole)
    except (ValueError, RecursionError):  # it was changed before, to what is none
        return damaged(whole, random)
    if not isinstance(document, dict | list):
        return damaged(whole, random)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        change_document(document, random)
    text = json.dumps(document, ensure_ascii=random.random() < 0.5)
    text = _MARK.sub(lambda mark: RAW[int(mark[1]) % len(RAW)], text.replace(TWICE, ""))
    return text.encode("utf-8", "surrogatepass")


def change_document(document: Any, random: Random) -> None:
    """Change, drop or add something somewhere, in place."""
    here, key = _place_in(document, random)
    if key is None:
        return
    what = random.randrange(10)
    if what == 0:
        del here[key]
    elif what == 1 and isinstance(here, dict):
        name = random.choice((TWICE + str(key), _odd_text(random), f"{key}_", str(key).upper()))
        here[name] = _odd_value(random)
    elif what == 1:
        here += here[:1] * random.choice((1, 1, 2, 100))
    elif what in (2, 3):
        donor, other = _place_in(document, random)
        here[key] = None if other is None else json.loads(json.dumps(donor[other]))
    elif what in (4, 5, 6):
        here[key] = _other_of(here[key], random)
    else:
        here[key] = _odd_value(random)


def _place_in(document: Any, random: Random) -> tuple[Any, Any]:
    """Return an object or list in a document and a key of it, None where it is empty."""
    while True:
        keys = list(document) if isinstance(document, dict) else range(len(document))
        if not keys:
            return document, None
        key = random.choice(keys)
        below = document[key]
        if not isinstance(below, dict | list) or not below or random.random() < 0.2:
            return document, key
        document = below


def _other_of(value: Any, random: Random) -> Any:
    """Return something near a value: of another size, of another type, or inside of something."""
    near = [[value], {"value": value}, str(value), bool(value)]
    if isinstance(value, bool | None):
        near += [int(bool(value)), not value]
    elif isinstance(value, int | float):
        with contextlib.suppress(OverflowError):
            near += 2 * [value * factor for factor in FACTORS]
    elif isinstance(value, str):
        place = random.randint(0, len(value))
        near += [value[:place], value[:place] + _odd_text(random) + value[place:], value.upper()]
    elif isinstance(value, list):
        near += [value[::-1], value * 2, dict(enumerate(map(str, value))), value[:-1]]
    else:
        near += [list(value), list(value.values()), {**value, "x": 1}]
    return random.choice(near)


def _odd_value(random: Random) -> Any:
    kind = random.random()
    if kind < 0.15:
        return f"@raw {random.randrange(len(RAW))}@"
    return _odd_text(random) if kind < 0.4 else json.loads(json.dumps(random.choice(VALUES)))


def _odd_text(random: Random) -> str:
    return random.choice(TEXTS)


# --- tables and words -----------------------------------------------------------------------------


def table_changed(whole: bytes, random: Random) -> bytes:
    """Return a table with other cells, rows, columns, separators, quotation marks or line ends."""
    rows = [line.split(",") for line in whole.decode("utf-8", "replace").splitlines()] or [[""]]
    for _ in range(random.choice((1, 1, 2, 3, 6))):
        n, what = random.randrange(len(rows)), random.randrange(9)
        row = rows[n]
        j = random.randrange(max(len(row), 1))
        if what == 0:
            rows[n] = row[:j] + row[j + 1 :]
        elif what == 1:
            rows.insert(n, random.choice(([""], ["# a remark"], list(row), [_odd_text(random)])))
        elif what == 2:
            rows = [one[:j] + one[j + 1 :] for one in rows]
        elif what == 3:
            rows = [[*one, *one[j : j + 1]] for one in rows]
        elif what == 4 and len(rows) > 1:
            del rows[n]
        elif row:
            cell = row[j : j + 1] or [""]
            row[j : j + 1] = [random.choice((_odd_text(random), f'"{cell[0]}"', cell[0] + "0"))]
        rows = rows or [[""]]
    sign = random.choice((",",) * 6 + (";", "\t", "|", ", "))
    end = random.choice(("\n",) * 6 + ("\r\n", "\r", "\n\n", ""))
    text = end.join(sign.join(row) for row in rows) + end
    return text.encode(random.choice(("utf-8",) * 8 + ("utf-16", "utf-8-sig")), "surrogatepass")


def words_changed(whole: bytes, random: Random) -> bytes:
    """Return a short text with other signs and numbers in it."""
    text = whole.decode()
    for _ in range(random.choice((1, 1, 2, 3))):
        place, more = random.randint(0, len(text)), random.choice((*"=.*[]\"' ,:()#-+e0/", None))
        left = random.choice((0, 0, 1, 1, 2, 5))
        text = text[:place] + (_odd_text(random) if more is None else more) + text[place + left :]
    if random.random() < 0.2:
        return _renumbered(text.encode("utf-8", "surrogatepass"), random)
    return text.encode("utf-8", "surrogatepass")


# --- archives and stores --------------------------------------------------------------------------


def zip_changed(whole: bytes, random: Random) -> bytes:
    """Return an archive whose files are changed, renamed, left out, doubled, or lie."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        files = [(name, archive.read(name)) for name in archive.namelist()]
    for _ in range(random.choice((0, 1, 1, 2))):
        n, what = random.randrange(len(files)), random.randrange(12)
        name, contents = files[n]
        if what == 0 and len(files) > 1:
            del files[n]
        elif what == 1:
            files.append((name, contents))
        elif what == 2:
            odd = random.choice(
                ("../x", "/etc/x", "a\\b", "x/y/z", "ü中.json", "a" * 300, name.upper())
            )
            files[n] = (odd, contents)
        else:
            change = FILES.get(PurePosixPath(name).suffix, _renumbered)
            files[n] = (name, random.choice((change, change, change, damaged))(contents, random))
    if random.random() < 0.7:
        files = _told_anew(files)
    packed = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w") as archive:
        warnings.simplefilter("ignore")
        for name, contents in files:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = random.choice((0o644, 0o644, 0o644, 0o120777)) << 16
            archive.writestr(
                entry, contents, random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
            )
    found = packed.getvalue()
    return found if random.random() < 0.8 else _overwritten(found, random)


def _told_anew(files: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Let the manifest of a bundle, where it can be read, tell the files as they are."""
    held = dict(files)
    try:
        manifest = json.loads(held["manifest.json"])
        for item in manifest["files"]:
            contents = held[item["name"]]
            item["size_bytes"] = len(contents)
            item["sha256"] = hashlib.sha256(contents).hexdigest()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return files
    told = json.dumps(manifest).encode()
    return [(name, told if name == "manifest.json" else contents) for name, contents in files]


FILES: Final[Mapping[str, Change]] = {".json": json_changed, ".csv": table_changed}
"""How files in an archive are changed, by their suffixes; of others, numbers are."""


def store_changed(whole: bytes, random: Random) -> bytes:
    """Return a database with another value in some cell, or other columns."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.deserialize(whole)
        for _ in range(random.choice((1, 1, 2))):
            with contextlib.suppress(sqlite3.Error, LookupError, OverflowError, ValueError):
                _change_store(database, random)
        return database.serialize()


def _change_store(database: sqlite3.Connection, random: Random) -> None:
    column = random.choice(("digest", "method", "options", "version", "instance", "result"))
    what = random.randrange(10)
    if what == 0:
        database.execute(random.choice(SCHEMAS).format(column=column))
    elif what < 3:
        odd = random.choice((None, 1, 0.5, b"\xff\x00", *TEXTS, *RAW))
        database.execute(f"UPDATE OR IGNORE cells SET {column} = ?", (odd,))
    else:
        (text,) = random.choice(database.execute("SELECT result FROM cells").fetchall())
        other = json_changed(text.encode(), random).decode("utf-8", "surrogateescape")
        database.execute("UPDATE cells SET result = ? WHERE result = ?", (other, text))


SCHEMAS: Final = (
    "DROP TABLE cells",
    "ALTER TABLE cells RENAME COLUMN {column} TO other",
    "ALTER TABLE cells ADD COLUMN other TEXT",
    "ALTER TABLE cells RENAME TO other",
    "DELETE FROM cells",
    "CREATE VIEW other AS SELECT * FROM cells",
    "PRAGMA user_version = 7",
)

KINDS: Final[Mapping[str, Change]] = {
    "json": json_changed,
    "table": table_changed,
    "words": words_changed,
    "zip": zip_changed,
    "store": store_changed,
    "bytes": _renumbered,
}
"""What readers read, and how it is changed."""
