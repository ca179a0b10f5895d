"""Runs a streaming peer over JSON lines for streaming-peers.ts: stream_worker.py NAME WEIGHTS SOURCE CHUNK_SECONDS THREADS

{"op":"info"}                     -> {"versions": {...}, "settings": "..."}
{"op":"start","language":"en"}    -> {}
{"op":"step","pcm":"<base64>"}    -> {"committed": "all so far", "tentative": "after it", "seconds": 0.4, "cpu": 0.8}
{"op":"finish"}                   -> the same fields, with the final text

pcm: mono float32 at 16 kHz, all audio since the last step. The loops are those of the projects' own simulations: the
caller waits for CHUNK_SECONDS of audio and then sends all that has arrived. `cpu` counts all threads.
"""

import base64
import json
import os
import sys
import time
import types
from importlib.metadata import version

import numpy as np

answers = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # output of the peers goes to stderr

# Alignment heads of base from the reference: the converted checkpoint does not contain them.
ALIGNMENT_HEADS = ((3, 1), (4, 2), (4, 3), (4, 7), (5, 1), (5, 2), (5, 4), (5, 6))


class WhisperStreaming:
    """LocalAgreement-2 with faster-whisper (ufal/whisper_streaming), started as in its README, but greedy and on the CPU."""

    def __init__(self, weights, source, chunk, threads):
        sys.path.insert(0, source)
        import whisper_online
        from faster_whisper import WhisperModel

        class Recognizer(whisper_online.FasterWhisperASR):
            def load_model(self, *_, **__):
                return WhisperModel(weights, device="cpu", compute_type="int8", cpu_threads=threads)

            def transcribe(self, audio, init_prompt=""):
                segments, _ = self.model.transcribe(
                    audio,
                    language=self.original_language,
                    initial_prompt=init_prompt,
                    beam_size=1,
                    best_of=1,
                    temperature=0.0,
                    word_timestamps=True,
                    condition_on_previous_text=True,
                )
                return list(segments)

        self.library = whisper_online
        self.recognizer = Recognizer("en")
        self.recognizer.transcribe(np.zeros(16000, np.float32))
        self.versions = {name: version(name) for name in ("faster-whisper", "ctranslate2")}
        self.settings = f"int8, greedy, temperature 0, steps of {chunk} s, cut at segments after 15 s, no voice activity"

    def start(self, language):
        self.recognizer.original_language = language
        self.online = self.library.OnlineASRProcessor(self.recognizer, buffer_trimming=("segment", 15))
        self.text = ""

    def step(self, audio):
        self.online.insert_audio_chunk(audio)
        self.text += self.online.process_iter()[2] or ""
        waiting = self.online.to_flush(self.online.transcript_buffer.complete())
        return self.text, waiting[2] or ""

    def finish(self):
        return self.text + (self.online.finish()[2] or "")


class SimulStreaming:
    """AlignAtt on torch (ufal/SimulStreaming) with its defaults, except for the weights, for which it has no word-end model."""

    def __init__(self, weights, source, chunk, threads):
        import torch

        torch.set_num_threads(threads)
        sys.path.insert(0, source)
        import simulstreaming.whisper.simul_whisper.simul_whisper as policy
        import simulstreaming.whisper.simul_whisper.whisper as whisper
        import simulstreaming_whisper

        def load_model(*_, **__):
            stored = torch.load(weights, map_location="cpu")
            model = whisper.model.Whisper(whisper.model.ModelDimensions(**stored["dims"]))
            model.load_state_dict(stored["model_state_dict"])
            mask = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
            for layer, head in ALIGNMENT_HEADS:
                mask[layer, head] = True
            model.register_buffer("alignment_heads", mask.to_sparse(), persistent=False)
            return model.eval()

        policy.load_model = load_model
        options = types.SimpleNamespace(
            log_level="CRITICAL",
            decoder=None,
            beams=1,
            model_path="base.pt",
            cif_ckpt_path=None,
            frame_threshold=25,
            audio_min_len=0.0,
            audio_max_len=30.0,
            task="transcribe",
            never_fire=False,
            init_prompt=None,
            static_init_prompt=None,
            max_context_tokens=None,
            logdir=None,
            lan="en",
            min_chunk_size=chunk,
        )
        self.tensor = torch.from_numpy
        recognizer, self.online = simulstreaming_whisper.simul_asr_factory(options)
        recognizer.warmup(torch.zeros(16000))
        self.recognizer = recognizer
        self.versions = {"torch": version("torch")}
        self.settings = f"float32, greedy, steps of {chunk} s, threshold of 25 frames, no word-end model, no voice activity"

    def start(self, language):
        self.recognizer.model.cfg.language = language
        if hasattr(self.recognizer.model, "create_tokenizer"):
            self.recognizer.model.create_tokenizer(language)
            self.recognizer.model.init_tokens()
        self.online.init()
        self.recognizer.model.refresh_segment(complete=True)
        self.text = ""

    def step(self, audio):
        self.online.insert_audio_chunk(audio)
        self.text += self.online.process_iter().get("text", "")
        return self.text, ""

    def finish(self):
        return self.text + self.online.finish().get("text", "")


PEERS = {"whisper_streaming": WhisperStreaming, "simulstreaming": SimulStreaming}


def main():
    import logging

    logging.disable(logging.CRITICAL)
    name, weights, source, chunk, threads = sys.argv[1:]
    peer = PEERS[name](weights, source, float(chunk), int(threads))

    def timed(work):
        start, cpu = time.perf_counter(), time.process_time()
        committed, tentative = work()
        elapsed = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
        return {"committed": committed, "tentative": tentative, **elapsed}

    for line in sys.stdin:
        question = json.loads(line)
        if question["op"] == "info":
            answer = {"versions": peer.versions, "settings": peer.settings}
        elif question["op"] == "start":
            peer.start(question["language"])
            answer = {}
        elif question["op"] == "step":
            samples = np.frombuffer(base64.b64decode(question["pcm"]), np.float32)
            answer = timed(lambda: peer.step(samples))
        else:
            answer = timed(lambda: (peer.finish(), ""))
        print(json.dumps(answer), file=answers)


main()
os._exit(0)  # threads of some libraries never end
