"""The command line: ``eipyomo solve``, ``compare``, ``evaluate`` and the rest."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import math
import os
import shlex
import signal
import sys
import threading
import traceback
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pandas as pd
from click.core import ParameterSource
from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from eipyomo import claims, models, streams
from eipyomo.allocation import Allocation
from eipyomo.claims import TRAINING_SCHEMA, round_of
from eipyomo.errors import ClaimError, EipyomoError, InputError, OutputError
from eipyomo.evaluation import FEASIBILITY_TOLERANCE, evaluate
from eipyomo.files import (
    about,
    read_document,
    refusal,
    require_suffix,
    require_unique,
    require_writable,
    to_json,
    write_atomically,
)
from eipyomo.instance import Instance
from eipyomo.result import SCHEMA as RESULT_SCHEMA
from eipyomo.result import Result, relative_gap
from eipyomo.solvers import BACKENDS, METHODS, compare
from eipyomo.solvers.backends import backend as find_backend
from eipyomo.solvers.comparison import DEFAULT_METHODS
from eipyomo.solvers.comparison import TIME_LIMIT_S as COMPARE_TIME_LIMIT_S
from eipyomo.solvers.judge import repair
from eipyomo.solvers.methods import DEFAULT_METHOD, attempt
from eipyomo.solvers.sweep import Cell, Store, cells, require_place, sweep
from eipyomo.solvers.training import Training, train
from eipyomo.validation import labels, one_line, short
from eipyomo.verify import Verified, verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from eipyomo.evaluation import Evaluation
    from eipyomo.models.sol import SolFile
    from eipyomo.scaled import Round

ANSWERED, BAD_INPUT, INFEASIBLE, NO_ANSWER, INTERRUPTED = 0, 2, 3, 4, 130
PATIENCE_S = 2.0
"""After this long without a terminal to show a spinner, say what is going on."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; no exception leaves this function.

    0: answered; 2: bad input or usage; 3: proven infeasible; 4: no answer, or a false claim.
    """
    with streams.prepared(), streams.warnings_shown():
        status = _run(arguments)
        return max(status, streams.finish())


def _run(arguments: Sequence[str] | None) -> int:
    """Run a command, and turn every exception into one sentence and an exit status."""
    try:
        with _stopped_by_signals():
            status = cli.main(args=arguments, prog_name="eipyomo", standalone_mode=False)
    except click.ClickException as error:
        return _complain(error.format_message(), BAD_INPUT)
    except EipyomoError as error:
        is_input = isinstance(error, InputError) and not isinstance(error, ClaimError)
        return _complain(str(error), BAD_INPUT if is_input else NO_ANSWER)
    except Stopped as error:
        return _complain(f"stopped by {error.signal.name}", 128 + error.signal)
    except (KeyboardInterrupt, click.Abort):
        return _complain("interrupted", INTERRUPTED)
    except (OSError, MemoryError) as error:
        no_memory = "there is not enough memory"
        return _complain(refusal(error) if isinstance(error, OSError) else no_memory, NO_ANSWER)
    except Exception as error:
        if os.environ.get("EIPYOMO_DEBUG"):
            traceback.print_exc()
        return _complain(
            f"unexpected {type(error).__name__}: {error}; this is a fault of eipyomo, set "
            "EIPYOMO_DEBUG=1 to see where",
            NO_ANSWER,
        )
    return status if isinstance(status, int) else ANSWERED


class Stopped(BaseException):
    """A signal has asked the command to end; what it has begun is cleared up on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a command as Ctrl-C does: no solver is left, no file half-written.

    A batch system, a closed terminal and `timeout` send them.
    """

    def stop(number: int, _: object) -> None:
        raise Stopped(number)

    if threading.current_thread() is not threading.main_thread():
        yield  # handlers belong to the main thread
        return
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    heard = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]  # nohup
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _complain(sentence: str, status: int) -> int:
    """Print one sentence on standard error, on one line."""
    streams.note(f"eipyomo: {one_line(sentence)}")
    return status


def _deliver(
    files: Mapping[str | None, str],
    document: Mapping[str, Any],
    show: Callable[[], None] | None,
    status: int,
) -> int:
    """Write files, and only then print; what no file can hold any more is printed as a document.

    Parameters
    ----------
    files
        Contents by the files that options name, or None.
    document
        The answer.
    show
        Prints the answer for a person; None to print the document.
    status
        Exit status if all goes well.
    """
    troubles = []
    for file, content in files.items():
        try:
            write_atomically({} if file is None else {file: content})
        except (InputError, OutputError) as error:
            troubles.append(str(error))
    if show is None or troubles:
        streams.print_document(to_json(document))
    else:
        show()
    for trouble in troubles:
        status = _complain(f"{trouble}; its contents are printed instead", NO_ANSWER)
    return status


def _examples(*lines: str) -> str:
    """Return the end of a help text; the escape keeps click from joining the lines."""
    return "\n".join(("\b", f"Example{'s' if len(lines) > 1 else ''}:", *(f"  {x}" for x in lines)))


@click.group(
    epilog=_examples(
        "eipyomo compare",
        "eipyomo generate --users 4 --seed 1 -o instance.json",
        "eipyomo solve instance.json -o result.json",
        "eipyomo evaluate instance.json result.json",
        "eipyomo export instance.json -o model.nl",
        "eipyomo solvers",
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.version_option(package_name="eipyomo")
@click.pass_context
def cli(context: click.Context) -> int:
    """Allocate bandwidth, computation and energy where devices train an AI model together.

    Many end users train one model with an edge server and then use it: which of them download
    it, which part of their task they offload, and who gets how much of the band?
    """
    if context.invoked_subcommand is None:
        streams.note(context.get_help())
    return BAD_INPUT


def _json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Print exactly one JSON document on standard output.",
    )(command)


def _set_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="PATH=VALUE",
        help="Change the instance first: bandwidth_hz=4e7, server.frequency_hz=2e9, "
        "'users[*].latency_weight=0.2', 'users[eu1].task_bits=1e6' or 'users[0].task_bits=1e6'; "
        "may be given often.",
    )(command)


def _read_instance(file: str, settings: Sequence[str]) -> Instance:
    """Read an instance file, and apply what ``--set`` says."""
    return Instance.from_json(file).with_settings(settings)


def _read_instances(files: Sequence[str], settings: Sequence[str]) -> list[Instance]:
    """Read instance files; all that are none, as a pattern may name, stand in one sentence."""
    instances, faults = [], []
    for file in files:
        try:
            instances.append(Instance.from_json(file))
        except InputError as error:
            faults.append(str(error))
    if len(faults) > 1:
        raise InputError(
            f"{len(faults)} of {len(files)} files are no instances: {'; '.join(faults)}"
        )
    if faults:
        raise InputError(faults[0])
    return [instance.with_settings(settings) for instance in instances]


def _require_targets(**files: str | None) -> None:
    """Refuse what cannot be written, a table that would be no CSV, and one file for two outputs.

    The keywords are the options' names.
    """
    given = {option: file for option, file in files.items() if file is not None}
    if "csv" in given:
        require_suffix("csv", given["csv"], ".csv")
    for file in given.values():
        require_writable(file)
    require_unique(
        [os.path.realpath(file) for file in given.values()], f"{' and '.join(given)} name the file"
    )


def _formulation_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--formulation",
        metavar="NAME",
        help=f"How the model is written: {', '.join(models.FORMULATIONS)}.  [default: letter; "
        "for solve with scip spectral]",
    )(command)


def _more_options(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--option",
        "more",
        multiple=True,
        metavar="KEY=VALUE",
        help="Any other option of the method, as in Python, or for minlp of its solver, by its own "
        "name; may be given often.",
    )(command)


def _round_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--round",
        "round_",
        type=click.Choice(["inference", "training"]),
        help="The last round, or one before it, without tasks.  [default: inference]",
    )(command)


OF_THE_USERS = ("users", "path_loss_exponent", "seed", "task_mbit", "distance_m")
"""Options of ``generate`` that make the end users."""


@cli.command(
    epilog=_examples(
        "eipyomo generate --users 4 --path-loss-exponent 2.9 --seed 0 -o instance.json",
        "eipyomo generate --users-csv users.csv --bandwidth-mhz 10 -o instance.json",
    ),
)
@click.option("--users", default=4, show_default=True, help="Number M of end users.")
@click.option("--model-mbit", default=16.0, show_default=True, help="Model size D_m in Mbit.")
@click.option("--path-loss-exponent", default=2.9, show_default=True, help="Exponent sigma.")
@click.option("--seed", default=0, show_default=True, help="Seed of the Rayleigh fading.")
@click.option("--bandwidth-mhz", default=20.0, show_default=True, help="Band B in MHz.")
@click.option("--task-mbit", default=64.0, show_default=True, help="Task L of each user in Mbit.")
@click.option("--distance-m", default=50.0, show_default=True, help="Distance to the server in m.")
@click.option(
    "--total-frequency-ghz",
    type=float,
    help="CPU frequency F of the server in GHz that all tasks share.  [default: f_s for each]",
)
@click.option(
    "--users-csv", metavar="FILE", help="Take the end users from this table, SI units, instead."
)
@click.option(
    "--name", help="Free text.  [default: made from the options, or the table's file name]"
)
@click.option("-o", "--output", metavar="FILE", help="Instance file.  [default: print it]")
def generate(output: str | None, users_csv: str | None, **options: Any) -> int:
    """Make an instance in the letter's setting."""
    if users_csv is None:
        instance = Instance.letter(**options)
    else:
        context = click.get_current_context()
        for name in OF_THE_USERS:
            if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
                raise InputError(
                    f"{name} is given, but the end users are those of users_csv: leave it out"
                )
        if options["name"] is None:
            options["name"] = Path(users_csv).stem
        instance = Instance.letter(**options).with_users(users_csv)
    if output is None:
        streams.print_document(to_json(instance.to_dict()))
    else:
        instance.to_json(output)
        streams.note(f"wrote {output}: {_describe(instance)}")
    return ANSWERED


