"""Tasks that do not know of each other, shared out among processes of this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TypeVar

from workflow_scripts.errors import UserError

Task = TypeVar("Task")
Result = TypeVar("Result")


def shared_out(
    work: Callable[[Task], Result], tasks: Sequence[Task], sizes: Sequence[float], processes: int
) -> list[Result]:
    """`work` on every task, in the order of `tasks`; each process gets about as much of the `sizes` as the others.

    A process ends with its share, whatever has become of this one. What a `UserError` says is said here; another end of
    a process is one, too. With one process all is done in this one.
    """
    if processes < 2 or len(tasks) < 2:
        return [work(task) for task in tasks]
    # A fork has what is imported already, and no thread that it could lack: nothing has started one before.
    context, running = get_context("fork"), []
    for numbers in even_shares(sizes, processes):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_share, args=(work, tasks, numbers, theirs), daemon=True)
        process.start()
        theirs.close()
        running.append((process, ours))
    found: dict[int, Result] = {}
    for process, pipe in running:
        try:
            said = pipe.recv()
        except EOFError:
            process.join()
            raise UserError(
                f"a process ended before its work was done (exit code {process.exitcode}; -9 may be for want of memory)"
            ) from None
        if isinstance(said, UserError):
            raise said
        found |= said
        process.join()
    return [found[number] for number in range(len(tasks))]


def even_shares(sizes: Sequence[float], count: int) -> list[list[int]]:
    """The numbers of tasks in at most `count` shares: the largest first, each to the share that has least."""
    shares: list[list[int]] = [[] for _ in range(min(count, len(sizes)))]
    for number in sorted(range(len(sizes)), key=lambda number: -sizes[number]):
        min(shares, key=lambda share: sum(sizes[each] for each in share)).append(number)
    return shares


def _share(work: Callable[[Task], Result], tasks: Sequence[Task], numbers: Sequence[int], pipe: Connection) -> None:
    try:
        pipe.send({number: work(tasks[number]) for number in numbers})
    except UserError as error:
        pipe.send(error)
