#!/usr/bin/env python3
"""Writes words with times from the references (test/fixtures/whisper/words-NAME.json).

    .venv-torch/bin/python make-word-fixtures.py openai NAME MODEL_DIR SPEECH_DIR [--long 2]     openai-whisper, torch
    .venv/bin/python       make-word-fixtures.py mlx    NAME MODEL_DIR SPEECH_DIR [--long 2]     mlx-whisper, with LD_PRELOAD=.venv/front-blas.so on Linux

    .venv-torch/bin/python make-word-fixtures.py heads                                           alignment heads of all released models (alignment-heads.json)

Both use float32 and the same weights. The output has the segments of each window as the reference passes them to its word
timing, and the result, so that Sotto can align the same tokens. Of clips longer than a window it has the first --long
windows. Only 16 kHz mono FLAC clips of a manifest's open part, and only those in CLIPS.
"""

import argparse
import copy
import hashlib
import json
import sys
from importlib import import_module
from pathlib import Path

import soundfile

OUT = Path(__file__).resolve().parent.parent / "fixtures" / "whisper"
CLIPS = [
    "en-leopard", "de-leopard", "fr-leopard", "pt-leopard", "ja-leopard", "sv-nst-3", "es-librivox-notice", "austen-0870", "austen-0880",
    "libri-1688-142285-0000", "libri-1688-142285-0006", "libri-1995-1837-0001", "libri-1998-15444-0002",
    "libri-2033-164914-0006", "libri-2609-156975-0007", "libri-6930-75918-0000", "lj-002-0035", "lj-050-0131",
    "spontaneous-cold", "three-speakers-leopard", "digits-vosk", "music-under-10db-1998-15444-0000",
    "longform-libri-open", "long-pause-35s-open", "radio-apollo11",
]  # fmt: skip


def openai_backend(folder):
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("transcribe_openai", Path(__file__).with_name("transcribe-openai.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    import torch

    torch.set_num_threads(2)
    whisper = module.load_mlx_folder(folder)
    loop = import_module("whisper.transcribe")
    return loop, not whisper.is_multilingual, lambda samples, **options: loop.transcribe(whisper, samples, **options)


def mlx_backend(folder):
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("make_whisper_fixtures", Path(__file__).with_name("make-whisper-fixtures.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    whisper = module.load(Path(folder))
    # mlx-whisper reads a checkpoint's own heads, which `load` leaves in place, only if it is loaded by name.
    loop = import_module("mlx_whisper.transcribe")
    loop.ModelHolder.model, loop.ModelHolder.model_path = whisper, "held"
    return loop, not whisper.is_multilingual, lambda samples, **o: loop.transcribe(samples, path_or_hf_repo="held", **o)


def heads():
    """openai-whisper's table, with the shape of each model."""
    import base64
    import gzip

    import numpy as np
    from whisper import _ALIGNMENT_HEADS

    layers_heads = {"tiny": (4, 6), "base": (6, 8), "small": (12, 12), "medium": (24, 16), "large": (32, 20), "turbo": (4, 20)}
    out = {}
    for name, dump in _ALIGNMENT_HEADS.items():
        size = "turbo" if "turbo" in name else name.split("-")[0].split(".")[0]
        layers, count = layers_heads[size]
        mask = np.frombuffer(gzip.decompress(base64.b85decode(dump)), dtype=bool).reshape(layers, count)
        out[name] = {
            "shape": {
                "nAudioLayer": 32 if size == "turbo" else layers, "nTextLayer": layers, "nTextHead": count,
                "nMels": 128 if size == "turbo" or name in ("large", "large-v3") else 80, "isMultilingual": not name.endswith(".en"),
            },
            "heads": np.argwhere(mask).tolist(),
        }  # fmt: skip
    (OUT / "alignment-heads.json").write_text(json.dumps(out, separators=(",", ":")).replace('},"', '},\n"') + "\n")


class Enough(Exception):
    pass


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("backend", choices=["openai", "mlx"])
    ap.add_argument("name")
    ap.add_argument("model")
    ap.add_argument("speech")
    ap.add_argument("--long", type=int, default=2)
    ap.add_argument("--clips", nargs="*", default=CLIPS)
    args = ap.parse_args()
    loop, english_only, transcribe = (openai_backend if args.backend == "openai" else mlx_backend)(args.model)

    original, windows = loop.add_word_timestamps, []

    def recording(**given):
        if len(windows) >= args.long:
            raise Enough
        segments = given["segments"]
        before = [{k: s[k] for k in ("start", "end", "text", "tokens")} for s in copy.deepcopy(segments)]
        original(**given)
        windows.append({
            "seek": segments[0]["seek"], "audioFrames": given["num_frames"], "lastSpeech": round(given["last_speech_timestamp"], 2),
            "segments": [
                {
                    "start": round(b["start"], 2), "end": round(b["end"], 2), "text": b["text"], "tokens": [int(t) for t in b["tokens"]],
                    "placed": [round(s["start"], 2), round(s["end"], 2)],
                    "words": [[w["word"], round(float(w["start"]), 2), round(float(w["end"]), 2), round(float(w["probability"]), 4)] for w in s["words"]],
                }
                for b, s in zip(before, segments) if b["text"].strip()
            ],
        })  # fmt: skip

    loop.add_word_timestamps = recording
    manifest = [json.loads(line) for line in (Path(args.speech) / "manifest.jsonl").read_text().splitlines()]
    out = []
    for clip in manifest:
        language = clip.get("language")
        if clip["id"] not in args.clips or clip.get("split", "open") != "open" or not language:
            continue
        path = Path(args.speech) / clip["file"]
        if not path.name.endswith(".flac") or (english_only and language != "en"):
            continue
        samples, rate = soundfile.read(path, dtype="float32")
        if rate != 16000 or samples.ndim != 1:
            continue
        windows.clear()
        try:
            transcribe(samples, language=language, temperature=0.0, fp16=False, word_timestamps=True, verbose=None)
        except Enough:
            pass
        out.append({
            "id": clip["id"], "file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "language": language,
            "windows": [w for w in windows if w["segments"]],
        })  # fmt: skip
        print(clip["id"], sum(len(s["words"]) for w in windows for s in w["segments"]), "words", flush=True)
    (OUT / f"words-{args.name}.json").write_text(
        json.dumps({"model": args.name, "reference": args.backend, "clips": out}, ensure_ascii=False, separators=(",", ":"))
        .replace('{"id"', '\n{"id"').replace('{"start"', '\n{"start"') + "\n"
    )


if __name__ == "__main__":
    heads() if sys.argv[1:] == ["heads"] else main()
