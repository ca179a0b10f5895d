#!/usr/bin/env python3
"""Runs a peer in a separate process, with requests as JSON lines: worker.py PEER WEIGHTS THREADS [defaults]

    {"op": "info"}                               -> {"versions": {...}, "settings": "..."}
    {"op": "transcribe", "file", "language"}     -> {"text", "tokens": count or null}
    {"op": "micro", "file", "language"}          -> {"encodeSeconds": a full 30 s window, "tokenSeconds"}: minimum of three
    {"op": "memory"}                             -> {"peakBytes"}
    any failure                                  -> {"error"}

`file` is raw mono float32 at 16 kHz, so that decoding of files is not timed. All programs have the same settings: greedy,
temperature 0 only, fixed language, timestamps, no conditioning on previous text, no voice activity detection. With
`defaults`, faster-whisper has its own defaults instead (five beams, fallback temperatures, previous text).
test/bench/contender-worker.ts answers the same requests with Sotto.
"""

import json
import os
import re
import resource
import sys
import tempfile
import time
from importlib.metadata import version

import numpy as np

REPEAT = 3
PROMPT = [50258, 50259, 50359, 50363]  # multilingual: start, English, transcribe, no timestamps
ANY_TOKEN = 400
STEPS = 64


def clock(work):
    """(seconds, result)"""
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def minimum(measure):
    """The minimum of each figure that `measure` returns."""
    laps = [measure() for _ in range(REPEAT)]
    return {name: min(lap[name] for lap in laps) for name in laps[0]}


class FasterWhisper:
    packages = ["faster-whisper", "ctranslate2"]
    greedy = dict(beam_size=1, best_of=1, temperature=0.0, condition_on_previous_text=False, vad_filter=False)

    def __init__(self, weights, threads, compute):
        from faster_whisper import WhisperModel

        self.model = WhisperModel(weights, device="cpu", compute_type=compute, cpu_threads=threads)
        self.settings = f"{compute}, {threads} threads"

    def transcribe(self, samples, language):
        segments, _ = self.model.transcribe(samples, language=language, **self.greedy)
        segments = list(segments)  # the generator decodes
        return "".join(segment.text for segment in segments), sum(len(segment.tokens) for segment in segments)

    def micro(self, samples, language):
        mel = self.model.feature_extractor(samples)[:, :3000]
        mel = np.pad(mel, ((0, 0), (0, 3000 - mel.shape[1])))

        def lap():
            encode, encoded = clock(lambda: self.model.encode(mel))
            generate = lambda length: self.model.model.generate(
                encoded, [PROMPT], beam_size=1, max_length=length, suppress_tokens=[50257], suppress_blank=False
            )
            (short, a), (long, b) = (clock(lambda: generate(length)) for length in (8, 8 + STEPS))
            return {
                "encodeSeconds": encode,
                "tokenSeconds": (long - short) / (len(b[0].sequences_ids[0]) - len(a[0].sequences_ids[0])),
            }

        return minimum(lap)


class WhisperCpp:
    packages = ["pywhispercpp"]

    def __init__(self, weights, threads):
        from pywhispercpp.model import Model

        self.model = Model(
            weights, n_threads=threads, print_progress=False, greedy={"best_of": 1}, temperature=0.0,
            temperature_inc=0.0, no_context=True, suppress_nst=True,
        )  # fmt: skip
        self.settings = f"q8_0, {threads} threads; {Model.system_info()}"

    def transcribe(self, samples, language):
        return " ".join(segment.text for segment in self.model.transcribe(samples, language=language)), None

    def micro(self, samples, language):
        """Uses the library's own timings, printed to stderr: means of the runs."""
        import _pywhispercpp

        _pywhispercpp.whisper_reset_timings(self.model._ctx)
        with tempfile.TemporaryFile() as file:
            stderr = os.dup(2)
            os.dup2(file.fileno(), 2)
            try:
                for _ in range(REPEAT):
                    self.transcribe(samples, language)
                self.model.print_timings()
            finally:
                os.dup2(stderr, 2)
            file.seek(0)
            printed = file.read().decode(errors="replace")

        def per_run(what):
            ms, runs = re.search(rf"{what} time =\s*([\d.]+) ms /\s*(\d+) runs", printed).groups()
            return float(ms) / int(runs) / 1000

        return {"encodeSeconds": per_run("encode"), "tokenSeconds": per_run("decode")}


