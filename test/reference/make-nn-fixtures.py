"""Writes test/fixtures/nn.json: outputs of MLX's Python layers for small random inputs.

    python -m venv .venv && .venv/bin/pip install mlx==0.32.4 mlx-cpu==0.32.4 numpy
    .venv/bin/python test/reference/make-nn-fixtures.py

Every case is {"weights": {name: array}, "inputs": {...}, "options": {...}, "outputs": {...}}; an array is
{"dtype", "shape", "data"}. Floats are the shortest decimals that parse to the same float32.
"""

import json
import math
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_flatten

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "nn.json"
cases = {}
rng = np.random.default_rng(20250101)


def normal(*shape, scale=1.0):
    # Rounded to 1/1024, exact in float32 and short in JSON.
    return mx.array(np.round(rng.normal(0, scale, shape) * 1024).astype(np.float32) / 1024)


def dump(array):
    host = array.astype(mx.float32) if array.dtype in (mx.float16, mx.bfloat16) else array
    flat = np.array(host).reshape(-1)
    data = [float(str(x)) for x in flat] if flat.dtype == np.float32 else flat.tolist()
    return {"dtype": str(array.dtype).removeprefix("mlx.core."), "shape": list(array.shape), "data": data}


def case(name, outputs, inputs=None, module=None, **options):
    weights = dict(tree_flatten(module.parameters())) if module else {}
    cases[name] = {
        "weights": {k: dump(v) for k, v in weights.items()},
        "inputs": {k: dump(v) for k, v in (inputs or {}).items()},
        "options": options,
        "outputs": {k: dump(v) for k, v in outputs.items()},
    }


def randomised(module):
    module.update(nn.utils.tree_map(lambda p: normal(*p.shape, scale=0.5), module.parameters()))
    return module


x = normal(2, 3, 8)
for bias in (True, False):
    linear = randomised(nn.Linear(8, 5, bias=bias))
    case(f"linear bias={bias}", {"y": linear(x)}, {"x": x}, linear, bias=bias)

ids = mx.array([[0, 3, 6], [6, 6, 1]], mx.int32)
embedding = randomised(nn.Embedding(7, 8))
case("embedding", {"y": embedding(ids), "logits": embedding.as_linear(x)}, {"ids": ids, "x": x}, embedding)

wide = normal(2, 128)
matrix = normal(6, 128)
offset = normal(6)
rows = mx.array([[5, 0]], mx.int32)
case("quantized inputs", {}, {"x": wide, "ids": rows, "matrix": matrix, "bias": offset})
quantizations = [("affine", g, b) for b in (2, 3, 4, 5, 6, 8) for g in (32, 64, 128)]
quantizations += [("mxfp4", 32, 4), ("mxfp8", 32, 8), ("nvfp4", 16, 4)]
for mode, group_size, bits in quantizations:
    plain = nn.Linear(128, 6)
    plain.weight, plain.bias = matrix, offset
    linear = nn.QuantizedLinear.from_linear(plain, group_size, bits, mode)
    table = nn.Embedding(6, 128)
    table.weight = matrix
    tied = nn.QuantizedEmbedding.from_embedding(table, group_size, bits, mode)
    packed = {"words": linear.weight[0], "scales": linear.scales}
    case(
        f"quantized {mode} bits={bits} group={group_size}",
        {"y": linear(wide), "logits": tied.as_linear(wide), "rows": tied(rows)[..., :8], **packed},
        mode=mode,
        groupSize=group_size,
        bits=bits,
    )

signal = normal(2, 9, 4)
for stride, padding, dilation, groups in ((1, 0, 1, 1), (2, 1, 1, 1), (1, 2, 2, 1), (1, 1, 1, 2)):
    conv = randomised(nn.Conv1d(4, 6, 3, stride, padding, dilation, groups))
    case(
        f"conv1d stride={stride} padding={padding} dilation={dilation} groups={groups}",
        {"y": conv(signal)}, {"x": signal}, conv,
        stride=stride, padding=padding, dilation=dilation, groups=groups,
    )
