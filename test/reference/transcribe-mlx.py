#!/usr/bin/env python3
"""Transcribes with mlx-whisper (float32) as a reference: greedy, temperature 0, no fallback.

    transcribe-mlx.py MODEL_DIR OUT.jsonl [--set labeled] [--condition] [--no-timestamps]

On Linux run it with LD_PRELOAD=.venv/front-blas.so, or it uses the slow reference BLAS. The bench runs mlx-whisper as a peer
in test/bench/peers/worker.py.
"""

import argparse
import json
import time
from pathlib import Path

import mlx.core as mx
import mlx_whisper
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


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("out")
    ap.add_argument("--set", default="labeled")
    ap.add_argument("--condition", action="store_true")
    ap.add_argument("--no-timestamps", action="store_true")
    args = ap.parse_args()
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
