"""Say where a configuration file is no YAML, or says a key twice: file and line, which Snakemake does not.

    python -m workflow_scripts.tools.lint_config config/text.yaml

`make run`, `dry`, `plan` and `status` begin with it.
"""

from __future__ import annotations

import argparse

from workflow_scripts import configuration_files, errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE", help="configuration files")
    configuration_files.check(parser.parse_args().files)


if __name__ == "__main__":
    errors.run(main)
