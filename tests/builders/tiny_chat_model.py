"""A random Qwen2 of a few kilobytes with a BPE tokenizer trained on the spot: real code paths, no weights fetched."""

from pathlib import Path
from typing import Any

_CORPUS = [
    "右肺上叶有一个小结节。",
    "改写下面的句子",
    "左侧胸腔没有积液",
    "建议3个月后复查CT",
    "报告写着：双肺纹理清晰",
] * 8
_TEXT = "<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n{reply}"
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _train(model: Any, tokenizer: Any) -> None:
    """A minute's worth of nothing: enough steps that it speaks in characters instead of broken bytes."""
    import torch

    text = _TEXT.format(user="改写", reply="".join(_CORPUS[:5]) * 2)
    ids = tokenizer(text, return_tensors="pt").input_ids
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    model.train()
    for _ in range(25):
        optimizer.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
    model.eval()


def tiny_chat_model(folder: Path) -> Path:
    """Write model and tokenizer into the folder and return it."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(_CORPUS, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=_TEMPLATE
    )
    torch.manual_seed(7)
    torch.set_num_threads(1)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=8192,
        eos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    model = Qwen2ForCausalLM(config)
    _train(model, tokenizer)
    model.generation_config.eos_token_id = None
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder
