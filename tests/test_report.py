"""Reports: numbers are the documents', nothing is loaded or injected, nothing false is said."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eipyomo as ei
from eipyomo.cli import main
from eipyomo.reporting.sentences import Number
from tests.conftest import REFERENCE, reference

LETTER = "letter-m4"
PAGE = Path(__file__).parents[1] / "docs" / "report.md"
SILENT = {"meta", "link", "img", "br"}
"""Elements that have no end."""


@dataclass
class Seen:
    """A number on a page: where it stands in its document, as it is, and as it is shown."""

    part: str
    key: str
    value: float
    text: str = ""


@dataclass
class Read(HTMLParser):
    """What a page holds: its elements, numbers, names, and all else that is text."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    numbers: list[Seen] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin outside of all elements."""
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element, and a number or name that begins with it."""
        found = dict(attrs)
        self.tags.append((tag, found))
        if tag not in SILENT:
            self.open.append((tag, found))
        if "data-value" in found:
            parts = [one["data-part"] for _, one in self.open if one.get("data-part")]
            value = float(str(found["data-value"]))
            self.numbers.append(Seen(".".join(map(str, parts)), str(found["data-key"]), value))
        if tag == "bdi":
            self.names.append("")

    def handle_endtag(self, tag: str) -> None:
        """Check that elements end in the order in which they began."""
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        """Give a text to the number or the name that it is in."""
        within = {tag for tag, _ in self.open}
        if any("data-value" in found for _, found in self.open):
            self.numbers[-1].text += data
        elif "bdi" in within:
            self.names[-1] += data
        elif not within & {"style", "footer", "title"} and "source" not in {
            found.get("class") for _, found in self.open
        }:
            self.said.append(data)

    def one(self, key: str, part: str = "") -> float:
        """Return the number of a key, which is the same wherever it stands."""
        found = {seen.value for seen in self.numbers if (seen.key, seen.part) == (key, part)}
        assert len(found) == 1, key
        return found.pop()

    @property
    def text(self) -> str:
        """All that is said, without numbers and names."""
        return " ".join(" ".join(self.said).split())


def read(html: str) -> Read:
    """Parse a page, whose elements are all closed."""
    page = Read()
    page.feed(html)
    page.close()
    assert not page.open
    return page


def document(answer: ei.Result | ei.Training) -> dict[str, Any]:
    """Return an answer as it comes from a file."""
    found: dict[str, Any] = json.loads(json.dumps(answer.to_dict()))
    return found


@cache
def solved(method: str = "exact", **options: Any) -> ei.Result:
    """Return a result of the letter's instance of four users."""
    return ei.solve(reference(LETTER), method, **options)


@cache
def trained() -> ei.Training:
    """Return a process of two rounds of the letter's two users."""
    return ei.train(reference("letter-m2"), 2, method="exact", seed=1)


@cache
def limited() -> tuple[ei.Instance, ei.Result]:
    """Return an instance with a deadline and a budget at the edge that bind, and its optimum."""
    given = reference(LETTER).to_dict()
    given["server"]["total_frequency_hz"] = 2e9
    for user in given["users"]:
        user["deadline_s"] = 30.0
    slowest = given["users"][3]
    slowest["deadline_s"] = 7.0
    instance = ei.Instance.from_dict(given)
    return instance, ei.solve(instance)


def at(whole: Any, path: str) -> Any:
    """Return what stands at a path of a document."""
    for key in path.split("."):
        whole = whole[int(key) if isinstance(whole, list) else key]
    return whole


CASES: Mapping[str, Any] = {
    "exact": lambda: (solved(), reference(LETTER)),
    "admm": lambda: (solved("admm"), reference(LETTER)),
    "training": lambda: (solved(problem="training"), reference(LETTER)),
    "slowest": lambda: (solved(objective="slowest"), None),
    "limits": lambda: limited()[::-1],
    "process": lambda: (trained(), reference("letter-m2")),
}


@cache
def case(name: str) -> tuple[Any, ei.Instance | None, str]:
    """Return an answer, its instance if that is given, and the report on them."""
    answer, instance = CASES[name]()
    return answer, instance, ei.html_report([answer], [] if instance is None else [instance])


