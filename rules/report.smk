# Tables, figures and the report.
rule tables:
    input:
        scores=RUN.work.all_jobs_of_scores,
        significance=RUN.work.all_jobs_of_tests,
        ceilings=[files[0] for files in RUN.scoring.files_of_ceilings.values()],
        languages_told=RUN.work.all_jobs_of_identification,
        means=RUN.work.all_means,
        languages=RUN.language_table,
        published=RUN.published,
    output:
        [
            (
                in_report(table, category="Scores", caption=f"captions/{RUN.outputs.caption(table)}.rst")
                if table.endswith(".csv")
                else table
            )
            for table in RUN.outputs.tables
        ],
    log:
        f"{PATHS.logs}/tables/tables.log",
    benchmark:
        f"{PATHS.benchmarks}/tables/tables.jsonl"
    params:
        rows=as_json(as_text(RUN.rows), in_order=True),
        tested=as_json(as_text(RUN.tested), in_order=True),
        ceilings=as_json(as_text(RUN.scoring.ceilings), in_order=True),
        output=subpath(output[0], parent=True),
        options=as_options(
            {
                "results": PATHS.results,
                "means": f"{RUN.outputs.selection}/significance",
                "pivot": RUN.pivot,
                "against": list(RUN.contrasts),
                "replicates": RUN.config["score"]["replicates"],
                "published": RUN.published,
                "run": RUN.name,
                "metrics": list(RUN.scoring.metrics),
                "language_identification": RUN.scoring.identifier or None,
                "unidentified": RUN.scoring.unidentified or None,
                "primary": RUN.scoring.primary,
            }
        ),
        code=RUN.scoring.code_of("tables"),
    shell:
        "python -m workflow_scripts.steps.tables --rows {params.rows:q} --tested {params.tested:q}"
        " --ceilings {params.ceilings:q}"
        " --languages {input.languages:q} {params.options} --output {params.output:q} > {log:q} 2>&1"


for number, (selection, parts) in enumerate(RUN.outputs.neuron_sets.items(), start=1):

    rule:
        name:
            snakemake_state.rule_of(workflow, "overlap", number)
        input:
            sets=RUN.outputs.files_of(selection),
            languages=RUN.language_table,
        output:
            PATHS.overlap(selection),
        log:
            f"{PATHS.logs}/overlap/{selection}.log",
        benchmark:
            f"{PATHS.benchmarks}/overlap/{selection}.jsonl"
        params:
            options=as_options({**RUN.outputs.sets_of(selection), "name": selection, "pivot": RUN.pivot}),
            output=subpath(output[0], parent=True),
            code=step_digest("overlap"),
        shell:
            "python -m workflow_scripts.steps.overlap {params.options} --languages {input.languages:q}"
            " --output {params.output:q} 2>&1 | log_to {log:q}"

    rule:
        name:
            snakemake_state.rule_of(workflow, "figures_masks", number)
        input:
            tables=PATHS.overlap(selection),
            languages=RUN.language_table,
        output:
            [
                drawn(f"overlap-{selection}-{part}", "Overlap", neurons=selection, figure=part)
                for part in parts
            ],
            drawn(f"overlap-by-layer-{selection}", "Overlap", neurons=selection, figure="by layer"),
            drawn(f"shared-{selection}", "Overlap", neurons=selection, figure="shared"),
            drawn(f"languages-{selection}", "Overlap", neurons=selection, figure="languages"),
            drawn(f"sparsity-{selection}", "Sparsity", neurons=selection, figure="by layer"),
        log:
            f"{PATHS.logs}/figures_masks/{selection}.log",
        benchmark:
            f"{PATHS.benchmarks}/figures_masks/{selection}.jsonl"
        params:
            tables=subpath(input[0], parent=True),
            options=as_options({"pivot": RUN.pivot}),
            output=subpath(output[0], parent=True),
            code=step_digest("figures_masks"),
        shell:
            "python -m workflow_scripts.steps.figures_masks {params.tables:q} {params.options}"
            " --languages {input.languages:q} --output {params.output:q} > {log:q} 2>&1"


rule figures_scores:
    input:
        tables=[table for table in RUN.outputs.tables if table.endswith(".csv")],
        languages=RUN.language_table,
    output:
        [drawn(name, "Scores", **labels) for name, labels in RUN.outputs.labelled_score_figures.items()],
    log:
        f"{PATHS.logs}/figures_scores/figures_scores.log",
    benchmark:
        f"{PATHS.benchmarks}/figures_scores/figures_scores.jsonl"
    params:
        options=as_options(
            {
                "against": RUN.outputs.drawn_contrasts,
                "swept": RUN.outputs.swept or None,
                "metrics": RUN.scoring.names,
                "pivot": RUN.pivot,
            }
        ),
        tables=subpath(input[0], parent=True),
        output=subpath(output[0], parent=True),
        code=RUN.scoring.code_of("figures_scores"),
    shell:
        "python -m workflow_scripts.steps.figures_scores {params.tables:q} {params.options}"
        " --languages {input.languages:q} --output {params.output:q} > {log:q} 2>&1"


rule figures_training:
    input:
        list(RUN.curves.values()),
    output:
        drawn("training", "Training", figure="loss"),
    log:
        f"{PATHS.logs}/figures_training/figures_training.log",
    benchmark:
        f"{PATHS.benchmarks}/figures_training/figures_training.jsonl"
    params:
        curves=[f"{name}={path}" for name, path in RUN.curves.items()],
        output=subpath(output[0], parent=True),
        code=step_digest("figures_training"),
    shell:
        "python -m workflow_scripts.steps.figures_training {params.curves:q} --output {params.output:q} > {log:q} 2>&1"


rule report:
    input:
        tables=RUN.outputs.tables,
        overlaps=[PATHS.overlap(selection)[1] for selection in RUN.outputs.neuron_sets],
        shared=[PATHS.overlap(selection)[3] for selection in RUN.outputs.neuron_sets],
        figures=[PATHS.figure(name)[0] for name in RUN.outputs.shown_figures],
        scores=RUN.work.all_jobs_of_scores if RUN.outputs.compared else [],
    output:
        in_report(PATHS.report, category="Report", caption="captions/report.rst"),
    log:
        f"{PATHS.logs}/report/report.log",
    benchmark:
        f"{PATHS.benchmarks}/report/report.jsonl"
    params:
        tables=subpath(input[0], parent=True),
        files=lambda wildcards, input: as_options({"figures": input.figures, "overlaps": input.overlaps}),
        options=as_options(
            {
                "against": list(RUN.contrasts),
                "benchmarks": PATHS.benchmarks,
                "results": PATHS.results,
                "compared": RUN.outputs.compared,
                "metrics": list(RUN.scoring.metrics),
                "lines": RUN.config["report"]["samples"],
            }
        ),
        translations=as_json(as_text(RUN.rows[DEFAULT_SET]), in_order=True),
        # The page shows the whole configuration; what only packs work into jobs is no reason to make it again.
        config=lambda wildcards, input: as_options({"config": dict(RUN.config)}),
        decisive=as_json(configuration.decisive(RUN.config)),
        code=RUN.scoring.code_of("report"),
    shell:
        "python -m workflow_scripts.steps.report {params.tables:q} {params.files} {params.options} {params.config}"
        " --translations {params.translations:q} --output {output:q} > {log:q} 2>&1"
