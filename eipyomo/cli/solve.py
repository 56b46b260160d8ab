"""``eipyomo solve`` and ``eipyomo solvers``."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

import click

from eipyomo import streams
from eipyomo.cli.answers import ANSWERED, INFEASIBLE, NO_ANSWER, complain, deliver
from eipyomo.cli.options import (
    examples,
    formulation_option,
    json_option,
    more_option,
    read_instance,
    require_targets,
    round_option,
    set_option,
    with_more,
)
from eipyomo.cli.printing import as_text, new_table, say, title_of
from eipyomo.cli.progress import steps_shown
from eipyomo.cli.tables import show_result
from eipyomo.errors import OutputError
from eipyomo.files import to_json
from eipyomo.result import Result, read_allocation
from eipyomo.solvers import BACKENDS, METHODS
from eipyomo.solvers.backends import backend as find_backend
from eipyomo.solvers.methods import DEFAULT_METHOD, attempt


@click.command(
    epilog=examples(
        "eipyomo solve instance.json",
        "eipyomo solve instance.json --certificate proof.json -o result.json",
        "eipyomo solve instance.json --method minlp --solver scip --start result.json",
        "eipyomo solve instance.json -m minlp:bonmin --formulation grid --option choice=bigm",
        "eipyomo solve instance.json -m minlp:scip --option limits/nodes=1000",
        "eipyomo solve instance.json --method admm --preset letter --option penalty=5",
        "eipyomo solve instance.json --method milp --gap 1e-3",
        "eipyomo solve instance.json --method exhaustive --step 0.1 --json",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@click.option(
    "-m",
    "--method",
    default=DEFAULT_METHOD,
    show_default=True,
    help=f"One of {', '.join(METHODS)}; minlp:bonmin names the solver too.",
)
@click.option("--solver", metavar="NAME", help=f"For minlp: {', '.join(BACKENDS)}, ...")
@click.option(
    "--executable", metavar="FILE", help="For minlp: an AMPL executable of the solver to use."
)
@click.option(
    "--gap", type=float, help="Relative gap to stop at.  [default: 1e-6; 1e-4 for minlp and milp]"
)
@click.option("--absolute-gap", type=float, help="For exact: absolute gap to stop at.")
@click.option("--node-limit", type=int, help="For exact: largest number of nodes.")
@click.option("--preset", metavar="NAME", help="For admm: default, or letter for Table I's.")
@click.option("--engine", metavar="NAME", help="For admm: kernel (compiled) or pyomo.")
@click.option("--max-iterations", type=int, help="For admm: iterations to stop after.")
@more_option
@click.option(
    "--step", type=float, help="For exhaustive and the formulation grid: its step.  [default: 0.2]"
)
@click.option(
    "--enumerate",
    "enumeration",
    is_flag=True,
    default=None,
    help="For exhaustive: by enumeration, as a second way.",
)
@click.option(
    "--start", metavar="FILE", help="For minlp, milp and admm: begin at this result's allocation."
)
@click.option("--certificate", metavar="FILE", help="For exact: write what proves the bound here.")
@click.option("--time-limit", type=float, metavar="S", help="Seconds.  [default: 60]")
@formulation_option
@round_option
@set_option
@click.option("-o", "--output", metavar="FILE", help="Write the result document here.")
@json_option
def solve(
    instance_file: str,
    settings: tuple[str, ...],
    method: str,
    output: str | None,
    as_json: bool,
    round_: str | None,
    more: tuple[str, ...],
    start: str | None,
    **options: Any,
) -> int:
    """Solve an instance.

    Exit status: 0 answered, 2 bad input, 3 proven infeasible, 4 no answer or a false claim.
    """
    instance = read_instance(instance_file, settings)
    require_targets(output=output, certificate=options["certificate"])
    options["round"] = round_
    if start is not None:
        options["start"] = read_allocation(start)[0]
    given = with_more(method, options, more)
    with steps_shown() as tell:
        tell(f"solving {title_of(instance)} with {method}")
        try:
            result, trouble = attempt(instance, method, **given), None
        except OutputError as error:  # no place for the certificate of an answer
            if not isinstance(error.answer, Result):
                raise
            result, trouble = error.answer, str(error)
    document = result.to_dict()
    status = {"error": NO_ANSWER, "infeasible": INFEASIBLE}.get(
        result.termination, ANSWERED if result.feasible else NO_ANSWER
    )
    show = None if as_json else partial(show_result, instance, result)
    status = deliver({output: to_json(document)}, document, show, status)
    return status if trouble is None else complain(trouble, NO_ANSWER)


@click.command("solvers")
@json_option
def solvers_command(as_json: bool) -> int:
    """Show which solvers are here and what they can do.

    A solver is shown as working if it has just solved a tiny problem. Executables are looked for
    in the folders of the variable EIPYOMO_SOLVERS and on PATH.
    """
    with steps_shown(total=len(BACKENDS)) as tell:
        rows: list[dict[str, Any]] = []
        for name in BACKENDS:
            tell(f"trying {name}")
            backend = find_backend(name)
            trouble = backend.trouble()
            rows.append(
                {
                    "solver": name,
                    "works": trouble is None,
                    "where": backend.where(),
                    "version": backend.version(),
                    **asdict(backend.capabilities),
                    "description": backend.description,
                    "trouble": trouble,
                    "install": backend.install,
                }
            )
    if as_json:
        streams.print_document(to_json({"schema": "eipyomo/solvers@1", "solvers": rows}))
        return ANSWERED
    table = new_table(
        "Solver", "Works", "Integers", "Non-linear", "Proves bounds", "Version", "What it is"
    )
    for row in rows:
        cells = (row[key] for key in ("works", "integers", "nonlinear", "proves", "version"))
        table.add_row(row["solver"], *map(as_text, cells), row["description"])
    say(table)
    for row in rows:
        if row["where"] is None:
            say(f"{row['solver']} is missing. To get it: {row['install']}")
        elif row["trouble"]:
            say(f"{row['solver']} ({row['where']}) does not work: {row['trouble']}")
    return ANSWERED
