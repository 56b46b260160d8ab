"""Tables of users as people make them: each is the right instance, or one sentence that says where.

What is right is written down by hand below, in SI units, on top of the letter's Table I.
"""

from __future__ import annotations

import io
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import eipyomo as ei
from eipyomo.channel import mean_gain
from eipyomo.cli import main
from eipyomo.devices import EndUser
from eipyomo.user_tables.headings import column_of
from eipyomo.user_tables.numerals import decimal_marks, number_of
from eipyomo.user_tables.reading import read_users
from eipyomo.user_tables.template import meanings
from eipyomo.users import Users as Columns

Users = dict[str, dict[str, Any]]
Table = str | bytes | pd.DataFrame


@cache
def letter() -> ei.Instance:
    """Return the instance that gets other users."""
    return ei.Instance.letter(users=2)


def by_hand(users: Users) -> ei.Instance:
    """Return the letter's instance with users that have its values, but for what is told here."""
    (one,) = ei.Instance.letter(users=1).users
    return letter().replace(users=[one.replace(name=name, **own) for name, own in users.items()])


def read(table: Table, folder: Path, suffix: str = ".csv") -> tuple[ei.Instance, list[str]]:
    """Return the instance with users of a table, and the warnings."""
    source: Any = table
    if not isinstance(table, pd.DataFrame):
        source = folder / f"users{suffix}"
        source.write_bytes(table.encode() if isinstance(table, str) else table)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        instance = letter().with_users(source)
    assert all(one.category is ei.InputWarning for one in caught)
    assert all(one.filename == __file__ for one in caught)
    return instance, [str(one.message) for one in caught]


AB: Users = {"a": {"channel_gain": 1e-10}, "b": {"channel_gain": 2e-10}}
TASKS: Users = {
    "a": {"channel_gain": 1e-10, "task_bits": 1.5e6},
    "b": {"channel_gain": 2e-10, "task_bits": 2.25e6},
}
GAINS = pd.DataFrame({"name": ["a", "b"], "channel_gain": [1e-10, 2e-10]})
NOTHING: Any = [None, pd.NA]
WITH_TASKS = GAINS.assign(task_mbit=[1.5, 2.25])
WHOLE = ei.Instance.letter(users=2).users_frame()
LETTER: Users = {
    str(one["name"]): {"channel_gain": one["channel_gain"]} for one in WHOLE.to_dict("records")
}


def csv(frame: pd.DataFrame, **options: Any) -> str:
    """Return what pandas writes."""
    return str(frame.to_csv(**{"index": False, **options}))


def excel(*sheets: pd.DataFrame, **options: Any) -> bytes:
    """Return a book of Excel as pandas writes it."""
    file = io.BytesIO()
    with pd.ExcelWriter(file, engine="openpyxl") as book:
        for n, sheet in enumerate(sheets):
            sheet.to_excel(book, sheet_name=f"s{n}", **{"index": False, **options})
    return file.getvalue()


