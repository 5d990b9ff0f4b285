"""README.md of an exported model that is there in one or several formats, beside its tokenizer."""

from __future__ import annotations

from collections.abc import Sequence

from workflow_scripts.formats.format import Exported

HEAD = """# {system}, {directions}

{model} of a Neuron Specialization model, made by version {version}.{neurons}

Text is cut into pieces with {tokenizer}. A source sentence begins with `__{source}__`, a translation with
`__{target}__`.
"""


def readme(exported: Exported, sections: Sequence[str]) -> str:
    """The text of README.md: what all formats have in common, then what each says."""
    manifest, pair = exported.manifest, exported.pair
    moses = "Moses' tokenizer and then " if manifest.tokenization == "moses" else ""
    own = (
        "`sentencepiece.model`"
        if manifest.sentencepiece
        else "the SentencePiece model of the data-bin (not known here)"
    )
    head = HEAD.format(
        system=exported.system,
        directions=pair or "all directions",
        model="One direction" if pair else "All directions",
        version=exported.version,
        neurons=f" {exported.neurons}" if pair else "",
        tokenizer=moses + own,
        source=pair.source if pair else "SOURCE",
        target=pair.target if pair else "TARGET",
    )
    return head + "".join(sections)
