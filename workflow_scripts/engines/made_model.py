"""The model of a system of a made run for one direction, converted for CTranslate2 once and kept with the run."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.corpus.manifest import Manifest
from workflow_scripts.direction import Direction
from workflow_scripts.errors import UserError
from workflow_scripts.files import sha256
from workflow_scripts.formats.kept_models import kept_model
from workflow_scripts.made_run import MadeRun
from workflow_scripts.source_code import declared, digest

CODE = (
    "corpus.symbols",
    "formats.checkpoint",
    "formats.ctranslate2_model",
    "formats.ctranslate2_specs",
    "formats.folded",
)
"""The modules that decide what a converted model is."""
ANY = "any-direction"
"""Folder of the model of a system whose model is the same for all directions."""
POSITIONS = ("max_source_positions", "max_target_positions")


def made_model(
    run: MadeRun, system: str, pair: Direction, manifest: Manifest, symbols: Sequence[str], compute_type: str
) -> tuple[Path, Namespace]:
    """The folder of the model, and its positions by fairseq's names; `symbols` are dictionary and language tags.

    It is kept under `export/cache` of the run. Raises `UserError` where the system has nothing for `pair`, and where
    checkpoint, masks and data do not belong together.
    """
    checkpoint, variant = run.system(system)
    only = str(pair) if variant.directional else None
    made = {
        "checkpoint": sha256(checkpoint),
        **variant.made_from(),
        "pair": only,
        "compute_type": compute_type,
        "code": digest([*CODE, variant.module, *declared(variant.module)]),
        **manifest.vocabulary,
    }

    def make(folder: Path) -> dict[str, Any]:
        from workflow_scripts.formats import checkpoint as checkpoints
        from workflow_scripts.formats.ctranslate2_model import convert
        from workflow_scripts.formats.folded import aligned, folded_state
        from workflow_scripts.training.provenance import refuse_other_format

        loaded = checkpoints.read_checkpoint(checkpoint)
        refuse_other_format(checkpoint, loaded.provenance)
        checkpoints.refuse_other_vocabulary(loaded, manifest.languages, len(symbols), manifest.dictionary)
        variant.refuse_other(loaded)
        try:
            state, kept = variant.fold(loaded.state, str(pair))
        except UserError as error:
            raise UserError(f"system {system}: {error}") from None
        state = state if kept is None else folded_state(state, kept, aligned)
        convert(state, loaded.args, symbols, compute_type, folder)
        return {name: getattr(loaded.args, name) for name in POSITIONS}

    cache = Path(run.paths.results) / "export/cache" / system / (only or ANY) / compute_type
    folder, positions = kept_model(cache, made, make)
    return folder, Namespace(**positions)
