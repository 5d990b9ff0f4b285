"""Which jobs wait for which, beyond what Snakemake knows; touches what it keeps to itself (9.27; see the tests).

What is given must be looked at before days of training. As inputs of a training, the files of these checks would make
it stale; as `ancient` ones they would keep Snakemake from seeing what else has changed after them. So jobs wait.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from workflow_scripts.cluster.snakemake_state import is_main, stage_of


def keep_back(workflow: Any, stages: Collection[str], first: Collection[str]) -> None:
    """Let no job of `stages` begin before all of `first` are done, as far as both are to run at all.

    Nothing else changes: which jobs run, and why, is not asked here. Where one of `first` fails, so none of `stages`
    begins. What a user has put into one group with what comes after `stages` cannot be waited for.
    """
    prepare = workflow._prepare_dag

    def prepare_and_wait(*args: Any, **kwargs: Any) -> None:
        prepare(*args, **kwargs)
        if is_main(workflow):
            _wait(workflow.dag, stages, first)

    workflow._prepare_dag = prepare_and_wait


def _wait(dag: Any, stages: Collection[str], first: Collection[str]) -> None:
    is_ready, update = dag._ready, dag.update_ready

    def of(wanted: Collection[str]) -> list[Any]:
        return [job for job in dag.needrun_jobs() if stage_of(job.rule.name) in wanted]

    @cache
    def waiting() -> list[Any]:
        return of(stages)

    @cache
    def awaited() -> list[Any]:
        late = {job.group for job in dag.bfs(dag.depending, *waiting()) if job.group is not None}
        return [job for job in of(first) if job.group not in late]

    def ready(job: Any) -> bool:
        return is_ready(job) and (job not in waiting() or all(map(dag.finished, awaited())))

    dag._ready = ready
    # Whoever waits depends on nothing that ends: it is asked for each time.
    dag.update_ready = lambda ended=None: update(None if ended is None else [*ended, *waiting()])
