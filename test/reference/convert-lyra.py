#!/usr/bin/env python3
"""Writes Lyra V2 (Apache-2.0) as a model directory, from the three TFLite files of its repository.

    ./setup.sh lyra                                     .venv-lyra: tflite, ai-edge-litert
    git clone --depth 1 https://github.com/google/lyra  lyra/model_coeffs: soundstream_encoder, quantizer, lyragan
    .venv-lyra/bin/python convert-lyra.py lyra/model_coeffs OUT

Weights keep their numbers. Those that the files hold in 8 bits stay so: NAME.weight_int8 beside NAME.weight_scales, one
scale an output channel; their product is the weight. All are channels last, [out, kernel, in], as in TFLite. The quantization
of activations is left out: the network computes in float32. The output has the same bytes on every machine.
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

import numpy as np

from lyra_graph import Graph, codebooks

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")
CONFIG = {
    "model_type": "lyra",
    "sampling_rate": 16000,
    "hidden_size": 64,
    "num_filters": 64,
    "kernel_size": 64,
    "stride": 16,
    "downsampling_ratios": [5, 2, 2],
    "residual_kernel_size": 3,
    "dilations": [1, 3, 9],
    "bottleneck_kernel_size": 3,
    "negative_slope": 0.3,
    "num_quantizers": 46,
    "codebook_size": 16,
}
UNIT = ("depthwise.conv", "pointwise", "mixing")


def unit_names(prefix):
    return [f"{prefix}.{part}" for part in UNIT]


def encoder_names():
    """In the order of the graph; layers in between are activations."""
    names = ["0.conv"]
    for first in (1, 6, 11):
        names += [name for i in range(3) for name in unit_names(str(first + i))] + [f"{first + 4}.conv"]
    return [f"encoder.layers.{name}" for name in [*names, "17.conv"]]


def decoder_names():
    """A transposed convolution with groups is one operator for each group."""
    names = ["0.conv"]
    for first, groups in ((2, 4), (7, 2), (12, 1)):
        names += [f"{first}.conv"] * groups
        names += [name for i in range(3) for name in unit_names(str(first + 1 + i))]
    return [f"decoder.layers.{name}" for name in [*names, "17.conv"]]


def convolutions(graph):
    """(weight, bias) of each convolution in order."""
    for op in graph.operators:
        if op.name not in CONVOLUTIONS:
            continue
        yield op.name, op.inputs[1], op.inputs[2].floats if op.bias is None else op.bias


def stored(kind, weight, bias):
    """The arrays of one convolution: a kernel with its scales if it has 8 bits, and the bias."""
    if kind == "DEPTHWISE_CONV_2D":  # [1, kernel, 1, channels]
        values = weight.values[0, :, 0, :].T[:, :, None]
    else:  # [out, kernel, 1, in]
        values = weight.values[:, :, 0, :]
    arrays = {}
    if weight.scales is None:
        arrays["weight"] = values
    else:
        arrays["weight_int8"] = values
        arrays["weight_scales"] = np.broadcast_to(weight.scales, values.shape[:1])
    if kind == "DEPTHWISE_CONV_2D":
        if np.any(bias):
            raise ValueError(f"{weight.name} has a bias")
    else:
        arrays["bias"] = bias
    return arrays


def tensors_of(graph, names):
    found = {}
    rows = list(convolutions(graph))
    if len(rows) != len(names):
        raise ValueError(f"{len(rows)} convolutions, not {len(names)}")
    for name, row in zip(names, rows):
        for part, array in stored(*row).items():
            key = f"{name}.{part}"
            found[key] = np.concatenate([found[key], array]) if key in found else array
    return found


def save(tensors, path):
    """As safetensors: its own package would need torch or another framework for nothing else."""
    kinds = {np.dtype(np.float32): "F32", np.dtype(np.int8): "I8"}
    header, data = {"__metadata__": {"source": "google/lyra 1.3.2"}}, b""
    for name, array in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": kinds[array.dtype], "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main(source, out):
    source, out = Path(source), Path(out)
    tensors = tensors_of(Graph(source / "soundstream_encoder.tflite"), encoder_names())
    tensors |= tensors_of(Graph(source / "lyragan.tflite"), decoder_names())
    for i, rows in enumerate(codebooks(source / "quantizer.tflite")):
        tensors[f"quantizer.layers.{i}.codebook.embed"] = rows
    out.mkdir(parents=True, exist_ok=True)
    save(tensors, out / "model.safetensors")
    (out / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    for file in ("config.json", "model.safetensors"):
        data = (out / file).read_bytes()
        print(hashlib.sha256(data).hexdigest(), len(data), file)


if __name__ == "__main__":
    main(*sys.argv[1:])
