"""Neuron Specialization: from parallel text, or a fairseq data-bin, to a table of scores. See README.md."""

import sys
from pathlib import Path
from shlex import quote

from snakemake.utils import min_version

min_version("9.27")
sys.path.insert(0, workflow.basedir)

# A config file on the command line stands alone: keys of the default run must not leak into it.
if not workflow.config_settings.configfiles:

    configfile: f"{workflow.basedir}/config/config.yaml"


# Steps are run by the interpreter that runs Snakemake, and find their modules wherever it was started.
# Snakemake removes a log when its job starts again: what all attempts have said is kept beside it. Ctrl-C cuts none short.
shell.prefix(
    f"set -euo pipefail; export PATH={quote(str(Path(sys.executable).parent))}:$PATH PYTHONPATH={quote(workflow.basedir)}; "
    'log_to() {{ exec tee -ai -- "$1" "$1.all"; }}; '
)


include: "rules/common.smk"
include: "rules/cluster.smk"
include: "rules/data.smk"
include: "rules/baseline.smk"
include: "rules/activations.smk"
include: "rules/masks.smk"
include: "rules/specialize.smk"
include: "rules/decode.smk"
include: "rules/score.smk"
include: "rules/crossed.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        RUN.outputs.wanted,


onsuccess:
    summary = Path(RUN.outputs.tables_folder, "summary.md")
    if summary.exists():
        print(f"\n{summary.read_text(encoding='utf-8')}\n")
    print(
        f"Everything of this run is in {PATHS.results}, its tables in {summary.parent}, logs in {PATHS.logs}."
    )
