#!/usr/bin/env python3
"""Reference transcripts by mlx-whisper (float32): greedy, temperature 0, no fallback. Also the peer that the bench runs beside us.

    transcribe-mlx.py MODEL_DIR OUT.jsonl [--set labelled] [--condition] [--no-timestamps]
    transcribe-mlx.py MODEL_DIR --serve

--serve speaks JSON lines: {"op": "transcribe", "file", "language"} -> {"text", "tokens", "seconds", "encodeSeconds",
"decodeSeconds"}; {"op": "info"} -> {"versions"}. Here `file` is raw mono float32 at 16 kHz, so that both sides start
from the same samples and neither's decoding of files is timed.
On Linux run it with LD_PRELOAD=.venv/front-blas.so, or it computes on the slow reference BLAS.
"""

import argparse
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import mlx.core as mx
import mlx_whisper
import numpy as np
from mlx.utils import tree_map
from mlx_whisper.transcribe import ModelHolder

from clips import audio, clip_set


def load(folder):
    """The model in float32: mlx-whisper's fp16=False alone leaves the weights in float16, which has no fast path on a CPU."""
    model = ModelHolder.get_model(folder, mx.float32)
    widen = lambda p: p.astype(mx.float32) if p.dtype == mx.float16 else p
    model.update(tree_map(widen, model.parameters()))
    mx.eval(model.parameters())
    return model


def transcribe(folder, samples, language, condition=False, without_timestamps=False):
    begin = time.perf_counter()
    result = mlx_whisper.transcribe(
        samples, path_or_hf_repo=folder, language=language, temperature=0.0, fp16=False, verbose=None,
        condition_on_previous_text=condition, without_timestamps=without_timestamps,
    )
    seconds = time.perf_counter() - begin
    tokens = [token for segment in result["segments"] for token in segment["tokens"]]
    return {"text": result["text"], "tokens": tokens, "seconds": seconds}


class Stopwatch:
    """Sums the wall time of the encoder and of whole decodes inside mlx-whisper's own loop.

    Each encode is evaluated before it is handed on. That costs nothing: the decoder needs all of it first."""

    def __init__(self, model):
        self.encode = self.decode = 0.0
        encoder, decode = type(model.encoder), type(model).decode
        inner = encoder.__call__

        def timed_encoder(module, mel):
            mx.eval(mel)
            begin = time.perf_counter()
            out = inner(module, mel)
            mx.eval(out)
            self.encode += time.perf_counter() - begin
            return out

        def timed_decode(module, *args, **kwargs):
            begin, encoded = time.perf_counter(), self.encode
            out = decode(module, *args, **kwargs)
            self.decode += time.perf_counter() - begin - (self.encode - encoded)
            return out

        encoder.__call__, type(model).decode = timed_encoder, timed_decode

    def lap(self):
        out = {"encodeSeconds": self.encode, "decodeSeconds": self.decode}
        self.encode = self.decode = 0.0
        return out


def serve(folder):
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever the libraries print goes to stderr
    model = load(folder)
    watch = Stopwatch(model)
    for line in sys.stdin:
        ask = json.loads(line)
        if ask["op"] == "info":
            reply = {"versions": {name: version(name) for name in ("mlx", "mlx-whisper", "numpy")}}
        else:
            watch.lap()
            reply = transcribe(folder, np.fromfile(ask["file"], np.float32), ask["language"]) | watch.lap()
        print(json.dumps(reply), file=replies)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("out", nargs="?")
    ap.add_argument("--serve", action="store_true")
    ap.add_argument("--set", default="labelled")
    ap.add_argument("--condition", action="store_true")
    ap.add_argument("--no-timestamps", action="store_true")
    args = ap.parse_args()
    if args.serve:
        return serve(args.model)
    load(args.model)
    out = Path(args.out)
    done = {json.loads(line)["id"] for line in out.open()} if out.exists() else set()
    with out.open("a") as file:
        for clip in clip_set(args.set):
            if clip["id"] in done:
                continue
            row = transcribe(args.model, audio(clip), clip["language"] or "en", args.condition, args.no_timestamps)
            file.write(json.dumps({"id": clip["id"], **row}, ensure_ascii=False) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