@pytest.mark.parametrize("name", list(CASES))
def test_numbers_are_those_of_the_document(name: str) -> None:
    """Each number carries the document's value, digit for digit, and shows it rounded."""
    answer, _, html = case(name)
    whole, page = document(answer), read(html)
    copied = [seen for seen in page.numbers if not seen.key.startswith("=")]
    assert len(copied) > 40
    for seen in copied:
        place = ".".join(filter(None, (seen.part, seen.key)))
        assert seen.value == max(at(whole, place), 0.0), place
    for seen in page.numbers:
        shown = float(re.sub(r"[,<]|\s.*", "", seen.text))
        ways = [seen.value * scale for scale in (1.0, 100.0, 1e-9, 1e-6)]
        assert any(math.isclose(shown, way, rel_tol=0.1, abs_tol=1e-6) for way in ways), seen


@pytest.mark.parametrize("name", list(CASES))
def test_no_number_is_without_its_value(name: str) -> None:
    """What is said besides numbers and names has no digit, but for equations of the letter."""
    *_, html = case(name)
    left = re.sub(r"\(\d+[a-z]?\)", "", read(html).text)
    assert not re.search(r"\d", left), left


@pytest.mark.parametrize("name", list(CASES))
def test_nothing_is_loaded(name: str) -> None:
    """No script, no handler, no address but of what the page itself holds."""
    *_, html = case(name)
    page = read(html)
    for tag, found in page.tags:
        assert tag not in {"script", "iframe", "object", "embed", "base", "form"}
        assert not any(key.startswith("on") for key in found)
        for key in ("src", "href", "srcset", "data", "action"):
            assert str(found.get(key) or "#").startswith(("#", "data:"))
    assert not re.search(r"url\(|@import", html)
    images = [found for tag, found in page.tags if tag == "img"]
    assert images
    assert all(found["alt"] for found in images)
    assert {"viewport", "color-scheme"} <= {found.get("name") for _, found in page.tags}
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html


def test_sums_are_those_of_the_allocation() -> None:
    """Energy, latencies, downloads and shares agree with what `evaluate` says of the allocation."""
    answer, instance, html = case("exact")
    assert instance is not None
    page, terms = read(html), ei.evaluate(instance, answer.allocation).breakdown
    assert page.one("=sum(energy_j)") == pytest.approx(terms.energy_j.sum(), rel=1e-12)
    assert page.one("=mean(latency_s)") == pytest.approx(terms.latency_s.mean(), rel=1e-12)
    assert page.one("=sum(download)") == answer.allocation.download.sum()
    slowest = int(terms.latency_s.argmax())
    assert page.one(f"breakdown.users.{slowest}.latency_s") == terms.latency_s.max()
    used = page.one("=sum(uplink_share)") + page.one("=sum(downlink_share)")
    assert used == pytest.approx(1.0, abs=1e-6)
    by_deed = [seen for seen in page.numbers if seen.key.startswith("=sum(energy_j where")]
    assert sum(seen.value for seen in by_deed) == pytest.approx(terms.energy_j.sum(), rel=1e-12)


def test_what_limits() -> None:
    """Deadline, edge, band, last upload and branches are named where they bind, with prices."""
    answer, instance, html = case("limits")
    assert instance is not None
    page, prices = read(html), answer.prices
    last = instance.users[3].name
    assert answer.evaluation.breakdown.latency_s[3] == pytest.approx(7.0, rel=1e-6)
    assert page.one("=count(deadline_s)") == 1
    assert page.one("prices.users.3.deadline_per_s") == prices["users"][3]["deadline_per_s"] > 0
    assert page.one("=used(edge_frequency)") <= page.one("=capacity(edge_frequency)") * (1 + 1e-6)
    assert "The band is used up" in page.text
    assert "at the deadline" in page.text
    assert last in page.names
    alone = read(ei.html_report([answer]))
    assert alone.one("=count(deadline_per_s)") == 1
    assert "--instance" in alone.text
    assert not any("capacity" in seen.key for seen in alone.numbers)


NASTY = (
    '"><img src=x onerror=alert(1)>',
    "</style></details><script>alert(2)</script>",
    "{{ 7 * 7 }} {% raw %} & <!-- 用户 \u202e\u200d 😀",
    "a" * 300 + "\n\x00\x1b[31m\ud7ff",
)


