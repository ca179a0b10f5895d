#!/usr/bin/env python3
"""faster-whisper on speech in several languages: transcribe-languages.py WEIGHTS OUT.jsonl JOBS.jsonl

A job is {"name", "file": raw mono float32 at 16 kHz, "multilingual": bool, "windows": language_detection_segments,
"detectOnly": bool}; a row of the output {"name", "language", "seconds", "segments": [{"start", "end", "text", "language"}]}.
Greedy, temperature 0, no text carried from window to window (it would lead on in the language before), otherwise its own
defaults. Its segments do not tell their language: what is noted is what its model last said before it gave them.
"""

import json
import sys
import time

import numpy as np
from faster_whisper import WhisperModel


class Listening:
    """The CTranslate2 model, which remembers the language that it detected last."""

    def __init__(self, model):
        self._model, self.last = model, None

    def __getattr__(self, name):
        return getattr(self._model, name)

    def detect_language(self, features):
        found = self._model.detect_language(features)
        self.last = found[0][0][0].strip("<|>")
        return found


weights, out, jobs = sys.argv[1:]
model = WhisperModel(weights, device="cpu", compute_type="float32", cpu_threads=2)
model.model = Listening(model.model)
with open(out, "w", encoding="utf-8") as rows, open(jobs, encoding="utf-8") as lines:
    for job in map(json.loads, lines):
        samples = np.fromfile(job["file"], np.float32)
        begin = time.perf_counter()
        segments, info = model.transcribe(
            samples, multilingual=job["multilingual"], language_detection_segments=job.get("windows", 1),
            beam_size=1, best_of=1, temperature=0.0, condition_on_previous_text=False,
        )  # fmt: skip
        heard = []
        for segment in [] if job.get("detectOnly") else segments:
            language = model.model.last if job["multilingual"] else info.language
            heard.append({"start": segment.start, "end": segment.end, "text": segment.text, "language": language})
        seconds = time.perf_counter() - begin
        rows.write(json.dumps({"name": job["name"], "language": info.language, "seconds": seconds, "segments": heard}) + "\n")
