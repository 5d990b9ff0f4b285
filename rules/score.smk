# Metrics per system and direction, with one start for a batch of directions, and tests against other systems.
for number, name in enumerate(RUN.imported, start=1):

    rule:
        name:
            f"import_translations_{number}"
        input:
            [path for paths in RUN.imported[name][1].values() for path in paths],
            **DATA.compared,
        output:
            update([file for pair in RUN.scored(name) for file in PATHS.translation(name, DEFAULT_SET, pair)]),
        log:
            f"{PATHS.logs}/import_translations/{name}.log",
        benchmark:
            f"{PATHS.benchmarks}/import_translations/{name}.jsonl"
        params:
            folder=RUN.imported[name][0],
            pairs=joined(RUN.scored(name)),
            output=PATHS.translations(name),
            options=as_options({key: DATA.compared.get(key) for key in ("data", "test_set")}),
            code=step_digest("import_translations"),
        shell:
            "python -m workflow_scripts.steps.import_translations {params.folder:q} --pairs {params.pairs:q}"
            " {params.options} --output {params.output:q} 2>&1 | log_to {log:q}"


for batch in RUN.work.counted:

    rule:
        name:
            snakemake_state.rule_of(workflow, "score", batch.number)
        input:
            lambda wildcards, batch=batch: RUN.work.jobs_of_translations(
                wildcards.system, batch.test_set, batch.directions
            ),
        output:
            update(RUN.scoring.made(batch, RUN.scoring.of_step("score"))),
        log:
            f"{PATHS.logs}/score/{{system}}.{batch.label}.log",
        benchmark:
            f"{PATHS.benchmarks}/score/{{system}}.{batch.label}.jsonl"
        wildcard_constraints:
            system=alternatives(batch.systems),
        params:
            # A function of more than wildcards: how work is packed into jobs makes nothing stale.
            pairs=lambda wildcards, output, batch=batch: joined(batch.directions),
            folder=PATHS.translations("{system}", batch.test_set),
            output=PATHS.scores("{system}", batch.test_set),
            options=as_options(RUN.scoring.settings),
            code=RUN.scoring.code_of("score", RUN.scoring.of_step("score")),
        shell:
            "python -m workflow_scripts.steps.score {params.folder:q} --pairs {params.pairs:q}"
            " --output {params.output:q} {params.options} 2>&1 | log_to {log:q}"


for number, (test_set, files) in enumerate(RUN.scoring.files_of_ceilings.items(), start=1):

    rule:
        name:
            snakemake_state.rule_of(workflow, "ceiling", number)
        input:
            text=DATA.test_text(test_set),
            checked=f"{PATHS.results}/data/tests/{test_set}/checked.json",
        output:
            update(files),
        log:
            f"{PATHS.logs}/ceiling/{test_set}.log",
        benchmark:
            f"{PATHS.benchmarks}/ceiling/{test_set}.jsonl"
        params:
            folder=lambda wildcards, test_set=test_set: DATA.folder(test_set),
            split=DATA.split(test_set),
            # A function of more than wildcards: fewer directions make nothing stale.
            pairs=lambda wildcards, output: joined(Path(file).stem for file in output),
            settings=as_json({"punctuation": RUN.config["data"]["clean"]["punctuation"]}),
            options=as_options(RUN.scoring.settings),
            output=subpath(output[0], parent=True),
            code=RUN.scoring.code_of("ceiling", RUN.scoring.of_step("score")),
        shell:
            "python -m workflow_scripts.steps.ceiling --folder {params.folder:q} --split {params.split:q}"
            " --pairs {params.pairs:q} --settings {params.settings:q} {params.options} --output {params.output:q}"
            " 2>&1 | log_to {log:q}"


if RUN.scoring.learned:

    rule identifier:
        input:
            data=PATHS.manifest,
            databin=DATA.prepared_training,
        output:
            RUN.scoring.learned,
        log:
            f"{PATHS.logs}/identifier/identifier.log",
        benchmark:
            f"{PATHS.benchmarks}/identifier/identifier.jsonl"
        params:
            options=as_options(RUN.scoring.identification),
            code=RUN.scoring.code_of_identification("identifier"),
        shell:
            "python -m workflow_scripts.steps.identifier --data {input.data:q} {params.options} --output {output:q}"
            " 2>&1 | log_to {log:q}"


for batch in RUN.work.identified:

    rule:
        name:
            snakemake_state.rule_of(workflow, "off_target", batch.number)
        input:
            lambda wildcards, batch=batch: RUN.work.jobs_of_translations(
                wildcards.system, batch.test_set, batch.directions
            ),
            learned=RUN.scoring.learned,
        output:
            update([PATHS.off_target("{system}", batch.test_set, pair) for pair in batch.directions]),
        log:
            f"{PATHS.logs}/off_target/{{system}}.{batch.label}.log",
        benchmark:
            f"{PATHS.benchmarks}/off_target/{{system}}.{batch.label}.jsonl"
        wildcard_constraints:
            system=alternatives(batch.systems),
        params:
            # A function of more than wildcards: how work is packed into jobs makes nothing stale.
            pairs=lambda wildcards, output, batch=batch: joined(batch.directions),
            folder=PATHS.translations("{system}", batch.test_set),
            output=PATHS.scores("{system}", batch.test_set),
            languages=joined(RUN.languages),
            learned=as_options({"learned": RUN.scoring.learned}),
            options=as_options(RUN.scoring.identification),
            code=RUN.scoring.code_of_identification("off_target"),
        shell:
            "python -m workflow_scripts.steps.off_target {params.folder:q} --pairs {params.pairs:q}"
            " --languages {params.languages:q} {params.options} {params.learned} --output {params.output:q}"
            " 2>&1 | log_to {log:q}"


