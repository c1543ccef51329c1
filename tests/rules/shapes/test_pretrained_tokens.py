"""Pretrained weights and the tokenizer of the text that they read."""

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

import declare

SPEC = """
declare: 1
datasets:
  d:
    source: {{type: csv, path: d.csv}}
    fields: {{text: {{type: text, tokenizer: {tokenizer}}}, y: {{type: category}}}}
    split: {{val: 0.25}}
model:
  encoder: {{type: huggingface, path: bert, pretrained: {pretrained}, input: text}}
tasks:
  k: {{type: classification, dataset: d, target: y}}
phases:
  fit: {{epochs: 1, batch_size: 4, optimizer: {{type: adamw, lr: 1e-3}}}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a table and a tiny model with its tokenizer."""
    transformers = pytest.importorskip("transformers")
    place = tmp_path_factory.mktemp("bert")
    config = transformers.BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=40
    )
    transformers.BertModel(config).save_pretrained(place / "bert")
    words = {word: index for index, word in enumerate(["[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(place / "bert" / "tokenizer.json"))
    (place / "d.csv").write_text("text,y\n" + "\n".join(f"a {'ab'[i % 2]},{i % 2}" for i in range(12)) + "\n")
    return place


@pytest.mark.parametrize(
    ("tokenizer", "pretrained", "refused"),
    [
        ("{type: word, vocab_size: 8}", "true", True),
        ("{type: char}", "true", True),
        ("{type: word, vocab_size: 8}", "false", False),
        ("{type: file, path: bert}", "true", False),
    ],
)
def test_pretrained_weights_need_their_tokens(folder, tokenizer, pretrained, refused):
    """A vocabulary that is trained here gives other tokens the ids of the pretrained ones."""
    path = folder / "spec.yaml"
    path.write_text(SPEC.format(tokenizer=tokenizer, pretrained=pretrained))
    codes = {item.code for item in declare.check(path).diagnostics if item.severity == "error"}
    assert codes == ({"SHP545"} if refused else set())
