"""``eipyomo solve`` and ``eipyomo solvers``."""

from __future__ import annotations

import contextlib
import importlib
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eipyomo import streams
from eipyomo.cli.answers import ANSWERED, INFEASIBLE, NO_ANSWER, complain, deliver
from eipyomo.cli.examples import examples
from eipyomo.cli.figures import require_figure_path, write_figure
from eipyomo.cli.methods import MethodCommand, method_options, more_option, with_more
from eipyomo.cli.options import (
    json_option,
    problem_options,
    read_instance,
    require_targets,
    set_option,
    table_for,
    table_option,
)
from eipyomo.cli.printing import title_of
from eipyomo.cli.progress import steps_shown
from eipyomo.cli.tables import show_result, show_solvers
from eipyomo.errors import OutputError
from eipyomo.files import to_json
from eipyomo.result import Result, read_allocation
from eipyomo.scenario.reading import read_links
from eipyomo.solvers import BACKENDS, METHODS
from eipyomo.solvers.backends import backend as find_backend
from eipyomo.solvers.methods import DEFAULT_METHOD, attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@click.command(
    "solve",
    cls=MethodCommand,
    epilog=examples(
        "eipyomo solve instance.json",
        "eipyomo solve instance.json --set model_mbyte=4 --table users.csv",
        "eipyomo solve instance.json --certificate proof.json -o result.json",
        "eipyomo solve street.json --map map.png -o result.json",
        "eipyomo solve instance.json --method minlp --solver scip --start result.json",
        "eipyomo solve instance.json -m minlp:bonmin --formulation grid --option choice=bigm",
        "eipyomo solve instance.json -m minlp:scip --option limits/nodes=1000 --tee --log scip.log",
        "eipyomo solve instance.json --method admm --preset letter --option penalty=5",
        "eipyomo solve instance.json --method milp --gap 1e-3",
        "eipyomo solve instance.json -m minlp:scip --problem gbe",
        "eipyomo solve instance.json -m milp --objective band --set 'users[*].deadline_s=7'",
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
@problem_options()
@method_options
@more_option
@set_option
@click.option("-o", "--output", metavar="FILE", help="Write the result document here.")
@table_option("a row for each user")
@click.option(
    "--map",
    "map_file",
    metavar="FILE",
    help="Draw the users at the places of a scenario here: .png, .pdf or .svg.",
)
@json_option
def solve_command(
    instance_file: str,
    settings: tuple[str, ...],
    method: str,
    table_file: str | None,
    map_file: str | None,
    output: str | None,
    as_json: bool,
    round_: str | None,
    more: tuple[str, ...],
    start: str | None,
    **options: Any,
) -> int:
    """Solve an instance.

    INSTANCE may also be a scenario, which makes one; see eipyomo explain.

    Exit status: 0 answered, 2 bad input, 3 proven infeasible, 4 no answer or a false claim.
    """
    instance = read_instance(instance_file, settings)
    links = None if map_file is None else read_links(instance_file)
    require_targets(
        output=output,
        csv=table_file,
        certificate=options["certificate"],
        log=options["log"],
        map=None if map_file is None else str(require_figure_path(map_file)),
    )
    options["round"] = round_
    if start is not None:
        options["start"] = read_allocation(start)[0]
    given = with_more(method, options, more)
    with _logs_shown() if given.get("tee") else steps_shown() as tell:
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
    if table_file is not None and result.allocation is None:
        streams.note(f"{table_file} is not written: there is no allocation")
        table_file = None
    users = table_for(table_file, result.frame)
    if links is not None and result.allocation is not None:
        plotting = importlib.import_module("eipyomo.plotting")  # matplotlib takes a second to load
        write_figure(plotting.users_map(result, links), Path(map_file or ""))
    status = deliver({table_file: users, output: document}, document, show, status)
    return status if trouble is None else complain(trouble, NO_ANSWER)


@contextlib.contextmanager
def _logs_shown() -> Iterator[Callable[[str], None]]:
    """Let what solvers print go to standard error, as all that is no answer, and say what runs."""
    with contextlib.redirect_stdout(sys.stderr):
        yield streams.note


@click.command("solvers", epilog=examples("eipyomo solvers", "eipyomo solvers --json"))
@json_option
def solvers_command(as_json: bool) -> int:
    """Show which solvers are here and what they can do.

    A solver is shown as working if it has just solved a tiny problem. Executables are looked for
    in the folders of the variable EIPYOMO_SOLVERS and on PATH.
    """
    with steps_shown(total=len(BACKENDS)) as tell:
        rows = []
        for name in BACKENDS:
            tell(f"trying {name}")
            rows.append(_state_of(name))
    if as_json:
        streams.print_document(to_json({"schema": "eipyomo/solvers@1", "solvers": rows}))
    else:
        show_solvers(rows)
    return ANSWERED


def _state_of(name: str) -> dict[str, Any]:
    """Return what a solver is, and whether it works here."""
    backend = find_backend(name)
    trouble = backend.trouble()
    return {
        "solver": name,
        "works": trouble is None,
        "where": backend.where(),
        "version": backend.version(),
        **asdict(backend.capabilities),
        "description": backend.description,
        "trouble": trouble,
        "install": backend.install,
    }
