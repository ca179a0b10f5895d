#!/usr/bin/env python3
"""Writes a reference's words with times as JSON lines, for `npm run bench -- words` (which calls it).

    .venv-torch/bin/python word-times.py openai         MODEL_DIR OUT.jsonl CLIP_ID...
    .venv-ct2/bin/python   word-times.py faster-whisper CT2_DIR   OUT.jsonl CLIP_ID...

Both greedy at temperature 0, float32, without voice activity detection, with the clip's language.
"""

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from clips import audio, manifest


def openai(folder):
    import whisper

    spec = spec_from_file_location("transcribe_openai", Path(__file__).with_name("transcribe-openai.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.load_mlx_folder(folder)

    def words(samples, language):
        result = whisper.transcribe(
            model, samples, language=language, temperature=0.0, fp16=False, word_timestamps=True, verbose=None,
            condition_on_previous_text=False,
        )  # fmt: skip
        return [[w["word"], float(w["start"]), float(w["end"])] for s in result["segments"] for w in s["words"]]

    return words


def faster_whisper(folder):
    from faster_whisper import WhisperModel

    model = WhisperModel(folder, device="cpu", compute_type="float32", cpu_threads=2)

    def words(samples, language):
        segments, _ = model.transcribe(
            samples, language=language, beam_size=1, best_of=1, temperature=0.0, condition_on_previous_text=False,
            vad_filter=False, word_timestamps=True,
        )  # fmt: skip
        return [[w.word, float(w.start), float(w.end)] for s in segments for w in s.words]

    return words


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    which, folder, out, *ids = sys.argv[1:]
    find = {"openai": openai, "faster-whisper": faster_whisper}[which](folder)
    clips = manifest()
    with open(out, "w") as file:
        for id in ids:
            words = find(audio(clips[id]), clips[id]["language"] or "en")
            file.write(json.dumps({"id": id, "words": words}, ensure_ascii=False) + "\n")
