"""The one place that imports Snakemake, and that touches what it keeps to itself (9.27; see the tests).

Each use has its reason here:

- Work in batches needs a rule per batch, since outputs of a rule cannot be a list that depends on a wildcard. A profile
  speaks of the stage (`decode`), so every batch's rule (`decode_3`) must get what the profile says of it.
- The names of a run's SLURM jobs tell a later start that they are still in the queue; the plugin knows only its own id.
- GPUs of this machine are a global resource, which must be known before the first job is chosen.
- `plan` and `status` ask for the jobs that are due as data; Snakemake's API only prints them.
- After a kill its lock stays, and its jobs may run on: a new start looks for both before it locks the folder.
- Files that it has no record of (a lost `.snakemake`, results from elsewhere) Snakemake takes for current, whatever the
  configuration says now.
- A dry run words every job even where `quiet` keeps it from being shown: a third of the time of a large run. What
  parameters a function of a rule takes is worked out anew for every job, twice.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

from workflow_scripts.batch import RECOMPUTE
from workflow_scripts.cluster import alone
from workflow_scripts.errors import UserError

if TYPE_CHECKING:
    from workflow_scripts.run import Run

AIMS = ("all",)
"""Rules without work of their own."""
ENDS_EARLY = ("--quiet", "rules", "progress")
"""The one silence in which a dry run ends as soon as the jobs are known."""


@dataclass(frozen=True)
class Job:
    """A job of the workflow. `inputs` and `outputs` are paths, `benchmark` is where its record goes or empty."""

    rule: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    wildcards: dict[str, str]
    gpus: int
    benchmark: str
    log: tuple[str, ...]

    @property
    def stage(self) -> str:
        """Its rule, without the number of the batch."""
        return stage_of(self.rule)

    @property
    def items(self) -> int:
        """How many directions (or other things) it works through, by the names of what it writes."""
        return max(len({Path(name).name.split(".")[0] for name in self.outputs}), 1)


@dataclass(frozen=True)
class Due:
    """What Snakemake would do: `every` job of the targets asked for, and those `left` to do."""

    run: Run
    every: list[Job]
    left: list[Job]


def stage_of(rule: str) -> str:
    """The stage of a rule: `decode` of `decode_3`."""
    return re.sub(r"_\d+$", "", rule)


def due(arguments: Sequence[str]) -> Due:
    """What `snakemake ARGUMENTS` would do. Raises `UserError` with Snakemake's own words where it refuses.

    The Snakefile is read and the jobs are worked out in this process, as in a dry run; nothing is written.
    """
    from snakemake import cli
    from snakemake.api import DAGApi

    execute, seen = DAGApi.execute_workflow, []

    def execute_and_keep(api: DAGApi, *args: Any, **kwargs: Any) -> Any:
        seen.append(api.workflow_api._workflow)
        return execute(api, *args, **kwargs)

    said = io.StringIO()
    DAGApi.execute_workflow = execute_and_keep
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            parser, parsed = cli.parse_args(["--dry-run", "--nolock", *arguments, *ENDS_EARLY])
            done = cli.args_to_api(parsed, parser)
    except SystemExit:
        done = False
    finally:
        DAGApi.execute_workflow = execute
    if not done or not seen:
        raise UserError("Snakemake refuses this run:\n" + "\n".join(said.getvalue().strip().splitlines()[-15:]))
    workflow = seen[0]
    every = [job for job in workflow.dag.jobs if job.rule.name not in AIMS]
    left = [job for job in every if workflow.dag.needrun(job)]
    return Due(workflow.globals["RUN"], [*map(_job, every)], [*map(_job, left)])


def _job(job: Any) -> Job:
    return Job(
        rule=job.rule.name,
        inputs=tuple(map(str, job.input)),
        outputs=tuple(map(str, job.output)),
        wildcards=dict(job.wildcards_dict),
        gpus=int(job.resources.get("gpu", 0)),
        benchmark=str(job.benchmark or ""),
        log=tuple(map(str, job.log)),
    )


def rule_of(workflow: Any, stage: str, number: int) -> str:
    """The name of one batch's rule; it gets the resources and threads that the profile has for the stage."""
    name = f"{stage}_{number}"
    settings = workflow.resource_settings
    for table in (settings._parsed_overwrite_resources, settings._parsed_overwrite_threads):
        if stage in table:
            table.setdefault(name, table[stage])
    return name


def give_gpus(workflow: Any, stages: Iterable[str]) -> None:
    """Let the jobs of `stages` have a GPU each, unless a profile says otherwise."""
    from snakemake.resources import Resources

    for stage in stages:
        workflow.resource_settings._parsed_overwrite_resources.setdefault(stage, Resources.from_mapping({"gpu": 1}))


