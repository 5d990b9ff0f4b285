# Translations per system and direction; a job decodes a batch of directions with one model load.
for batch in RUN.work.decode:

    rule:
        name:
            snakemake_state.rule_of(workflow, "decode", batch.number)
        input:
            data=PATHS.manifest,
            databin=DATA.prepared_training,
            test_set=PATHS.test_set(batch.test_set),
            test_data=DATA.prepared_test(batch.test_set),
            checkpoint=lambda wildcards: RUN.systems[wildcards.system].checkpoint,
            frozen=lambda wildcards: RUN.systems[wildcards.system].frozen,
            masks=lambda wildcards: RUN.systems[wildcards.system].masks,
        output:
            parquet=update(
                [
                    f"{PATHS.translations('{system}', batch.test_set)}/{pair}.parquet"
                    for pair in batch.directions
                ]
            ),
            text=update(
                [
                    f"{PATHS.translations('{system}', batch.test_set)}/{pair}.{end}"
                    for pair in batch.directions
                    for end in TEXTS
                ]
            ),
        log:
            f"{PATHS.logs}/decode/{{system}}.{batch.label}.log",
        benchmark:
            f"{PATHS.benchmarks}/decode/{{system}}.{batch.label}.jsonl"
        wildcard_constraints:
            system=alternatives(batch.systems),
        params:
            system=lambda wildcards: as_options(RUN.systems[wildcards.system].options),
            options=lambda wildcards: as_options(RUN.search_of(wildcards.system)),
            # A function of more than wildcards: how work is packed into jobs makes nothing stale.
            pairs=lambda wildcards, output, batch=batch: joined(batch.directions),
            folder=PATHS.translations("{system}", batch.test_set),
            code=lambda wildcards: RUN.code_of_search(wildcards.system),
        shell:
            "python -m workflow_scripts.steps.decode --system {wildcards.system:q} --data {input.data:q}"
            " --test-set {input.test_set:q} --checkpoint {input.checkpoint:q} {params.system} {params.options}"
            " --pairs {params.pairs:q} --output {params.folder:q} 2>&1 | log_to {log:q}"
