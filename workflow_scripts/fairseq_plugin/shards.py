"""Sizes of training data in several shards, all known from the start. Part of `compat`, which imports it.

fairseq's multilingual tasks learn the size of a shard when they load it, and until then take it for the largest one
seen, in memory alone: after a restart the shards before are guessed again, other directions are seen more often, and
training does not go on as it would have. Here the index files of all shards are asked at once.
"""

from __future__ import annotations

import itertools
from typing import Any

from fairseq import utils
from fairseq.data import indexed_dataset
from fairseq.data.multilingual.multilingual_data_manager import MultilingualDatasetManager

from workflow_scripts.direction import Direction


def know_all_sizes() -> None:
    """Let fairseq's data managers fill in what they know of shards before they add it up."""
    add_up = MultilingualDatasetManager.get_train_dataset_sizes

    def get_train_dataset_sizes(
        self: MultilingualDatasetManager, data_param_list: list[dict[str, Any]], *args: Any, **kwargs: Any
    ) -> list[int]:
        for data in data_param_list:
            known, split = self._training_data_sizes[data["key"]], data["split"]
            paths = utils.split_paths(self.get_data_paths_and_lang_pairs(split)[0][data["data_category"]])
            for number, path in enumerate(paths[: self.get_split_num_data_shards(split)[data["key"]]]):
                if number not in known:
                    known[number] = lines(path, split, Direction(data["src"], data["tgt"]))
        return add_up(self, data_param_list, *args, **kwargs)

    MultilingualDatasetManager.get_train_dataset_sizes = get_train_dataset_sizes


def lines(shard: str, split: str, direction: Direction) -> int:
    """Sentence pairs of a direction in one shard: in `split`, and as fairseq has it in `split1`, `split2` …, too."""
    total = 0
    for number in itertools.count():
        names = [f"{split}{number or ''}.{pair}.{direction.source}" for pair in (direction, direction.reverse)]
        there = [f"{shard}/{name}" for name in names if indexed_dataset.dataset_exists(f"{shard}/{name}", impl=None)]
        if not there:
            break
        total += _length(there[0])
    return total


def _length(prefix: str) -> int:
    kind = indexed_dataset.infer_dataset_impl(prefix)
    if kind == "mmap":
        # The data set itself would read all of its text.
        return len(indexed_dataset.MMapIndexedDataset.Index(indexed_dataset.index_file_path(prefix)))
    return len(indexed_dataset.make_dataset(prefix, kind))