RIGHT: dict[str, tuple[Table, Users]] = {
    "as pandas writes it": (csv(WHOLE), LETTER),
    "with pandas' index": (csv(WITH_TASKS, index=True), TASKS),
    "an index read back": (pd.read_csv(io.StringIO(csv(WITH_TASKS, index=True))), TASKS),
    "only what is needed": (csv(GAINS), AB),
    "semicolons and decimal commas": (csv(WITH_TASKS, sep=";", decimal=","), TASKS),
    "tabs": (csv(WITH_TASKS, sep="\t"), TASKS),
    "tabs and decimal commas": (csv(WITH_TASKS, sep="\t", decimal=","), TASKS),
    "vertical bars": (csv(WITH_TASKS, sep="|"), TASKS),
    "commas and quoted decimal commas": (csv(WITH_TASKS, decimal=","), TASKS),
    "all in quotation marks": (csv(WITH_TASKS, quoting=1), TASKS),
    "blanks around": ("name , channel_gain ,task_mbit\n a , 1e-10, 1.5\nb ,2E-10 ,2.25 \n", TASKS),
    "blanks before quotation marks": ('name; channel_gain\n"a"; "1e-10"\n"b"; "2e-10"\n', AB),
    "a byte order mark": (csv(GAINS).encode("utf-8-sig"), AB),
    "UTF-16": (csv(GAINS, sep="\t").encode("utf-16"), AB),
    "UTF-16 without a mark": (csv(GAINS).encode("utf-16-le"), AB),
    "big-endian UTF-16": (csv(GAINS).encode("utf-16-be"), AB),
    "line ends of Windows": (csv(GAINS, lineterminator="\r\n"), AB),
    "line ends of old": (csv(GAINS, lineterminator="\r"), AB),
    "no last line end": (csv(GAINS).rstrip(), AB),
    "blank lines": ("\n\nname,channel_gain\n\na,1e-10\n , \n\nb,2e-10\n\n", AB),
    "a separator told to Excel": ("sep=;\nname;channel_gain\na;1e-10\nb;2e-10\n", AB),
    "separators behind": ("name;channel_gain;;\na;1e-10;;\nb;2e-10;;\n;;;\n", AB),
    "separators behind rows": ("name,channel_gain\na,1e-10,\nb,2e-10,\n", AB),
    "a blank column within": ("name,,channel_gain\na,,1e-10\nb,,2e-10\n", AB),
    "comments": ("# made by hand, 2026\n#x\nname,channel_gain\na,1e-10\n#\n# b\nb,2e-10\n", AB),
    "a comment with an apostrophe": ('# a "user\nname,channel_gain\na,1e-10\nb,2e-10\n', AB),
    "levels": ("name,channel_gain [dB]\na,-100\nb,-96.98970004336019\n", AB),
    "minus signs of a word processor": (
        "name;gain (dB)\na;\N{MINUS SIGN}100\nb;\N{MINUS SIGN}96,98970004336019\n",
        AB,
    ),
    "titles in words": ("NAME;Channel-Gain;Task size (kB)\na;1e-10;187,5\nb;2E-10;281,25\n", TASKS),
    "units behind a stroke": ("name,channel_gain,task / Mbit\na,1e-10,1.5\nb,2e-10,2.25\n", TASKS),
    "units in the title's words": ("User,Gain,Task in kbit\na,1e-10,1500\nb,2e-10,2250\n", TASKS),
    "units with other signs": ("name,gain,task [bits]\na,1e-10,1500000\nb,2e-10,2.25e6\n", TASKS),
    "a unit said twice": ("name,gain,task_mbit [Mbit]\na,1e-10,1.5\nb,2e-10,2.25\n", TASKS),
    "thousands between blanks": (
        "name;gain;task_bits\na;1e-10;1 500 000\nb;2e-10;2 250 000\n",
        TASKS,
    ),
    "thousands between narrow blanks": (
        "name;gain;task_kbit\na;1e-10;1\u202f500\nb;2e-10;2\N{NO-BREAK SPACE}250,0\n",
        TASKS,
    ),
    "thousands of the Swiss": (
        "name;gain;task_bits\na;1e-10;1'500'000\nb;2e-10;2\u2019250\u2019000.0\n",
        TASKS,
    ),
    "thousands between points": (
        "name;gain;task_bits\na;1e-10;1.500.000\nb;2e-10;2.250.000,0\n",
        TASKS,
    ),
    "thousands between commas": (
        'name,gain,task_bits\na,1e-10,"1,500,000"\nb,2e-10,"2,250,000.00"\n',
        TASKS,
    ),
    "three decimals behind commas": (
        "name;gain;task_mbit\na;1E-10;1,500\nb;2,0E-10;2,250\n",
        TASKS,
    ),
    "umlauts": ("name,gain\nMüller,1e-10\nÅse,2e-10\n", {"Müller": AB["a"], "Åse": AB["b"]}),
    "umlauts in Latin-1": (
        "name;gain\nMüller;1e-10\nÅse;2e-10\n".encode("latin-1"),
        {"Müller": AB["a"], "Åse": AB["b"]},
    ),
    "Chinese and Arabic": (
        "name,gain\n用户一,1e-10\nمستخدم,2e-10\n",
        {"用户一": AB["a"], "مستخدم": AB["b"]},
    ),
    "names that mean nothing elsewhere": (
        "name,gain\nNA,1e-10\n-,2e-10\n",
        {"NA": AB["a"], "-": AB["b"]},
    ),
    "names that look like comments": (
        'name,gain\n"#1",1e-10\n"a\n# b",2e-10\n',
        {"#1": AB["a"], "a\n# b": AB["b"]},
    ),
    "numbers as names": (csv(GAINS.assign(name=[1, 2])), {"1": AB["a"], "2": AB["b"]}),
    "limits of some": (
        "name,gain,deadline_ms,download\na,1e-10,9000,Always\nb,2e-10,,n/a\n",
        {"a": {**AB["a"], "deadline_s": 9.0, "download": "always"}, "b": AB["b"]},
    ),
    "distances": (
        "name,distance [km]\na,0.05\nb,0.1\n",
        {
            "a": {"channel_gain": mean_gain(2.9, 50.0)},
            "b": {"channel_gain": mean_gain(2.9, 100.0)},
        },
    ),
    "signs for nothing": (
        "name,gain,task_mbit,transmit_power_dbm\na,1e-10,n/a,-\nb,2e-10,NaN,\N{EN DASH}\n",
        AB,
    ),
    "a frame": (WITH_TASKS, TASKS),
    "a frame of texts": (WITH_TASKS.astype(str), TASKS),
    "a frame with nothing": (WITH_TASKS.assign(task_mbit=NOTHING), AB),
    "a frame with titles in words": (
        WITH_TASKS.rename(columns={"task_mbit": "Task [Mbit]"}),
        TASKS,
    ),
    "a sheet": (excel(WITH_TASKS), TASKS),
    "the first of two sheets": (excel(WITH_TASKS, GAINS), TASKS),
    "a sheet with an index": (excel(WITH_TASKS, index=True), TASKS),
    "a sheet that begins further down": (excel(WITH_TASKS, startrow=3), TASKS),
    "a sheet of texts": (excel(WITH_TASKS.astype(str)), TASKS),
    "a sheet with numbers as names": (
        excel(GAINS.assign(name=[1.0, 2.0])),
        {"1": AB["a"], "2": AB["b"]},
    ),
}


