# The baseline is a checkpoint that exists already.
rule given_baseline:
    input:
        data=PATHS.manifest,
        databin=DATA.prepared_training,
        path=RUN.given_baseline,
        vocabulary=DATA.pretrained_vocabulary,
    output:
        checkpoint=PATHS.baseline,
    log:
        f"{PATHS.logs}/given_baseline/baseline.log",
    benchmark:
        f"{PATHS.benchmarks}/given_baseline/baseline.jsonl"
    params:
        source=as_json(RUN.given_checkpoint()),
        vocabulary=as_options({"vocabulary": DATA.pretrained_vocabulary}),
        code=RUN.code_of_given(),
    shell:
        "python -m workflow_scripts.steps.given_checkpoint --source {params.source:q} --name baseline"
        " --data {input.data:q} {params.vocabulary} --output {output.checkpoint:q} 2>&1 | log_to {log:q}"
