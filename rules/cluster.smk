# How jobs run: GPUs of this machine, the run's jobs in SLURM's queue, what is forced, and what is said of failures.
import signal
from functools import cache, partial

from workflow_scripts.cluster import failures, gpus, queue, snakemake_order
from workflow_scripts.kept_digests import KeptDigests

kept_digests = cache(partial(KeptDigests, PATHS.digests))

# SLURM's warning that a job's time is nearly up is for the training; it would end the Snakemake inside the job.
signal.signal(signal.SIGUSR1, signal.SIG_IGN)

snakemake_state.tell_due(workflow, RUN.is_precious)
snakemake_order.keep_back(workflow, readiness.TRAININGS, readiness.FIRST)
snakemake_state.spare_unseen()
# What is changed by hand later is found by what jobs read and wrote; read from a file only where jobs end.
snakemake_state.tell_ended(workflow, lambda *job: kept_digests().add(*job))
if gpus.present():
    # A profile for a cluster says itself who gets a GPU.
    snakemake_state.give_gpus(workflow, ["record", "decode", "crossed"])


onstart:
    Path(PATHS.logs, "failed.json").unlink(missing_ok=True)
    if jobs := queue.queued(RUN.name, Path.cwd()):
        raise WorkflowError(queue.orphans_message(jobs, RUN.name))
    # A plan may be made where it will not run; what runs needs to be able to end.
    if lacking := list(readiness.lacking(RUN)):
        raise WorkflowError("\n".join(lacking))
    configuration_record.write(RUN)
    if not workflow.local_exec:
        snakemake_state.name_jobs(workflow, queue.name_prefix(RUN.name))
    else:
        try:
            snakemake_state.limit_gpus(workflow, len(gpus.present()))
        except UserError as error:
            raise WorkflowError(str(error)) from None


onerror:
    rows = [
        failures.Failure(job.rule, job.wildcards, list(job.outputs), list(job.log))
        for job in snakemake_state.failed(workflow)
    ]
    failures.write(rows, Path(PATHS.logs, "failed.json"))
    print(failures.message(rows, RUN.name))
