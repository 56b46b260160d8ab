"""What a report says of one result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eipyomo import plotting
from eipyomo.claims.document import as_now
from eipyomo.instance import Instance
from eipyomo.objective import OBJECTIVES, WSEL, heading_of
from eipyomo.reporting.binding import users_of, what_binds
from eipyomo.reporting.figures import figures_of
from eipyomo.reporting.origin import origin
from eipyomo.reporting.prices import price_sentences, unit_of
from eipyomo.reporting.sentences import (
    MOST_ROWS,
    Card,
    Cell,
    Details,
    Name,
    Number,
    Page,
    Part,
    Sentence,
    Table,
    as_sentence,
    gap_at_most,
    percent,
)
from eipyomo.reporting.traces import trace_of
from eipyomo.reporting.users import (
    decisions,
    groups,
    term,
    terms_of_energy,
    terms_of_time,
    worst,
    worst_words,
)
from eipyomo.restriction import NO_MORE_SAID

if TYPE_CHECKING:
    import pandas as pd


def result_page(source: str, document: Mapping[str, Any], instance: Instance | None) -> Page:
    """Return what is to be said of a result that was checked."""
    document = as_now(document)
    mark, verdict = _verdict(document)
    page = Page(
        kind="result",
        source=source,
        title=document["instance"] or "An unnamed instance",
        about=_about(document, instance),
        mark=mark,
        verdict=verdict,
    )
    behind = [_provenance(document, instance)]
    if trace := trace_of(document["trace"]):
        drawings = {"How ADMM converged": plotting.convergence}
        shown = figures_of(document, drawings if document["method"] == "admm" else {})
        behind.insert(0, Details("How it was found", tables=[trace], figures=shown))
    if not document["feasible"]:
        return replace(page, sections=_conflicts(document), details=behind)
    users = users_of(document)
    return replace(
        page,
        cards=_cards(document, users),
        sections=sections_of(document, users, instance),
        details=[*_behind(document, users), *behind],
    )


def _about(document: Mapping[str, Any], instance: Instance | None) -> Sentence:
    parts: list[Part] = []
    if instance is not None:
        data = instance.scaled
        parts += [
            Number("=instance.users", len(data)),
            " users, band ",
            Number("=instance.bandwidth_hz", instance.bandwidth_hz, "MHz", 1e-6),
            ", model ",
            Number("=instance.model_bits", instance.model_bits, "Mbit", 1e-6),
            ". ",
        ]
    name = document["problem"]
    if name == "training":
        parts.append("A round of training, without tasks. ")
    elif name in NO_MORE_SAID:
        parts.append("The problem is a user's own. ")
    elif name != "joint":
        parts += ["Only plans of the problem ", Name(name), " were looked at. "]
    goal = OBJECTIVES.get(document["minimised"])
    meaning = goal.meaning if goal is not None else "objective of the model"
    return (*parts, f"Minimised was the {meaning}.")


def _verdict(document: Mapping[str, Any]) -> tuple[str, Sentence]:
    """Return how good an answer is, and in words what of it is proven."""
    how, gap = document["termination"], document["gap"]
    if how == "infeasible":
        return "bad", ("No plan keeps within all limits together.",)
    if not document["feasible"]:
        return "bad", ("There is no answer. ", as_sentence(document["message"]))
    if document["bound"] is None:
        words = "A feasible plan; how much better another one could be is not proven."
        return "fair", (words,)
    if gap is None:
        return "fair", ("A feasible plan, with a bound that proves how much better others can be.",)
    proven: Sentence = (
        "no other plan is better by more than ",
        gap_at_most("gap", gap),
        ".",
    )
    if how == "optimal":
        return "good", ("Proven optimal: ", *proven)
    return "fair", ("The search was ended before its proof, but ", *proven)


def _cards(document: Mapping[str, Any], users: pd.DataFrame) -> list[Card]:
    """Return the numbers that everybody should see."""
    what, count = document["minimised"], len(users)
    cards = []
    if what != WSEL.name:
        number = Number("value", document["value"], unit_of(what))
        cards.append(Card(f"{heading_of(what)}, minimised", number))
    cards.append(Card("Cost (WSEL)", Number("objective", document["objective"])))
    energy_j, slowest = float(users["energy_j"].sum()), int(users["latency_s"].argmax())
    a_user = Number("=mean(energy_j)", energy_j / count, "J")
    cards.append(Card("Energy", Number("=sum(energy_j)", energy_j, "J"), (a_user, " a user")))
    mean_s = float(users["latency_s"].mean())
    cards.append(Card("Mean latency", Number("=mean(latency_s)", mean_s, "s")))
    largest = term(users.iloc[slowest], "latency_s", "s")
    cards.append(Card("Largest latency", largest, (Name(users["name"][slowest]),)))
    downloads = Number("=sum(download)", int(users["download"].sum()))
    cards.append(
        Card("Download the model", downloads, ("of ", Number("=count(users)", count), " users"))
    )
    if users["offload_fraction"].notna().all():
        offload = users["offload_fraction"].mean()
        part = percent("=mean(offload_fraction)", float(offload), 3)
        cards.append(Card("Offloaded, on average", part))
    if document["gap"] is not None:
        proven = gap_at_most("gap", document["gap"])
        cards.append(Card("Proven gap", proven, ("at most, to the best possible",)))
    return cards


def sections_of(
    document: Mapping[str, Any], users: pd.DataFrame, instance: Instance | None
) -> dict[str, list[Sentence | Table]]:
    """Return what is to be decided, who is worst off, what limits, and what more would buy."""
    sections: dict[str, list[Sentence | Table]] = {
        "What to decide": groups(document, users),
        "Who is worst off": [worst_words(users), worst(users)],
        "What limits": [*what_binds(document, users, instance)],
    }
    if instance is None:
        hint = "Deadlines, budgets and speeds stand in the instance: give it with --instance to see"
        sections["What limits"].append((f"{hint} which of them bind.",))
    if document.get("prices"):
        bought = [*price_sentences(document["prices"], document["minimised"])]
        sections["What more would buy"] = [*bought]
    return sections


def _conflicts(document: Mapping[str, Any]) -> dict[str, list[Sentence | Table]]:
    """Return the limits that cannot be met together, where it is known which."""
    rows: list[list[Cell]] = [
        [
            one["limit"],
            Number(f"conflict.{j}.value", one["value"]),
            Name(one["user"]) if one["user"] is not None else "all together",
        ]
        for j, one in enumerate(document["conflict"] or ())
    ]
    if not rows:
        return {}
    headings = [("Limit", ""), ("Value", "SI units"), ("Of", "")]
    table = Table(headings, rows[:MOST_ROWS], max(len(rows) - MOST_ROWS, 0))
    return {"What cannot be met together": [(as_sentence(document["message"]),), table]}


def _behind(document: Mapping[str, Any], users: pd.DataFrame) -> list[Details]:
    """Return tables of all users, and figures."""
    drawn = {"The round, the band, and every term of energy and latency": plotting.overview}
    tables = {
        "What each user does": decisions(users),
        "When everything happens, and how long it takes": terms_of_time(users),
        "What everything takes of energy": terms_of_energy(users),
    }
    return [
        Details("Figures", figures=figures_of(document, drawn)),
        *(Details(title, tables=[table]) for title, table in tables.items()),
    ]


def _provenance(document: Mapping[str, Any], instance: Instance | None) -> Details:
    told = {key: (key, document.get(key)) for key in PROVENANCE}
    options = {key: (f"options.{key}", value) for key, value in document["options"].items()}
    return origin({**told, **options}, instance)


PROVENANCE = (
    "instance",
    "instance_digest",
    "problem",
    "minimised",
    "method",
    "solver",
    "solver_version",
    "package_version",
    "package_commit",
    "termination",
    "message",
    "bound",
    "max_violation",
    "iterations",
    "wall_s",
    "setup_s",
)
"""What of a result says where it comes from; its options besides."""
