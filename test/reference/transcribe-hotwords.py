#!/usr/bin/env python3
"""Transcribes with faster-whisper, with and without its hotwords, for `npm run bench -- hotwords` (which calls it).

    .venv-ct2/bin/python transcribe-hotwords.py CT2_DIR JOBS.json OUT.jsonl

JOBS is {"clips": [{"id", "file", "language"}], "lists": {NAME: [WORD, ...]}}; a file is raw float32 at 16 kHz. Greedy at
temperature 0, float32, without voice activity detection; two threads, or $OMP_NUM_THREADS (one on a busy machine).
faster-whisper's hotwords are a prompt for each window, with as many tokens as fit.
"""

import json
import os
import sys

import numpy as np
from faster_whisper import WhisperModel


def main(folder, jobs_path, out):
    model = WhisperModel(folder, device="cpu", compute_type="float32", cpu_threads=int(os.environ.get("OMP_NUM_THREADS", "2")))
    jobs = json.load(open(jobs_path))
    with open(out, "w") as file:
        for clip in jobs["clips"]:
            samples = np.fromfile(clip["file"], dtype=np.float32)
            texts = {}
            for name, words in jobs["lists"].items():
                segments, _ = model.transcribe(
                    samples, language=clip["language"], beam_size=1, best_of=1, temperature=0.0, vad_filter=False,
                    condition_on_previous_text=False, hotwords=", ".join(words) or None,
                )  # fmt: skip
                texts[name] = "".join(segment.text for segment in segments)
            file.write(json.dumps({"id": clip["id"], "texts": texts}, ensure_ascii=False) + "\n")
            file.flush()


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
