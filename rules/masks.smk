# Activations of another baseline are looked at before anything is trained.
rule check_activations:
    input:
        lambda wildcards: RUN.systems[wildcards.system].activations(RUN.directions),
    output:
        f"{PATHS.results}/masks/{{system}}.activations.json",
    log:
        f"{PATHS.logs}/check_activations/{{system}}.log",
    benchmark:
        f"{PATHS.benchmarks}/check_activations/{{system}}.jsonl"
    wildcard_constraints:
        system=alternatives(RUN.systems.informed),
    priority: 1
    params:
        folder=lambda wildcards: RUN.systems[wildcards.system].settings["masks"]["activations"],
        pairs=joined(RUN.directions),
        columns=lambda wildcards: RUN.systems[wildcards.system].needed,
        model=as_options({"model": RUN.shape}),
        code=step_digest("check_activations"),
    shell:
        "python -m workflow_scripts.steps.check_activations --system {wildcards.system:q} --folder {params.folder:q}"
        " --pairs {params.pairs:q} --columns {params.columns:q} {params.model} --output {output:q} 2>&1 | log_to {log:q}"


# Which neurons each direction keeps, per system.
rule masks:
    input:
        activations=lambda wildcards: RUN.systems[wildcards.system].activations(RUN.directions),
        # What those of another baseline must have the shape of.
        own=[PATHS.activations(RUN.directions[0])],
        like=lambda wildcards: RUN.systems[wildcards.system].like,
        checked=lambda wildcards: RUN.systems[wildcards.system].checked,
    output:
        PATHS.masks("{system}"),
    log:
        f"{PATHS.logs}/masks/{{system}}.log",
    benchmark:
        f"{PATHS.benchmarks}/masks/{{system}}.jsonl"
    wildcard_constraints:
        system=alternatives(RUN.systems.masked),
    params:
        options=lambda wildcards: as_options(RUN.mask_settings(wildcards.system)),
        # Which counts go in: a direction less leaves no newer file behind.
        pairs=joined(RUN.directions),
        pivot=RUN.pivot,
        code=lambda wildcards: RUN.systems[wildcards.system].code_of_masks,
    shell:
        "python -m workflow_scripts.steps.masks --system {wildcards.system:q} {params.options} --pivot {params.pivot:q}"
        " --output {output:q} {input.activations:q} 2>&1 | log_to {log:q}"
