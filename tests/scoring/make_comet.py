"""Make a tiny random COMET model: `.venv-comet/bin/python make_comet.py FOLDER`; its checkpoint is FOLDER/model."""

import sys
from pathlib import Path

import torch
import yaml
from comet.models import RegressionMetric
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import XLMRobertaConfig, XLMRobertaModel, XLMRobertaTokenizerFast

folder = Path(sys.argv[1])
encoder, model = folder / "encoder", folder / "model"
special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
tokenizer = Tokenizer(models.Unigram())
tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
tokenizer.train_from_iterator(
    ["the cat sat on the mat", "de kat zat op de mat", "a dog ran", "een hond rende"],
    trainers.UnigramTrainer(vocab_size=60, special_tokens=special, unk_token=special[3]),
)
# Like the real one: a text is between <s> and </s>, so that an empty one is not nothing.
tokenizer.post_processor = processors.TemplateProcessing(
    single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
)
XLMRobertaTokenizerFast(tokenizer_object=tokenizer).save_pretrained(encoder)
torch.manual_seed(7)
shape = XLMRobertaConfig(
    vocab_size=tokenizer.get_vocab_size() + 8,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=64,
    max_position_embeddings=130,
    pad_token_id=1,
)
shape.save_pretrained(encoder)
XLMRobertaModel(shape).save_pretrained(encoder)
options = {
    "encoder_model": "XLM-RoBERTa",
    "pretrained_model": str(encoder),
    "load_pretrained_weights": False,
    "local_files_only": True,
    "layer": "mix",
    "layer_norm": False,
    "hidden_sizes": [32, 16],
}
metric = RegressionMetric(**options)
(model / "checkpoints").mkdir(parents=True)
(model / "hparams.yaml").write_text(yaml.safe_dump({"class_identifier": "regression_metric", **options}))
torch.save(
    {
        "state_dict": metric.state_dict(),
        "hyper_parameters": options,
        "pytorch-lightning_version": "2.0.0",
    },
    model / "checkpoints" / "model.ckpt",
)
