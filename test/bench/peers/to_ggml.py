#!/usr/bin/env python3
"""Converts a float16 folder to a whisper.cpp file, q8_0: to_ggml.py FLOAT16_DIR OUT.bin

The format: a magic number, eleven sizes, the mel filters, the vocabulary in order of ids, then the tensors, each with its
rank, the length of its name, its type, its axes from the innermost, its name and its numbers. Matrices are q8_0 (32
numbers share a float16 scale, largest / 127), convolution kernels float16, everything else float32.
"""

import struct
import sys

import numpy as np

from weights import mel_filters, read_model, read_ranks

SIZES = ["n_vocab", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer"]
SIZES += ["n_text_ctx", "n_text_state", "n_text_head", "n_text_layer", "n_mels"]
F32, F16, Q8_0 = 0, 1, 8
FILE_TYPE = 2007  # mostly q8_0, second version of the quantized formats


def q8_0(matrix):
    blocks = matrix.astype(np.float32).reshape(-1, 32)
    scale = np.abs(blocks).max(1, keepdims=True) / 127
    numbers = np.rint(blocks / np.where(scale > 0, scale, 1)).astype(np.int8)
    return np.hstack([scale.astype(np.float16).view(np.int8), numbers]).tobytes()


def encode(name, value):
    """(type, shape, bytes)"""
    if name in ("encoder.conv1.bias", "encoder.conv2.bias"):
        value = value.reshape(-1, 1)  # whisper.cpp adds it to columns
    elif name.endswith("positional_embedding"):
        pass
    elif value.ndim == 3:
        return F16, value.shape, value.astype(np.float16).tobytes()
    elif value.ndim == 2 and value.shape[1] % 32 == 0:
        return Q8_0, value.shape, q8_0(value)
    return F32, value.shape, value.astype(np.float32).tobytes()


dims, state, _ = read_model(sys.argv[1])
filters = mel_filters(dims["n_mels"])
ranks = read_ranks(dims["n_vocab"])
with open(sys.argv[2], "wb") as out:
    ints = lambda *values: out.write(struct.pack(f"{len(values)}i", *values))
    ints(0x67676D6C, *(dims[size] for size in SIZES), FILE_TYPE)
    ints(*filters.shape)
    out.write(filters.tobytes())
    ints(len(ranks))
    for token in ranks:
        ints(len(token))
        out.write(token)
    for name, value in state.items():
        kind, shape, data = encode(name, value)
        ints(len(shape), len(name), kind, *reversed(shape))
        out.write(name.encode() + data)
