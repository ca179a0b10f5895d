#!/usr/bin/env python3
"""Writes test/fixtures/vad.json: probabilities of Silero VAD's own package for clips, frame by frame, and the speech
segments that its `get_speech_timestamps` finds in them and in synthetic probabilities.

    .venv-vad/bin/python make-vad-fixtures.py          # environment: see convert-vad.py

Clips are 16 kHz mono FLAC files, from assets/speech (`repository`) and the folder that clips.py finds (`shared`), or
sounds of integers and sines that test/audio/vad/synthetic-audio.ts computes too (`made`). `samples` and `sum` (of the 16-bit
numbers) verify that both sides use the same audio.
"""

import json
import math
import random
import sys
from pathlib import Path

import numpy as np
import soundfile
import torch
from silero_vad import get_speech_timestamps, load_silero_vad
from silero_vad.utils_vad import get_speech_timestamps_from_probs

import clips

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "test/fixtures/vad.json"
RATE = 16000
REPOSITORY = ["jfk.flac", "austen-0870.flac", "austen-0880.flac", "es-librivox-notice.flac"]
SHARED = [
    "silence-digital-30s.flac",
    "music-bbb-5s.flac",
    "music-under-10db-1998-15444-0000.flac",
    "noise-pink-10db-2033-164914-0006.flac",
    "long-pause-35s-open.flac",
    "three-speakers-leopard.flac",
]
# Silero's defaults, faster-whisper's for files, and others that cover every branch.
SETTINGS = [
    {},
    {"min_silence_duration_ms": 2000, "speech_pad_ms": 400},
    {"min_silence_duration_ms": 100, "speech_pad_ms": 400, "min_speech_duration_ms": 0},
    {"min_silence_duration_ms": 0, "speech_pad_ms": 0, "min_speech_duration_ms": 500},
    {"min_silence_duration_ms": 2000, "speech_pad_ms": 400, "max_speech_duration_s": 5},
    {"threshold": 0.9, "neg_threshold": 0.85, "max_speech_duration_s": 1.5, "speech_pad_ms": 100},
]


def seconds(count):
    return range(int(RATE * count))


def noise(count, amplitude):
    """Numerical Recipes' generator, its upper 16 bits."""
    state, out = 1, []
    for _ in seconds(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append(math.floor(((state >> 16) - 32768) * amplitude / 32768))
    return out


def tones(count, amplitude, frequencies, decay=0.0):
    def at(n):
        t = n / RATE
        fade = math.exp(-decay * (t % 1))
        return amplitude * fade * sum(math.sin(2 * math.pi * f * t) for f in frequencies) / len(frequencies)

    return [math.floor(at(n) + 0.5) for n in seconds(count)]


MADE = {
    "silence": [0] * (RATE * 2),
    "room": noise(3, 60),
    "hum": tones(3, 3000, [50, 100, 150, 250]),
    "chords": tones(4, 12000, [261.63, 329.63, 392.0, 523.25], decay=3.0),
    "burst": noise(0.5, 20) + noise(0.2, 20000) + noise(0.8123, 20),
    "short": noise(0.02, 3000),
}


def decimals(values, digits):
    return [round(float(v), digits) for v in values]


def case(model, name, origin, audio16):
    audio = torch.from_numpy(np.asarray(audio16, np.int16).astype(np.float32) / 32768)
    model.reset_states()
    probabilities = []
    for start in range(0, len(audio), 512):
        frame = audio[start : start + 512]
        probabilities.append(model(torch.nn.functional.pad(frame, (0, 512 - len(frame))), RATE).item())
    cut = [{"options": s, "segments": pairs(get_speech_timestamps(audio, model, **s))} for s in SETTINGS]
    print(f"{origin:10} {name:40} {len(probabilities):5} frames, highest {max(probabilities):.3f}", file=sys.stderr)
    return {
        "name": name,
        "origin": origin,
        "samples": len(audio),
        "sum": int(np.asarray(audio16, np.int64).sum()),
        "probabilities": decimals(probabilities, 7),
        "cut": cut,
    }


def pairs(segments):
    return [[s["start"], s["end"]] for s in segments]


def made_up(rng):
    """Probabilities that change between speech, uncertainty and silence at random times, and random options."""
    probabilities = []
    while len(probabilities) < rng.randint(20, 400):
        level, spread = rng.choice([(0.9, 0.1), (0.42, 0.12), (0.1, 0.1), (0.5, 0.5)])
        probabilities += [min(1, max(0, rng.uniform(level - spread, level + spread))) for _ in range(rng.randint(1, 40))]
    probabilities = decimals(probabilities, 3)
    options = {
        "threshold": rng.choice([0.5, 0.3, 0.8, 0.1]),
        "min_speech_duration_ms": rng.choice([0, 64, 250, 333]),
        "min_silence_duration_ms": rng.choice([0, 50, 100, 640, 2000]),
        "speech_pad_ms": rng.choice([0, 30, 123, 400]),
    }
    if rng.random() < 0.5:
        options["max_speech_duration_s"] = rng.choice([1, 2, 3.3, 6])
    if rng.random() < 0.3:
        options["neg_threshold"] = round(options["threshold"] * rng.random(), 2)
    length = 512 * len(probabilities) - rng.choice([0, 0, 1, 200, 511])
    cut = get_speech_timestamps_from_probs(probabilities, audio_length_samples=length, **options)
    return {"probabilities": probabilities, "samples": length, "options": options, "segments": pairs(cut)}


def read(folder, name):
    samples, rate = soundfile.read(folder / name, dtype="int16")
    assert rate == RATE and samples.ndim == 1, name
    return samples


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    model = load_silero_vad()
    cases = [case(model, name, "made", sound) for name, sound in MADE.items()]
    cases += [case(model, name, "repository", read(ROOT / "assets/speech", name)) for name in REPOSITORY]
    cases += [case(model, name, "shared", read(clips.speech_folder(), name)) for name in SHARED]
    rng = random.Random(20260101)
    made = [made_up(rng) for _ in range(80)]
    lines = ['{"clips":[\n', ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases), '\n],"synthetic":[\n']
    lines += [",\n".join(json.dumps(m, separators=(",", ":")) for m in made), "\n]}\n"]
    OUT.write_text("".join(lines))
