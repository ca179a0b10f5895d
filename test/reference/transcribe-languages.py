#!/usr/bin/env python3
"""Transcribes speech in several languages with faster-whisper: transcribe-languages.py WEIGHTS OUT.jsonl JOBS.jsonl

A job is {"name", "file": raw mono float32 at 16 kHz, "multilingual": bool, "windows": language_detection_segments,
"detectOnly": bool}; a row of the output {"name", "language", "seconds", "segments": [{"start", "end", "text", "language"}]}.
Greedy, temperature 0, no conditioning on previous text (which would keep the previous language), otherwise its defaults.
Its segments have no language, so each gets the one that the model detected last.
"""

import json
import sys
import time

import numpy as np
from faster_whisper import WhisperModel


class Listening:
    """The CTranslate2 model, which records the language that it detected last."""

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
        segments_out = []
        for segment in [] if job.get("detectOnly") else segments:
            language = model.model.last if job["multilingual"] else info.language
            segments_out.append({"start": segment.start, "end": segment.end, "text": segment.text, "language": language})
        seconds = time.perf_counter() - begin
        rows.write(json.dumps({"name": job["name"], "language": info.language, "seconds": seconds, "segments": segments_out}) + "\n")
