"""The folder of one direction's small model for CTranslate2 and plain fairseq, with its tokenizer and a README."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from workflow_scripts.corpus.manifest import Manifest
from workflow_scripts.direction import Direction
from workflow_scripts.formats.checkpoint import Checkpoint
from workflow_scripts.formats.ctranslate2_model import convert
from workflow_scripts.formats.fairseq_settings import architecture_of
from workflow_scripts.formats.folded import Kept, aligned, folded_state
from workflow_scripts.formats.small_fairseq import write_plain

HEAD = """# {system}, {pair}

One direction of a Neuron Specialization model, made by version {version}. {neurons}

Text is cut into pieces with {tokenizer}. A source sentence begins with `__{source}__`, a translation with
`__{target}__`.
"""

CTRANSLATE2 = """
## CTranslate2 ({compute_type})

```python
import ctranslate2, sentencepiece

tokenizer = sentencepiece.SentencePieceProcessor(model_file="sentencepiece.model")
translator = ctranslate2.Translator("ctranslate2")
pieces = ["__{source}__", *tokenizer.encode("…", out_type=str)]
found = translator.translate_batch([pieces], target_prefix=[["__{target}__"]], beam_size=5)
print(tokenizer.decode(found[0].hypotheses[0][1:]))
```

Unlike the pipeline's own engine this ranks finished hypotheses without the tag's probability, as fairseq counts it:
now and then the second best comes first.
"""

FAIRSEQ = """
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

FORMATS = {"ctranslate2": CTRANSLATE2, "fairseq": FAIRSEQ}
"""The formats, each a folder, and what the README says of it."""


def write(
    folder: Path,
    formats: Collection[str],
    checkpoint: Checkpoint,
    symbols: list[str],
    manifest: Manifest,
    pair: Direction,
    kept: Kept,
    compute_type: str,
) -> None:
    """Write the model of `pair` into the existing `folder` in `formats`; `symbols` are the dictionary's with tags."""
    for name in formats:
        (folder / name).mkdir()
    if "ctranslate2" in formats:
        small = folded_state(checkpoint.state, kept, aligned)
        convert(small, architecture_of(checkpoint.args), symbols, compute_type, folder / "ctranslate2")
    if "fairseq" in formats:
        path = folder / "fairseq/checkpoint.pt"
        write_plain(path, checkpoint.state, checkpoint.args, kept, pair, manifest.languages)
        for language in pair.languages:
            shutil.copyfile(manifest.dictionary, folder / f"fairseq/dict.{language}.txt")
    if manifest.sentencepiece:
        shutil.copyfile(manifest.sentencepiece, folder / "sentencepiece.model")


def readme(
    formats: Collection[str],
    system: str,
    pair: Direction,
    manifest: Manifest,
    neurons: str,
    compute_type: str,
    version: str,
) -> str:
    """The text of README.md."""
    moses = "Moses' tokenizer and then " if manifest.tokenization == "moses" else ""
    own = (
        "`sentencepiece.model`"
        if manifest.sentencepiece
        else "the SentencePiece model of the data-bin (not known here)"
    )
    text = HEAD + "".join(words for name, words in FORMATS.items() if name in formats)
    return text.format(
        system=system,
        pair=pair,
        source=pair.source,
        target=pair.target,
        version=version,
        neurons=neurons,
        tokenizer=moses + own,
        compute_type=compute_type,
        languages=",".join(manifest.languages),
    )