@cli.command(
    epilog=_examples(
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
@_more_options
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
@_formulation_option
@_round_option
@_set_option
@click.option("-o", "--output", metavar="FILE", help="Write the result document here.")
@_json_option
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
    instance = _read_instance(instance_file, settings)
    _require_targets(output=output, certificate=options["certificate"])
    options["round"] = round_
    if start is not None:
        options["start"] = _read_result(start)[0]
    given = _with_more(method, options, more)
    with _progress() as tell:
        tell(f"solving {_title(instance)} with {method}")
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
    show = None if as_json else partial(_show_result, instance, result)
    status = _deliver({output: to_json(document)}, document, show, status)
    return status if trouble is None else _complain(trouble, NO_ANSWER)


def _with_more(method: str, options: Mapping[str, Any], more: Sequence[str]) -> dict[str, Any]:
    """Return the options that are given, each once, be it by its own name or as KEY=VALUE.

    What the method does not know by name goes to its solver, where it has one that is open to that.
    """
    chosen = METHODS.get(method.partition(":")[0])
    known = chosen.options if chosen is not None else ()
    pairs = [(key, value) for key, value in options.items() if value is not None]
    for_solver = []
    for key, value in map(_read_option, more):
        own = key.replace("-", "_")
        if own in known or "options" not in known:
            pairs.append((own, value))
        else:
            for_solver.append((key, value))
    for given in (pairs, for_solver):
        require_unique([key for key, _ in given], "the options name")
    return dict(pairs) | ({"options": dict(for_solver)} if for_solver else {})


def _read_option(text: str) -> tuple[str, Any]:
    """Read ``key=value``; the value is JSON, or a text as it stands."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise InputError(f"option is {text!r}, but must be KEY=VALUE")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


@cli.command(
    "verify",
    epilog=_examples(
        "eipyomo verify instance.json proof.json",
        "eipyomo verify instance.json proof.json --result result.json",
        "eipyomo solve instance.json --certificate proof.json -o result.json  # writes both",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@click.argument("certificate_file", metavar="CERTIFICATE")
@_set_option
@click.option(
    "--result",
    "result_file",
    metavar="FILE",
    help="Prove how good this result is: it is feasible, and this close to the bound.",
)
@_json_option
def verify_command(
    instance_file: str,
    certificate_file: str,
    result_file: str | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> int:
    """Prove the bound of a certificate.

    It is recomputed in interval arithmetic, without any code of the solver. Exit status: 0 if the
    claimed bound is proven for the claimed problem, 4 if it is not or if the result claims what is
    not true, 2 for a broken file or another instance's.
    """
    instance = _read_instance(instance_file, settings)
    document = read_document(certificate_file, "certificate")
    result = None if result_file is None else Result.from_json(result_file, instance)
    with _progress() as tell:
        tell(f"verifying {_title(instance)}")
        found = verify(instance, document)
    doubt = found.doubt or (None if result is None else _doubt_about(result, found))
    if as_json:
        answer = {
            "schema": "eipyomo/verification@1",
            "proven": doubt is None,
            **asdict(found),
            "bound": found.bound if math.isfinite(found.bound) else None,
        }
        if result is not None:
            known = doubt is None
            answer["result"] = {
                "objective": result.objective,
                "gap": relative_gap(result.objective, found.bound) if known else None,
            }
        streams.print_document(to_json(answer))
    else:
        _print(
            f"{_title(instance)}: proven for problem {found.problem}: WSEL >= {found.bound:.12g}"
            if math.isfinite(found.bound)
            else f"{_title(instance)}: nothing is proven"
        )
        _print(
            f"The claimed bound {found.claimed:.12g} is "
            f"{'NOT proven' if found.doubt else 'proven'}, by {found.cells} cells in "
            f"{found.leaves} leaves."
        )
        if result is not None and result.objective is not None and doubt is None:
            gap = relative_gap(result.objective, found.bound)
            excess = "" if gap is None else f", {gap:.2g} (relative)"
            _print(
                f"WSEL {result.objective:.7g} is feasible and at most "
                f"{result.objective - found.bound:.2g}{excess} above every allocation of problem "
                f"{found.problem}."
            )
    return ANSWERED if doubt is None else _complain(doubt, NO_ANSWER)


def _doubt_about(result: Result, found: Verified) -> str | None:
    """Say what a certificate that is right in itself does not prove of a true result."""
    if found.problem == "restricted":
        return "the certificate restricts decisions in a way of its own, of which no result tells"
    if result.problem != found.problem:
        return (
            f"the result is one of problem {result.problem!r}, but the certificate proves a bound "
            f"of {found.problem!r}"
        )
    if result.objective is None:
        return "the result has no feasible allocation, of which a bound could prove anything"
    if result.objective < found.bound:
        return (
            f"the result costs {result.objective:.12g}, but the certificate proves that nothing "
            f"costs less than {found.bound:.12g}"
        )
    if result.bound is not None and result.bound > found.bound:
        return (
            f"the result claims the bound {result.bound:.12g}, but the certificate proves "
            f"{found.bound:.12g}"
        )
    return None


@cli.command(
    "compare",
    epilog=_examples(
        "eipyomo compare",
        "eipyomo compare a.json b.json --methods minlp:scip,minlp:bonmin --csv table.csv",
    ),
)
@click.argument("instance_files", metavar="[INSTANCE]...", nargs=-1)
@click.option(
    "--methods",
    default=",".join(DEFAULT_METHODS),
    show_default=True,
    help="Methods, separated by commas.",
)
@click.option(
    "--time-limit",
    type=float,
    default=COMPARE_TIME_LIMIT_S,
    show_default=True,
    metavar="S",
    help="Seconds for each method on each instance.",
)
@_set_option
@click.option("--csv", "csv_file", metavar="FILE", help="Write the table here as well.")
@_json_option
def compare_command(
    instance_files: tuple[str, ...],
    settings: tuple[str, ...],
    methods: str,
    time_limit: float,
    csv_file: str | None,
    as_json: bool,
) -> int:
    """Show the costs of several methods side by side.

    Without a file it takes the letter's instance: 4 users, 16 Mbit, sigma 2.9, seed 0.
    """
    instances = _read_instances(instance_files, settings)
    instances = instances or [Instance.letter().with_settings(settings)]
    _require_targets(csv=csv_file)
    names = [name.strip() for name in methods.split(",") if name.strip()]
    with _progress(total=len(instances) * len(names)) as tell:
        frame = compare(
            instances,
            names,
            time_limit=time_limit,
            progress=lambda instance, method: tell(f"{_clip(instance)}: {method}"),
        )

    def show() -> None:
        for place, instance in enumerate(instances):
            part = frame.iloc[place * len(names) : (place + 1) * len(names)]
            _show_comparison(instance, part)

    answered = (frame["termination"] != "error") & frame["feasible"]
    return _deliver(
        {csv_file: frame.to_csv(index=False)},
        _rows_document("eipyomo/comparison@1", frame),
        None if as_json else show,
        ANSWERED if answered.any() else NO_ANSWER,
    )


def _rows_document(schema: str, frame: pd.DataFrame) -> dict[str, Any]:
    """Return a table as a JSON document, in which nothing is null."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return {"schema": schema, "rows": rows}


@cli.command(
    "sweep",
    epilog=_examples(
        "eipyomo sweep instance*.json --store sweep.db",
        'eipyomo sweep instance*.json -m exact -m "exhaustive step=0.1" -m gbe --csv table.csv',
        "eipyomo sweep instance*.json --store big.db --cluster tcp://scheduler:8786",
    ),
)
@click.argument("instance_files", metavar="INSTANCE...", nargs=-1, required=True)
@click.option(
    "-m",
    "--method",
    "methods",
    metavar="TEXT",
    multiple=True,
    default=DEFAULT_METHODS,
    show_default=True,
    help="A method and its options, such as 'exhaustive step=0.1'; give it once for each.",
)
@click.option(
    "--time-limit",
    type=float,
    metavar="S",
    help="Seconds for each cell whose method names none.  [default: 60]",
)
@_set_option
@click.option(
    "--store",
    "store_file",
    metavar="FILE",
    help="Keep finished cells here (SQLite), and look them up.  [default: nothing is kept]",
)
@click.option("--workers", type=int, help="Processes on this machine.  [default: one a core]")
@click.option("--cluster", metavar="ADDRESS", help="Compute on this Dask cluster instead.")
@click.option("--retry", is_flag=True, help="Compute again what is stored as failed.")
@click.option("--csv", "csv_file", metavar="FILE", help="Write the table here as well.")
@_json_option
def sweep_command(
    instance_files: tuple[str, ...],
    methods: tuple[str, ...],
    time_limit: float | None,
    settings: tuple[str, ...],
    store_file: str | None,
    workers: int | None,
    cluster: str | None,
    retry: bool,
    csv_file: str | None,
    as_json: bool,
) -> int:
    """Solve many instances by many methods.

    In parallel. With --store every finished cell (an instance, a method, its options) is stored at
    once, and a sweep that was interrupted or killed goes on where it stopped: give the same command
    again. What other versions of eipyomo or of its solvers have found is not taken.
    """
    common = {} if time_limit is None else {"time_limit": time_limit}
    pairs = [(name, common | options) for name, options in map(_method_with_options, methods)]
    wanted = cells(_read_instances(instance_files, settings), pairs)
    _require_targets(store=store_file, csv=csv_file)
    require_place(workers, cluster)
    if retry and store_file is None:
        raise InputError("retry is given without a store, but it is what to look for failures in")
    with Store(store_file) as store:
        if retry:
            store.forget_errors()
        missing = len({cell.key for cell in wanted if store.get(cell) is None})
        with _bar(missing) as report:
            frame = sweep(wanted, store, workers=workers, cluster=cluster, report=report)
    status = ANSWERED if (frame["termination"] != "error").any() else NO_ANSWER
    return _deliver(
        {csv_file: frame.to_csv(index=False)},
        _rows_document("eipyomo/sweep@1", frame),
        None if as_json else partial(_show_sweep, frame),
        status if store.trouble is None else NO_ANSWER,
    )


@cli.command(
    "train",
    epilog=_examples(
        "eipyomo train instance.json --rounds 20",
        "eipyomo train instance.json --rounds 100 --seed 1 --store train.db -o process.json",
        "eipyomo train instance.json --rounds 10 --gains gains.csv -m admm",
        "eipyomo train instance.json --rounds 5 -m lco --training-method minlp:ipopt",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@click.option("--rounds", type=int, required=True, help="Number N of rounds.")
@click.option(
    "--seed",
    type=int,
    help="Draw the channels of each round after the first anew.  [default: they stay]",
)
@click.option("--mean-gain", type=float, help="Draw around this gain.  [default: each user's own]")
@click.option(
    "--gains",
    metavar="FILE",
    help="Read the channels from a CSV file: one row a round, one column a user.",
)
@click.option(
    "-m",
    "--method",
    default=DEFAULT_METHOD,
    show_default=True,
    help="Method of the last round, in which tasks are computed.",
)
@click.option(
    "--training-method",
    metavar="TEXT",
    help="Method of the rounds before it.  [default: the same, or exact where that is none]",
)
@click.option("--gap", type=float, help="Relative gap to stop at in each round.")
@click.option("--time-limit", type=float, metavar="S", help="Seconds a round.  [default: 60]")
@_more_options
@_set_option
@click.option(
    "--store",
    "store_file",
    metavar="FILE",
    help="Keep finished rounds here (SQLite), and look them up.  [default: nothing is kept]",
)
@click.option("--csv", "csv_file", metavar="FILE", help="Write a row for each round and user here.")
@click.option("-o", "--output", metavar="FILE", help="Write the whole document here.")
@_json_option
def train_command(
    instance_file: str,
    more: tuple[str, ...],
    settings: tuple[str, ...],
    store_file: str | None,
    csv_file: str | None,
    output: str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Solve a whole training process, round by round.

    In the rounds before the last everybody trains, uploads and downloads; in the last one tasks are
    computed as well. What a download takes in a round is a constant of the next. With --store every
    finished round is stored at once, and a process that was killed goes on with the same command.

    Exit status: 0 all rounds answered, 2 bad input, 4 a round gave no allocation.
    """
    instance = _read_instance(instance_file, settings)
    _require_targets(store=store_file, csv=csv_file, output=output)
    given = _with_more(options["method"], options, more)
    with Store(store_file) as store, _rounds_bar(given["rounds"]) as report:
        process = train(instance, store=store, report=report, **given)
    document = process.to_dict()
    return _deliver(
        {output: to_json(document), csv_file: process.frame().to_csv(index=False)},
        document,
        None if as_json else partial(_show_training, process),
        ANSWERED if process.complete and store.trouble is None else NO_ANSWER,
    )


@contextlib.contextmanager
def _rounds_bar(total: int) -> Iterator[Callable[[int, Result], None]]:
    """Show on standard error how many rounds are solved, and the time left."""
    with contextlib.ExitStack() as stack:
        bars: list[Progress] = []

        def report(n: int, _: Result) -> None:
            if not bars:  # not before the arguments are known to be right
                bars.append(stack.enter_context(_counting("train", total)))
            bars[0].update(bars[0].task_ids[0], completed=n)

        yield report


def _show_training(process: Training) -> None:
    """Print a row for each round, and what every user pays in all of them."""
    first = process.instances[0]
    _print(f"{_title(first)}: {_describe(first)}")
    _print(f"{process.method}, before the last round {process.training_method}: {process.message}")
    table = _table("Round", "Start [s]", "Sync [s]", "Energy [J]", "WSEL", "Gap", "Outcome")
    numbers = zip(process.solved, process.starts_s(), strict=True)
    rows = [(n, result, start_s) for n, (result, start_s) in enumerate(numbers, start=1)]
    for n, result, start_s in (
        rows if len(rows) <= SHOWN_USERS else rows[: SHOWN_USERS - 1] + rows[-1:]
    ):
        assert result.allocation is not None
        assert result.evaluation is not None
        table.add_row(
            str(n),
            f"{start_s:.4g}",
            f"{result.allocation.sync_s:.4g}",
            f"{result.evaluation.breakdown.energy_j.sum():.4g}",
            _number(result.objective, 7),
            _percent(result.gap),
            result.termination,
        )
    _print(table)
    if len(rows) > SHOWN_USERS:
        _print(f"... and {len(rows) - SHOWN_USERS} rounds between; --json shows them all")
    totals = process.totals()
    table = _table("User", "Energy [J]", "Latency [s]", "WSEL", "Done at [s]")
    names = labels(totals["name"].tolist(), NAME_WIDTH)
    for name, row in zip(names, totals.head(SHOWN_USERS).to_dict("records"), strict=False):
        numbers_of = (row[key] for key in ("energy_j", "latency_s", "wsel", "end_s"))
        table.add_row(name, *(f"{number:.5g}" for number in numbers_of))
    table.add_row(
        "all",
        *(f"{totals[key].sum():.5g}" for key in ("energy_j", "latency_s", "wsel")),
        f"{totals['end_s'].max():.5g}",
    )
    _print(table)
    _say_how_many_more(len(totals))


def _method_with_options(text: str) -> tuple[str, dict[str, Any]]:
    """Read 'exhaustive step=0.1': a name, and options whose values are JSON or plain text."""
    try:
        name, *parts = shlex.split(text) or [""]
    except ValueError as error:
        raise InputError(
            f"method is {text!r}, but must be a name and options KEY=VALUE ({error})"
        ) from None
    return name, _with_more(name, {}, parts)


@contextlib.contextmanager
def _counting(what: str, total: int) -> Iterator[Progress]:
    """Show on standard error how many of a number are done, and the time left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("time left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True, highlight=False)) as progress:
        progress.add_task(what, total=total)
        yield progress


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[Cell, Mapping[str, Any]], None]]:
    """Show on standard error how far a sweep is, the time left, and which cells fail."""
    with _counting("sweep", total) as progress:
        task = progress.task_ids[0]

        def report(cell: Cell, document: Mapping[str, Any]) -> None:
            progress.advance(task)
            if document["termination"] == "error":
                sentence = f"{_clip(cell.instance.name)}: {cell.method}: {document['message']}"
                progress.console.print(Text(sentence), soft_wrap=True)

        yield report


def _show_sweep(frame: pd.DataFrame) -> None:
    """Print one row for each method with its options, over all instances."""
    table = _table("Method", "Options", "Cells", "Answered", "Errors", "Mean WSEL", "Mean time [s]")
    for (method, options), part in frame.groupby(["method", "options"], sort=False):
        errors = int((part["termination"] == "error").sum())
        table.add_row(
            str(method),
            ", ".join(f"{key}={value}" for key, value in json.loads(str(options)).items()),
            str(len(part)),
            str(int(part["feasible"].sum())),
            str(errors),
            _number(part["objective"].mean(), 7),
            f"{part['wall_s'].mean():.2f}",
        )
    _print(table)


@cli.command(
    "plot",
    epilog=_examples(
        "eipyomo plot result.json",
        "eipyomo plot result.json --figure timeline -o round.pdf",
        "eipyomo plot process.json",
    ),
)
@click.argument("result_file", metavar="RESULT")
@click.option(
    "--figure",
    default="overview",
    show_default=True,
    type=click.Choice(["overview", "timeline", "bandwidth", "costs", "convergence"]),
    help="What to draw; convergence is for results of admm.",
)
@click.option(
    "--instance",
    "instance_file",
    metavar="FILE",
    help="The instance that was solved: check every number in RESULT against it first.",
)
@click.option(
    "-o", "--output", metavar="FILE", help=".png, .pdf or .svg.  [default: RESULT with .png]"
)
def plot_command(
    result_file: str, figure: str, instance_file: str | None, output: str | None
) -> int:
    """Draw a result, or a process of many rounds.

    The round as in the letter's first figure, the band, and every term of energy and latency; of a
    process all rounds on one time axis, and what each of them costs.

    Nothing false is drawn: exit status 4 if numbers in the file contradict one another, or, with
    --instance, if any of them is not what the instance makes it.
    """
    instance = None if instance_file is None else Instance.from_json(instance_file)
    document = read_document(result_file, "result")
    with about(result_file):
        _require_schema(document.get("schema"), RESULT_SCHEMA, TRAINING_SCHEMA)
    target = Path(output) if output is not None else Path(result_file).with_suffix(".png")
    kind = target.suffix.lower().removeprefix(".")
    if kind not in ("png", "pdf", "svg"):
        raise InputError(f"output is {str(target)!r}, but must end in .png, .pdf or .svg")
    require_writable(target)
    plotting = importlib.import_module("eipyomo.plotting")  # matplotlib takes a second to load
    of_process = document["schema"] == TRAINING_SCHEMA
    figures = plotting.TRAINING_FIGURES if of_process else plotting.FIGURES
    if figure not in figures:
        raise InputError(f"figure is {figure!r}, but for a process must be: {', '.join(figures)}")
    image = io.BytesIO()
    with about(result_file):
        if instance is not None:
            (Training if of_process else Result).from_dict(document, instance)
        figures[figure](document).savefig(image, format=kind, dpi=200)
    write_atomically({target: image.getvalue()})
    streams.note(f"wrote {target}")
    return ANSWERED


@cli.command(
    "evaluate",
    epilog=_examples(
        "eipyomo evaluate instance.json result.json",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@click.argument("result_file", metavar="RESULT")
@_round_option
@click.option(
    "--manifest", metavar="FILE", help="For a .sol file: the export's manifest.  [default: beside]"
)
@_set_option
@_json_option
def evaluate_command(
    instance_file: str,
    result_file: str,
    settings: tuple[str, ...],
    round_: str | None,
    manifest: str | None,
    as_json: bool,
) -> int:
    """Judge the allocation in a result or .sol file.

    Shows its cost, every term of it, and the largest violation. An infeasible allocation is an
    answer too.

    What the file says of itself is checked. A result must say what is true of its objective, bound,
    gap, feasibility and every term, of how it ended, and of the problem that it names. A .sol file
    that says "solved" (codes 0-99) must hold a feasible point, one that says "infeasible" (200-299)
    or "unbounded" (300-399) must not hold one; other codes, and none, claim nothing.

    Exit status: 0 judged, 2 bad input or another instance's file, 4 judged, and what the file says
    is false.
    """
    instance = _read_instance(instance_file, settings)
    kind: Round
    bound = None
    if result_file.lower().endswith(".sol"):
        allocation, kind, solution = _read_sol(instance, result_file, manifest)
        evaluation = evaluate(instance, allocation, _round(round_, kind))
        doubt = _doubt_about_sol(solution, evaluation)
    else:
        allocation, kind, document = _read_result(result_file)
        evaluation = evaluate(instance, allocation, _round(round_, kind))
        with about(result_file):
            doubt = _doubt_about_document(document, instance)
        bound = document.get("bound")
    if as_json:
        streams.print_document(to_json({**evaluation.to_dict(), "false_claim": doubt}))
    else:
        _show_evaluation(evaluation)
        if bound is not None and doubt is None:
            _print(
                f"The file's bound {_number(bound, 9)} is not above the cost; whether it is valid, "
                "only a certificate tells (eipyomo verify)."
            )
    return ANSWERED if doubt is None else _complain(f"{result_file}: {doubt}", NO_ANSWER)


def _require_schema(schema: Any, result: str, process: str | None = None) -> None:
    """Refuse a document of another kind."""
    if not isinstance(schema, str) or schema not in (result, process):
        more = "" if process is None else f", and a process {process!r}"
        raise InputError(f"schema is {short(schema)}, but a result must have {result!r}{more}")


def _round(asked: str | None, own: Round) -> Round:
    """Return the round that is asked for; without a wish the file's own."""
    return own if asked is None else "training" if asked == "training" else "inference"


def _read_result(file: str) -> tuple[Allocation, Round, dict[str, Any]]:
    """Read the allocation of a result document, or an allocation alone, and the whole document."""
    document = read_document(file, "result")
    with about(file):
        _require_schema(document.get("schema", RESULT_SCHEMA), RESULT_SCHEMA)
        allocation = document.get("allocation", document)
        if not isinstance(allocation, dict):
            raise InputError(
                f"allocation is {short(allocation)}, but must be an object (the result holds no "
                "allocation to judge)"
            )
        return Allocation.from_dict(allocation), round_of(document.get("problem", "")), document


def _doubt_about_document(document: Mapping[str, Any], instance: Instance) -> str | None:
    """Say which claim of a result document is false; an allocation alone claims nothing."""
    if set(document) <= {"schema", "problem", "allocation"} or "allocation" not in document:
        return None
    try:
        claims.check(document, instance)
    except ClaimError as error:
        return str(error)
    if document["instance"] != instance.name:  # the data are the same, a name is free text
        streams.note(
            f"the result calls its instance {document['instance']!r}, here it is {instance.name!r}"
        )
    return None


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
) -> tuple[Allocation, Round, SolFile]:
    """Read the allocation of a .sol file for a model that we exported."""
    model, solution = models.read_sol(file, manifest)
    if models.source_of(model).instance.digest() != instance.digest():
        raise InputError(
            f"the solution file {file!r} is for another instance than {instance.name!r}, but must "
            "be for the same data"
        )
    if solution.point is None:
        raise InputError(f"the solution file {file!r} holds no values: {solution.message}")
    source = models.source_of(model)
    allocation = repair(instance, models.allocation(model), source.problem.stage)
    return allocation, source.problem.stage, solution


@cli.command(
    "export",
    epilog=_examples(
        "eipyomo export instance.json -o model.nl",
    ),
)
@click.argument("instance_file", metavar="INSTANCE")
@click.option("-o", "--output", metavar="FILE", required=True, help="model.nl or model.gms.")
@_formulation_option
@_round_option
@_set_option
def export_command(
    instance_file: str,
    output: str,
    formulation: str | None,
    round_: str | None,
    settings: tuple[str, ...],
) -> int:
    """Write an instance's model as .nl or .gms.

    A .nl comes with .row and .col, and both formats with a manifest that tells what is what.
    """
    instance = _read_instance(instance_file, settings)
    model = models.minlp(
        instance,
        formulation or "letter",
        "training" if round_ == "training" else "inference",
    )
    for file in models.export(model, output):
        streams.note(f"wrote {file}")
    return ANSWERED


@cli.command("solvers")
@_json_option
def solvers_command(as_json: bool) -> int:
    """Show which solvers are here and what they can do.

    A solver is shown as working if it has just solved a tiny problem. Executables are looked for
    in the folders of the variable EIPYOMO_SOLVERS and on PATH.
    """
    with _progress(total=len(BACKENDS)) as tell:
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
    table = _table(
        "Solver", "Works", "Integers", "Non-linear", "Proves bounds", "Version", "What it is"
    )
    for row in rows:
        cells = (row[key] for key in ("works", "integers", "nonlinear", "proves", "version"))
        table.add_row(row["solver"], *map(_cell, cells), row["description"])
    _print(table)
    for row in rows:
        if row["where"] is None:
            _print(f"{row['solver']} is missing. To get it: {row['install']}")
        elif row["trouble"]:
            _print(f"{row['solver']} ({row['where']}) does not work: {row['trouble']}")
    return ANSWERED


def _show_result(instance: Instance, result: Result) -> None:
    _print(f"{_title(instance)}: {_describe(instance)}")
    with_solver = f" with {result.solver}" if result.solver not in (None, result.method) else ""
    _print(f"{result.method}{with_solver}: {result.message}")
    if result.allocation is None or result.evaluation is None:
        return
    _print(
        f"WSEL {_number(result.objective, 9)}   bound {_number(result.bound, 9)}   "
        f"gap {_percent(result.gap)}   sync time {result.allocation.sync_s:.4g} s   "
        f"{result.wall_s:.2f} s"
    )
    terms = result.evaluation.breakdown
    edge_frequency_hz = result.allocation.edge_frequency_hz
    table = _table(
        "User",
        "Download",
        "Offload\n[%]",
        *(["Edge\n[GHz]"] if edge_frequency_hz is not None else []),
        "CPU\n[GHz]",
        "Uplink\n[%]",
        "Downlink\n[%]",
        "Energy\n[J]",
        "Latency\n[s]",
        "WSEL\n",
    )
    for j, name in enumerate(labels(terms.names, NAME_WIDTH)[:SHOWN_USERS]):
        allocation = result.allocation
        table.add_row(
            name,
            _cell(bool(allocation.download[j])),
            f"{100 * allocation.offload_fraction[j]:.1f}",
            *([f"{edge_frequency_hz[j] / 1e9:.3f}"] if edge_frequency_hz is not None else []),
            f"{allocation.frequency_hz[j] / 1e9:.3f}",
            f"{100 * allocation.uplink_share[j]:.2f}",
            f"{100 * allocation.downlink_share[j]:.2f}",
            f"{terms.energy_j[j]:.4g}",
            f"{terms.latency_s[j]:.4g}",
            f"{terms.wsel[j]:.6g}",
        )
    _print(table)
    _say_how_many_more(len(terms.names))
    if result.prices is not None:
        price = result.prices["bandwidth_per_mhz"]
        last = max(result.prices["users"], key=lambda user: user["sync_per_s"])
        _print(f"One more MHz would lower WSEL by {price:.4g} (to first order).")
        if "edge_frequency_per_ghz" in result.prices:
            price = result.prices["edge_frequency_per_ghz"]
            _print(f"One more GHz at the edge would lower WSEL by {price:.4g} (to first order).")
        if last["sync_per_s"] > 0:
            _print(
                f"The others wait most for {_clip(last['name'])!r}: each second that its upload "
                f"takes longer costs {last['sync_per_s']:.4g}."
            )


def _show_comparison(instance: Instance, frame: pd.DataFrame) -> None:
    _print(f"\n{_title(instance)}: {_describe(instance)}")
    table = _table("Method", "WSEL", "Above best", "Lower bound", "Gap", "Time [s]", "Outcome")
    for row in frame.to_dict("records"):
        table.add_row(
            row["method"],
            _number(row["objective"], 7),
            _percent(row["excess"]),
            _number(row["bound"], 7),
            _percent(row["gap"]),
            f"{row['wall_s']:.2f}",
            row["termination"],
        )
    _print(table)
    for method, message in frame.loc[
        frame["termination"] == "error", ["method", "message"]
    ].itertuples(index=False):
        _print(f"{method}: {message}")
    restricted = [m for m in frame["method"] if (METHODS[m.partition(":")[0]].restriction)]
    if restricted:
        _print(f"Optima and bounds of {', '.join(restricted)} are those of restricted problems.")


def _show_evaluation(evaluation: Evaluation) -> None:
    verdict = "feasible" if evaluation.feasible else "INFEASIBLE"
    _print(f"WSEL {_number(evaluation.objective, 9)}, {verdict}")
    for violation in evaluation.violations:
        if violation.amount > FEASIBILITY_TOLERANCE:
            _print(f"  {violation}")
    terms = evaluation.breakdown
    for unit, columns in (
        (
            "s",
            (
                "upload",
                "offload",
                "ready",
                "edge_inference",
                "download",
                "local_inference",
                "latency",
            ),
        ),
        ("j", ("local_training", "upload", "offload", "download", "local_inference", "energy")),
    ):
        headings = (column.replace("_", "\n").capitalize() for column in columns)
        table = _table({"s": "Times [s]", "j": "Energies [J]"}[unit], *headings)
        for j, name in enumerate(labels(terms.names, NAME_WIDTH)[:SHOWN_USERS]):
            cells = (getattr(terms, f"{column}_{unit}")[j] for column in columns)
            table.add_row(name, *(f"{cell:.4g}" for cell in cells))
        _print(table)
    _say_how_many_more(len(terms.names))


SHOWN_USERS, NAME_WIDTH = 20, 30


def _say_how_many_more(users: int) -> None:
    if users > SHOWN_USERS:
        _print(f"... and {users - SHOWN_USERS} users more; --json shows them all")


def _describe(instance: Instance) -> str:
    data = instance.scaled
    return (
        f"{len(data)} user{'s' if len(data) > 1 else ''}, band {data.bandwidth_mhz:g} MHz, "
        f"model {data.model_mbit:g} Mbit"
        + (f", edge {data.total_frequency_ghz:g} GHz" if data.total_frequency_ghz else "")
    )


def _title(instance: Instance) -> str:
    return _clip(instance.name, 60) or "instance"


def _clip(text: str, width: int = 30) -> str:
    """Return a name on one line and short enough for a table."""
    return labels([text], width)[0]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None or pd.isna(value) else f"{value:.{digits}g}"


def _percent(value: float | None) -> str:
    if value is None or pd.isna(value):
        return "-"
    return f"{value:.2%}" if value >= 1e-4 or value < 1e-9 else f"{value:.6%}"


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.HORIZONTALS, padding=(0, 1), header_style="bold")
    table.add_column(Text(first), no_wrap=True)
    for heading in others:
        words = heading in ("Outcome", "What it is")
        table.add_column(Text(heading), justify="left" if words else "right", no_wrap=not words)
    return table


def _print(what: str | Table) -> None:
    """Print to standard output; text is never wrapped or read as markup."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 160  # a file or a pipe has no width that a table would have to fit
    if isinstance(what, Table):
        console.print(what)
    else:
        console.print(Text(what), soft_wrap=True)


@contextlib.contextmanager
def _progress(total: int | None = None) -> Iterator[Callable[[str], None]]:
    """Show on standard error what is going on, in a terminal at once and elsewhere after a while.

    Yields a function to call with a phrase at the start of every step.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        with _patience() as tell:
            yield tell
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=total)
        step = 0

        def show(phrase: str) -> None:
            nonlocal step
            step += 1
            prefix = f"[{step}/{total}] " if total and total > 1 else ""
            progress.update(task, description=Text(prefix + phrase).plain)

        yield show


@contextlib.contextmanager
def _patience() -> Iterator[Callable[[str], None]]:
    """Yield a function that prints its phrase if the step it names takes longer than a while."""
    timer: threading.Timer | None = None

    def start(phrase: str) -> None:
        nonlocal timer
        if timer is not None:
            timer.cancel()
        timer = threading.Timer(PATIENCE_S, streams.note, [f"{phrase} ..."])
        timer.daemon = True
        timer.start()

    try:
        yield start
    finally:
        if timer is not None:
            timer.cancel()


if __name__ == "__main__":
    sys.exit(main())
