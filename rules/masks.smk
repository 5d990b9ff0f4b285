# Which neurons each direction keeps, per system.
rule masks:
    input:
        activations=[PATHS.activations(pair) for pair in RUN.directions],
        like=lambda wildcards: RUN.like_of(wildcards.system),
    output:
        PATHS.masks("{system}"),
    log:
        f"{PATHS.logs}/masks/{{system}}.log",
    benchmark:
        f"{PATHS.benchmarks}/masks/{{system}}.jsonl"
    wildcard_constraints:
        system=alternatives(RUN.masked),
    params:
        options=lambda wildcards: as_options(RUN.mask_settings(wildcards.system)),
        # Which counts go in: a direction less leaves no newer file behind.
        pairs=joined(RUN.directions),
        pivot=RUN.pivot,
        code=lambda wildcards: RUN.code_of_masks(wildcards.system),
    shell:
        "python -m workflow_scripts.steps.masks --system {wildcards.system:q} {params.options} --pivot {params.pivot:q}"
        " --output {output:q} {input.activations:q} 2>&1 | tee {log:q}"
