"""Say where the workflow lies: the folder with Snakefile, rules, configurations, language tables and profiles.

    snakemake --snakefile "$(neuron-specialization workflow)/Snakefile"      # in any folder; results/ is made there

In a checkout it is the checkout itself; what pip installs has a copy.
"""

from __future__ import annotations

import argparse

from workflow_scripts import errors
from workflow_scripts.installation import workflow_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    print(workflow_folder())


if __name__ == "__main__":
    errors.run(main)