def test_names_are_text(tmp_path: Path) -> None:
    """Names of users, instances and files, and messages, are shown, and none of it is markup."""
    given = reference(LETTER).to_dict()
    given["name"] = NASTY[1]
    for user, name in zip(given["users"], NASTY, strict=True):
        user["name"] = name
    instance = ei.Instance.from_dict(given)
    result = ei.solve(instance, "eco")
    file = tmp_path / 'a"<b>&.json'
    file.write_text(json.dumps({**result.to_dict(), "message": NASTY[0]}))
    table = ei.compare([instance], ["eco"])
    table["message"] = NASTY[1]
    page = read(ei.html_report([file, table], [instance]))
    plain = read(ei.html_report([solved("eco"), table]))
    tags = [tag for tag, _ in page.tags]
    assert sorted(set(tags)) == sorted({tag for tag, _ in plain.tags})
    assert tags.count("img") == 1
    shown = " ".join(NASTY[2].split()).replace("\u202e", "\\u202e")
    assert {NASTY[0], NASTY[1], shown} <= set(page.names)
    assert any(name.startswith("a" * 300) and "\\x1b" in name for name in page.names)


def test_what_is_missing_is_left_out() -> None:
    """No answer, no proof, an old document: a page says so, and has no numbers of it."""
    given = reference(LETTER).to_dict()
    for user in given["users"]:
        user["deadline_s"] = 3.0
    instance = ei.Instance.from_dict(given)
    page = read(ei.html_report([ei.solve(instance)], [instance]))
    assert "No plan keeps within all limits together." in page.text
    assert page.one("conflict.0.value") == 3.0
    failed = ei.Result(
        instance="", method="admm", problem="joint", termination="error", message="no"
    )
    page = read(ei.html_report([failed]))
    assert "There is no answer. No." in page.text
    assert "An unnamed instance" in page.names
    assert "not proven" in read(case("admm")[2]).text
    old = document(solved("eco"))
    for user in old["breakdown"]["users"]:
        del user["previous_download_s"], user["local_training_s"]
    del old["prices"], old["instance_digest"]
    page = read(ei.html_report([old]))
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert page.one("objective") == old["objective"]


def test_many_users_do_not_blow_it_up() -> None:
    """Of 100 users ten are worst off, by their latencies; all stand behind; it is small."""
    instance = reference("letter-m100")
    result = ei.solve(instance, "lco")
    html = ei.html_report([result], [instance])
    assert result.evaluation is not None
    assert len(html) < 1_000_000
    worst = html.partition("Who is worst off")[2].partition("<table>")[2].partition("</table>")[0]
    latencies = [seen.value for seen in read(worst).numbers if seen.key.endswith("latency_s")]
    assert latencies == sorted(result.evaluation.breakdown.latency_s, reverse=True)[:10]
    assert html.count('data-key="allocation.users.99.frequency_hz"') == 1


def test_a_table_says_which_method_is_cheapest(tmp_path: Path) -> None:
    """Means over instances are pandas' own; a file gives the page of the table."""
    instances = [ei.Instance.letter(users=2, seed=seed) for seed in range(3)]
    for seed, instance in enumerate(instances):
        instances[seed] = instance.replace(name=f"seed {seed}")
    table = ei.compare(instances, ["exact", "eco", "gbe"])
    page = read(ei.html_report([table]))
    for method, part in table.groupby("method"):
        mean = page.one(f"=mean(above best where {method})")
        assert mean == pytest.approx(part["excess"].mean(), abs=1e-12)
        assert page.one(f"=mean(objective where {method})") == pytest.approx(
            part["objective"].mean(), rel=1e-12
        )
    assert "seed 1" in page.names
    for n, cost in enumerate(table["objective"]):
        assert page.one(f"{n}.objective") == cost
    assert page.one("=most(cheapest)") == 3
    assert "exact" in page.names
    table.to_csv(tmp_path / "t.csv", index=False)
    again = read(ei.html_report([tmp_path / "t.csv"]))
    assert [seen.value for seen in again.numbers] == [seen.value for seen in page.numbers]


