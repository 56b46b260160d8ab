"""What a report says of a process of many rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eipyomo import plotting
from eipyomo.instance import Instance
from eipyomo.reporting.figures import figures_of
from eipyomo.reporting.origin import origin
from eipyomo.reporting.result import result_page
from eipyomo.reporting.sentences import (
    MOST_ROWS,
    Card,
    Cell,
    Details,
    Name,
    Number,
    Page,
    Sentence,
    Table,
    as_sentence,
    gap_at_most,
)
from eipyomo.reporting.users import WORST


def process_page(source: str, document: Mapping[str, Any], last: Instance | None) -> Page:
    """Return what is to be said of a process that was checked.

    Parameters
    ----------
    source
        Its file.
    document
        Of schema ``eipyomo/training@1``.
    last
        The instance of the last round that was solved, if it is at hand.
    """
    solved = [n for n, result in enumerate(document["rounds"]) if result["feasible"]]
    proven = all(result["termination"] == "optimal" for result in document["rounds"])
    mark = "bad" if not document["complete"] else "good" if proven else "fair"
    proof = "is proven optimal" if proven else "has a feasible plan"
    verdict = f"Every round {proof}." if document["complete"] else as_sentence(document["message"])
    page = Page(
        kind="process",
        source=source,
        title=document["instance"] or "An unnamed instance",
        about=_about(document),
        mark=mark,
        verdict=(verdict,),
    )
    behind = _provenance(document, last)
    if not solved:
        return replace(page, details=[behind])
    drawings = {"All rounds on one time axis, and what each costs": plotting.training_overview}
    figures = Details("Figures", figures=figures_of(document, drawings))
    users = Details("What every user pays in all of them", tables=[_users(document, MOST_ROWS)])
    return replace(
        page,
        cards=_cards(document),
        sections={
            "Who is worst off": [_users(document, WORST)],
            "Round by round": [_rounds(document)],
        },
        details=[figures, users, behind],
        parts={
            f"rounds.{solved[-1]}": result_page(
                f"Round {solved[-1] + 1}", document["rounds"][solved[-1]], last
            )
        },
    )


def _about(document: Mapping[str, Any]) -> Sentence:
    found = Number("=count(starts_s)", len(document["starts_s"]))
    planned = Number("planned_rounds", document["planned_rounds"])
    methods = f"{document['method']}; those before the last by {document['training_method']}"
    return found, " of ", planned, f" rounds have a plan, by method {methods}."


def _cards(document: Mapping[str, Any]) -> list[Card]:
    totals, users = document["totals"], len(document["totals"]["users"])
    first = Number("totals.initial_download_j", totals["initial_download_j"], "J")
    latest = max(totals["users"], key=lambda user: float(user["end_s"]))
    return [
        Card("Cost (WSEL), rounds together", Number("totals.wsel", totals["wsel"])),
        Card(
            "Energy, rounds together",
            Number("totals.energy_j", totals["energy_j"], "J"),
            ("and ", first, " for the first download"),
        ),
        Card("Done after", Number("totals.end_s", totals["end_s"], "s"), (Name(latest["name"]),)),
        Card(
            "Mean latency, together",
            Number("=mean(totals.users.latency_s)", totals["latency_s"] / users, "s"),
        ),
    ]


def _users(document: Mapping[str, Any], most: int) -> Table:
    """Return what users pay, those that are done last first."""
    users = document["totals"]["users"]
    ordered = sorted(range(len(users)), key=lambda j: -float(users[j]["end_s"]))[:most]
    rows: list[list[Cell]] = [
        [
            Name(users[j]["name"]),
            *(
                Number(f"totals.users.{j}.{key}", users[j][key])
                for key in ("end_s", "latency_s", "energy_j", "wsel")
            ),
        ]
        for j in ordered
    ]
    headings = [("User", ""), ("Done after", "s"), ("Latency", "s"), ("Energy", "J")]
    return Table(
        [*headings, ("Cost", "WSEL")], rows, 0 if most == WORST else len(users) - len(rows)
    )


def _rounds(document: Mapping[str, Any]) -> Table:
    """Return a row for each round that has an allocation."""
    rows: list[list[Cell]] = []
    for n, (start_s, result) in enumerate(
        zip(document["starts_s"], document["rounds"], strict=False)
    ):
        here = f"rounds.{n}"
        energy_j = sum(user["energy_j"] for user in result["breakdown"]["users"])
        rows.append(
            [
                Number("=round", n + 1),
                Number(f"starts_s.{n}", start_s),
                Number(f"{here}.allocation.sync_s", result["allocation"]["sync_s"]),
                Number(f"=sum({here}.energy_j)", energy_j),
                Number(f"{here}.objective", result["objective"]),
                None if result["gap"] is None else gap_at_most(f"{here}.gap", result["gap"]),
                result["termination"],
            ]
        )
    headings = [("Round", ""), ("Starts", "s"), ("Model made after", "s"), ("Energy", "J")]
    headings += [("Cost", "WSEL"), ("Proven gap", "%"), ("Outcome", "")]
    return Table(headings, rows[:MOST_ROWS], max(len(rows) - MOST_ROWS, 0))


def _provenance(document: Mapping[str, Any], last: Instance | None) -> Details:
    told = ("instance", "method", "training_method", "seed", "planned_rounds", "message")
    return origin({key: (key, document.get(key)) for key in told}, last)
