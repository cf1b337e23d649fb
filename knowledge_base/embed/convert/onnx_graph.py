"""Write the transformer as an ONNX graph with the source's own 4-bit blocks, so nothing is rounded twice."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from knowledge_base.embed.convert.source import BLOCK, Quantised, SourceModel

_RUNTIME_DOMAIN = "com.microsoft"
_MASKED = np.float32(-1e4)


class _Graph:
    """Collects nodes and constants; every method returns the name of what it made."""

    def __init__(self, model: SourceModel) -> None:
        self.model = model
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, values: npt.ArrayLike) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def shape_constant(self, name: str, *values: int) -> str:
        self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def node(self, operator: str, inputs: Sequence[str], name: str, *, domain: str = "", **attributes: Any) -> str:  # noqa: ANN401 - ONNX attributes are of many types
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, domain=domain, **attributes))
        return name

    def linear(self, source: str, weights: Sequence[str], name: str) -> str:
        """Multiply by 4-bit matrices stacked by rows, then add their biases."""
        parts = [self.model.quantised(f"{weight}.w") for weight in weights]
        codes = np.concatenate([part.codes for part in parts])
        scales = np.concatenate([part.scales for part in parts]).astype(np.float32)
        # MatMulNBits: byte j of a block holds weights 2j (low nibble) and 2j + 1
        packed = self.constant(f"{name}_q", codes[..., 0::2] | (codes[..., 1::2] << 4))
        inputs = [source, packed, self.constant(f"{name}_d", scales.reshape(-1))]
        sizes = {"K": codes.shape[1] * BLOCK, "N": codes.shape[0], "bits": 4, "block_size": BLOCK, "accuracy_level": 4}
        product = self.node("MatMulNBits", inputs, f"{name}_m", domain=_RUNTIME_DOMAIN, **sizes)
        bias = self.constant(f"{name}_b", np.concatenate([self.model.dense(f"{weight}.b") for weight in weights]))
        return self.node("Add", [product, bias], f"{name}_o")

    def norm(self, source: str, weights: str, name: str) -> str:
        gain = self.constant(f"{name}_g", self.model.dense(f"{weights}.w"))
        shift = self.constant(f"{name}_c", self.model.dense(f"{weights}.b"))
        inputs = [source, gain, shift]
        return self.node("LayerNormalization", inputs, name, axis=-1, epsilon=self.model.shape.epsilon)


def build_onnx(model: SourceModel, words: Quantised) -> ModelProto:
    """Return the model: `input_ids`, `attention_mask` int64 [B,S] → `sentence_embedding` float32 [B,H] of length 1.

    `words` is the embedding table of the kept vocabulary. The graph needs onnxruntime (`MatMulNBits`,
    `GatherBlockQuantized`).
    """
    graph = _Graph(model)
    hidden = _embeddings(graph, words)
    mask = _attention_mask(graph)
    heads, width = model.shape.heads, model.shape.hidden // model.shape.heads
    graph.constant("scale", np.float32(1 / np.sqrt(width)))
    graph.shape_constant("split_heads", 0, 0, heads, width)
    graph.shape_constant("join_heads", 0, 0, model.shape.hidden)
    for layer in range(model.shape.layers):
        hidden = _layer(graph, f"l{layer}", hidden, mask)
    _pool(graph, hidden)
    sequence = ["batch", "seq"]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, sequence) for n in ("input_ids", "attention_mask")]
    outputs = [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", model.shape.hidden])]
    body = helper.make_graph(graph.nodes, "multilingual-e5-small", inputs, outputs, graph.constants)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(_RUNTIME_DOMAIN, 1)]
    return helper.make_model(body, opset_imports=opsets, ir_version=10)


def _embeddings(graph: _Graph, words: Quantised) -> str:
    hidden = graph.model.shape.hidden
    # GatherBlockQuantized wants two's complement int4
    codes = (words.codes.reshape(len(words.codes), -1) - 8) & 15
    packed = (codes[:, 0::2] | (codes[:, 1::2] << 4)).tobytes()
    graph.constants.append(helper.make_tensor("word_q", TensorProto.INT4, codes.shape, packed, raw=True))
    inputs = ["word_q", "input_ids", graph.constant("word_d", words.scales)]
    layout = {"gather_axis": 0, "quantize_axis": 1, "block_size": BLOCK}
    graph.node("GatherBlockQuantized", inputs, "word_h", domain=_RUNTIME_DOMAIN, **layout)
    graph.node("Cast", ["word_h"], "word", to=TensorProto.FLOAT)
    graph.node("Shape", ["input_ids"], "length", start=1, end=2)
    # E5 uses token type 0 only, so its row joins the positions
    positions = graph.model.dense("emb.pos").reshape(-1, hidden) + graph.model.dense("emb.type")[:hidden]
    slices = [graph.constant("positions", positions), graph.shape_constant("first", 0), "length"]
    graph.node("Slice", [*slices, graph.shape_constant("slice_axis", 0)], "position")
    return graph.norm(graph.node("Add", ["word", "position"], "embedded"), "emb.ln", "hidden_0")


def _attention_mask(graph: _Graph) -> str:
    graph.node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    graph.node("Unsqueeze", ["mask", graph.shape_constant("mask_axes", 1, 2)], "mask_4d")
    graph.node("Sub", [graph.constant("one", np.float32(1)), "mask_4d"], "mask_inverse")
    return graph.node("Mul", ["mask_inverse", graph.constant("masked", _MASKED)], "mask_added")


def _layer(graph: _Graph, layer: str, hidden: str, mask: str) -> str:
    attended = graph.linear(_attention(graph, layer, hidden, mask), [f"{layer}.ao"], f"{layer}_ao")
    normed = graph.norm(graph.node("Add", [attended, hidden], f"{layer}_r1"), f"{layer}.aln", f"{layer}_n1")
    widened = graph.node("Gelu", [graph.linear(normed, [f"{layer}.fi"], f"{layer}_fi")], f"{layer}_gelu")
    narrowed = graph.linear(widened, [f"{layer}.fo"], f"{layer}_fo")
    return graph.norm(graph.node("Add", [narrowed, normed], f"{layer}_r2"), f"{layer}.oln", f"{layer}_n2")


def _attention(graph: _Graph, layer: str, hidden: str, mask: str) -> str:
    joined = graph.linear(hidden, [f"{layer}.{part}" for part in "qkv"], f"{layer}_qkv")
    parts = [f"{layer}_{part}" for part in "qkv"]
    graph.nodes.append(helper.make_node("Split", [joined], parts, name=f"{layer}_split", axis=-1, num_outputs=3))
    for name in parts:
        graph.node("Reshape", [name, "split_heads"], f"{name}4")
        order = [0, 2, 3, 1] if name.endswith("_k") else [0, 2, 1, 3]
        graph.node("Transpose", [f"{name}4"], f"{name}t", perm=order)
    scores = graph.node("MatMul", [f"{layer}_qt", f"{layer}_kt"], f"{layer}_qk")
    scaled = graph.node("Mul", [scores, "scale"], f"{layer}_scaled")
    weights = graph.node("Softmax", [graph.node("Add", [scaled, mask], f"{layer}_masked")], f"{layer}_weights", axis=-1)
    mixed = graph.node("MatMul", [weights, f"{layer}_vt"], f"{layer}_av")
    back = graph.node("Transpose", [mixed], f"{layer}_back", perm=[0, 2, 1, 3])
    return graph.node("Reshape", [back, "join_heads"], f"{layer}_context")


def _pool(graph: _Graph, hidden: str) -> None:
    """Mean over real tokens; the division by their count cancels in the normalisation."""
    graph.node("Unsqueeze", ["mask", graph.shape_constant("pool_axis", 2)], "mask_3d")
    graph.node("Mul", [hidden, "mask_3d"], "real_tokens")
    graph.node("ReduceSum", ["real_tokens", graph.shape_constant("sum_axis", 1)], "pooled", keepdims=0)
    graph.node("ReduceL2", ["pooled", graph.shape_constant("length_axis", -1)], "pooled_length", keepdims=1)
    graph.node("Div", ["pooled", "pooled_length"], "sentence_embedding")
