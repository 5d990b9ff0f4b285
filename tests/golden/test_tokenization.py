"""Tokenization of test text against the published text of EC30's models."""

from __future__ import annotations

import gzip

import pytest
from sacremoses import MosesDetokenizer

from workflow_scripts.corpus.test_lines import moses
from workflow_scripts.direction import Direction


@pytest.mark.parametrize("pair", ["en-nl", "ru-en", "en-uk", "af-en"])
def test_moses_gives_the_published_text_back(shared, pair):
    direction = Direction.parse(pair)
    path = shared / f"data/ec30-results/mT-big-NS/{pair}/generate-test.txt.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t")[:2] for line in file if line.startswith(("S-", "T-"))]
    for kind, language, tag in zip("ST", direction.languages, (f"{direction.tags[0]} ", ""), strict=True):
        published = [text.removeprefix(tag) for name, text in lines if name.startswith(kind)]
        detokenize, tokenize = MosesDetokenizer(lang=language).detokenize, moses(language)
        assert len(published) == 2009
        different = [line for line in published if tokenize(detokenize(line.split())) != line]
        assert len(different) <= 10, different[:5]
