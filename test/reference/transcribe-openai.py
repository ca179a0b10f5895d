#!/usr/bin/env python3
"""Transcribes with openai-whisper (torch, float32) as a reference, with weights in the mlx layout: greedy, temperature 0, no fallback.

    transcribe-openai.py MODEL_DIR OUT.jsonl [--set labeled] [--condition] [--no-timestamps] [--threads 2]

MODEL_DIR is an unquantized folder (see quantize.py --expanded for others). --condition conditions each window on the
previous text. Clips already in OUT are kept, so an interrupted run can be resumed. Run it with .venv-torch/bin/python.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import whisper
from safetensors.numpy import load_file

from clips import audio, clip_set


def load_mlx_folder(folder):
    """whisper.Whisper in float32. The layouts differ in the axes of kernels and the names of the MLP layers."""
    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text())
    if "quantization" in config:
        raise SystemExit(f"{folder} is quantized: write it with quantize.py --expanded first")
    weights = load_file(str(folder / "weights.safetensors"))
    model = whisper.model.Whisper(whisper.model.ModelDimensions(**{k: v for k, v in config.items() if k.startswith("n_")}))
    heads = weights.pop("alignment_heads", None)
    state = {}
    for name, value in weights.items():
        value = torch.from_numpy(np.array(value, dtype=np.float32))
        name = name.replace(".mlp1.", ".mlp.0.").replace(".mlp2.", ".mlp.2.")
        state[name] = value.transpose(1, 2).contiguous() if ".conv" in name and name.endswith("weight") else value
    state["encoder.positional_embedding"] = model.encoder.positional_embedding
    model.load_state_dict(state)
    if heads is not None:
        mask = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
        mask[heads[:, 0], heads[:, 1]] = True
        model.register_buffer("alignment_heads", mask.to_sparse(), persistent=False)
    return model.eval()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("model")
    ap.add_argument("out")
    ap.add_argument("--set", default="labeled")
    ap.add_argument("--condition", action="store_true")
    ap.add_argument("--no-timestamps", action="store_true")
    ap.add_argument("--threads", type=int, default=2)
    args = ap.parse_args()
    torch.set_num_threads(args.threads)
    model = load_mlx_folder(args.model)
    out = Path(args.out)
    done = {json.loads(line)["id"] for line in out.open()} if out.exists() else set()
    with out.open("a") as file:
        for clip in clip_set(args.set):
            if clip["id"] in done:
                continue
            begin = time.perf_counter()
            result = whisper.transcribe(
                model, audio(clip), language=clip["language"] or "en", temperature=0.0, fp16=False, verbose=None,
                condition_on_previous_text=args.condition, without_timestamps=args.no_timestamps,
            )
            row = {"id": clip["id"], "text": result["text"], "seconds": round(time.perf_counter() - begin, 2)}
            row["tokens"] = [token for segment in result["segments"] for token in segment["tokens"]]
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
