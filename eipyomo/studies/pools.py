"""Where cells are computed: processes of this machine, this very process, or a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Generator
from concurrent.futures import (
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from multiprocessing import connection
from typing import Any

from eipyomo.errors import InputError, SolverError
from eipyomo.extras import extra
from eipyomo.solvers.processors import processors
from eipyomo.validation import whole_number

CONNECT_S = 30.0


def require_place(workers: int | None, cluster: str | None) -> None:
    """Refuse numbers of workers that are none, and workers here for a cluster elsewhere.

    Raises
    ------
    InputError
        If that is so.
    """
    if workers is not None:
        whole_number("workers", workers, 1)
        if cluster is not None:
            raise InputError(
                "workers and cluster are given, but workers are processes on this machine"
            )


def open_pools(workers: int | None, cluster: str | None) -> Generator[tuple[Executor, int]]:
    """Return where to compute: executors, each with the number of cells to hand out at a time."""
    if cluster is not None:
        return _on_cluster(cluster)
    this = multiprocessing.current_process()
    if getattr(this, "_inheriting", False):  # a worker that imports a script without a main guard
        sys.exit(1)
    return in_this_process() if this.daemon else _on_this_machine(most_workers(workers))


def most_workers(workers: int | None) -> int:
    """Return how many processes may compute; inside of one that does, no more may be started.

    Parameters
    ----------
    workers
        How many are asked for; as many as this process may use processors if left out.
    """
    return 1 if multiprocessing.current_process().daemon else workers or processors()


def _on_this_machine(width: int) -> Generator[tuple[Executor, int]]:
    """Give pools of processes, each when the one before it is of no more use.

    Raises
    ------
    InputError
        If another is wanted since the first could not even begin: the script that calls has no
        main guard.
    """
    # Numba's threads do not survive a fork.
    spawn = multiprocessing.get_context("spawn")
    begun = False
    while True:
        pool = _Pool(width, mp_context=spawn, initializer=_serve_parent)
        try:
            begins = pool.submit(os.getpid)
            yield pool, width
            begun = begun or begins.exception() is None
        finally:
            _end(pool)
        if not begun:
            raise InputError(MAIN_GUARD)


class _Pool(ProcessPoolExecutor):
    """Processes that do not hear of Ctrl-C, not even while they begin and know no better yet."""

    def submit(self, *given: Any, **more: Any) -> Future[Any]:
        """Hand something out; the processes that this may start inherit that SIGINT is blocked."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT]) if BLOCKS else ()
        try:
            return super().submit(*given, **more)
        finally:
            if BLOCKS:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)


BLOCKS = hasattr(signal, "pthread_sigmask")
"""Whether signals can be blocked, which Windows does not know."""


def _end(pool: ProcessPoolExecutor) -> None:
    """End a pool at once: a worker may be in the middle of a cell that nobody waits for.

    Or in the middle of writing a result down. The rest of that would be waited for as long as
    anybody can write, and this process can as well.
    """
    for worker in list((pool._processes or {}).values()):
        worker.kill()
    results: Any = pool._result_queue
    results._writer.close()
    pool.shutdown(cancel_futures=True)


MAIN_GUARD = (
    "the worker processes could not begin: a script that starts some must do so below "
    "'if __name__ == \"__main__\":', since each process imports the script"
)


def in_this_process() -> Generator[tuple[Executor, int]]:
    """Give an executor without processes, where no more may be started: inside of a pool."""
    with ThreadPoolExecutor(1) as executor:
        while True:
            yield executor, 1


def _serve_parent() -> None:
    """Let Ctrl-C to the parent, and end this process when the parent ends, even by a kill."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if BLOCKS:
        # Solvers that are started here may hear it.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _on_cluster(address: str) -> Generator[tuple[Executor, int]]:
    """Give the executor of a Dask cluster, which replaces workers that died by itself."""
    distributed = extra("distributed", "cluster", "a cluster")
    try:
        client = distributed.Client(address, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise SolverError(f"cannot reach a Dask scheduler at {address!r}: {error}") from None
    with client:
        client.wait_for_workers(1, timeout=CONNECT_S)
        threads = client.nthreads()
        if max(threads.values()) > 1:
            raise SolverError(
                f"the Dask workers at {address!r} have several threads, but models are written in "
                "one thread a process: start them with --nthreads 1"
            )
        while True:
            yield client.get_executor(), 2 * len(threads)
