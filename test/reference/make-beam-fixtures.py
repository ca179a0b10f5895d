#!/usr/bin/env python3
"""Writes results of openai/whisper's beam search on some clips, for test/models/beam.test.ts.

    test/reference/.venv-torch/bin/python test/reference/make-beam-fixtures.py BASE.pt

test/bench/peers/setup.sh converts BASE.pt from the float16 folder (.weights-peers/base.pt). Computed in float32, without
fallback, with a fixed language and timestamps.
"""

import json
import sys
from pathlib import Path

import torch
import whisper

ROOT = Path(__file__).resolve().parents[2]
CLIPS = {"jfk.flac": "en", "austen-0880.flac": "en", "austen-0930.flac": "en", "es-librivox-notice.flac": "es"}
SETTINGS = [{"beamSize": 5}, {"beamSize": 3, "patience": 2}, {"beamSize": 4, "lengthPenalty": 0.6}]
NAMES = {"beamSize": "beam_size", "patience": "patience", "lengthPenalty": "length_penalty"}

torch.set_num_threads(2)
model = whisper.load_model(sys.argv[1]).float()
cases = []
for file, language in CLIPS.items():
    audio = whisper.pad_or_trim(whisper.load_audio(str(ROOT / "assets/speech" / file)))
    mel = whisper.log_mel_spectrogram(audio, model.dims.n_mels)
    for setting in SETTINGS:
        selected = {NAMES[name]: value for name, value in setting.items()}
        result = model.decode(mel, whisper.DecodingOptions(language=language, temperature=0.0, fp16=False, **selected))
        cases.append({"clip": file, "language": language, "setting": setting, "tokens": result.tokens,
                      "avgLogprob": round(result.avg_logprob, 5), "text": result.text})
out = {"whisper": whisper.__version__, "cases": cases}
(ROOT / "test/fixtures/whisper/beams.json").write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n")
print(f"{len(cases)} cases")
