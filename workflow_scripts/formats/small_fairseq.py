"""One direction of a specialized model as a checkpoint that stock fairseq loads."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from workflow_scripts.direction import Direction
from workflow_scripts.formats.folded import Kept, folded_state


def widths(args: Namespace, kept: Kept) -> dict[str, int]:
    """Neurons per component: fairseq knows one width for all layers, so the widest layer decides."""
    return {
        component: max(
            len(kept[component, layer]) if (component, layer) in kept else getattr(args, f"{component}_ffn_embed_dim")
            for layer in range(getattr(args, f"{component}_layers"))
        )
        for component in ("encoder", "decoder")
    }


def write_plain(
    path: Path, state: Mapping[str, Tensor], args: Namespace, kept: Kept, pair: Direction, languages: Sequence[str]
) -> None:
    """Write a checkpoint of stock fairseq's multilingual task for `pair`, weights in float32.

    Kept neurons only, the constant of the others in fc2's bias, narrower layers filled up with neurons of zeros.
    """
    wide = widths(args, kept)
    settings = {
        **vars(args),
        "arch": "transformer",
        "task": "translation_multi_simple_epoch",
        "source_lang": pair.source,
        "target_lang": pair.target,
        "lang_pairs": str(pair),
        "langs": list(languages),
        "langtoks": None,
        "data": ".",
        "user_dir": None,
        "encoder_ffn_embed_dim": wide["encoder"],
        "decoder_ffn_embed_dim": wide["decoder"],
    }
    for foreign in ("_name", "kind", "masks_file", "kind_settings"):
        settings.pop(foreign, None)
    content = {
        "args": Namespace(**settings),
        "cfg": None,
        "model": folded_state(state, kept, lambda component, _: wide[component]),
        "optimizer_history": [{"criterion_name": "", "optimizer_name": "", "lr_scheduler_state": {}, "num_updates": 0}],
        "extra_state": {},
        "last_optimizer_state": None,
    }
    torch.save(content, path)