def tell_due(workflow: Any, precious: Callable[[str, Sequence[str]], bool]) -> None:
    """Let steps know what the user wants made again (`-R`, `-F`, `-f`), and `-R decode` mean the rules of all batches.

    Options are known only when the jobs are about to be worked out, after the Snakefile was read. Jobs run, too, of
    whose files there is no record; not where `precious(rule, outputs)`.
    """
    prepare = workflow._prepare_dag

    def prepare_and_tell(*args: Any, **kwargs: Any) -> None:
        _keep_signatures(workflow)
        if is_main(workflow):
            rules = [rule.name for rule in workflow.rules]
            workflow.dag_settings = with_batches(workflow.dag_settings, rules)
            workflow.group_settings = with_groups(workflow.group_settings, rules)
            os.environ[RECOMPUTE] = "\n".join(forced(workflow.dag_settings, rules))
        prepare(*args, **kwargs)
        if is_main(workflow):
            _run_unrecorded(workflow.persistence, precious)
            if not (kwargs.get("lock_warn_only") or kwargs.get("nolock")):
                alone.enter(Path(workflow.persistence.path), partial(_unlock, workflow.persistence))

    workflow._prepare_dag = prepare_and_tell


def _unlock(persistence: Any) -> None:
    """Remove the lock; its folder, which goes with it, must be there for the next."""
    persistence.cleanup_locks()
    Path(persistence.path, alone.LOCKS).mkdir(exist_ok=True)


def _run_unrecorded(persistence: Any, precious: Callable[[str, Sequence[str]], bool]) -> None:
    """Let the jobs run of whose files there is no record: their steps see for themselves what is current.

    Snakemake removes files before they are made: what is `precious` is left alone.
    """
    from snakemake.persistence import ParamsChange

    recorded, changed = persistence.has_metadata, persistence.params_changed
    unknown = ParamsChange(only_new={"there is no record of how it was made"})
    persistence.has_metadata = lambda job: recorded(job) or not precious(job.rule.name, [*map(str, job.output)])
    persistence.params_changed = lambda job, file=None: changed(job, file) if recorded(job) else unknown


def _keep_signatures(workflow: Any) -> None:
    """Let the functions of all rules carry which parameters they take, as Snakemake's own helpers do."""
    from snakemake.common import FUNC_OVERWRITE_PARAMS_ATTR, overwrite_function_params

    for rule in workflow.rules:
        for item in (*rule.input, *rule.params):
            function = getattr(getattr(item, "_file", item), "callable", item)
            if isinstance(function, FunctionType) and not hasattr(function, FUNC_OVERWRITE_PARAMS_ATTR):
                overwrite_function_params(function, inspect.signature(function).parameters)


def spare_unseen() -> None:
    """Let a dry run not word the jobs that `quiet` keeps from being shown (a profile's, or `--quiet rules`)."""
    from snakemake.executors.dryrun import Executor
    from snakemake.settings.enums import Quietness

    if Executor.printjob.__module__ != __name__:
        printed = Executor.printjob

        def print_seen(executor: Any, job: Any) -> None:
            if Quietness.RULES not in executor.workflow.output_settings.quiet:
                printed(executor, job)

        Executor.printjob = print_seen


def with_batches(settings: Any, rules: Iterable[str]) -> Any:
    """Snakemake's settings of the DAG with a stage's name among the forced rules as those of all its batches."""
    rules = list(rules)
    stages = {name for name in settings.forcerun if name not in rules and name in map(stage_of, rules)}
    if not stages:
        return settings
    batches = {rule for rule in rules if stage_of(rule) in stages}
    return replace(settings, forcerun={*settings.forcerun, *batches} - stages)


def with_groups(settings: Any, rules: Iterable[str]) -> Any:
    """Snakemake's settings of groups in which a batch is in the group of its stage, unless it has one of its own."""
    groups = settings.overwrite_groups
    found = {rule: groups[stage_of(rule)] for rule in rules if stage_of(rule) in groups}
    return replace(settings, overwrite_groups={**found, **groups})


def forced(settings: Any, rules: Iterable[str]) -> list[str]:
    """What is to be made again: stages and files, or `*` for everything."""
    if settings.forceall:
        return ["*"]
    asked = {*settings.forcerun, *(settings.targets if settings.forcetargets else ())}
    return sorted({stage_of(name) if name in set(rules) else str(name) for name in asked})


def is_main(workflow: Any) -> bool:
    """Whether this is the Snakemake that the user started, not one that runs a single job in the cluster."""
    return workflow.is_main_process


def name_jobs(workflow: Any, prefix: str) -> None:
    """Put `prefix` before the names of the jobs in SLURM's queue."""
    executor = workflow.scheduler._executor
    executor.run_uuid = f"{prefix}_{executor.run_uuid}"


def limit_gpus(workflow: Any, present: int) -> None:
    """Never run more GPU jobs on this machine than it has GPUs. Raises `UserError` for a job that wants more."""
    if "gpu" in workflow.global_resources:
        return
    most = max((job.resources.get("gpu", 0) for job in workflow.dag.needrun_jobs()), default=0)
    if most > present:
        raise UserError(
            f"a job wants {most} GPU(s), and this machine has {present}: lower training.gpus (0 is the CPU) or "
            "score.comet.gpus, or run it in a cluster (`--profile slurm`)"
        )
    workflow.register_resource("gpu", present)


def failed(workflow: Any) -> list[Job]:
    """The jobs that failed for good, those of a group one by one."""
    return [_job(job) for entry in workflow.scheduler.failed for job in (entry if entry.is_group() else [entry])]
