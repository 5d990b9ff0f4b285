"""The engines that search for translations: a module each, with a line here. No fairseq: its engine lies with it."""

from __future__ import annotations

from workflow_scripts.engines.engine import Engine
from workflow_scripts.registry import Registry

ENGINES: Registry[Engine] = Registry(
    "engine",
    "",
    "ENGINE",
    {
        "fairseq": "fairseq_plugin.fairseq_engine",
        "ctranslate2": "engines.ctranslate2_engine",
    },
)
