# The baseline decoded under the masks that systems have for other directions, and under none: report.crossed.
if RUN.crossed:

    rule:
        name:
            snakemake_state.rule_of(workflow, "crossed", 0)
        input:
            data=PATHS.manifest,
            databin=DATA.prepared_training,
            test_set=PATHS.test_set(DEFAULT_SET),
            test_data=DATA.prepared_test(DEFAULT_SET),
            checkpoint=PATHS.baseline,
        output:
            update(PATHS.unmasked),
        log:
            f"{PATHS.logs}/crossed/unmasked.log",
        benchmark:
            f"{PATHS.benchmarks}/crossed/unmasked.jsonl"
        params:
            options=as_options(
                {**RUN.search, "lines": RUN.config["report"]["crossed_lines"], "pivot": RUN.pivot}
            ),
            pairs=joined(RUN.directions),
            folder=subpath(output[0], parent=True),
            code=RUN.code_of_crossed(),
        shell:
            "python -m workflow_scripts.steps.crossed --system baseline --data {input.data:q}"
            " --test-set {input.test_set:q} --checkpoint {input.checkpoint:q} {params.options}"
            " --pairs {params.pairs:q} --output {params.folder:q} 2>&1 | log_to {log:q}"


for batch in RUN.work.crossed:

    rule:
        name:
            snakemake_state.rule_of(workflow, "crossed", batch.number)
        input:
            data=PATHS.manifest,
            databin=DATA.prepared_training,
            test_set=PATHS.test_set(DEFAULT_SET),
            test_data=DATA.prepared_test(DEFAULT_SET),
            checkpoint=PATHS.baseline,
            masks=PATHS.masks("{system}"),
        output:
            update([PATHS.crossed("{system}", donor) for donor in batch.directions]),
        log:
            f"{PATHS.logs}/crossed/{{system}}.{batch.label}.log",
        benchmark:
            f"{PATHS.benchmarks}/crossed/{{system}}.{batch.label}.jsonl"
        wildcard_constraints:
            system=alternatives(batch.systems),
        params:
            system=lambda wildcards: as_options(RUN.systems[wildcards.system].options),
            options=as_options(
                {**RUN.search, "lines": RUN.config["report"]["crossed_lines"], "pivot": RUN.pivot}
            ),
            pairs=joined(RUN.directions),
            # A function of more than wildcards: how work is packed into jobs makes nothing stale.
            donors=lambda wildcards, output, batch=batch: joined(batch.directions),
            folder=subpath(output[0], parent=True),
            code=lambda wildcards: RUN.code_of_crossed(wildcards.system),
        shell:
            "python -m workflow_scripts.steps.crossed --system {wildcards.system:q} --data {input.data:q}"
            " --test-set {input.test_set:q} --checkpoint {input.checkpoint:q} {params.system} {params.options}"
            " --pairs {params.pairs:q} --donors {params.donors:q} --output {params.folder:q} 2>&1 | log_to {log:q}"


for number, system in enumerate(RUN.crossed, start=1):

    rule:
        name:
            snakemake_state.rule_of(workflow, "crossed_scores", number)
        input:
            crossed=RUN.outputs.crossed(system),
            unmasked=PATHS.unmasked,
        output:
            in_report(PATHS.crossed_table(system), category="Crossed", caption="captions/figures/crossed.rst"),
        log:
            f"{PATHS.logs}/crossed_scores/{system}.log",
        benchmark:
            f"{PATHS.benchmarks}/crossed_scores/{system}.jsonl"
        params:
            options=as_options({"system": system, "pivot": RUN.pivot, **RUN.scoring.settings}),
            folder=subpath(input[0], parent=True),
            donors=joined(RUN.directions),
            code=RUN.scoring.code_of("crossed_scores", RUN.scoring.of_step("score")),
        shell:
            "python -m workflow_scripts.steps.crossed_scores {params.folder:q} --unmasked {input.unmasked:q}"
            " --donors {params.donors:q} {params.options} --output {output:q} 2>&1 | log_to {log:q}"

    rule:
        name:
            snakemake_state.rule_of(workflow, "figures_crossed", number)
        input:
            table=PATHS.crossed_table(system),
            languages=RUN.language_table,
        output:
            drawn(f"crossed-{system}", "Crossed", neurons=system, figure="score differences"),
        log:
            f"{PATHS.logs}/figures_crossed/{system}.log",
        benchmark:
            f"{PATHS.benchmarks}/figures_crossed/{system}.jsonl"
        params:
            options=as_options({"metric": RUN.scoring.primary_counted, "pivot": RUN.pivot}),
            output=subpath(output[0], parent=True),
            code=RUN.scoring.code_of("figures_crossed", RUN.scoring.of_step("score")),
        shell:
            "python -m workflow_scripts.steps.figures_crossed {input.table:q} {params.options}"
            " --languages {input.languages:q} --output {params.output:q} > {log:q} 2>&1"
