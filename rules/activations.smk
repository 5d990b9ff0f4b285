# How often each neuron of the baseline fires, per direction; a job records a batch of directions with one model load.
for number, batch in enumerate(batches(DIRECTIONS), start=1):

    rule:
        name:
            batched("record", number)
        input:
            data=MANIFEST,
            checkpoint=BASELINE,
        output:
            update(expand(f"{R}/activations/{{pair}}.parquet", pair=batch)),
        log:
            f"{LOGS}/record/{number}.log",
        benchmark:
            f"{BENCH}/record/{number}.jsonl"
        params:
            options=as_options(config["activations"]),
        shell:
            "python -m workflow_scripts.steps.record --data {input.data:q} --checkpoint {input.checkpoint:q}"
            " {params.options} {output:q} 2>&1 | tee {log:q}"
