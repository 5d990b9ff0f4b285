"""fairseq's checkpoints: read, and written so that stock fairseq loads one direction."""

from __future__ import annotations

import shutil
from pathlib import Path

from workflow_scripts.formats.architecture import NamedModel
from workflow_scripts.formats.format import Exported, Format

CODE = (
    "corpus.manifest",
    "corpus.parallel",
    "formats.architecture",
    "formats.checkpoint",
    "formats.fairseq_content",
    "formats.fairseq_settings",
    "formats.format",
    "formats.peek",
)

README = """
## fairseq 0.12.2

Pieces on standard input, separated by spaces, one sentence per line:

```sh
python -m workflow_scripts.fairseq_plugin interactive fairseq --path fairseq/checkpoint.pt \\
    --task translation_multi_simple_epoch --langs {languages} --lang-pairs {pair} \\
    --source-lang {source} --target-lang {target} --encoder-langtok src --decoder-langtok --beam 5 \\
    --remove-bpe sentencepiece
```

That is fairseq's program, adapted by the project (which must be on the PYTHONPATH) to Python 3.11 and later; before
that `fairseq-interactive` with the same arguments does the same.
"""


def read(path: Path) -> NamedModel:
    """See `Format`: a checkpoint of plain fairseq, of this project, or of the published code."""
    from workflow_scripts.formats.checkpoint import read_checkpoint
    from workflow_scripts.formats.fairseq_content import named

    return named(read_checkpoint(path))


def write(folder: Path, exported: Exported) -> str:
    """See `Format`."""
    from workflow_scripts.formats.fairseq_content import write_content

    write_content(folder / "checkpoint.pt", exported)
    for language in exported.pair.languages:
        shutil.copyfile(exported.manifest.dictionary, folder / f"dict.{language}.txt")
    return README.format(
        languages=",".join(exported.manifest.languages),
        pair=exported.pair,
        source=exported.pair.source,
        target=exported.pair.target,
    )


FORMAT = Format(summary="a checkpoint of fairseq, in its own naming", read=read, write=write)
