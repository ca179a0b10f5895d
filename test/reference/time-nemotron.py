#!/usr/bin/env python3
"""Times the streaming encoder of transformers' Nemotron at full size (0.6 B), random float32 weights, on the CPU. For each line
`LOOKAHEAD STEPS` of stdin (frames of 80 ms after a frame; steps after the left context is complete) it prints the median seconds
and the CPU seconds of a step, as JSON. For `npm run bench -- nemotron`."""

import json
import statistics
import sys
import time

import torch
from transformers import NemotronAsrStreamingConfig, NemotronAsrStreamingForRNNT

LEFT_FRAMES = 70
torch.manual_seed(0)
config = NemotronAsrStreamingConfig(
    encoder_config={"num_mel_bins": 128, "scale_input": False, "attention_bias": False, "convolution_bias": False}
)
model = NemotronAsrStreamingForRNNT(config).eval()
print(json.dumps({"ready": True, "threads": torch.get_num_threads()}), flush=True)
for line in sys.stdin:
    lookahead, steps = map(int, line.split())
    past, padding, times, cpu = None, None, [], []
    warm_up = LEFT_FRAMES // (lookahead + 1) + 2
    with torch.inference_mode():
        for step in range(warm_up + steps):
            mel = torch.randn(1, (1 + 8 * lookahead) if step == 0 else 8 * (lookahead + 1), 128)
            begin, used = time.perf_counter(), time.process_time()
            out = model.get_audio_features(
                input_features=mel,
                past_key_values=past,
                padding_cache=padding,
                num_lookahead_tokens=lookahead,
                use_cache=True,
                output_attention_mask=False,
            )
            past, padding = out.past_key_values, out.padding_cache
            times.append(time.perf_counter() - begin)
            cpu.append(time.process_time() - used)
    print(json.dumps({"seconds": statistics.median(times[warm_up:]), "cpu": statistics.median(cpu[warm_up:])}), flush=True)