FALSE = {
    "objective": ("r.json", '"objective": 4.0', '"objective": 4.1'),
    "value": ("r.json", '"value": 4.0', '"value": 3.0'),
    "gap": ("r.json", ',\n "feasible"', '1,\n "feasible"'),
    "users": ("r.json", '"energy_j": 0', '"energy_j": 1'),
    "totals": ("p.json", '"totals": {\n  "energy_j": ', '"totals": {\n  "energy_j": 1'),
    "row's objective": ("t.csv", ",optimal,4.0", ",optimal,4.1"),
    "row's gap": ("t.csv", "True,0.0,", "False,0.0,"),
    "row's excess": ("t.csv", ",wsel,", "1,wsel,"),
}


@cache
def texts() -> dict[str, str]:
    """Return the files of a result, a process and a table."""
    table = ei.compare([reference(LETTER)], ["exact", "eco"])
    documents: dict[str, Any] = {"r.json": solved(), "p.json": trained()}
    files = {name: json.dumps(one.to_dict(), indent=1) for name, one in documents.items()}
    return {**files, "t.csv": table.to_csv(index=False)}


@pytest.mark.parametrize("what", list(FALSE))
def test_nothing_false_is_reported(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that claims what is not true gives exit status 4, a sentence, and no page."""
    name, true, false = FALSE[what]
    assert true in texts()[name]
    file = tmp_path / name
    file.write_text(texts()[name].replace(true, false, 1))
    assert main(["report", str(file)]) == 4
    assert name in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == [name]


def test_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files of something else, foreign instances and wrong suffixes are refused in a sentence."""
    result = tmp_path / "r.json"
    result.write_text(texts()["r.json"])
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "texts.csv").write_text(texts()["t.csv"].replace(",optimal,4", ",optimal,x"))
    letter = str(REFERENCE / "instances" / "letter-m4.json")
    foreign = str(REFERENCE / "instances" / "letter-m2.json")
    for said, arguments in {
        "Missing argument": [],
        "must end in .html": [str(result), "-o", str(tmp_path / "r.pdf")],
        "one of another instance": [str(result), "--instance", foreign],
        "give that with --instance": [str(result), "--set", "bandwidth_hz=4e7"],
        "schema is 'eipyomo/instance@1'": [letter, "-o", str(tmp_path / "x.html")],
        "lacks the columns": [str(tmp_path / "other.csv")],
        "not valid CSV": [str(tmp_path / "empty.csv")],
        "row 1: objective is 'x": [str(tmp_path / "texts.csv")],
        "No such file": [str(result), "-o", str(tmp_path / "none" / "x.html")],
    }.items():
        assert main(["report", *arguments]) == 2
        assert said in capsys.readouterr().err
    assert not list(tmp_path.glob("**/*.html"))
    with pytest.raises(ei.InputError, match="an element of answers is 3"):
        ei.html_report([3])  # type: ignore[list-item]


def test_the_page_of_the_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both blocks of docs/report.md run; the same answers give the same page, each on its own."""
    monkeypatch.chdir(tmp_path)
    shell, script = re.findall(r"```(?:sh|python)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for line in shell.splitlines():
        assert main(line.split()[1:]) == 0
    first = (tmp_path / "report.html").read_text("utf-8")
    assert main(shell.splitlines()[-1].split()[1:]) == 0
    assert (tmp_path / "report.html").read_text("utf-8") == first
    exec(script, {})
    both = (tmp_path / "report.html").read_text("utf-8")
    assert 'href="#part2"' in both
    assert 'id="part2"' in both


@given(st.floats(1e-12, 1e12), st.sampled_from(["", "%"]), st.booleans())
def test_numbers_are_rounded_as_said(value: float, unit: str, at_most: bool) -> None:
    """What is shown is the value to its digits; what is at most so much is never shown smaller."""
    number = Number("x", value, unit, 100.0 if unit else 1.0, 2, at_most)
    shown, true = number.text.replace(",", ""), number.scale * value
    if shown.startswith("<"):
        assert true < float(shown[1:])
    elif at_most:
        assert float(shown) >= true * (1 - 1e-11)
        assert float(shown) <= max(1.11 * true, 1e-6)
    else:
        assert float(shown) == pytest.approx(true, rel=0.051)