for stride, padding, output_padding in ((1, 0, 0), (2, 1, 1)):
    conv = randomised(nn.ConvTranspose1d(4, 3, 3, stride, padding, 1, output_padding))
    case(
        f"convTranspose1d stride={stride} padding={padding} outputPadding={output_padding}",
        {"y": conv(signal)}, {"x": signal}, conv,
        stride=stride, padding=padding, outputPadding=output_padding,
    )
image = normal(1, 6, 5, 2)
conv = randomised(nn.Conv2d(2, 3, (3, 2), 2, 1))
case("conv2d stride=2 padding=1", {"y": conv(image)}, {"x": image}, conv, stride=2, padding=1)

for affine in (True, False):
    norm = randomised(nn.LayerNorm(8, affine=affine))
    case(f"layerNorm affine={affine}", {"y": norm(x)}, {"x": x}, norm, affine=affine)
norm = randomised(nn.LayerNorm(8, eps=0.1, bias=False))
case("layerNorm without bias", {"y": norm(x)}, {"x": x}, norm, bias=False, eps=0.1)
norm = randomised(nn.RMSNorm(8))
case("rmsNorm", {"y": norm(x)}, {"x": x}, norm)
norm = randomised(nn.GroupNorm(2, 8, pytorch_compatible=True))
case("groupNorm", {"y": norm(x)}, {"x": x}, norm)

line = mx.array(np.linspace(-6, 6, 49, dtype=np.float32))
for dtype in (mx.float32, mx.float16):
    v = line.astype(dtype)
    case(
        f"activations {str(dtype).removeprefix('mlx.core.')}",
        {
            "gelu": nn.gelu(v), "geluApprox": nn.gelu_approx(v), "silu": nn.silu(v), "relu": nn.relu(v),
            "leakyRelu": nn.leaky_relu(v), "sigmoid": nn.sigmoid(v), "tanh": nn.tanh(v),
            "softmax": mx.softmax(v, -1, precise=True), "logSoftmax": nn.log_softmax(v),
        },
        {"x": v},
    )
case("glu", {"y": nn.glu(x)}, {"x": x})

q, kv = normal(2, 4, 16), normal(2, 6, 16)
attention = randomised(nn.MultiHeadAttention(16, 4, bias=True))
additive = normal(4, 6)
keep = mx.array(rng.random((4, 6)) > 0.3) | (mx.arange(6) == 0)
case("attention", {
    "plain": attention(q, kv, kv),
    "additive": attention(q, kv, kv, additive),
    "boolean": attention(q, kv, kv, keep),
    "causal": attention(q, kv, kv, "causal"),
    "self": attention(kv, kv, kv, "causal"),
    "masked": attention(kv, kv, kv, nn.MultiHeadAttention.create_additive_causal_mask(6)),
}, {"q": q, "kv": kv, "additive": additive, "boolean": keep}, attention)
grouped_q, grouped_k, grouped_v = normal(1, 4, 3, 8), normal(1, 2, 5, 8), normal(1, 2, 5, 8)
case("grouped queries", {
    "y": mx.fast.scaled_dot_product_attention(grouped_q, grouped_k, grouped_v, scale=0.25)
}, {"q": grouped_q, "k": grouped_k, "v": grouped_v}, scale=0.25)

for options in ({}, {"traditional": True}, {"base": 500.0, "scale": 0.5}):
    rope = nn.RoPE(8, **options)
    heads = normal(1, 2, 3, 12)
    case(f"rope {json.dumps(options)}", {"y": rope(heads), "later": rope(heads, 40)}, {"x": heads}, **options)


def sinusoids(length, channels, max_timescale=10000):  # as openai/whisper defines them
    frequencies = mx.exp(-math.log(max_timescale) / (channels // 2 - 1) * mx.arange(channels // 2))
    angles = mx.arange(length)[:, None] * frequencies[None, :]
    return mx.concatenate([mx.sin(angles), mx.cos(angles)], axis=1)


case("sinusoids", {"y": sinusoids(30, 8), "end": sinusoids(1500, 8)[-2:]})

header = {"mlx": mx.__version__, "script": "test/reference/make-nn-fixtures.py"}
lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in cases.items())
OUT.parent.mkdir(exist_ok=True)
OUT.write_text(f'{{\n"made": {json.dumps(header)},\n"cases": {{\n{lines}\n}}\n}}\n')
print(f"{OUT}: {len(cases)} cases, {OUT.stat().st_size} bytes")
