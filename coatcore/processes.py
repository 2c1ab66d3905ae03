"""Spread work over this process, several of them, or a cluster; what comes back is the same."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from coatcore.errors import MeasurementError

T = TypeVar("T")
R = TypeVar("R")
# Seconds within which a cluster must answer.
_PATIENCE = 30
# Tasks given out for each process: the next one is there when one is done.
_AHEAD = 2
_one_at_once = threading.Lock()


def spread(
    one: Callable[[T], R],
    items: Sequence[T],
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    lost: Callable[[T, str], R],
) -> Iterator[tuple[int, R]]:
    """Call `one` on each item; number and answer of each, as they come.

    Parameters
    ----------
    one : callable
        Must be picklable unless `jobs` is 0.
    items : sequence
    jobs : int
        Processes; 0 stays in this one.
    scheduler : str, optional
        Address of a dask.distributed scheduler, such as ``tcp://host:8786``; `jobs` is ignored.
    lost : callable
        Answer for an item whose process ended before it was done.

    Yields
    ------
    tuple of int and object

    Raises
    ------
    MeasurementError
        If the cluster does not answer, or has another version of coatqc.

    Examples
    --------
    >>> list(spread(str, [1, 2], jobs=0, lost=lambda item, why: why))
    [(0, '1'), (1, '2')]
    """
    if scheduler is not None:
        yield from _cluster(one, items, scheduler, lost)
    elif jobs == 0:
        yield from enumerate(map(one, items))
    else:
        yield from _processes(one, items, jobs, lost)


def _processes(
    one: Callable[[T], R], items: Sequence[T], jobs: int, lost: Callable[[T, str], R]
) -> Iterator[tuple[int, R]]:
    waiting = deque(range(len(items)))
    while waiting:
        running: dict[Future[R], int] = {}
        pool = _pool(min(jobs, len(waiting)))
        try:
            while waiting or running:
                while waiting and len(running) < _AHEAD * jobs:
                    number = waiting.popleft()
                    running[pool.submit(one, items[number])] = number
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    answer = future.result()
                    yield running.pop(future), answer
        except BrokenProcessPool:
            # Which one broke it cannot be told: each that was in hand is tried by itself.
            for number in sorted(running.values()):
                yield number, _alone(one, items[number], lost)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _alone(one: Callable[[T], R], item: T, lost: Callable[[T, str], R]) -> R:
    with _pool(1) as pool:
        try:
            return pool.submit(one, item).result()
        except BrokenProcessPool:
            return lost(
                item,
                "its process ended before the work was done, also when tried alone (too little "
                "memory?); what is done is kept",
            )


def _pool(jobs: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_follow)


def _follow() -> None:
    """End when the program that began this process has ended, however that came."""
    # The program itself hears an interrupt, and finishes what is in hand.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _cluster(
    one: Callable[[T], R], items: Sequence[T], address: str, lost: Callable[[T, str], R]
) -> Iterator[tuple[int, R]]:
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError as error:
        raise MeasurementError(
            f"scheduler {address}: dask.distributed is not installed; pip install 'coatqc[cluster]'"
        ) from error
    try:
        client = Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise MeasurementError(
            f"scheduler {address}: does not answer ({error}); expected a dask scheduler, as in "
            "tcp://host:8786"
        ) from error
    with client:
        _check_workers(client, address)
        futures = {
            client.submit(_in_a_thread, one, item, pure=False, retries=0): number
            for number, item in enumerate(items)
        }
        for future in as_completed(list(futures), loop=client.loop):
            number = futures.pop(future)
            try:
                answer = future.result()
            except KilledWorker:
                answer = lost(items[number], "the workers that tried it were lost")
            yield number, answer


def _in_a_thread(one: Callable[[T], R], item: T) -> R:
    import dask

    # A worker may have many threads, but HDF5 and matplotlib want one at once. What is lazy is
    # computed here: handed on to the cluster, it would wait for this very worker.
    with _one_at_once, dask.config.set(scheduler="synchronous"):
        return one(item)


def _check_workers(client: object, address: str) -> None:
    from coatcore import __version__

    try:
        client.wait_for_workers(1, timeout=_PATIENCE)  # type: ignore[attr-defined]
    except TimeoutError as error:
        raise MeasurementError(
            f"scheduler {address}: has no worker after {_PATIENCE} s; start one with "
            f"'dask worker {address}' where coatqc is installed"
        ) from error
    try:
        found = client.run(_version)  # type: ignore[attr-defined]
    except Exception as error:
        raise MeasurementError(
            f"scheduler {address}: its workers cannot import coatqc ({error}); install it there"
        ) from error
    for worker, version in found.items():
        if version != __version__:
            raise MeasurementError(
                f"worker {worker}: has coatqc {version}, expected {__version__} as here"
            )


def _version() -> str:
    from coatcore import __version__

    return __version__
