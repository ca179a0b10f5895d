#!/usr/bin/env python3
"""Transcribes with a peer and any settings, for `npm run bench -- quality`, which calls it and reads the output.

    .venv-torch/bin/python transcribe-peer.py openai-whisper WEIGHTS.pt JOBS.jsonl [THREADS]
    .venv-ct2/bin/python   transcribe-peer.py faster-whisper CT2_DIR    JOBS.jsonl [THREADS]

A job is {"file", "language", "settings": {...}, "out"}: `settings` are the other arguments of the library's transcribe();
`file` is raw mono float32 at 16 kHz (.f32), or any other file, which the library decodes. The transcript is written to `out`
as {"text", "segments": [[start, end, text, temperature]...], "seconds", "version"}. Jobs whose `out` exists are skipped, so
an interrupted run can be resumed. float32; seeds are set for each job.
"""

import atexit
import json
import os
import shutil
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np


def provide_ffmpeg():
    """openai-whisper decodes files with a program of this name; imageio-ffmpeg brings one under another."""
    if shutil.which("ffmpeg"):
        return
    import imageio_ffmpeg

    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    os.symlink(imageio_ffmpeg.get_ffmpeg_exe(), os.path.join(folder, "ffmpeg"))
    os.environ["PATH"] = folder + os.pathsep + os.environ["PATH"]


def openai_whisper(weights, threads):
    import torch
    import whisper

    provide_ffmpeg()
    torch.set_num_threads(threads)
    model = whisper.load_model(weights, device="cpu")

    def transcribe(audio, language, settings):
        torch.manual_seed(0)
        settings = {key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()}
        result = whisper.transcribe(model, audio, language=language, fp16=False, verbose=None, **settings)
        segments = [[s["start"], s["end"], s["text"], s["temperature"]] for s in result["segments"]]
        return result["text"], segments

    return transcribe


def faster_whisper(weights, threads):
    import ctranslate2
    from faster_whisper import WhisperModel

    model = WhisperModel(weights, device="cpu", compute_type="float32", cpu_threads=threads)

    def transcribe(audio, language, settings):
        ctranslate2.set_random_seed(0)
        segments, _ = model.transcribe(audio, language=language, **settings)
        segments = [[s.start, s.end, s.text, s.temperature] for s in segments]
        return "".join(segment[2] for segment in segments), segments

    return transcribe


PEERS = {"openai-whisper": openai_whisper, "faster-whisper": faster_whisper}


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    name, weights, jobs, threads = *sys.argv[1:4], int(sys.argv[4]) if len(sys.argv) > 4 else 2
    transcribe = PEERS[name](weights, threads)
    jobs = [json.loads(line) for line in open(jobs, encoding="utf-8") if line.strip()]
    for n, job in enumerate(jobs, 1):
        out = Path(job["out"])
        if out.exists():
            continue
        audio = np.fromfile(job["file"], np.float32) if job["file"].endswith(".f32") else job["file"]
        begin = time.perf_counter()
        text, segments = transcribe(audio, job["language"], job["settings"])
        row = {"text": text, "segments": segments, "seconds": round(time.perf_counter() - begin, 2), "version": version(name)}
        out.parent.mkdir(parents=True, exist_ok=True)
        half = out.with_suffix(f".{os.getpid()}.part")
        half.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
        half.replace(out)
        print(f"{name} {n}/{len(jobs)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
