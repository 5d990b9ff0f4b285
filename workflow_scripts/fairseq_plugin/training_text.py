"""Training text as text, out of its data-bin."""

from __future__ import annotations

from torch.utils.data import ConcatDataset

from workflow_scripts.corpus.manifest import Manifest
from workflow_scripts.engines.hypothesis import plain
from workflow_scripts.fairseq_plugin import model as transformer
from workflow_scripts.fairseq_plugin.datasets import text_of


def sample(manifest: Manifest, most: int) -> dict[str, list[str]]:
    """Up to `most` lines of each language, evenly spread over its pairs and their lines, in the model's order.

    Text is as hypotheses are: pieces put together, tokenized where it was tokenized before.
    """
    dictionary, found = transformer.read_dictionary(manifest), {}
    for language in manifest.languages:
        pairs = [pair for pair in manifest.pairs if language in pair.languages]
        texts = [text_of(manifest.folders("train"), "train", pair, language, dictionary) for pair in pairs]
        if texts:
            lines = ConcatDataset(texts)
            wanted = min(most, len(lines))
            chosen = (lines[number * len(lines) // wanted] for number in range(wanted))
            # The last symbol is the end of sentence.
            found[language] = [plain(dictionary[index] for index in line.tolist()[:-1]) for line in chosen]
    return found
