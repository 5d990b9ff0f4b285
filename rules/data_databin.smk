# A ready fairseq data-bin: a folder of this machine, or a download.
rule fetch_databin:
    output:
        archive=f"{R}/data/download/archive",
        folder=directory(f"{R}/data/download/unpacked"),
    log:
        f"{LOGS}/fetch_databin/fetch_databin.log",
    benchmark:
        f"{BENCH}/fetch_databin/fetch_databin.jsonl"
    params:
        source=[
            f"--{key}={config['data']['databin'][key]}"
            for key in ("url", "gdrive", "sha256")
            if config["data"]["databin"].get(key)
        ],
    shell:
        "python -m workflow_scripts.steps.fetch {params.source:q} --output {output.archive:q}"
        " --extract {output.folder:q} 2>&1 | tee {log:q}"


rule link_databin:
    input:
        folder=config["data"]["databin"].get("path", rules.fetch_databin.output.folder),
        sentencepiece=config["data"]["sentencepiece"]["model"] or [],
    output:
        MANIFEST,
    log:
        f"{LOGS}/link_databin/link_databin.log",
    benchmark:
        f"{BENCH}/link_databin/link_databin.jsonl"
    params:
        pairs=CORPUS,
        languages=list(LANGUAGES),
        tokenization=config["data"]["tokenization"],
        sentencepiece=lambda wildcards, input: as_options({"sentencepiece": input.sentencepiece}),
    shell:
        "python -m workflow_scripts.steps.link_databin --folder {input.folder:q} --pairs {params.pairs:q}"
        " --languages {params.languages:q} --tokenization {params.tokenization} {params.sentencepiece}"
        " --output {output:q} 2>&1 | tee {log:q}"
