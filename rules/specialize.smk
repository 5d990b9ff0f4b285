# Continued training from the baseline, as each kind of system does it; or a trained checkpoint to evaluate.
rule specialize:
    input:
        data=PATHS.manifest,
        databin=DATA.prepared_training,
        start=PATHS.baseline,
        masks=lambda wildcards: RUN.systems[wildcards.system].masks,
    output:
        checkpoint=PATHS.checkpoint("{system}"),
        curve=PATHS.curve("{system}"),
    log:
        f"{PATHS.logs}/specialize/{{system}}.log",
    benchmark:
        f"{PATHS.benchmarks}/specialize/{{system}}.jsonl"
    wildcard_constraints:
        system=alternatives(RUN.systems.trained),
    resources:
        **on_nodes(lambda wildcards: RUN.training(wildcards.system)),
    params:
        pairs=joined(RUN.directions),
        training=lambda wildcards: as_json(RUN.decisive_training(wildcards.system)),
        system=lambda wildcards: as_options(RUN.systems[wildcards.system].options),
        work=PATHS.work("{system}"),
        code=lambda wildcards: RUN.code_of_training(wildcards.system),
        retrain=lambda wildcards: "--retrain" if RUN.code_of_training(wildcards.system) else "",
        # Functions of more than wildcards: what they say makes nothing stale.
        processes=lambda wildcards, input: as_json(RUN.processes(wildcards.system)),
        continuations=lambda wildcards, input: RUN.config["jobs"]["continuations"],
    # Told to stop, training needs time to save: the shell and its log must not go before it.
    shell:
        "trap '' TERM HUP; python -m workflow_scripts.steps.train --name {wildcards.system:q} --data {input.data:q} --start {input.start:q}"
        " {params.system} --pairs {params.pairs:q} --training {params.training:q} --resources {params.processes:q}"
        " --continuations {params.continuations} {params.retrain} --work {params.work:q}"
        " --output {output.checkpoint:q} 2>&1 | log_to {log:q}"


rule given_system:
    input:
        data=PATHS.manifest,
        databin=DATA.prepared_training,
        path=lambda wildcards: RUN.systems[wildcards.system].given_files,
    output:
        checkpoint=PATHS.checkpoint("{system}"),
    log:
        f"{PATHS.logs}/given_system/{{system}}.log",
    benchmark:
        f"{PATHS.benchmarks}/given_system/{{system}}.jsonl"
    wildcard_constraints:
        system=alternatives(RUN.systems.given),
    params:
        source=lambda wildcards: as_json(RUN.given_checkpoint(wildcards.system)),
        code=lambda wildcards: RUN.code_of_given(wildcards.system),
    shell:
        "python -m workflow_scripts.steps.given_checkpoint --source {params.source:q} --name {wildcards.system:q}"
        " --data {input.data:q} --output {output.checkpoint:q} 2>&1 | log_to {log:q}"
