"""``eipyomo verify`` and ``eipyomo evaluate``: whether what files claim is true."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from eipyomo import claims, models, streams
from eipyomo.allocation import Allocation
from eipyomo.cli.answers import ANSWERED, NO_ANSWER, complain
from eipyomo.cli.examples import examples
from eipyomo.cli.options import (
    json_option,
    problem_options,
    read_instance,
    read_problem,
    set_option,
)
from eipyomo.cli.printing import as_number, say, title_of, with_unit
from eipyomo.cli.progress import steps_shown
from eipyomo.cli.tables import show_evaluation
from eipyomo.errors import InputError
from eipyomo.evaluation import evaluate
from eipyomo.files import about, read_document, to_json
from eipyomo.objective import OBJECTIVES, WSEL, heading_of
from eipyomo.problem import Problem
from eipyomo.restriction import named_or_joint
from eipyomo.result import Result, read_allocation, relative_gap
from eipyomo.solvers.judge import repair
from eipyomo.verify import Verified, verify

if TYPE_CHECKING:
    from eipyomo.evaluation import Evaluation
    from eipyomo.instance import Instance
    from eipyomo.models.sol import SolFile


@click.command(
    "verify",
    epilog=examples(
        "eipyomo verify instance.json proof.json",
        "eipyomo verify instance.json proof.json --result result.json",
        "eipyomo solve instance.json --certificate proof.json -o result.json  # writes both",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@click.argument("certificate_file", metavar="CERTIFICATE")
@set_option
@click.option(
    "--result",
    "result_file",
    metavar="FILE",
    help="Prove how good this result is: it is feasible, and this close to the bound.",
)
@json_option
def verify_command(
    instance_file: str,
    certificate_file: str,
    result_file: str | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> int:
    """Prove the bound of a certificate, or that nothing is feasible.

    It is recomputed in interval arithmetic, without any code of the solver. Exit status: 0 if what
    is claimed is proven for the claimed problem, 4 if it is not or if the result claims what is
    not true, 2 for a broken file or another instance's.
    """
    instance = read_instance(instance_file, settings)
    document = read_document(certificate_file, "certificate")
    result = None if result_file is None else Result.from_json(result_file, instance)
    with steps_shown() as tell:
        tell(f"verifying {title_of(instance)}")
        with about(certificate_file):
            found = verify(instance, document)
    doubt = found.doubt or (None if result is None else result.unproven_by(found))
    if as_json:
        streams.print_document(to_json(_verification(found, result, doubt)))
    else:
        _show_verification(instance, found, result, doubt)
    return ANSWERED if doubt is None else complain(doubt, NO_ANSWER)


def _verification(found: Verified, result: Result | None, doubt: str | None) -> dict[str, Any]:
    """Return what is proven as a document of schema ``eipyomo/verification@1``."""
    answer = {
        "schema": "eipyomo/verification@1",
        "proven": doubt is None,
        **asdict(found),
        "bound": found.bound if math.isfinite(found.bound) else None,
    }
    if result is not None:
        gap = relative_gap(result.value, found.bound) if doubt is None else None
        answer["result"] = {"objective": result.objective, "gap": gap}
    return answer


def _show_verification(
    instance: Instance, found: Verified, result: Result | None, doubt: str | None
) -> None:
    where = f"{title_of(instance)}:"
    if found.infeasible:
        say(f"{where} no allocation of problem {found.problem} keeps within these limits: proven")
    elif math.isfinite(found.bound):
        goal = OBJECTIVES[found.objective]
        name = goal.name.upper() if goal == WSEL else f"the {goal.meaning}"
        least = with_unit(goal.name, found.bound, 12)
        say(f"{where} proven for problem {found.problem}: {name} >= {least}")
    else:
        say(f"{where} nothing is proven")
    claim = "infeasibility" if found.claimed is None else f"bound {found.claimed:.12g}"
    say(
        f"The claimed {claim} is {'NOT proven' if found.doubt else 'proven'}, by {found.cells} "
        f"cells in {found.leaves} leaves."
    )
    if result is None or doubt is not None:
        return
    if result.value is None:
        say("The result says so too.")
        return
    what, gap = result.minimised, relative_gap(result.value, found.bound)
    excess = "" if gap is None else f", {gap:.2g} (relative)"
    say(
        f"{heading_of(what)} {with_unit(what, result.value, 7)} is feasible and at most "
        f"{with_unit(what, result.value - found.bound, 2)}{excess} above every allocation of "
        f"problem {found.problem}."
    )


@click.command(
    "evaluate",
    epilog=examples(
        "eipyomo evaluate instance.json result.json",
        "eipyomo evaluate instance.json result.json --problem gbe  # whether it also keeps to that",
        "eipyomo evaluate instance.json model.sol",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@click.argument("result_file", metavar="RESULT")
@problem_options(*3 * ["the file's own"])
@click.option(
    "--manifest", metavar="FILE", help="For a .sol file: the export's manifest.  [default: beside]"
)
@set_option
@json_option
def evaluate_command(
    instance_file: str,
    result_file: str,
    settings: tuple[str, ...],
    problem: str | None,
    round_: str | None,
    objective: str | None,
    manifest: str | None,
    as_json: bool,
) -> int:
    """Judge the allocation in a result or .sol file.

    Shows its cost, every term of it, and the largest violation: of the problem that the file names,
    or of another. An infeasible allocation is an answer too.

    What the file says of itself is checked. A result must say what is true of its objective, bound,
    gap, feasibility and every term, of how it ended, and of the problem that it names. A .sol file
    that says "solved" (codes 0-99) must hold a feasible point, one that says "infeasible" (200-299)
    or "unbounded" (300-399) must not hold one; other codes, and none, claim nothing.

    Exit status: 0 judged, 2 bad input or another instance's file, 4 judged, and what the file says
    is false.
    """
    instance = read_instance(instance_file, settings)
    words = (problem, round_, objective)
    asked = None if words == (None, None, None) else read_problem(instance, *words)
    bound = None
    if result_file.lower().endswith(".sol"):
        own, allocation, solution = _read_sol(instance, result_file, manifest)
        evaluation = evaluate(asked or own, allocation)
        doubt = _doubt_about_sol(solution, evaluate(own, allocation))
    else:
        allocation, document = read_allocation(result_file)
        with about(result_file):
            goal = OBJECTIVES.get(str(document.get("minimised")), WSEL)
            own = Problem(instance, *named_or_joint(document.get("problem")), goal)
            doubt = claims.doubt(document, instance)  # first, since it may be another instance's
            evaluation = evaluate(asked or own, allocation)
        named, bound = document.get("instance", instance.name), document.get("bound")
        if doubt is None and named != instance.name:  # the data are the same, a name is free text
            streams.note(f"the result calls its instance {named!r}, here it is {instance.name!r}")
    judged_for = asked or own
    if as_json:
        judged = {"problem": judged_for.name, "minimised": judged_for.objective.name}
        judged |= evaluation.to_dict()
        streams.print_document(to_json({**judged, "false_claim": doubt}))
    else:
        show_evaluation(evaluation, judged_for)
        if bound is not None and doubt is None:
            say(
                f"The file's bound {as_number(bound, 9)} is not above the cost; whether it is "
                "valid, only a certificate tells (eipyomo verify)."
            )
    return ANSWERED if doubt is None else complain(f"{result_file}: {doubt}", NO_ANSWER)


def _doubt_about_sol(solution: SolFile, evaluation: Evaluation) -> str | None:
    """Say how a .sol file's code is contradicted by the point beside it."""
    code = solution.code
    if code is None:
        return None
    if 0 <= code < 100 and not evaluation.feasible:
        return f"it says solved (code {code}), but its point is infeasible: " + str(
            evaluation.violations[0]
        )
    if 200 <= code < 300 and evaluation.feasible and not solution.extended:
        return (
            f"it says infeasible (code {code}), but its own point is feasible and costs "
            f"{evaluation.objective:.7g}"
        )
    if 300 <= code < 400 and evaluation.feasible and not solution.extended:
        return (
            f"it says unbounded (code {code}), but no cost is below 0, and its own point is "
            f"feasible and costs {evaluation.objective:.7g}"
        )
    return None


def _read_sol(
    instance: Instance, file: str, manifest: str | None
) -> tuple[Problem, Allocation, SolFile]:
    """Read the problem and the allocation of a .sol file for a model that we exported."""
    model, solution = models.read_sol(file, manifest)
    if models.source_of(model).instance.digest() != instance.digest():
        raise InputError(
            f"the solution file {file!r} is for another instance than {instance.name!r}, but must "
            "be for the same data"
        )
    if solution.point is None:
        raise InputError(f"the solution file {file!r} holds no values: {solution.message}")
    problem = models.source_of(model).problem
    return problem, repair(problem, models.allocation(model)), solution
