# The baseline is trained on all directions; an interrupted training goes on from its last checkpoint.
rule baseline:
    input:
        data=PATHS.manifest,
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
        directions=joined(RUN.directions),
        model=as_json(RUN.config["model"]),
        training=as_json(RUN.training()),
        continuations=RUN.config["jobs"]["continuations"],
        work=PATHS.work("baseline"),
    # Told to stop, training needs time to save: the shell and `tee` must not go before it.
    shell:
        "trap '' TERM; python -m workflow_scripts.steps.train --name baseline --data {input.data:q} --directions {params.directions:q}"
        " --model {params.model:q} --training {params.training:q} --work {params.work:q}"
        " --checkpoint {output.checkpoint:q} --continuations {params.continuations} 2>&1 | tee {log:q}"
