#!/usr/bin/env python3
"""Writes openai/whisper's transcripts of a clip of two windows with several prompts, for test/models/prompt-parity.test.ts.

    test/reference/.venv-torch/bin/python test/reference/make-prompt-fixtures.py BASE.pt

test/bench/peers/setup.sh converts BASE.pt from the float16 folder (.weights-peers/base.pt). Computed in float32, greedy,
without fallback.
"""

import json
import sys
from pathlib import Path

import torch
import whisper

ROOT = Path(__file__).resolve().parents[2]
CLIP = "sonnet1.mp3"
PROMPT = "shakespeare sonnets read aloud no capitals no commas"
LONG = " ".join(f"{n} bottles of beer on the wall," for n in range(99, 60, -1))  # more than fits
CASES = [
    {"initialPrompt": PROMPT},
    {"initialPrompt": PROMPT, "carryInitialPrompt": True},
    {"initialPrompt": PROMPT, "conditionOnPreviousText": False},
    {"initialPrompt": PROMPT, "carryInitialPrompt": True, "conditionOnPreviousText": False},
    {"initialPrompt": LONG},
]
NAMES = {
    "initialPrompt": "initial_prompt",
    "carryInitialPrompt": "carry_initial_prompt",
    "conditionOnPreviousText": "condition_on_previous_text",
}

torch.set_num_threads(2)
model = whisper.load_model(sys.argv[1]).float()
cases = []
for options in CASES:
    selected = {NAMES[name]: value for name, value in options.items()}
    result = model.transcribe(str(ROOT / "assets/speech" / CLIP), language="en", temperature=0.0, fp16=False, **selected)
    tokens = [token for segment in result["segments"] for token in segment["tokens"]]
    cases.append({"options": options, "text": result["text"], "tokens": tokens})
    print(options, result["text"][:300], "…", result["text"][-200:])
out = {"whisper": whisper.__version__, "clip": CLIP, "cases": cases}
(ROOT / "test/fixtures/whisper/prompts.json").write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n")
