#!/usr/bin/env python3
"""Encodes clips with Opus, and rates speech with DNSMOS P.835, for `npm run bench -- codec-quality`.

    ./setup.sh mos                            .venv-mos: speechmos (its ONNX models are in the package), PyAV with libopus
    .venv-mos/bin/python codec-quality.py     a job a line on stdin, a result a line on stdout, both JSON

{"do": "opus", "file": 16 kHz WAV, "kbps": target, "out": WAV}   → {"bytes": of all packets, without a container}
{"do": "rate", "file": 16 kHz WAV}                               → {"ovrl", "sig", "bak": 1 … 5}
"""

import io
import json
import sys

import av
import numpy as np
import soundfile

RATE = 16_000
# The longest frames, which suit low rates most, and libopus' own choice of everything else.
OPTIONS = {"application": "voip", "frame_duration": "60", "vbr": "on", "compression_level": "10"}


def opus(file, kbps, out):
    samples, rate = soundfile.read(file, dtype="int16")
    assert rate == RATE and samples.ndim == 1
    data = io.BytesIO()
    total = 0
    with av.open(data, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE, layout="mono", options=OPTIONS)
        stream.bit_rate = round(1000 * kbps)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            total += packet.size
            container.mux(packet)
    data.seek(0)
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    parts = []
    with av.open(data) as container:
        for frame in container.decode(audio=0):
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
    parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    soundfile.write(out, np.concatenate(parts)[: len(samples)], RATE, subtype="PCM_16")
    return {"bytes": total}


def rate(file):
    from speechmos import dnsmos  # it takes seconds, and Opus does not need it

    samples, sample_rate = soundfile.read(file, dtype="float32")
    found = dnsmos.run(np.clip(samples, -1, 1), sample_rate)
    return {name: float(found[f"{name}_mos"]) for name in ("ovrl", "sig", "bak")}


if __name__ == "__main__":
    for line in sys.stdin:
        job = json.loads(line)
        do = job.pop("do")
        print(json.dumps({"opus": opus, "rate": rate}[do](**job)), flush=True)
