# How often each neuron of the baseline fires, per direction; a job records a batch of directions with one model load.
for batch in RUN.work.record:

    rule:
        name:
            snakemake_state.rule_of(workflow, "record", batch.number)
        input:
            data=PATHS.manifest,
            checkpoint=PATHS.baseline,
        output:
            update([PATHS.activations(pair) for pair in batch.directions]),
        log:
            f"{PATHS.logs}/record/{batch.number}.log",
        benchmark:
            f"{PATHS.benchmarks}/record/{batch.number}.jsonl"
        params:
            options=as_options(RUN.config["activations"]),
            code=step_digest("record"),
        shell:
            "python -m workflow_scripts.steps.record --data {input.data:q} --checkpoint {input.checkpoint:q}"
            " {params.options} {output:q} 2>&1 | tee {log:q}"