for metric, batch in RUN.work.learned:

    rule:
        name:
            snakemake_state.rule_of(workflow, "score_comet", batch.number)
        input:
            lambda wildcards, batch=batch: RUN.work.jobs_of_translations(
                wildcards.system, batch.test_set, batch.directions
            ),
        output:
            update(RUN.scoring.made(batch, [metric])),
        log:
            f"{PATHS.logs}/score_{metric}/{{system}}.{batch.label}.log",
        benchmark:
            f"{PATHS.benchmarks}/score_{metric}/{{system}}.{batch.label}.jsonl"
        wildcard_constraints:
            system=alternatives(batch.systems),
        resources:
            gpu=RUN.scoring.model_settings(metric)["gpus"],
        params:
            # A function of more than wildcards: how work is packed into jobs makes nothing stale.
            pairs=lambda wildcards, output, batch=batch: joined(batch.directions),
            folder=PATHS.translations("{system}", batch.test_set),
            output=PATHS.scores("{system}", batch.test_set),
            options=as_options(RUN.scoring.model_settings(metric)),
            code=RUN.scoring.code_of("score_comet", [metric]),
        shell:
            "python -m workflow_scripts.steps.score_comet {params.folder:q} --pairs {params.pairs:q}"
            " --output {params.output:q} {params.options} 2>&1 | log_to {log:q}"


for batch in RUN.work.tests:

    rule:
        name:
            snakemake_state.rule_of(workflow, "significance", batch.number)
        input:
            ours=lambda wildcards, batch=batch: RUN.work.jobs_of_scores(
                wildcards.system, batch.test_set, batch.directions
            ),
            theirs=RUN.work.jobs_of_scores(batch.against, batch.test_set, batch.directions),
        output:
            update([PATHS.test(batch.against, "{system}", batch.test_set, pair) for pair in batch.directions]),
        log:
            f"{PATHS.logs}/significance/{{system}}.{batch.label}.log",
        benchmark:
            f"{PATHS.benchmarks}/significance/{{system}}.{batch.label}.jsonl"
        wildcard_constraints:
            system=alternatives(batch.systems),
        params:
            against=batch.against,
            # A function of more than wildcards: how work is packed into jobs makes nothing stale.
            pairs=lambda wildcards, output, batch=batch: joined(batch.directions),
            ours=PATHS.scores("{system}", batch.test_set),
            theirs=lambda wildcards, input: str(Path(input.theirs[0]).parent),
            output=PATHS.tests(batch.against, "{system}", batch.test_set),
            options=as_options(RUN.scoring.test_settings),
            code=RUN.scoring.code_of("significance"),
        shell:
            "python -m workflow_scripts.steps.significance --system {wildcards.system} --against {params.against:q}"
            " --ours {params.ours:q} --theirs {params.theirs:q} --pairs {params.pairs:q} {params.options}"
            " --output {params.output:q} 2>&1 | log_to {log:q}"


for batch in RUN.work.means:

    rule:
        name:
            snakemake_state.rule_of(workflow, "significance_means", batch.number)
        input:
            ours=lambda wildcards, batch=batch: RUN.work.jobs_of_scores(
                wildcards.system, batch.test_set, batch.directions
            ),
            theirs=RUN.work.jobs_of_scores(batch.against, batch.test_set, batch.directions),
            texts=lambda wildcards, batch=batch: RUN.work.jobs_of_translations(
                wildcards.system, batch.test_set, batch.directions
            ),
            languages=RUN.language_table,
        output:
            update(RUN.outputs.means(batch.against, "{system}", batch.test_set)),
        log:
            f"{PATHS.logs}/significance_means/{{system}}.{batch.label}.log",
        benchmark:
            f"{PATHS.benchmarks}/significance_means/{{system}}.{batch.label}.jsonl"
        wildcard_constraints:
            system=alternatives(batch.systems),
        params:
            against=batch.against,
            pairs=joined(batch.directions),
            ours=PATHS.scores("{system}", batch.test_set),
            theirs=lambda wildcards, input: str(Path(input.theirs[0]).parent),
            texts=PATHS.translations("{system}", batch.test_set),
            options=as_options({**RUN.scoring.test_settings, "pivot": RUN.pivot}),
            code=RUN.scoring.code_of("significance_means"),
        shell:
            "python -m workflow_scripts.steps.significance_means --system {wildcards.system}"
            " --against {params.against:q} --ours {params.ours:q} --theirs {params.theirs:q} --texts {params.texts:q}"
            " --pairs {params.pairs:q} --languages {input.languages:q} {params.options} --output {output:q}"
            " 2>&1 | log_to {log:q}"
