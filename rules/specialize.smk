# Continued training from the baseline, under a system's masks or without any; or a trained checkpoint to evaluate.
rule specialize:
    input:
        data=MANIFEST,
        start=BASELINE,
        masks=masks_of,
    output:
        checkpoint=f"{R}/systems/{{system}}/checkpoint.pt",
        curve=f"{R}/systems/{{system}}/training.csv",
    log:
        f"{LOGS}/specialize/{{system}}.log",
    benchmark:
        f"{BENCH}/specialize/{{system}}.jsonl"
    wildcard_constraints:
        system=alternatives(systems("trained")),
    resources:
        **on_nodes(lambda wildcards: configuration.training(config, wildcards.system)),
    params:
        directions=",".join(DIRECTIONS),
        training=lambda wildcards: as_json(configuration.training(config, wildcards.system)),
        masks=lambda wildcards, input: as_options({"masks": input.masks}),
        continuations=config["jobs"]["continuations"],
        work=f"{R}/systems/{{system}}/run",
    # Told to stop, training needs time to save: the shell and `tee` must not go before it.
    shell:
        "trap '' TERM; python -m workflow_scripts.steps.train --name {wildcards.system} --data {input.data:q} --start {input.start:q}"
        " {params.masks} --directions {params.directions:q} --training {params.training:q} --work {params.work:q}"
        " --checkpoint {output.checkpoint:q} --continuations {params.continuations} 2>&1 | tee {log:q}"


rule given_system:
    input:
        data=MANIFEST,
        path=lambda wildcards: local_file(config["systems"][wildcards.system]["checkpoint"]),
    output:
        checkpoint=f"{R}/systems/{{system}}/checkpoint.pt",
    log:
        f"{LOGS}/given_system/{{system}}.log",
    benchmark:
        f"{BENCH}/given_system/{{system}}.jsonl"
    wildcard_constraints:
        system=alternatives(systems("evaluated")),
    params:
        source=lambda wildcards: as_json(config["systems"][wildcards.system]["checkpoint"]),
    shell:
        "python -m workflow_scripts.steps.given_checkpoint --source {params.source:q} --name {wildcards.system}"
        " --data {input.data:q} --output {output.checkpoint:q} 2>&1 | tee {log:q}"
