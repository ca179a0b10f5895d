#!/usr/bin/env python3
"""Writes full-size Wav2Vec2 checkpoints with random weights and times them in torch, beside `npm run bench -- wav2vec2`.

    test/reference/.venv-ctc/bin/python test/reference/time-wav2vec2.py OUT [base|large-lv60] [seconds…]

OUT/NAME is the checkpoint. Times are the median of five runs of the whole network in float32 on two threads.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import torch

torch.version.cuda = None  # torchaudio refuses another CUDA version than torch's; only the CPU is used
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

LETTERS = "ETAOINSHRDLUMWCFGYPBVK'XJQZ"
SIZES = {
    "base": {},
    "large-lv60": dict(
        hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096,
        feat_extract_norm="layer", conv_bias=True, do_stable_layer_norm=True,
    ),
}

torch.set_num_threads(2)
torch.manual_seed(0)
out, name = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "base"
seconds = [float(s) for s in sys.argv[3:]] or [10.0, 30.0]
model = Wav2Vec2ForCTC(Wav2Vec2Config(architectures=["Wav2Vec2ForCTC"], **SIZES[name])).eval()
model.save_pretrained(out / name)
vocabulary = {t: i for i, t in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS])}
(out / name / "vocab.json").write_text(json.dumps(vocabulary))
for length in seconds:
    audio = torch.randn(1, int(16_000 * length)) * 0.1
    times, cpu = [], []
    with torch.inference_mode():
        for _ in range(6):
            start, cpu_start = time.perf_counter(), time.process_time()
            model(audio)
            times.append(time.perf_counter() - start)
            cpu.append(time.process_time() - cpu_start)
    print(f"{name} {length:g} s: torch {statistics.median(times[1:]):.2f} s, CPU {statistics.median(cpu[1:]):.2f} s", flush=True)