@pytest.mark.parametrize("case", list(RIGHT))
def test_messy_tables_are_right(case: str, tmp_path: Path) -> None:
    """Every user has the values that are written down, whatever the table looks like."""
    table, users = RIGHT[case]
    found, remarks = read(table, tmp_path)
    expected = by_hand(users)
    assert found.users.texts("name") == expected.users.texts("name")
    for key in EndUser.model_fields:
        if isinstance(expected.users.columns.get(key), tuple | None):
            assert found.users.texts(key) == expected.users.texts(key)
        else:
            own = pytest.approx(expected.users.numbers(key).tolist(), rel=1e-14, nan_ok=True)
            assert found.users.numbers(key).tolist() == own
    filled = [one for one in remarks if "what the table leaves out" in one]
    assert len(filled) == (0 if case == "as pandas writes it" else 1)


WRONG: dict[str, tuple[Table, str]] = {
    "one comma": (
        'name,gain,task_mbit\na,1e-10,"1,500"\n',
        "line 2: task_mbit (user 'a') is '1,500', but must be 1.500 or 1500, whichever is meant",
    ),
    "one point among commas": (
        "name;gain;task_mbit\na;1e-10;1.500\nb;1e-10;2,5\n",
        "line 2: task_mbit (user 'a') is '1.500', but must be 1,500 or 1500, whichever is meant",
    ),
    "one comma among both": (
        "name;gain;task_mbit\na;1e-10;1,500\nb;1e-10;2,5\nc;1e-10;2.5\n",
        "line 2: task_mbit (user 'a') is '1,500', but must be 1.500 or 1500, whichever is meant",
    ),
    "decimal commas between commas": (
        "name,gain,task_mbit\na,1e-10,1,5\n",
        "has 4 fields in line 2",
    ),
    "a short row": ("name,gain,task_mbit\na,1e-10\n", "has 2 fields in line 2, but must have 3"),
    "infinity": (
        "name,gain,deadline_s\na,1e-10,∞\n",
        "deadline_s (user 'a') is '∞', but must be a",
    ),
    "a unit in a cell": ("name,gain,task_mbit\na,1e-10,8 MB\n", "is '8 MB', but must be a finite"),
    "per cent": ("name,gain,max_uplink_share\na,1e-10,50%\n", "is '50%', but must be a number > 0"),
    "an error of Excel": (
        "name,gain\na,#DIV/0!\n",
        "line 2: gain (user 'a') is '#DIV/0!', but must",
    ),
    "digits of elsewhere": (
        "name,gain\na,\N{ARABIC-INDIC DIGIT ONE}\n",
        "line 2: gain (user 'a') is '\N{ARABIC-INDIC DIGIT ONE}', but must be",
    ),
    "a truth": (GAINS.assign(task_mbit=True), "row 0: task_mbit (user 'a') is True, but must be"),
    "a date": (
        excel(GAINS.assign(task_mbit=pd.Timestamp("2026-05-01"))),
        "row 2: task_mbit (user 'a') is datetime.datetime(2026, 5, 1, 0, 0), but must be",
    ),
    "no gain": (
        "name,gain\na,1e-10\nb,\n",
        "line 3: gain (user 'b') is blank, but must be a finite",
    ),
    "no name": ("name,gain\na,1e-10\n,2e-10\n", "line 3: name is blank, but must be a non-empty"),
    "no gains": (
        "name,task_mbit\na,1\n",
        "the column channel_gain is missing: it is required, or di",
    ),
    "no names": ("gain\n1e-10\n", "the column name is missing: a name for each user is required"),
    "gains and distances": ("name,gain,distance_m\na,1e-10,50\n", "one of them is enough"),
    "two of a name": (
        "name,gain\na,1e-10\n\na ,2e-10\n",
        "line 4: name is 'a', but line 2 has that",
    ),
    "two of a column": (
        "name,gain,Channel gain [dB]\na,1,1\n",
        "columns 'gain' and 'Channel gain [dB",
    ),
    "a column without a unit": (
        "name,gain,Transmit power\na,1e-10,23\n",
        "the column 'Transmit power' has no unit, but must be one of: transmit_power_w, transmit_p",
    ),
    "a wrong unit": (
        "name,gain,transmit power [dBW]\na,1e-10,23\n",
        "'transmit power [dBW]' has the unit 'dBW', but must have one of: 'W', 'mW', 'dBm'",
    ),
    "megawatts": (
        "name,gain,transmit power [MW]\na,1e-10,23\n",
        "has the unit 'MW', but must have",
    ),
    "mb": (
        "name,gain,task [mb]\na,1e-10,23\n",
        "has the unit 'mb', but must have one of: 'bit', 'kb",
    ),
    "a slip of the pen": (
        "name,gain,transmit_pwer_dbm\na,1e-10,23\n",
        "unknown column 'transmit_pwer_dbm' (perhaps transmit_power_dbm), but may have: name, cha",
    ),
    "a title in Chinese": (
        "name,gain,任务\na,1e-10,23\n",
        "the unknown column '任务', but may have",
    ),
    "a user or a comment": (
        "name,gain\n#1,1e-10\n",
        "line 2 begins with '#', but must have a blank",
    ),
    "an open quotation mark": (
        'name,gain\na,1e-10\n"b,2e-10\n',
        "line 3 has a quotation mark that",
    ),
    "limits that contradict": (
        "name,gain,min_uplink_share,max_uplink_share\na,1e-10,,\nb,1e-10,0.5,0.4\n",
        "line 3: min_uplink_share (user 'b') is 0.5, but must be at most max_uplink_share",
    ),
    "noise in dBm as W": (
        "name,gain,noise_density_w_per_hz\na,1e-10,-174\n",
        "a finite number > 0 (noise density at the user in W/Hz); perhaps -174 dB",
    ),
    "a distance of nothing": (
        "name,distance_m\na,1e-300\n",
        "distance_m (user 'a') is 1e-300, but must be a finite number >= 1 (distance from the ser",
    ),
    "km as m": ("name,distance_m\na,0.05\n", "in m); perhaps 0.05 km is meant"),
    "a gain in dB as a factor": ("name,gain\na,-110\n", "perhaps -110 dB is meant"),
    "nothing": ("", "the users file holds no table"),
    "only comments": ("# name,gain\n", "the users file holds no table"),
    "no users": ("name,gain\n\n", "the table has no users below its header"),
    "no text": (bytes(range(256)), "cannot read the users file"),
    "a broken sheet": (b"PK\3\4rubbish", "it holds no sheet, save it as .xlsx or .csv"),
    "a sheet of old": (b"\xd0\xcf\x11\xe0" + bytes(9), "it is a sheet of old Excel, but must be"),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_what_is_in_doubt_is_refused(case: str, tmp_path: Path) -> None:
    """One sentence names the file, the row, the column and the user, and what is allowed."""
    table, sentence = WRONG[case]
    with pytest.raises(ei.InputError) as caught:
        read(table, tmp_path)
    said = str(caught.value)
    assert sentence in said
    assert "\n" not in said
    assert isinstance(table, pd.DataFrame) or "users.csv" in said


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Missing and unknown columns and the first cells stand in one sentence, and how many more."""
    rows = "".join(f"u{j},x,\n" for j in range(20))
    with pytest.raises(ei.InputError) as caught:
        read(f"name,task_mbit,colour\n{rows}u1,1\n", tmp_path)
    said = str(caught.value)
    assert "23 faults: the table has the unknown column 'colour', but may have: name, chan" in said
    assert "the column channel_gain is missing" in said
    assert "has 2 fields in line 22" in said
    assert "line 8: task_mbit (user 'u6') is 'x'" in said
    assert "'u7'" not in said
    assert said.endswith("; and 13 more")


SLIPS: dict[str, tuple[str, str]] = {
    "W for dBm": ("transmit_power_w\n23", "is 23 W, which is unusual: perhaps 23 dBm is meant"),
    "W for mW": ("transmit_power_w\n200", "is 200 W, which is unusual: perhaps 200 mW is meant"),
    "dBm for mW": ("transmit_power_dbm\n200", "200 dBm, which is unusual: perhaps 200 mW is meant"),
    "dBm for W": ("transmit_power_dbm\n0.2", "0.2 dBm, which is unusual: perhaps 0.2 W is meant"),
    "Hz for GHz": (
        "max_frequency_hz\n1.5",
        "is 1.5 Hz, which is unusual: perhaps 1.5 GHz is meant",
    ),
    "GHz for Hz": ("max_frequency_ghz\n1e9", "1e+09 GHz, which is unusual: perhaps 1e+09 Hz is m"),
    "Hz for MHz": ("max_frequency_hz\n1500", "is 1500 Hz, which is unusual: perhaps 1500 MHz is"),
    "bit for Mbit": ("task_bits\n64", "is 64 bit, which is unusual: perhaps 64 Mbit is meant"),
    "Mbyte for bit": ("task_mbyte\n64000000", "perhaps 6.4e+07 bit is meant"),
    "s for ms": ("deadline_s\n9000", "is 9000 s, which is unusual: perhaps 9000 ms is meant"),
    "m for km": ("receive_power_w\n970", "is 970 W, which is unusual: perhaps 970 mW is meant"),
    "noise without its sign": ("noise_density_dbm_per_hz\n174", "perhaps -174 dBm/Hz is meant"),
    "noise of the band": ("noise_density_dbm_per_hz\n-101", "perhaps the noise in the whole band"),
}


def smelled(text: str, folder: Path) -> tuple[Columns[EndUser], list[str]]:
    """Return users and warnings, of an instance or of none, as a wrong ratio of signal to noise."""
    file = folder / "users.csv"
    file.write_text(text)
    return read_users(file, letter().users, letter().users)


@pytest.mark.parametrize("case", list(SLIPS))
def test_what_smells_wrong_is_said_and_kept(case: str, tmp_path: Path) -> None:
    """The warning names user, value and what was probably meant; the value stays what it is."""
    column, sentence = SLIPS[case]
    title, number = column.split("\n")
    found, remarks = smelled(f"name,gain,{title}\na,1e-8,{number}\n", tmp_path)
    (smell,) = (one for one in remarks if "what the table leaves out" not in one)
    assert f"users.csv: {title} of user 'a' (line 2) is " in smell
    assert sentence in smell
    assert smell.endswith("; nothing was changed")
    told = column_of(title)
    value = float(number) if told.unit is None else told.unit.to_si(float(number))
    assert found.numbers(told.key).tolist() == [value]


def test_gains_and_bytes_that_smell_wrong(tmp_path: Path) -> None:
    """A gain of 100 is one of -100 dB; one user with an eighth of all others' task has bytes."""
    users = "name,gain,task_mbit\na,1e-9,64\nb,2e-9,{}\nc,1e-9,8\nd,1e-9,64\n"
    _, remarks = smelled(users.format(64), tmp_path)
    assert "task_mbit of user 'c' (line 4) is 8 times, or an eighth of, that of all" in remarks[0]
    _, remarks = smelled(users.format(32), tmp_path)
    assert len(remarks) == 1
    _, remarks = smelled("name,gain,task_bits\na,1e-9,64\nb,1e-9,1e6\nc,1e-9,8\n", tmp_path)
    assert "is 64 bit, which is unusual, as is that of user 'c' (line 4): perhaps 64" in remarks[0]
    _, remarks = smelled("name,gain\na,100\n", tmp_path)
    assert "gain of user 'a' (line 2) is 100, which is unusual: perhaps -100 dB is" in remarks[0]
    _, remarks = smelled("name,distance_m\na,50000\n", tmp_path)
    assert len(remarks) == 1


def test_one_warning_tells_all_that_was_filled(tmp_path: Path) -> None:
    """Of what all users of the instance have alike, and the letter's where they differ."""
    own = letter().replace(users={name: {"task_mbit": 8} for name in ("eu1", "eu2")})
    own = own.replace(users={"eu1": {"local_training_s": 3.0}})
    file = tmp_path / "users.csv"
    file.write_text("name,gain,transmit_power_w\na,1e-10,0.1\nb,2e-10,\n")
    with pytest.warns(ei.InputWarning) as caught:
        users = own.with_users(file).users
    (said,) = (str(one.message) for one in caught)
    assert "for all users task_bits = 8e+06, receive_power_w = 0.00097, " in said
    assert "; for user 'b' (line 3) transmit_power_w = 0.199526" in said
    assert users.numbers("task_bits").tolist() == [8e6, 8e6]
    assert users.numbers("local_training_s").tolist() == [1.0, 1.0]


def test_latin_1_is_told(tmp_path: Path) -> None:
    """Who has names of another encoding can see why they look wrong."""
    _, remarks = read(csv(WHOLE.assign(name=["Ä", "Ö"])).encode("latin-1"), tmp_path)
    assert "not in UTF-8 and is read as Latin-1 (Windows-1252)" in remarks[0]
    _, remarks = read(csv(WHOLE) + f"# eu3{',1' * 12}\n", tmp_path)
    assert remarks[0].endswith("users.csv: line 4 is taken as a comment, and not as a user")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("1e-6", 1e-6), ("1E-6", 1e-6), ("1,5", 1.5), ("1.234,5", 1234.5), ("1,234.5", 1234.5)),
        *(
            ("1 000", 1000.0),
            ("+.5", 0.5),
            (",5", 0.5),
            ("5.", 5.0),
            ("\N{MINUS SIGN}5", -5.0),
            ("0,125", 0.125),
        ),
        *(("1,25e3", 1250.0), ("1,250e3", 1250.0), ("1.234", 1.234), ("1234,567", 1234.567)),
        *(("1,234", None), ("∞", None), ("n/a", None), ("", None), ("1 00", None), ("1,2,3", None)),
        *(
            ("1,234,5", None),
            ("1_000", None),
            ("0x10", None),
            ("inf", None),
            (".", None),
            (True, None),
        ),
        *(("1 000'000", None), ("12,34,567", None), ("1e5.0", None), ("- 5", None), ("5 %", None)),
    ],
)
def test_a_number_has_one_meaning(text: Any, number: float | None) -> None:
    """Or none; what a table says elsewhere of its decimal mark is not known here."""
    if number is None:
        with pytest.raises(ValueError, match=r"^$|whichever is meant"):
            number_of(text)
    else:
        assert number_of(text) == number
    assert decimal_marks(["1,234", "1.234", "1,234,567", "5", 1.5]) == set()
    assert decimal_marks(["1,234", "0,5"]) == decimal_marks(["1,234e1"]) == {","}


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_the_template_is_read_back(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it stands it is the letter's first user, without a warning; every title is explained."""
    file, instance = tmp_path / f"u{suffix}", tmp_path / "i.json"
    assert main(["template", "-o", str(file)]) == 0
    assert main(["generate", "--users-csv", str(file), "-o", str(instance)]) == 0
    assert "warning" not in capsys.readouterr().err
    found, expected = ei.Instance.from_json(instance).users, ei.Instance.letter(users=1).users
    for key, column in expected.columns.items():
        if key != "name":
            assert found.numbers(key) == pytest.approx(column, rel=1e-10)
    assert found.texts("name") == ("eu1",)
    keys = [column_of(title).key for title in meanings()]
    assert sorted(keys) == sorted([*EndUser.model_fields, "distance_m"])


def test_the_template_and_its_mistakes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It is printed, or a new file, of two kinds; warnings are lines of the command's own."""
    assert main(["template"]) == 0
    out = capsys.readouterr().out
    assert "\nname,channel gain [dB],task size [Mbit],transmit power [dBm]," in out
    assert "# deadline_s: a finite number > 0 (largest latency T_j in s), or left out\n" in out
    assert main(["template", "-o", "users.ods"]) == 2
    assert "output is 'users.ods', but must end in .csv or .xlsx" in capsys.readouterr().err
    file = tmp_path / "users.csv"
    file.write_text("name,gain,transmit_power_w\na,1e-10,23\n")
    assert main(["template", "-o", str(file)]) == 2
    assert "which is there already, but must be a new file" in capsys.readouterr().err
    assert main(["generate", "--users-csv", str(file)]) == 0
    err = capsys.readouterr().err.splitlines()
    assert len(err) == 2
    assert all(line.startswith(f"eipyomo: warning: {file}: ") for line in err)


def test_templates_are_tables_to_others_too(tmp_path: Path) -> None:
    """Pandas reads the template without its comments, and what it makes of it is read again."""
    file = tmp_path / "u.csv"
    assert main(["template", "-o", str(file)]) == 0
    frame = pd.read_csv(file, comment="#")
    assert letter().with_users(frame) == letter().with_users(file)
