#!/usr/bin/env python3
"""faster-whisper over long files, behind the questions of worker.py: long_form.py WEIGHTS COMPUTE THREADS sequential|BATCH

As it comes but for what the bench asks of all: one beam, temperature 0 alone, voice activity. One after the other it
carries text over and writes timestamps; in batches it does neither, which is what its pipeline does by itself.
"""

import json
import os
import sys
from importlib.metadata import version

import numpy as np


class LongForm:
    def __init__(self, weights, compute, threads, how):
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        self.model = WhisperModel(weights, device="cpu", compute_type=compute, cpu_threads=threads)
        self.settings = f"{compute}, {threads} threads, {how}"
        self.how = {}
        if how != "sequential":
            self.model = BatchedInferencePipeline(model=self.model)
            self.how = {"batch_size": int(how)}
        else:
            self.how = {"vad_filter": True}

    def transcribe(self, samples, language):
        segments, _ = self.model.transcribe(
            samples, language=language, beam_size=1, best_of=1, temperature=0.0, **self.how
        )
        segments = list(segments)  # it decodes while it is read
        return "".join(segment.text for segment in segments), sum(len(segment.tokens) for segment in segments)


def main():
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever the libraries print goes to stderr
    weights, compute, threads, how = sys.argv[1:]
    peer = LongForm(weights, compute, int(threads), how)
    for line in sys.stdin:
        try:
            question = json.loads(line)
            if question["op"] == "info":
                names = ["faster-whisper", "ctranslate2"]
                reply = {"versions": {name: version(name) for name in names}, "settings": peer.settings}
            else:
                text, tokens = peer.transcribe(np.fromfile(question["file"], np.float32), question["language"])
                reply = {"text": text, "tokens": tokens}
        except Exception as error:  # the bench says what it was, and goes on with the others
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies)


if __name__ == "__main__":
    main()
