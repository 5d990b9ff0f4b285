"""Ready data-bins: shards are found in order, gaps are named."""

from __future__ import annotations

import pytest

from workflow_scripts.corpus import databin, manifest
from workflow_scripts.corpus.parallel import SPLITS
from workflow_scripts.errors import UserError

PAIRS = ["en-de"]


def fill(folder, pair="en-de", splits=SPLITS):
    folder.mkdir(parents=True, exist_ok=True)
    for language in ("en", "de"):
        (folder / f"dict.{language}.txt").write_text("a 1\n")
        for split in splits:
            for kind in ("bin", "idx"):
                (folder / f"{split}.{pair}.{language}.{kind}").write_text(f"{split}{language}{kind}")
    return folder


def test_one_folder(tmp_path):
    assert databin.find_shards(fill(tmp_path)) == [tmp_path]
    databin.check_dictionaries([tmp_path], ["en", "de"])
    assert databin.check_pairs([tmp_path], ["en-de"]) == ["en-de"]
    assert databin.check_pairs([tmp_path], ["de-en"]) == ["en-de"]


def test_shards_in_the_order_of_their_numbers(tmp_path):
    inner = tmp_path / "ec30" / "sharded"
    for number in (10, 2, 0, 1):
        fill(inner / f"shard{number}")
    shards = databin.find_shards(tmp_path)
    assert [shard.name for shard in shards] == ["shard0", "shard1", "shard2", "shard10"]


@pytest.mark.parametrize("name", ["train.en-de.de.idx", "valid.en-de.en.bin", "test.en-de.de.bin"])
def test_a_missing_file_is_named(tmp_path, name):
    (fill(tmp_path) / name).unlink()
    with pytest.raises(UserError, match=name):
        databin.check_pairs([tmp_path], PAIRS)


def test_a_missing_pair_and_a_missing_dictionary(tmp_path):
    fill(tmp_path)
    with pytest.raises(UserError, match=r"train\.en-fr\.en\.bin is missing"):
        databin.check_pairs([tmp_path], ["en-fr"])
    with pytest.raises(UserError, match=r"dict\.fr\.txt is missing"):
        databin.check_dictionaries([tmp_path], ["en", "fr"])


def test_low_resource_pairs_may_end_with_an_early_shard_but_not_skip_one(tmp_path):
    shards = [fill(tmp_path / f"shard{i}", splits=SPLITS if i == 0 else ("train",)) for i in range(3)]
    for shard in shards[1:]:
        for path in shard.glob("train.*"):
            path.unlink()
    assert databin.check_pairs(shards, PAIRS) == PAIRS
    fill(shards[2], splits=("train",))
    with pytest.raises(UserError, match=r"shard1/train\.en-de\.en\.bin is missing"):
        databin.check_pairs(shards, PAIRS)


def test_different_dictionaries(tmp_path):
    (fill(tmp_path) / "dict.de.txt").write_text("b 1\n")
    with pytest.raises(UserError, match=r"dict\.de\.txt differs"):
        databin.check_dictionaries([tmp_path], ["en", "de"])


def test_no_databin(tmp_path):
    with pytest.raises(UserError, match=r"no dict\.\*\.txt"):
        databin.find_shards(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        databin.find_shards(tmp_path / "x")
    fill(tmp_path / "a" / "x")
    fill(tmp_path / "b" / "x")
    with pytest.raises(UserError, match="several places"):
        databin.find_shards(tmp_path)


def test_fingerprint_follows_content_not_place(tmp_path):
    one, two = fill(tmp_path / "one"), fill(tmp_path / "two")
    (two / "train.en-fr.en.bin").write_text("of another pair")
    assert manifest.fingerprint([one], PAIRS) == manifest.fingerprint([two], PAIRS)
    (two / "test.en-de.de.bin").write_text("other")
    assert manifest.fingerprint([one], PAIRS) != manifest.fingerprint([two], PAIRS)
