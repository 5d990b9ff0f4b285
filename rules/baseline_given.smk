# The baseline is a checkpoint that exists already.
rule given_baseline:
    input:
        data=MANIFEST,
        path=local_file(config["baseline"]["checkpoint"]),
    output:
        checkpoint=BASELINE,
    log:
        f"{LOGS}/given_baseline/baseline.log",
    benchmark:
        f"{BENCH}/given_baseline/baseline.jsonl"
    params:
        source=as_json(config["baseline"]["checkpoint"]),
    shell:
        "python -m workflow_scripts.steps.given_checkpoint --source {params.source:q} --name baseline"
        " --data {input.data:q} --output {output.checkpoint:q} 2>&1 | tee {log:q}"
