# How jobs run: GPUs of this machine, the run's jobs in SLURM's queue, and what is said when some failed.
import signal

from snakemake.resources import Resources
from workflow_scripts.cluster import failures, gpus, queue

# SLURM's warning that a job's time is nearly up is for the training; it would end the Snakemake inside the job.
signal.signal(signal.SIGUSR1, signal.SIG_IGN)

FAILED = Path(LOGS) / "failed.json"
if gpus.present():
    # A profile for a cluster says itself who gets a GPU.
    for stage in ("record", "decode"):
        workflow.resource_settings._parsed_overwrite_resources.setdefault(
            stage, Resources.from_mapping({"gpu": 1})
        )


def on_nodes(settings):
    """Resources of a training job by its settings (a function of wildcards): nodes, and GPUs of all of them."""

    def resource(value):
        return lambda wildcards: value(settings(wildcards))

    # On several nodes the job starts its processes itself: for the executor that is an MPI job.
    several = {"mpi": lambda n: "srun", "tasks": lambda n: n, "tasks_per_gpu": lambda n: 0}
    return {
        "nodes": resource(lambda training: training["nodes"]),
        "gpu": resource(lambda training: training["gpus"] * training["nodes"]),
        **{
            name: resource(
                lambda training, value=value: value(training["nodes"]) if training["nodes"] > 1 else None
            )
            for name, value in several.items()
        },
    }


onstart:
    FAILED.unlink(missing_ok=True)
    if jobs := queue.queued(config["run"], Path.cwd()):
        raise WorkflowError(queue.orphans_message(jobs, config["run"]))
    if not workflow.local_exec:
        # The name of the run's jobs in the queue.
        executor = workflow.scheduler._executor
        executor.run_uuid = f"{queue.name_prefix(config['run'])}_{executor.run_uuid}"
    elif "gpu" not in workflow.global_resources:
        # Here GPU jobs never overlap more than there are GPUs.
        most = max((job.resources.get("gpu", 0) for job in workflow.dag.needrun_jobs()), default=0)
        if most > len(gpus.present()):
            raise WorkflowError(
                f"a job wants {most} GPU(s), and this machine has {len(gpus.present())}: lower training.gpus (0 is "
                "the CPU) or score.comet.gpus, or run it in a cluster (`--profile slurm`)"
            )
        workflow.register_resource("gpu", len(gpus.present()))


onerror:
    # At most a job stands here for each rule and its wildcards.
    jobs = [
        job for failed in workflow.scheduler.failed for job in (failed if failed.is_group() else [failed])
    ]
    rows = [
        failures.Failure(
            job.rule.name, dict(job.wildcards_dict), [*map(str, job.output)], [*map(str, job.log)]
        )
        for job in jobs
    ]
    failures.write(rows, FAILED)
    print(failures.message(rows, config["run"]))
