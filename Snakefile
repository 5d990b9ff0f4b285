"""Neuron Specialization: from parallel text, or a fairseq data-bin, to a table of scores. See README.md."""

import sys
from snakemake.utils import min_version, validate

min_version("9.27")
sys.path.insert(0, workflow.basedir)


# A config file on the command line stands alone: keys of the default run must not leak into it.
if not workflow.config_settings.configfiles:

    configfile: f"{workflow.basedir}/config/config.yaml"


validate(config, f"{workflow.basedir}/config/schema.yaml")
shell.prefix(f"set -euo pipefail; export PYTHONPATH={workflow.basedir!r}; ")


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/baseline.smk"
include: "rules/activations.smk"
include: "rules/masks.smk"
include: "rules/specialize.smk"
include: "rules/decode.smk"
include: "rules/score.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        FINISHED,
