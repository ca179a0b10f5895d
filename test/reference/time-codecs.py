#!/usr/bin/env python3
"""Times full-size codecs with random weights in torch, beside `npm run bench -- codecs`, which starts it.

Reads a line for each measurement: `save NAME DIR` writes the checkpoint; `encode NAME SECONDS` and `decode NAME SECONDS` compute
a whole signal; `stream-encode` and `stream-decode NAME SECONDS` (Mimi only, with moshi) frame by frame. Answers with the wall and
CPU seconds of each.
"""

import json
import os
import sys
import time

import torch
from moshi.models.loaders import get_mimi
from transformers import EncodecConfig, EncodecModel, MimiConfig, MimiModel

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
torch.manual_seed(0)
torch.set_grad_enabled(False)
models, codes, moshi = {}, {}, {}


def model_of(name):
    if name not in models:
        model = (EncodecModel(EncodecConfig()) if name == "encodec" else MimiModel(MimiConfig())).eval()
        for key, value in model.named_buffers():
            if key.endswith(("embed", "embed_sum")):
                value.normal_()
        models[name] = model
    return models[name]


def audio(seconds):
    return torch.randn(1, 1, int(24_000 * seconds)) * 0.1


def encode(name, seconds):
    model, x = model_of(name), audio(seconds)
    if name == "encodec":
        return lambda: model.encode(x, bandwidth=6.0).audio_codes
    return lambda: model.encode(x, num_quantizers=8).audio_codes


def decode(name, seconds):
    key = (name, seconds)
    if key not in codes:
        codes[key] = encode(name, seconds)()
    model = model_of(name)
    if name == "encodec":
        return lambda: model.decode(codes[key], [None]).audio_values
    return lambda: model.decode(codes[key]).audio_values


def streamed(kind, seconds):
    if not moshi:
        moshi["mimi"] = get_mimi(None, num_codebooks=8)
    mimi, x = moshi["mimi"], audio(seconds)
    frames = x.split(mimi.frame_size, dim=2)
    frames = [frame for frame in frames if frame.shape[2] == mimi.frame_size]

    def run():
        with mimi.streaming(1):
            for frame in frames:
                if kind == "stream-encode":
                    mimi.encode(frame)
                else:
                    mimi.decode(torch.randint(0, 2048, (1, 8, 1)))

    return run


for line in sys.stdin:
    command, name, rest = line.split()
    if command == "save":
        run = lambda: model_of(name).save_pretrained(rest)
    elif command.startswith("stream"):
        run = streamed(command, float(rest))
    else:
        run = (encode if command == "encode" else decode)(name, float(rest))
    start, cpu = time.perf_counter(), time.process_time()
    run()
    times = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    print(json.dumps(times), flush=True)
