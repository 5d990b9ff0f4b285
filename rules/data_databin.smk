# A ready fairseq data-bin: a folder of this machine, or a download.
rule fetch_databin:
    output:
        archive=f"{PATHS.results}/data/download/archive",
        folder=directory(f"{PATHS.results}/data/download/unpacked"),
    log:
        f"{PATHS.logs}/fetch_databin/fetch_databin.log",
    benchmark:
        f"{PATHS.benchmarks}/fetch_databin/fetch_databin.jsonl"
    params:
        code=step_digest("fetch"),
        source=[
            f"--{key}={RUN.config['data']['databin'][key]}"
            for key in ("url", "gdrive", "sha256")
            if RUN.config["data"]["databin"].get(key)
        ],
    shell:
        "python -m workflow_scripts.steps.fetch {params.source:q} --output {output.archive:q}"
        " --extract {output.folder:q} 2>&1 | tee {log:q}"


rule link_databin:
    input:
        folder=RUN.config["data"]["databin"].get("path", rules.fetch_databin.output.folder),
        sentencepiece=RUN.config["data"]["sentencepiece"]["model"] or [],
    output:
        PATHS.manifest,
    log:
        f"{PATHS.logs}/link_databin/link_databin.log",
    benchmark:
        f"{PATHS.benchmarks}/link_databin/link_databin.jsonl"
    params:
        code=step_digest("link_databin"),
        pairs=list(map(str, RUN.corpora)),
        languages=list(RUN.languages),
        tokenization=RUN.config["data"]["tokenization"],
        sentencepiece=lambda wildcards, input: as_options({"sentencepiece": input.sentencepiece}),
    shell:
        "python -m workflow_scripts.steps.link_databin --folder {input.folder:q} --pairs {params.pairs:q}"
        " --languages {params.languages:q} --tokenization {params.tokenization} {params.sentencepiece}"
        " --output {output:q} 2>&1 | tee {log:q}"
