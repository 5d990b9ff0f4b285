# Which neurons each direction keeps, per system.
rule masks:
    input:
        activations=expand(f"{R}/activations/{{pair}}.parquet", pair=DIRECTIONS),
        like=like_of,
    output:
        f"{R}/masks/{{system}}.parquet",
    log:
        f"{LOGS}/masks/{{system}}.log",
    benchmark:
        f"{BENCH}/masks/{{system}}.jsonl"
    wildcard_constraints:
        system=alternatives(systems(*configuration.KINDS, masked=True)),
    params:
        options=mask_options,
        pivot=config["languages"]["pivot"],
    shell:
        "python -m workflow_scripts.steps.masks {params.options} --pivot {params.pivot} --output {output:q}"
        " {input.activations:q} 2>&1 | tee {log:q}"
