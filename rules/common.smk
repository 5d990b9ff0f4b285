# The run that the configuration expands to: rules ask it, and decide nothing.
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.io import report as in_report
from workflow_scripts import configuration, configuration_files, configuration_record, readiness
from workflow_scripts.cluster import snakemake_state
from workflow_scripts.cluster.resources import on_nodes
from workflow_scripts.command_line import alternatives, as_json, as_options, as_text
from workflow_scripts.direction import joined
from workflow_scripts.errors import UserError
from workflow_scripts.paths import DEFAULT_SET, TEXTS
from workflow_scripts.run import Run
from workflow_scripts.source_code import step_digest

SCHEMA = Path(workflow.basedir, "config", "schema.yaml")
try:
    configuration_files.check(workflow.config_settings.configfiles)
    RUN = Run.from_config(configuration.complete(config, SCHEMA), Path(workflow.basedir))
    if snakemake_state.is_main(workflow):
        for line in [*configuration_record.announce(RUN), *RUN.stale_trainings()]:
            print(line, file=sys.stderr)
        for line in [*readiness.doubtful(RUN), *readiness.lacking(RUN)]:
            print(f"WARNING: {line}", file=sys.stderr)
except UserError as error:
    raise WorkflowError(f"The configuration cannot be used. {error}") from None
PATHS = RUN.paths


wildcard_constraints:
    system=alternatives(RUN.systems),
    pair=alternatives(RUN.directions),


def drawn(name, category, **labels):
    """The files of a figure; the SVG is shown in Snakemake's report."""
    first, *others = PATHS.figure(name)
    caption = f"captions/figures/{category.lower()}.rst"
    return [in_report(first, category=category, labels=labels, caption=caption), *others]
