# The baseline is trained on all directions; an interrupted training goes on from its last checkpoint.
rule baseline:
    input:
        data=PATHS.manifest,
        databin=DATA.prepared_training,
    output:
        checkpoint=PATHS.baseline,
        curve=PATHS.baseline_curve,
    log:
        f"{PATHS.logs}/baseline/baseline.log",
    benchmark:
        f"{PATHS.benchmarks}/baseline/baseline.jsonl"
    resources:
        **on_nodes(lambda wildcards: RUN.training()),
    params:
        pairs=joined(RUN.directions),
        model=as_json(RUN.config["model"]),
        training=as_json(RUN.decisive_training()),
        work=PATHS.work("baseline"),
        code=RUN.code_of_training("baseline"),
        retrain="--retrain" if RUN.code_of_training("baseline") else "",
        # Functions of more than wildcards: what they say makes nothing stale.
        processes=lambda wildcards, input: as_json(RUN.processes()),
        continuations=lambda wildcards, input: RUN.config["jobs"]["continuations"],
    # Told to stop, training needs time to save: the shell and its log must not go before it.
    shell:
        "trap '' TERM HUP; python -m workflow_scripts.steps.train --name baseline --data {input.data:q} --pairs {params.pairs:q}"
        " --model {params.model:q} --training {params.training:q} --resources {params.processes:q}"
        " --continuations {params.continuations} {params.retrain} --work {params.work:q}"
        " --output {output.checkpoint:q} 2>&1 | log_to {log:q}"
