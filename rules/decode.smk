# Translations per system and direction; a job decodes a batch of directions with one model load.
for number, batch in enumerate(batches(PAIRS), start=1):

    rule:
        name:
            batched("decode", number)
        input:
            data=MANIFEST,
            checkpoint=checkpoint_of,
            masks=masks_of,
        output:
            parquet=update(expand(f"{R}/translations/{{{{system}}}}/{{pair}}.parquet", pair=batch)),
            text=update(
                expand(
                    f"{R}/translations/{{{{system}}}}/{{pair}}.{{side}}.txt",
                    pair=batch,
                    side=["hyp", "ref", "src"],
                )
            ),
        log:
            f"{LOGS}/decode/{{system}}.{number}.log",
        benchmark:
            f"{BENCH}/decode/{{system}}.{number}.jsonl"
        wildcard_constraints:
            system=alternatives(systems("given", "trained", "evaluated")),
        params:
            masks=lambda wildcards, input: as_options({"masks": input.masks}),
            options=as_options(config["decode"]),
        shell:
            "python -m workflow_scripts.steps.decode --system {wildcards.system} --data {input.data:q}"
            " --checkpoint {input.checkpoint:q} {params.masks} {params.options} {output.parquet:q} 2>&1 | tee {log:q}"