class OpenAIWhisper:
    packages = ["openai-whisper", "torch"]

    def __init__(self, weights, threads):
        import torch
        import whisper

        torch.set_num_threads(threads)
        self.torch, self.whisper = torch, whisper
        self.model = whisper.load_model(weights, device="cpu")
        self.settings = f"float32, {threads} threads"

    def transcribe(self, samples, language):
        result = self.whisper.transcribe(
            self.model, samples, language=language, temperature=0.0, condition_on_previous_text=False, fp16=False
        )
        return result["text"], sum(len(segment["tokens"]) for segment in result["segments"])

    def micro(self, samples, language):
        torch, model = self.torch, self.model
        mel = self.whisper.log_mel_spectrogram(self.whisper.pad_or_trim(samples))[None]

        @torch.no_grad()
        def lap():
            encode, encoded = clock(lambda: model.encoder(mel))
            cache, hooks = model.install_kv_cache_hooks()
            step = lambda tokens: model.decoder(torch.tensor([tokens]), encoded, kv_cache=cache)
            step(PROMPT)
            seconds, _ = clock(lambda: [step([ANY_TOKEN]) for _ in range(STEPS)])
            for hook in hooks:
                hook.remove()
            return {"encodeSeconds": encode, "tokenSeconds": seconds / STEPS}

        return minimum(lap)


class MlxWhisper:
    packages = ["mlx-whisper", "mlx"]

    def __init__(self, weights, threads):
        import mlx.core as mx
        import mlx_whisper
        from mlx.utils import tree_map
        from mlx_whisper.transcribe import ModelHolder

        self.mx, self.library, self.folder = mx, mlx_whisper, weights
        self.model = ModelHolder.get_model(weights, mx.float32)
        # fp16=False alone leaves the weights in float16, which has no fast path on a CPU.
        widen = lambda p: p.astype(mx.float32) if p.dtype == mx.float16 else p
        self.model.update(tree_map(widen, self.model.parameters()))
        mx.eval(self.model.parameters())
        self.settings = f"float32 weights and activations, OpenBLAS in front, {threads} threads"

    def transcribe(self, samples, language):
        result = self.library.transcribe(
            samples, path_or_hf_repo=self.folder, language=language, temperature=0.0,
            condition_on_previous_text=False, fp16=False, verbose=None,
        )  # fmt: skip
        return result["text"], sum(len(segment["tokens"]) for segment in result["segments"])

    def micro(self, samples, language):
        from mlx_whisper.audio import log_mel_spectrogram, pad_or_trim

        mx, model = self.mx, self.model
        mel = log_mel_spectrogram(pad_or_trim(mx.array(samples)))[None]
        mx.eval(mel)

        def lap():
            encoded = None

            def encode():
                nonlocal encoded
                encoded = model.encoder(mel)
                mx.eval(encoded)

            def decode(tokens, cache):
                logits, cache, _ = model.decoder(mx.array([tokens]), encoded, kv_cache=cache)
                mx.eval(logits, cache)
                return cache

            seconds, _ = clock(encode)
            cache = decode(PROMPT, None)
            begin = time.perf_counter()
            for _ in range(STEPS):
                cache = decode([ANY_TOKEN], cache)
            return {"encodeSeconds": seconds, "tokenSeconds": (time.perf_counter() - begin) / STEPS}

        return minimum(lap)


PEERS = {
    "faster-whisper-int8": lambda weights, threads: FasterWhisper(weights, threads, "int8"),
    "faster-whisper-float32": lambda weights, threads: FasterWhisper(weights, threads, "float32"),
    "whisper.cpp": WhisperCpp,
    "openai-whisper": OpenAIWhisper,
    "mlx-whisper": MlxWhisper,
}


def peak_bytes():
    """Peak resident size. getrusage on Linux would include the parent's memory from before this program was loaded."""
    try:
        with open("/proc/self/status") as status:
            return 1024 * int(re.search(r"VmHWM:\s*(\d+)", status.read())[1])
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


def answer(peer, question):
    if question["op"] == "info":
        return {"versions": {name: version(name) for name in peer.packages}, "settings": peer.settings}
    if question["op"] == "memory":
        return {"peakBytes": peak_bytes()}
    samples = np.fromfile(question["file"], np.float32)
    if question["op"] == "micro":
        return peer.micro(samples, question["language"])
    text, tokens = peer.transcribe(samples, question["language"])
    return {"text": text, "tokens": tokens}


def main():
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # output of the libraries goes to stderr
    name, weights, threads, *flags = sys.argv[1:]
    peer = PEERS[name](weights, int(threads))
    if "defaults" in flags:
        peer.greedy = {}
    for line in sys.stdin:
        try:
            reply = answer(peer, json.loads(line))
        except Exception as error:  # the bench reports it and continues with the other contenders
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies)


if __name__ == "__main__":
    main()
