"""Make a float32 ONNX encoder small and fast: int8 weights, and products of whole numbers.

The matrix of a linear layer becomes int8 with one scale a column. What it is multiplied with
becomes 8-bit as well, with one scale a token, so that a text's vector does not depend on what
else is in its batch (onnxruntime's dynamic quantisation has one scale a batch). Some channels
of a normalised layer are 20 times larger than others and would take all levels for themselves;
they are divided by a factor that the matrix's rows are multiplied by (SmoothQuant, Xiao et al.
2023, https://arxiv.org/abs/2211.10438).

Only 90 levels each side are used. Processors without VNNI add two products in 16 bits, and
2 * 181 * 90 still fits there: with 127 levels sums would be cut on those. What is left of the
machine in a vector is that the last bit of a sum can move an activation by a level: a browser's
probabilities differ by up to 0.018.

Measured on 200 questions, cosine to the float32 original, and ratio of time to the first row:

| weights | activations | mean | lowest | time |
|---|---|---|---|---|
| int8, one scale a column | float32 | 0.9995 | 0.9992 | 1 |
| int8, one scale a column | int8, one scale a batch | 0.9932 | 0.9831 | 0.65 |
| int8, blocks of 128 (MatMulNBits) | the same, inside | 0.9989 | 0.9978 | 0.7 |
| 127 levels | 127 levels a token | 0.9978 | 0.9964 | 0.5 |
| 90 levels | 90 levels a token | 0.9960 | 0.9931 | 0.5 |
| 90 levels, smoothed (this) | 90 levels a token | 0.9979 | 0.9953 | 0.5 |

127 unsigned levels without VNNI's trouble (both sides unsigned) take as long as float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from advisor.encoder import Floats

# Smaller tensors (biases, norms) stay float32: they are 0.5% of the file.
SMALLEST_QUANTISED = 100_000
LEVELS = 90
# How much of a channel's size goes into the matrix; SmoothQuant's default.
SMOOTHING = 0.5


def linear_inputs(model: Any) -> dict[str, list[Any]]:
    """What the linear layers of an ONNX model read -> the MatMul nodes that read it."""
    large = {tensor.name for tensor in model.graph.initializer if _is_large(tensor)}
    found: dict[str, list[Any]] = {}
    for node in model.graph.node:
        # The head reads one vector a text and takes no time.
        if node.op_type == "MatMul" and node.input[1] in large and node.input[1] != "head":
            found.setdefault(node.input[0], []).append(node)
    return found


def channel_sizes(model: Any, tokenizer_file: Path, sample: Sequence[str]) -> dict[str, Floats]:
    """The largest size of each channel of each linear layer's input, over the texts of `sample`."""
    import onnx
    import onnxruntime
    from onnx import helper
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_padding()
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    names = list(linear_inputs(model))
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names
    )
    session = onnxruntime.InferenceSession(
        watched.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    sizes = {name: np.zeros(0, np.float32) for name in names}
    for text in sample:
        ids = np.array([tokenizer.encode(text).ids], np.int64)
        feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        for name, values in zip(names, session.run(names, feeds)):
            largest = np.abs(values[0]).max(axis=0)
            sizes[name] = np.maximum(sizes[name], largest) if sizes[name].size else largest
    return sizes


def quantise(model: Any, sizes: Mapping[str, Floats]) -> None:
    """Store the large matrices of `model` as int8 and multiply whole numbers, in place.

    `sizes` are those of channel_sizes.
    """
    from onnx import numpy_helper

    graph = model.graph
    values = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in graph.initializer
        if _is_large(tensor)
    }
    stored = [tensor for tensor in graph.initializer if tensor.name not in values]
    parts = _Parts(stored)
    replaced: dict[str, list[Any]] = {}
    for name, nodes in linear_inputs(model).items():
        matrices = [values[node.input[1]] for node in nodes]
        # Only what is normalised has channels that stand out; of others the product is exact
        # enough, and smoothing would cost one more pass.
        smooth = any(
            node.op_type == "LayerNormalization" and name in node.output for node in graph.node
        )
        made = _linear(parts, name, nodes, matrices, sizes[name] if smooth else None)
        # Layers that read the same are one product; the first of them stands for all.
        replaced |= {node.output[0]: [] for node in nodes}
        replaced[nodes[0].output[0]] = made
        for node in nodes:
            values.pop(node.input[1])
    kept = []
    for name, matrix in values.items():
        readers = [node for node in graph.node if name in node.input]
        if all(node.op_type == "Gather" for node in readers):
            replaced |= _table(parts, name, matrix, readers)
        else:
            kept.append(_matrix(parts, name, matrix))
    for node in graph.node:
        kept += replaced.get(node.output[0], [node])
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(stored)
    graph.node.extend(kept)


def _is_large(tensor: Any) -> bool:
    import onnx

    size = int(np.prod(tensor.dims))
    is_matrix = len(tensor.dims) == 2 and tensor.data_type == onnx.TensorProto.FLOAT
    return is_matrix and size >= SMALLEST_QUANTISED


