#!/usr/bin/env python3
"""Times transformers' Parakeet encoder at the size of tdt-0.6b-v2, random float32 weights, on the CPU. For each line of stdin,
seconds of audio, it prints the seconds and the CPU seconds of one pass, as JSON. For `npm run bench -- parakeet`."""

import json
import sys
import time

import torch
from transformers import ParakeetEncoder, ParakeetEncoderConfig

config = ParakeetEncoderConfig(num_mel_bins=128, attention_bias=False, convolution_bias=False, scale_input=False)
model = ParakeetEncoder(config).eval()
print(json.dumps({"ready": True, "threads": torch.get_num_threads()}), flush=True)
for line in sys.stdin:
    mel = torch.randn(1, int(line) * 100, 128)
    with torch.inference_mode():
        begin, used = time.perf_counter(), time.process_time()
        model(mel)
        times = {"seconds": time.perf_counter() - begin, "cpu": time.process_time() - used}
    print(json.dumps(times), flush=True)
