"""Whether a run's files are as they were made, and made from what there is now, by content.

    python -m workflow_scripts.tools.verify --run demo                                      # `make verify RUN=demo`
    python -m workflow_scripts.tools.verify --run demo --configfile config/config.yaml      # against this configuration

A line for each file that is missing, edited (not what was written), stale (made from, or by, what has changed since) or
of unknown origin (made by an earlier version), with what to do. Other arguments are Snakemake's; without a
configuration it is the one that the run was last made with. The exit code is 0 only where all is well. Writes no file.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from workflow_scripts import errors
from workflow_scripts.cluster.snakemake_state import Due, due
from workflow_scripts.configuration_record import differences, plain
from workflow_scripts.errors import UserError
from workflow_scripts.installation import workflow_folder
from workflow_scripts.made_run import MadeRun
from workflow_scripts.paths import Paths
from workflow_scripts.verification import configuration, counted, verify


def asked(name: str, arguments: Sequence[str]) -> Due:
    """The jobs of a run, by the configuration that is named in Snakemake's `arguments`, or by the recorded one."""
    words = [] if "--snakefile" in arguments else ["--snakefile", str(workflow_folder() / "Snakefile")]
    if "--configfile" in arguments:
        found = due([*words, *arguments])
        if found.run.name != name:
            raise UserError(f"the configuration is that of run {found.run.name}, not of {name}")
        return found
    whole = Path(Paths(name).record).with_suffix(".yaml")
    if whole.exists():
        return due([*words, *arguments, "--configfile", str(whole)])
    # An earlier version noted what decides alone, and in another order.
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        file = Path(folder) / "configuration.json"
        file.write_text(json.dumps(MadeRun.read(name).config), encoding="utf-8")
        return due([*words, *arguments, "--configfile", str(file)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="name of the run")
    args, arguments = parser.parse_known_args()
    made = MadeRun.read(args.run)
    if "--configfile" not in arguments and (broken := [*configuration(made.paths)]):
        print(*broken, sep="\n")
        print(
            f'Run {args.run}: name the configuration that it was made with (ARGS="--configfile FILE") to see the rest.'
        )
        return 1
    found = asked(args.run, arguments)
    for line in differences(made.config, plain(found.run)):
        print(f"setting  {line}: another configuration than the run was last made with")
    verified = verify(found.run.paths, found.every)
    stale = found.run.stale_trainings()
    print(
        *verified.findings,
        *(f"stale    {line}" for line in stale),
        sep="\n",
        end="\n" * bool(verified.findings + stale),
    )
    files = f"{verified.files:,} files of {len(found.every):,} jobs"
    if not verified.findings and not stale:
        print(f"Run {args.run}: {files}, all as they were made, from what there is now.")
        return 0
    more = f", {len(stale)} trained by other code" if stale else ""
    print(f"Run {args.run}: {files}; {counted(verified.findings) or 'none changed'}{more}.")
    return 1


if __name__ == "__main__":
    errors.run(main)
