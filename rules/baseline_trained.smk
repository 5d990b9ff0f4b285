# The baseline is trained on all directions; an interrupted training goes on from its last checkpoint.
rule baseline:
    input:
        data=MANIFEST,
    output:
        checkpoint=BASELINE,
        curve=f"{R}/baseline/training.csv",
    log:
        f"{LOGS}/baseline/baseline.log",
    benchmark:
        f"{BENCH}/baseline/baseline.jsonl"
    resources:
        **on_nodes(lambda wildcards: configuration.training(config)),
    params:
        directions=",".join(DIRECTIONS),
        model=as_json(config["model"]),
        training=as_json(configuration.training(config)),
        continuations=config["jobs"]["continuations"],
        work=f"{R}/baseline/run",
    # Told to stop, training needs time to save: the shell and `tee` must not go before it.
    shell:
        "trap '' TERM; python -m workflow_scripts.steps.train --name baseline --data {input.data:q} --directions {params.directions:q}"
        " --model {params.model:q} --training {params.training:q} --work {params.work:q}"
        " --checkpoint {output.checkpoint:q} --continuations {params.continuations} 2>&1 | tee {log:q}"
