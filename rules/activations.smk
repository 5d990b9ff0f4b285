# Statistics of the baseline's neurons, per direction; a job records a batch of directions with one model load.
for batch in RUN.work.record:

    rule:
        name:
            snakemake_state.rule_of(workflow, "record", batch.number)
        input:
            data=PATHS.manifest,
            databin=DATA.prepared_training,
            checkpoint=PATHS.baseline,
            test_set=DATA.recorded,
            test_data=DATA.prepared_recorded,
        output:
            update([PATHS.activations(pair) for pair in batch.directions]),
        log:
            f"{PATHS.logs}/record/{batch.label}.log",
        benchmark:
            f"{PATHS.benchmarks}/record/{batch.label}.jsonl"
        params:
            # A function of more than wildcards: how work is packed into jobs makes nothing stale.
            pairs=lambda wildcards, output, batch=batch: joined(batch.directions),
            test_set=as_options({"test_set": DATA.recorded}),
            options=as_options(RUN.recording),
            folder=subpath(output[0], parent=True),
            code=step_digest("record"),
        shell:
            "python -m workflow_scripts.steps.record --data {input.data:q} --checkpoint {input.checkpoint:q}"
            " {params.test_set} {params.options} --pairs {params.pairs:q} --output {params.folder:q} 2>&1 | log_to {log:q}"
