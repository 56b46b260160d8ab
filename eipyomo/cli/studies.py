"""``eipyomo compare``, ``sweep`` and ``train``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from eipyomo.cli.answers import ANSWERED, NO_ANSWER, deliver
from eipyomo.cli.examples import examples
from eipyomo.cli.methods import method_with_options, more_option, with_more
from eipyomo.cli.options import (
    draw_option,
    each_varied,
    json_option,
    read_instance,
    read_instances,
    read_or_draw,
    require_targets,
    set_option,
    table_for,
    table_option,
    vary_option,
)
from eipyomo.cli.printing import clip
from eipyomo.cli.progress import cells_shown, rounds_shown, steps_shown
from eipyomo.cli.tables import show_comparison, show_sweep, show_training
from eipyomo.draw import Draw
from eipyomo.errors import InputError
from eipyomo.instance import Instance
from eipyomo.radio.traces import gains_of_throughput
from eipyomo.scenario.reading import read_links
from eipyomo.solvers.methods import DEFAULT_METHOD
from eipyomo.studies.compare import DEFAULT_METHODS, compare
from eipyomo.studies.compare import TIME_LIMIT_S as COMPARE_TIME_LIMIT_S
from eipyomo.studies.pools import require_place
from eipyomo.studies.store import Store
from eipyomo.studies.sweep import cells, sweep
from eipyomo.studies.train import train
from eipyomo.tables import rows_of

if TYPE_CHECKING:
    import pandas as pd


@click.command(
    "compare",
    epilog=examples(
        "eipyomo compare",
        "eipyomo compare a.json b.json --methods minlp:scip,minlp:bonmin --table table.csv",
        "eipyomo compare -m exact -m 'exhaustive step=0.1' --set model_mbyte=4 --table table.tex",
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
    "-m",
    "--method",
    "more",
    metavar="TEXT",
    multiple=True,
    help="A method and its options, such as 'exhaustive step=0.1', in place of those; give it "
    "once for each.",
)
@click.option(
    "--time-limit",
    type=float,
    default=COMPARE_TIME_LIMIT_S,
    show_default=True,
    metavar="S",
    help="Seconds for each method on each instance.",
)
@set_option
@table_option("the table")
@json_option
def compare_command(
    instance_files: tuple[str, ...],
    settings: tuple[str, ...],
    methods: str,
    more: tuple[str, ...],
    time_limit: float,
    table_file: str | None,
    as_json: bool,
) -> int:
    """Show the costs of several methods side by side.

    Without a file it takes the letter's instance: 4 users, 16 Mbit, sigma 2.9, seed 0.
    """
    instances = read_instances(instance_files, settings)
    instances = instances or [Instance.letter().with_settings(settings)]
    require_targets(csv=table_file)
    named = list(more) or [name.strip() for name in methods.split(",") if name.strip()]
    pairs = list(map(method_with_options, named))
    with steps_shown(total=len(instances) * len(pairs)) as tell:
        frame = compare(
            instances,
            pairs,
            time_limit=time_limit,
            progress=lambda instance, method: tell(f"{clip(instance)}: {method}"),
        )

    def show() -> None:
        for place, instance in enumerate(instances):
            part = frame.iloc[place * len(pairs) : (place + 1) * len(pairs)]
            show_comparison(instance, part)

    answered = (frame["termination"] != "error") & frame["feasible"]
    return deliver(
        {table_file: table_for(table_file, lambda: frame)},
        _rows_document("eipyomo/comparison@1", frame),
        None if as_json else show,
        ANSWERED if answered.any() else NO_ANSWER,
    )


def _rows_document(schema: str, frame: pd.DataFrame) -> dict[str, Any]:
    """Return a table as a JSON document, in which nothing is null."""
    return {"schema": schema, "rows": rows_of(frame)}


@click.command(
    "sweep",
    epilog=examples(
        "eipyomo sweep instance*.json --store sweep.db",
        "eipyomo sweep --draw 'seeds=0:10' --vary model_mbit=8:32:4 -m exact -m lco --table t.csv",
        'eipyomo sweep instance*.json -m exact -m "exhaustive step=0.1" -m gbe --csv table.csv',
        "eipyomo sweep instance*.json --store big.db --cluster tcp://scheduler:8786",
    ),
)
@click.argument("instance_files", metavar="[INSTANCE]...", nargs=-1)
@draw_option
@vary_option
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
@set_option
@click.option(
    "--store",
    "store_file",
    metavar="FILE",
    help="Keep finished cells here (SQLite), and look them up.  [default: nothing is kept]",
)
@click.option("--workers", type=int, help="Processes on this machine.  [default: one a core]")
@click.option("--cluster", metavar="ADDRESS", help="Compute on this Dask cluster instead.")
@click.option("--retry", is_flag=True, help="Compute again what is stored as failed.")
@table_option("the table")
@json_option
def sweep_command(
    instance_files: tuple[str, ...],
    draw_text: str | None,
    varied: tuple[str, ...],
    methods: tuple[str, ...],
    time_limit: float | None,
    settings: tuple[str, ...],
    store_file: str | None,
    workers: int | None,
    cluster: str | None,
    retry: bool,
    table_file: str | None,
    as_json: bool,
) -> int:
    """Solve many instances by many methods.

    Files of instances, instances that are drawn, or, without either, the letter's, each of them as
    often as --vary asks. In parallel. With --store every finished cell (an instance, a method, its
    options) is stored at once, and a sweep that was interrupted or killed goes on where it stopped:
    give the same command again. What other versions of eipyomo or of its solvers have found is not
    taken.
    """
    common = {} if time_limit is None else {"time_limit": time_limit}
    pairs = [(name, common | options) for name, options in map(method_with_options, methods)]
    if instance_files or draw_text is not None:
        read = read_or_draw(instance_files, draw_text, settings)
    else:
        read = [Instance.letter().with_settings(settings)]
    instances = each_varied(read.instances() if isinstance(read, Draw) else read, varied)
    wanted = cells(instances, pairs)
    require_targets(store=store_file, csv=table_file)
    require_place(workers, cluster)
    if retry and store_file is None:
        raise InputError("retry is given without a store, but it is what to look for failures in")
    with Store(store_file) as store:
        if retry:
            store.forget_errors()
        missing = len({cell.key for cell in wanted if store.get(cell) is None})
        with cells_shown(missing) as report:
            frame = sweep(wanted, store, workers=workers, cluster=cluster, report=report)
    status = ANSWERED if (frame["termination"] != "error").any() else NO_ANSWER
    return deliver(
        {table_file: table_for(table_file, lambda: frame)},
        _rows_document("eipyomo/sweep@1", frame),
        None if as_json else partial(show_sweep, frame),
        status if store.trouble is None else NO_ANSWER,
    )


@click.command(
    "train",
    epilog=examples(
        "eipyomo train instance.json --rounds 20",
        "eipyomo train instance.json --rounds 100 --seed 1 --store train.db -o process.json",
        "eipyomo train instance.json --rounds 10 --gains gains.csv -m admm",
        "eipyomo train instance.json --rounds 10 --throughput mbit_per_s.csv",
        "eipyomo train instance.json --rounds 10 --links links.json --seed 1",
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
    "--throughput",
    metavar="FILE",
    help="Read them from a CSV file of uplink throughputs in Mbit/s over the whole band instead.",
)
@click.option(
    "--links",
    "links_file",
    metavar="FILE",
    help="Draw around the mean gains in this file, as generate --links takes it, or those of a "
    "scenario; needs --seed.",
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
@more_option
@set_option
@click.option(
    "--store",
    "store_file",
    metavar="FILE",
    help="Keep finished rounds here (SQLite), and look them up.  [default: nothing is kept]",
)
@table_option("a row for each round and user")
@click.option("-o", "--output", metavar="FILE", help="Write the whole document here.")
@json_option
def train_command(
    instance_file: str,
    more: tuple[str, ...],
    settings: tuple[str, ...],
    throughput: str | None,
    links_file: str | None,
    store_file: str | None,
    table_file: str | None,
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
    instance = read_instance(instance_file, settings)
    require_targets(store=store_file, csv=table_file, output=output)
    given = with_more(options["method"], options, more)
    if throughput is not None:
        if given.get("gains") is not None:
            raise InputError("gains and throughput are given, but channels are read from one")
        given["gains"] = gains_of_throughput(instance, throughput)
    if links_file is not None:
        given["links"] = read_links(links_file)
    with Store(store_file) as store, rounds_shown(given["rounds"]) as report:
        process = train(instance, store=store, report=report, **given)
    document = process.to_dict()
    return deliver(
        {output: document, table_file: table_for(table_file, process.frame)},
        document,
        None if as_json else partial(show_training, process),
        ANSWERED if process.complete and store.trouble is None else NO_ANSWER,
    )
