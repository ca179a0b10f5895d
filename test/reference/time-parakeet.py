#!/usr/bin/env python3
"""Prints the median seconds that transformers' Parakeet encoder at the size of tdt-0.6b-v2 takes for so many seconds of audio,
with random float32 weights on the CPU. For `npm run bench -- parakeet`.

    python time-parakeet.py 30
"""

import statistics
import sys
import time

import torch
from transformers import ParakeetEncoder, ParakeetEncoderConfig

seconds = int(sys.argv[1])
config = ParakeetEncoderConfig(num_mel_bins=128, attention_bias=False, convolution_bias=False, scale_input=False)
model = ParakeetEncoder(config).eval()
mel = torch.randn(1, seconds * 100, 128)
times = []
with torch.inference_mode():
    for _ in range(4):
        begin = time.perf_counter()
        model(mel)
        times.append(time.perf_counter() - begin)
print(statistics.median(times[1:]))
