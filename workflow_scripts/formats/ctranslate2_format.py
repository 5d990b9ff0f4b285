"""CTranslate2's models: written, of one direction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from workflow_scripts.formats.format import Exported, Format, Schema

if TYPE_CHECKING:
    from workflow_scripts.formats.architecture import Architecture

CODE = ()

COMPUTE_TYPE: Schema = {"type": "string", "default": "float32", "description": "Number format of the weights."}
README = """
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


def write(folder: Path, exported: Exported, compute_type: str) -> str:
    """See `Format`."""
    from workflow_scripts.formats.ctranslate2_model import convert

    convert(exported.model.weights, exported.model.architecture, exported.symbols, compute_type, folder)
    return README.format(compute_type=compute_type, source=exported.pair.source, target=exported.pair.target)


def refuses(architecture: Architecture) -> Iterator[str]:
    """See `Format`."""
    from workflow_scripts.formats.ctranslate2_model import refuses as without_counterpart

    return without_counterpart(architecture)


FORMAT = Format(
    summary="a model for CTranslate2",
    write=write,
    options={"compute_type": COMPUTE_TYPE},
    refuses=refuses,
    widths="layer",
)
