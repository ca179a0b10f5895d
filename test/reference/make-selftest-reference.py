#!/usr/bin/env python3
"""Writes the reference of `sotto doctor --selftest` (assets/selftest/): mlx-whisper's numbers, in float32 on the CPU.

    make-selftest-reference.py MODEL_DIR CLIP.flac [LANGUAGE]

Run with .venv/bin/python (setup.sh) and LD_PRELOAD=.venv/front-blas.so on Linux. It writes
assets/selftest/MODEL-CLIP.json: for the clip's first window of 30 s, every 75th position and every 8th column of the
encoder's output, and 50 tokens. Each is the most probable token after the previous ones, without timestamps and end of
text, so a clip of any length has 50. `margins` is the difference between the highest and the second logit: two that are
nearly equal may change places in float16.
"""

import hashlib
import json
import sys
from importlib import import_module
from pathlib import Path

import mlx.core as mx
import numpy as np
import soundfile
from mlx_whisper.audio import N_FRAMES, N_SAMPLES, log_mel_spectrogram, pad_or_trim
from mlx_whisper.tokenizer import get_tokenizer

fixtures = import_module("make-whisper-fixtures")
OUT = Path(__file__).resolve().parents[2] / "assets" / "selftest"
POSITION_STEP, COLUMN_STEP, TOKENS = 75, 8, 50


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(folder, clip, language="en"):
    folder, clip = Path(folder), Path(clip)
    whisper = fixtures.load(folder)
    t = get_tokenizer(whisper.is_multilingual, num_languages=whisper.num_languages)
    samples, rate = soundfile.read(clip, dtype="float32")
    assert rate == 16000 and len(samples) <= N_SAMPLES
    spectrogram = log_mel_spectrogram(samples, whisper.dims.n_mels, padding=N_SAMPLES)
    content = spectrogram.shape[0] - N_FRAMES
    features = whisper.encoder(pad_or_trim(spectrogram[:content], N_FRAMES, axis=-2)[None])
    start = [t.sot, t.to_language_token(language), t.transcribe, t.no_timestamps] if whisper.is_multilingual else [t.sot, t.no_timestamps]
    tokens, margins = [], []
    for _ in range(TOKENS):
        logits = np.array(whisper.logits(mx.array([start + tokens]), features)[0, -1])
        logits[t.eot :] = -np.inf  # text alone
        best = int(logits.argmax())
        margins.append(round(float(logits[best] - np.delete(logits, best).max()), 3))
        tokens.append(best)
    print(t.decode(tokens))
    sample = np.array(features[0])[::POSITION_STEP, ::COLUMN_STEP]
    OUT.mkdir(parents=True, exist_ok=True)
    value = {
        "model": folder.name, "weights": sha256(folder / "weights.safetensors"), "clip": clip.name, "audio": sha256(clip),
        "positionStep": POSITION_STEP, "columnStep": COLUMN_STEP, "encoder": fixtures.packed(sample),
        "start": start, "firstSpecial": t.eot, "tokens": tokens, "margins": margins,
    }  # fmt: skip
    (OUT / f"{folder.name}-{clip.stem}.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
