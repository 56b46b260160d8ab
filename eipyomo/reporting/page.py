"""Reports as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from eipyomo import claims
from eipyomo.errors import InputError
from eipyomo.files import PathLike, about, read_document, write_atomically
from eipyomo.instance import Instance
from eipyomo.process import Training
from eipyomo.reporting.process import process_page
from eipyomo.reporting.result import result_page
from eipyomo.reporting.sentences import Name, Number, Page, Table
from eipyomo.reporting.table import read_rows, results_of, table_page
from eipyomo.result import Result
from eipyomo.validation import require_kind, require_list
from eipyomo.version import __version__
from eipyomo.words import one_line, shown

if TYPE_CHECKING:
    import pandas as pd

    Answer = Result | Training | pd.DataFrame | Mapping[str, Any] | PathLike


def write_report(
    path: PathLike, answers: Sequence[Answer], instances: Sequence[Instance] = ()
) -> None:
    """Write a report, replacing an existing file atomically; see :func:`html_report`."""
    write_atomically({path: html_report(answers, instances)})


def html_report(answers: Sequence[Answer], instances: Sequence[Instance] = ()) -> str:
    """Return a page on results, processes and tables, for whoever decides on them.

    Parameters
    ----------
    answers
        Results, processes of many rounds, tables of :func:`eipyomo.compare` or of a sweep; or their
        documents, or files.
    instances
        What was solved, as far as it is at hand: with it every number is computed anew, and the
        page tells of deadlines, budgets and speeds too.

    Returns
    -------
    str
        One HTML document that loads nothing and runs no script.

    Raises
    ------
    InputError
        If an answer is broken, or none of these.
    ClaimError
        If one says what is not true.
    """
    require_list("answers", answers, "results, processes, tables or files")
    for one in instances:
        require_kind("an element of instances", one, Instance)
    pages = [_page(n, answer, instances) for n, answer in enumerate(answers, start=1)]
    return _environment().get_template("report.html").render(pages=pages, version=__version__)


def _page(n: int, answer: Answer, instances: Sequence[Instance]) -> Page:
    """Return what is to be said of an answer, or of what a file holds."""
    import pandas as pd

    if isinstance(answer, str | Path):
        name = Path(answer).name
        if name.lower().endswith(".csv"):
            rows = read_rows(answer)
            with about(answer):
                return _of_table(name, rows)
        document = read_document(answer, "result")
        with about(answer):
            return _of_document(name, document, instances)
    source = f"Answer {n}"
    if isinstance(answer, pd.DataFrame):
        return _of_table(source, results_of(answer))
    if isinstance(answer, Result | Training):
        return _of_document(source, answer.to_dict(), instances)
    if isinstance(answer, Mapping):
        return _of_document(source, answer, instances)
    raise InputError(
        f"an element of answers is {shown(answer)}, but must be a result, a process, a table, or "
        "a file of one"
    )


def _of_table(source: str, rows: list[dict[str, Any]]) -> Page:
    claims.check_table(rows)
    return table_page(source, rows)


def _of_document(source: str, document: Mapping[str, Any], instances: Sequence[Instance]) -> Page:
    claims.require_schema(document.get("schema"), or_process=True)
    instance = _its(document, instances)
    if document["schema"] == claims.SCHEMA:
        claims.check(document, instance)
        return result_page(source, document, instance)
    claims.check_process(document)
    if instance is None:
        return process_page(source, document, None)
    process = Training.from_dict(document, instance)
    solved = [
        one for one, found in zip(process.instances, process.rounds, strict=True) if found.feasible
    ]
    return process_page(source, document, solved[-1] if solved else process.instances[-1])


def _its(document: Mapping[str, Any], instances: Sequence[Instance]) -> Instance | None:
    """Return the instance of a document: by its digest, or by its name, or the first of them."""
    digest = document.get("instance_digest")
    for one in instances:
        if digest is not None and one.digest() == digest:
            return one
    named = [one for one in instances if one.name == document.get("instance")]
    return next(iter((*named, *instances)), None)


@cache
def _environment() -> Environment:
    """Return what makes pages of templates; whatever is no template is text, and never markup."""
    environment = Environment(
        loader=PackageLoader("eipyomo.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["one_line"] = one_line
    kinds = {"number": Number, "name": Name, "table": Table, "sentence": tuple}
    for name, kind in kinds.items():
        environment.tests[name] = lambda part, kind=kind: isinstance(part, kind)
    return environment