class _Parts:
    """Stores constants in a graph's initializers and makes nodes that read them."""

    def __init__(self, stored: list[Any]) -> None:
        self._stored = stored
        self.one = self.constant("one", np.float32(1))
        self.middle = self.constant("middle", np.uint8(LEVELS + 1))
        self.share = self.constant("share", np.float32(1 / LEVELS))
        self.none = self.constant("none", np.int8(0))
        self.last = self.constant("last_axis", np.array([-1], np.int64))

    def constant(self, name: str, value: Any) -> str:
        """Store `value` under `name`; returns the name."""
        from onnx import numpy_helper

        self._stored.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, kind: str, inputs: Sequence[str], out: str, **attributes: Any) -> Any:
        """A node with one output."""
        from onnx import helper

        return helper.make_node(kind, list(inputs), [out], **attributes)


def _linear(
    parts: _Parts, name: str, nodes: Sequence[Any], matrices: Sequence[Floats], sizes: Floats | None
) -> list[Any]:
    """The nodes that multiply the tensor `name` by all `matrices` at once, in whole numbers."""
    from onnx import helper

    joined = np.concatenate(matrices, axis=1)
    made, read = [], name
    if sizes is not None:
        factors = sizes**SMOOTHING / np.abs(joined).max(axis=1) ** (1 - SMOOTHING)
        joined = joined * factors[:, None]
        less = parts.constant(f"{name}_less", (1 / factors).astype(np.float32))
        read = f"{name}_smooth"
        made.append(parts.node("Mul", [name, less], read))
    scales = (np.abs(joined).max(axis=0) / LEVELS).astype(np.float32)
    levels = np.round(joined / scales).astype(np.int8)
    matrix = parts.constant(f"{name}_int8", levels)
    column = parts.constant(f"{name}_scale", scales)
    token = f"{name}_token"
    made += [
        parts.node("Abs", [read], f"{name}_sizes"),
        parts.node("ReduceMax", [f"{name}_sizes", parts.last], f"{name}_largest", keepdims=1),
        parts.node("Mul", [f"{name}_largest", parts.share], token),
        parts.node("Div", [read, token], f"{name}_scaled"),
        parts.node("QuantizeLinear", [f"{name}_scaled", parts.one, parts.middle], f"{name}_levels"),
        parts.node(
            "MatMulInteger", [f"{name}_levels", matrix, parts.middle, parts.none], f"{name}_whole"
        ),
        parts.node("Cast", [f"{name}_whole"], f"{name}_float", to=1),
        parts.node("Mul", [f"{name}_float", column], f"{name}_columns"),
    ]
    if len(nodes) == 1:
        return [*made, parts.node("Mul", [f"{name}_columns", token], nodes[0].output[0])]
    product = f"{name}_product"
    outputs = [node.output[0] for node in nodes]
    widths = np.array([matrix.shape[1] for matrix in matrices], np.int64)
    split = parts.constant(f"{name}_widths", widths)
    return [
        *made,
        parts.node("Mul", [f"{name}_columns", token], product),
        helper.make_node("Split", [product, split], outputs, axis=-1),
    ]


def _stored(parts: _Parts, name: str, matrix: Floats, axis: int) -> tuple[str, str]:
    """Store a matrix as int8 with one scale a row (axis 0) or column (1); the constants' names."""
    scales = np.abs(matrix).max(axis=1 - axis) / 127
    scales[scales == 0] = 1
    levels = np.round(matrix / np.expand_dims(scales, 1 - axis)).astype(np.int8)
    return (
        parts.constant(f"{name}_int8", levels),
        parts.constant(f"{name}_scale", scales.astype(np.float32)),
    )


def _table(parts: _Parts, name: str, matrix: Floats, readers: Sequence[Any]) -> dict[str, Any]:
    """Output -> the nodes that look rows of an embedding table up.

    Rows are looked up as int8 and only those multiplied out: the whole table is 47 MB as float32.
    """
    levels, scale = _stored(parts, name, matrix, axis=0)
    found = {}
    for node in readers:
        index, out = node.input[1], node.output[0]
        found[out] = [
            parts.node("Gather", [levels, index], f"{out}_int8"),
            parts.node("Cast", [f"{out}_int8"], f"{out}_float", to=1),
            parts.node("Gather", [scale, index], f"{out}_scale"),
            parts.node("Unsqueeze", [f"{out}_scale", parts.last], f"{out}_column"),
            parts.node("Mul", [f"{out}_float", f"{out}_column"], out),
        ]
    return found


def _matrix(parts: _Parts, name: str, matrix: Floats) -> Any:
    """The node that multiplies an int8 matrix out as it is read: for the head."""
    levels, scale = _stored(parts, name, matrix, axis=1)
    return parts.node("DequantizeLinear", [levels, scale], name, axis=1)
