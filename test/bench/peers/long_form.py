#!/usr/bin/env python3
"""Transcribes long files with faster-whisper, with the requests of worker.py:
long_form.py WEIGHTS COMPUTE THREADS sequential|BATCH

Default settings, except for those that the bench gives all programs: one beam, temperature 0 only, voice activity
detection. Sequential mode conditions on previous text and writes timestamps; the batched pipeline does neither by default.
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
        segments = list(segments)  # the generator decodes
        return "".join(segment.text for segment in segments), sum(len(segment.tokens) for segment in segments)


def main():
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # output of the libraries goes to stderr
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
        except Exception as error:  # the bench reports it and continues with the other contenders
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies)


if __name__ == "__main__":
    main()
