# A ready fairseq data-bin: a folder of this machine, or a download.
rule fetch_databin:
    output:
        archive=DATA.download,
        folder=directory(DATA.unpacked),
    log:
        f"{PATHS.logs}/fetch_databin/fetch_databin.log",
    benchmark:
        f"{PATHS.benchmarks}/fetch_databin/fetch_databin.jsonl"
    params:
        # No digest of code: what was downloaded and verified does not change with it.
        source=as_options({key: RUN.config["data"]["databin"].get(key) for key in ("url", "gdrive")}),
        # A function of more than wildcards, so that pinning the digest that was found downloads nothing again; that
        # it is the right one is checked with the configuration.
        sha256=lambda wildcards, output: as_options({"sha256": RUN.config["data"]["databin"].get("sha256")}),
    shell:
        "python -m workflow_scripts.steps.fetch {params.source} {params.sha256} --output {output.archive:q}"
        " --extract {output.folder:q} 2>&1 | log_to {log:q}"


# Every index and symbol is looked at before the data is described, without which nothing is trained.
rule check_databin:
    input:
        folder=DATA.databin,
        files=DATA.given_databin(parallel.SPLITS),
    output:
        f"{PATHS.results}/data/databin_checked.json",
    log:
        f"{PATHS.logs}/check_databin/check_databin.log",
    benchmark:
        f"{PATHS.benchmarks}/check_databin/check_databin.jsonl"
    priority: 1
    params:
        code=step_digest("check_databin"),
        folder=DATA.databin,
        pairs=joined(RUN.corpora),
        codes=",".join(RUN.languages),
        splits=",".join(parallel.SPLITS),
        positions=as_options({"positions": DATA.positions}),
    shell:
        "python -m workflow_scripts.steps.check_databin --folder {params.folder:q} --pairs {params.pairs:q}"
        " --codes {params.codes:q} --splits {params.splits:q} {params.positions} --output {output:q} 2>&1 | log_to {log:q}"


use rule check_databin as check_databin_test with:
    input:
        folder=DATA.databin,
        files=DATA.given_databin([DATA.split(DEFAULT_SET)]),
    output:
        f"{PATHS.results}/data/tests/{DEFAULT_SET}/databin_checked.json",
    log:
        f"{PATHS.logs}/check_databin_test/check_databin_test.log",
    benchmark:
        f"{PATHS.benchmarks}/check_databin_test/check_databin_test.jsonl"
    params:
        code=step_digest("check_databin"),
        folder=DATA.databin,
        pairs=joined(RUN.corpora),
        codes=",".join(RUN.languages),
        splits=DATA.split(DEFAULT_SET),
        positions="",


rule link_databin:
    input:
        checked=rules.check_databin.output,
        folder=DATA.databin,
        files=DATA.given_databin(parallel.SPLITS),
        sentencepiece=RUN.config["data"]["sentencepiece"]["model"] or [],
    output:
        PATHS.manifest,
    log:
        f"{PATHS.logs}/link_databin/link_databin.log",
    benchmark:
        f"{PATHS.benchmarks}/link_databin/link_databin.jsonl"
    params:
        code=step_digest("link_databin"),
        folder=DATA.databin,
        pairs=joined(RUN.corpora),
        codes=",".join(RUN.languages),
        tokenization=RUN.config["data"]["tokenization"],
        sentencepiece=as_options({"sentencepiece": RUN.config["data"]["sentencepiece"]["model"]}),
    shell:
        "python -m workflow_scripts.steps.link_databin --folder {params.folder:q} --pairs {params.pairs:q}"
        " --codes {params.codes:q} --tokenization {params.tokenization:q} {params.sentencepiece}"
        " --output {output:q} 2>&1 | log_to {log:q}"


# The data-bin's own test set; it is looked at before anything is trained.
rule link_test_set:
    input:
        checked=rules.check_databin_test.output,
        folder=DATA.databin,
        files=DATA.given_databin([DATA.split(DEFAULT_SET)]),
        data=PATHS.manifest,
    output:
        PATHS.test_set(DEFAULT_SET),
    log:
        f"{PATHS.logs}/link_test_set/link_test_set.log",
    benchmark:
        f"{PATHS.benchmarks}/link_test_set/link_test_set.jsonl"
    priority: 1
    params:
        code=step_digest("test_set"),
        name=DEFAULT_SET,
        folder=DATA.databin,
        split=DATA.split(DEFAULT_SET),
        pairs=joined(RUN.corpora),
        output=subpath(output[0], parent=True),
    shell:
        "python -m workflow_scripts.steps.test_set --name {params.name:q} --split {params.split:q}"
        " --pairs {params.pairs:q} --data {input.data:q} --output {params.output:q} 2>&1 | log_to {log:q}"


include: "data_test_sets.smk"
