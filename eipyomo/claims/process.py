"""Documents of a process of many rounds: each is checked, and they are held against one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any

from pydantic import Field, StrictBool, StrictInt, StrictStr

from eipyomo.claims.document import TRAINING_SCHEMA, contents
from eipyomo.claims.result import check
from eipyomo.claims.values import compare, demand, is_number, written
from eipyomo.errors import InputError
from eipyomo.restriction import NO_MORE_SAID, named_or_joint
from eipyomo.validation import Positive, Record, Seed
from eipyomo.words import short

SUMMED = ("energy_j", "latency_s", "wsel")
"""What is summed over rounds."""


class _Process(Record):
    """A document of many rounds without its schema; see :class:`~eipyomo.process.Training`."""

    instance: Annotated[StrictStr, Field(description="a text")]
    method: Annotated[StrictStr, Field(description="a text")]
    training_method: Annotated[StrictStr, Field(description="a text")]
    seed: Annotated[Seed | None, Field(description="a whole number >= 0 or null")] = None
    planned_rounds: Annotated[StrictInt, Field(ge=1, description="a whole number >= 1")]
    complete: Annotated[StrictBool, Field(description="true or false")]
    message: Annotated[StrictStr, Field(description="a text")]
    totals: Annotated[dict[str, Any], Field(description="an object")]
    starts_s: Annotated[list[Any], Field(description="a list of times in s")]
    channel_gains: Annotated[list[list[Positive]], Field(description="a list of gains a round")]
    rounds: Annotated[
        list[dict[str, Any]], Field(min_length=1, description="a list of results, one at least")
    ]


def check_process(document: Mapping[str, Any]) -> None:
    """Refuse a document of many rounds that is broken or contradicts itself.

    Parameters
    ----------
    document
        A document of schema ``eipyomo/training@1``; see :class:`~eipyomo.process.Training`.

    Raises
    ------
    InputError
        If a key is missing, unknown or of a wrong type.
    ClaimError
        If a round is false, or rounds, starts and totals do not add up.
    """
    read = _read_process(document)
    for n, result in enumerate(read.rounds, start=1):
        try:
            check(result)
        except InputError as error:
            raise type(error)(f"round {n}: {error}") from None
    demand(_process(read), "the process")
    _check_chain(read)


def _read_process(document: Mapping[str, Any]) -> _Process:
    """Check keys, types and lengths."""
    read = _Process(**contents(document, TRAINING_SCHEMA, "process"))
    users = read.totals.get("users")
    if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        raise InputError(f"totals.users is {short(users)}, but must be a list of objects")
    if [len(gains) for gains in read.channel_gains] != [len(users)] * len(read.rounds):
        raise InputError(
            f"channel_gains must have a row for each of {len(read.rounds)} rounds, with a number "
            f"for each of {len(users)} users, but has not"
        )
    return read


def _process(read: _Process) -> Iterator[str]:
    """Hold the rounds against the plan; each of them has been checked."""
    solved = [result["feasible"] for result in read.rounds]
    planned = read.planned_rounds
    if read.complete != (all(solved) and len(solved) == planned) or len(solved) > planned:
        yield (
            f"{planned} planned rounds and complete {written(read.complete)}, but has "
            f"{sum(solved)} with an allocation"
        )
    if not all(solved[:-1]):
        yield "rounds after one without an allocation, but a process ends there"
    for n, result in enumerate(read.rounds, start=1):
        problem = result["problem"]
        _, stage = named_or_joint(problem)
        if problem not in NO_MORE_SAID and (stage == "inference") != (n == planned):
            yield f"problem {short(problem)} in round {n} of {planned}"
    plan = {True: read.method, False: read.training_method}
    for n, result in enumerate(read.rounds, start=1):
        method = plan[n == planned].partition(":")[0]
        if result["method"] != method:
            yield (
                f"method {short(method)} in round {n}, but it was solved by "
                f"{short(result['method'])}"
            )
    names = [user.get("name") for user in read.totals["users"]]
    for n, result in enumerate(read.rounds, start=1):
        if result["feasible"] and names != [u["name"] for u in result["breakdown"]["users"]]:
            yield f"totals of the users {short(names)}, but round {n} has others"


def _check_chain(read: _Process) -> None:
    """Hold starts, download times and totals against the rounds that have an allocation."""
    solved = [result for result in read.rounds if result["feasible"]]
    syncs_s = [result["allocation"]["sync_s"] for result in solved]
    starts_s = [sum(syncs_s[:n]) for n in range(len(solved))]
    compare(read.starts_s, starts_s, "the process claims starts_s")
    terms = [result["breakdown"]["users"] for result in solved]
    for n, (before, after) in enumerate(pairwise(terms), start=2):
        for earlier, user in zip(before, after, strict=True):
            compare(
                user.get("previous_download_s"),
                earlier["download_s"],
                f"the process claims for user {short(user['name'])} in round {n} "
                "previous_download_s",
            )
    users = []
    for j, claimed in enumerate(read.totals["users"]):
        row = {key: sum(users[j][key] for users in terms) for key in SUMMED}
        initial_s = terms[0][j].get("previous_download_s") if terms else None
        end_s = claimed.get("end_s") if initial_s is None else row["latency_s"] + initial_s
        users.append({**claimed, **row, "end_s": end_s})
    if not all(is_number(user.get("initial_download_j")) for user in users):
        raise InputError("totals.users must have initial_download_j (J) each, but has not")
    sums = {key: sum(user[key] for user in users) for key in (*SUMMED, "initial_download_j")}
    totals = {**sums, "end_s": max(user["end_s"] for user in users), "users": users}
    compare(read.totals, totals, "the process claims totals")
