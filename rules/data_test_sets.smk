# Test sets from text. Training depends on none of it, so bad text is looked for first of all.
rule check_test_set:
    input:
        lambda wildcards: DATA.test_text(wildcards.test_set),
    output:
        f"{PATHS.results}/data/tests/{{test_set}}/checked.json",
    log:
        f"{PATHS.logs}/check_test_set/{{test_set}}.log",
    benchmark:
        f"{PATHS.benchmarks}/check_test_set/{{test_set}}.jsonl"
    wildcard_constraints:
        test_set=alternatives(DATA.from_text),
    priority: 1
    params:
        code=step_digest("check_text"),
        folder=lambda wildcards: DATA.folder(wildcards.test_set),
        split=lambda wildcards: DATA.split(wildcards.test_set),
        pairs=lambda wildcards: joined(DATA.prepared(wildcards.test_set)),
        scripts=as_json(DATA.scripts),
    shell:
        "python -m workflow_scripts.steps.check_text --folder {params.folder:q} --pairs {params.pairs:q}"
        " --splits {params.split:q} --scripts {params.scripts:q} --output {output:q} 2>&1 | log_to {log:q}"


rule test_set:
    input:
        lambda wildcards: DATA.test_text(wildcards.test_set),
        checked=rules.check_test_set.output,
        data=PATHS.manifest,
        databin=DATA.prepared_training,
        training=DATA.cleaned(["train"]),
    output:
        databin=directory(f"{PATHS.results}/data/tests/{{test_set}}/bin"),
        text=directory(f"{PATHS.results}/data/tests/{{test_set}}/text"),
        manifest=PATHS.test_set("{test_set}"),
    log:
        f"{PATHS.logs}/test_set/{{test_set}}.log",
    benchmark:
        f"{PATHS.benchmarks}/test_set/{{test_set}}.jsonl"
    wildcard_constraints:
        test_set=alternatives(DATA.from_text),
    priority: 1
    params:
        code=step_digest("test_set"),
        folder=lambda wildcards: DATA.folder(wildcards.test_set),
        split=lambda wildcards: DATA.split(wildcards.test_set),
        pairs=lambda wildcards: joined(DATA.prepared(wildcards.test_set)),
        training=as_options({"training": DATA.clean if DATA.is_text else None}),
        settings=as_json({"punctuation": RUN.config["data"]["clean"]["punctuation"]}),
        output=subpath(output.manifest, parent=True),
    shell:
        "python -m workflow_scripts.steps.test_set --name {wildcards.test_set:q} --folder {params.folder:q}"
        " --split {params.split:q} --pairs {params.pairs:q} --data {input.data:q} {params.training}"
        " --settings {params.settings:q} --output {params.output:q} 2>&1 | log_to {log:q}"
