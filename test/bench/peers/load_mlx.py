"""Loads a model folder with mlx-whisper on the CPU and prints the times in milliseconds as a line of JSON.

    load_mlx.py FOLDER [FIRST]

`ms` is load_model alone. `readyMs` includes the tokenizer and the mel filters, which the first step needs too. With FIRST,
that folder is loaded before and kept.
"""
import json
import os
import sys
import time

import mlx.core as mx
import numpy  # noqa: F401  (imported before the clock starts)
import tiktoken  # noqa: F401
from mlx_whisper.audio import mel_filters
from mlx_whisper.load_models import load_model
from mlx_whisper.tokenizer import get_tokenizer

mx.set_default_device(mx.cpu)
mx.eval(mx.zeros([1]))


def load(folder):
    begin = time.perf_counter()
    cpu = time.process_time()
    model = load_model(folder, mx.float16)
    mx.eval(model.parameters())
    loaded = time.perf_counter()
    used = time.process_time() - cpu
    get_tokenizer(model.is_multilingual, num_languages=model.num_languages)
    mx.eval(mel_filters(model.dims.n_mels))
    ready = time.perf_counter()
    return model, {"ms": (loaded - begin) * 1e3, "cpuMs": used * 1e3, "readyMs": (ready - begin) * 1e3}


first = load(sys.argv[2])[0] if len(sys.argv) > 2 else None
print(json.dumps(load(sys.argv[1])[1]), flush=True)
os._exit(0)  # its threads may not have ended
