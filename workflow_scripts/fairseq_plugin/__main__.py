"""fairseq's own programs on current Python and torch, with the project's task among theirs.

    python -m workflow_scripts.fairseq_plugin generate DATABIN --path CHECKPOINT …
    python -m workflow_scripts.fairseq_plugin preprocess --help

`fairseq-generate ARGUMENTS` is `python -m workflow_scripts.fairseq_plugin generate ARGUMENTS`, and so for the others:
the same program with the adaptations that `compat` describes, without which fairseq 0.12.2 cannot even be imported.
"""

from __future__ import annotations

import argparse
import sys

# Not within `main`: processes that fairseq starts for further GPUs import this module again and need both.
from workflow_scripts import errors
from workflow_scripts.fairseq_plugin import compat, task  # noqa: F401 - adapts fairseq, registers the task

PROGRAMS = ("eval_lm", "generate", "interactive", "preprocess", "score", "train", "validate")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m workflow_scripts.fairseq_plugin",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("program", choices=PROGRAMS)
    # All that follows, `--help` included, is for fairseq's program.
    program = parser.parse_args(sys.argv[1:2]).program
    sys.argv = [f"fairseq-{program.replace('_', '-')}", *sys.argv[2:]]
    compat.import_adapted(f"fairseq_cli.{program}").cli_main()


if __name__ == "__main__":
    errors.run(main)
