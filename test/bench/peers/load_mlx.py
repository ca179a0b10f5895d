"""One load of a model folder by mlx-whisper on the CPU, in milliseconds, as a line of JSON.

    load_mlx.py FOLDER [FIRST]

`ms` is its load_model alone. `readyMs` has what its first step needs beside the weights too: tokenizer and mel filters.
With FIRST, that folder has been loaded before, and is kept.
"""
import json
import os
import sys
import time

import mlx.core as mx
import numpy  # noqa: F401  (both are imported before the clock starts)
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
