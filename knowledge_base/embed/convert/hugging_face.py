"""Write the same weights as a folder that sentence-transformers and transformers load offline."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from knowledge_base.embed.convert.source import Quantised, SourceModel
from knowledge_base.errors import EmbeddingError

_PARTS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_MODULES = "sentence_transformers.models."


def write_hugging_face(folder: Path, model: SourceModel, words: Quantised) -> None:
    """Write config and float32 weights into `folder`; needs `safetensors` (extra `local-models`)."""
    try:
        from safetensors.numpy import save_file
    except ImportError as error:
        message = "safetensors is not installed: pip install 'mingying[local-models]'"
        raise EmbeddingError(message) from error

    (folder / "1_Pooling").mkdir(parents=True)
    weights = {name: np.ascontiguousarray(values, np.float32) for name, values in _weights(model, words).items()}
    save_file(weights, str(folder / "model.safetensors"), {"format": "pt"})
    for name, content in _configuration(model, len(words.codes)).items():
        (folder / name).write_text(json.dumps(content, indent=1), "utf-8")


def _weights(model: SourceModel, words: Quantised) -> Mapping[str, npt.NDArray[np.float32]]:
    hidden = model.shape.hidden
    weights = {
        "embeddings.word_embeddings.weight": words.dequantised(),
        "embeddings.position_embeddings.weight": model.dense("emb.pos").reshape(-1, hidden),
        "embeddings.token_type_embeddings.weight": model.dense("emb.type").reshape(-1, hidden),
        "embeddings.LayerNorm.weight": model.dense("emb.ln.w"),
        "embeddings.LayerNorm.bias": model.dense("emb.ln.b"),
        # never used; without it the library warns of a missing pooler
        "pooler.dense.weight": np.eye(hidden, dtype=np.float32),
        "pooler.dense.bias": np.zeros(hidden, np.float32),
    }
    for layer in range(model.shape.layers):
        for short, full in _PARTS.items():
            tensor = model.tensors[f"l{layer}.{short}.w"]
            matrix = tensor.dequantised() if isinstance(tensor, Quantised) else tensor.values
            weights[f"encoder.layer.{layer}.{full}.weight"] = matrix
            weights[f"encoder.layer.{layer}.{full}.bias"] = model.dense(f"l{layer}.{short}.b")
    return weights


def _configuration(model: SourceModel, vocabulary: int) -> Mapping[str, object]:
    shape = model.shape
    special = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>"}
    special |= {"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
    modules = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"), ("2", "2_Normalize", "Normalize")]
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "intermediate_size": shape.intermediate,
            "vocab_size": vocabulary,
            "hidden_act": "gelu",
            "max_position_embeddings": shape.positions,
            "type_vocab_size": shape.token_types,
            "layer_norm_eps": shape.epsilon,
            "pad_token_id": 1,
            "bos_token_id": 0,
            "eos_token_id": 2,
            "position_embedding_type": "absolute",
            "torch_dtype": "float32",
        },
        "tokenizer_config.json": special
        | {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": shape.positions, "padding_side": "right"},
        "modules.json": [
            {"idx": index, "name": name, "path": path, "type": _MODULES + kind}
            for index, (name, path, kind) in enumerate(modules)
        ],
        "sentence_bert_config.json": {"max_seq_length": shape.positions, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": True},
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "document": "passage: ", "passage": "passage: "},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    }
