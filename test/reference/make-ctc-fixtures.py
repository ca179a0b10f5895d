#!/usr/bin/env python3
"""Writes what torchaudio's forced_align and pyctcdecode's beam search make of random emissions, for test/models/ctc.

    test/reference/.venv-ctc/bin/python test/reference/make-ctc-fixtures.py

.venv-ctc: pip install torch torchaudio pyctcdecode numpy. The emissions are rounded before both sides read them.
"""

import json
import math
from pathlib import Path

import torch

torch.version.cuda = None  # torchaudio refuses another CUDA version than torch's; only the CPU is used
import torchaudio
from pyctcdecode import build_ctcdecoder
from torchaudio.functional import forced_align, merge_tokens

ROOT = Path(__file__).resolve().parents[2]
LETTERS = "abcdefghij"


def emissions(frames, classes, sharpness, generator):
    logits = torch.randn(frames, classes, generator=generator) * sharpness
    return (logits.log_softmax(-1) * 1e4).round() / 1e4


def aligned(frames, tokens, classes, blank, seed, sharpness=2.0, repeats=False):
    generator = torch.Generator().manual_seed(seed)
    logprobs = emissions(frames, classes, sharpness, generator)
    ids = [i for i in range(classes) if i != blank]
    picks = torch.randint(len(ids), (tokens,), generator=generator).tolist()
    target = [ids[i] for i in picks]
    if repeats:
        target = [target[i // 2 * 2] for i in range(tokens)]
    path, scores = forced_align(logprobs[None], torch.tensor([target]), blank=blank)
    spans = merge_tokens(path[0], scores[0], blank=blank)
    assert [s.token for s in spans] == target
    return {
        "blank": blank, "classes": classes, "tokens": target,
        "logprobs": [round(x, 4) for x in logprobs.flatten().tolist()],
        "spans": [[s.token, s.start, s.end, round(s.score, 5)] for s in spans],
    }


def beam(frames, classes, seed, sharpness):
    generator = torch.Generator().manual_seed(seed)
    logprobs = emissions(frames, classes, sharpness, generator)
    decoder = build_ctcdecoder([""] + list(LETTERS[: classes - 1]))
    beams = decoder.decode_beams(
        logprobs.numpy(), beam_width=5000, beam_prune_logp=-1000.0, token_min_logp=-1000.0, prune_history=False
    )
    texts = [(b[0], float(b[3])) for b in beams]
    return {
        "classes": classes,
        "logprobs": [round(x, 4) for x in logprobs.flatten().tolist()],
        # pyctcdecode drops texts that it can't split into words; the empty one is not comparable.
        "best": [[[LETTERS.index(c) + 1 for c in text], round(score, 4)] for text, score in texts[:8]],
    }


out = {
    "torchaudio": torchaudio.__version__,
    "aligned": [
        aligned(20, 6, 5, 0, 1),
        aligned(40, 12, 6, 5, 2),
        aligned(24, 8, 4, 2, 3, repeats=True),
        aligned(15, 8, 3, 0, 4, repeats=True),  # no frame to spare
        aligned(60, 1, 4, 0, 5),
        aligned(80, 30, 8, 0, 6, sharpness=0.5),
    ],
    "beams": [beam(6, 4, 11, 1.0), beam(8, 3, 12, 1.5), beam(5, 6, 13, 0.7)],
}
assert all(math.isfinite(score) for case in out["beams"] for _, score in case["best"])
(ROOT / "test/fixtures/ctc.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
print(len(out["aligned"]), "alignments,", len(out["beams"]), "beams")
