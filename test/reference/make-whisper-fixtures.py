#!/usr/bin/env python3
"""Writes the fixtures of Sotto's Whisper (test/fixtures/whisper/): mlx-whisper's numbers, in float32 on the CPU.

    make-whisper-fixtures.py tokens                                  numberings, encodings, suppressed tokens
    make-whisper-fixtures.py mel     CLIP.flac                       log-mel spectrograms, 80 and 128 bands
    make-whisper-fixtures.py model   NAME MODEL_DIR SPEECH_DIR...    encoder output, first logits, tokens of clips, languages

Run with .venv/bin/python (setup.sh) and LD_PRELOAD=.venv/front-blas.so on Linux, or it needs hours. It uses only 16 kHz
mono FLAC clips of a manifest's open part, so that no resampler affects the comparison.

mlx-whisper 0.4.3 is unchanged, except for its timestamp rules, which `TimestampRules` below replaces. The original rules let
timestamps decrease (they compare positions instead of values), and apply the rule "a timestamp is due" before the other
rules have suppressed their logits, which can leave no token. OpenAI's rules do both correctly.
"""

import base64
import hashlib
import json
import sys
from importlib import import_module
from pathlib import Path

import mlx.core as mx
import mlx_whisper.decoding as decoding
import numpy as np
import soundfile
from mlx_whisper.audio import N_FRAMES, N_SAMPLES, log_mel_spectrogram, pad_or_trim
from mlx_whisper.tokenizer import get_tokenizer
from mlx_whisper.whisper import ModelDimensions, Whisper

# The package replaces the module by its function of the same name.
long_form = import_module("mlx_whisper.transcribe")
OUT = Path(__file__).resolve().parent.parent / "fixtures" / "whisper"
mx.set_default_device(mx.cpu)


class TimestampRules:
    """OpenAI's rules, in NumPy."""

    def __init__(self, tokenizer, sample_begin, max_initial_timestamp_index):
        self.begin, self.eot, self.forbidden = tokenizer.timestamp_begin, tokenizer.eot, tokenizer.no_timestamps
        self.sample_begin, self.max_initial = sample_begin, max_initial_timestamp_index

    def apply(self, logits, tokens):
        out = np.array(logits)
        out[:, self.forbidden] = -np.inf
        for row, sampled in zip(out, np.array(tokens)[:, self.sample_begin :].tolist()):
            stamps = [t for t in sampled if t >= self.begin]
            if not sampled:
                row[: self.begin] = -np.inf
                row[self.begin + self.max_initial + 1 :] = -np.inf
            last = bool(sampled) and sampled[-1] >= self.begin
            before = len(sampled) < 2 or sampled[-2] >= self.begin
            if last and before:
                row[self.begin :] = -np.inf
            elif last:
                row[: self.eot] = -np.inf
            if stamps:
                row[self.begin : stamps[-1] + (0 if last and not before else 1)] = -np.inf
            text, times = row[: self.begin], row[self.begin :].astype(np.float64)
            peak = times.max()
            if peak > -np.inf and peak + np.log(np.exp(times - peak).sum()) > text.max():
                text[:] = -np.inf
        return mx.array(out)


decoding.ApplyTimestampRules = TimestampRules


def load(folder):
    """The model in float32, with quantized weights expanded, as computed on a CPU.

    The scales are widened first, as in a product of packed weights with float32 activations: with float16 scales
    `mx.dequantize` would round every weight to float16 on the way.
    """
    config = json.loads((folder / "config.json").read_text())
    quantization = config.pop("quantization", None)
    config.pop("model_type", None)
    stored = mx.load(str(folder / "weights.safetensors"))
    weights = {}
    for name, value in stored.items():
        layer, _, kind = name.rpartition(".")
        if kind in ("scales", "biases"):
            continue
        if f"{layer}.scales" in stored and kind == "weight":
            scales, biases = (stored[f"{layer}.{part}"].astype(mx.float32) for part in ("scales", "biases"))
            value = mx.dequantize(value, scales, biases, quantization["group_size"], quantization["bits"])
        weights[name] = value if name == "alignment_heads" else value.astype(mx.float32)
    model = Whisper(ModelDimensions(**config), mx.float32)
    model.load_weights(list(weights.items()), strict=False)
    mx.eval(model.parameters())
    return model


def packed(array):
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


def write(name, value):
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("},{", "},\n{") + "\n")


def tokens():
    texts = [
        "", " Hello, world!", "And so, my fellow Americans: ask not what your country can do for you.", "don't we'll I'm",
        " 1984, 3.14 %", "Ça va? Où êtes-vous?", "今日はいい天気ですね。", "안녕하세요", "Привет, мир", "🎉 👩‍👩‍👧", "  two  spaces\n\ttab ",
        "♪ la la ♪", "(applause) [music]", "a" * 50, "<|endoftext|> is text here", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    ]  # fmt: skip
    out = []
    for vocab in (51864, 51865, 51866):
        multilingual = vocab >= 51865
        t = get_tokenizer(multilingual, num_languages=vocab - 51765 - int(multilingual))
        encode = lambda text: t.encoding.encode(text, disallowed_special=())
        stamped = [*encode(" Hello"), t.timestamp_begin + 54, t.timestamp_begin + 1500, *encode(" you"), t.eot]
        # Every prefix of the bytes of a text, as a decoder shows it while the tokens of a character arrive.
        partial = encode("天気🎉é")
        out.append({
            "vocab": vocab,
            "special": {
                "endOfText": t.eot, "startOfTranscript": t.sot, "translate": t.translate, "transcribe": t.transcribe,
                "startOfLm": t.sot_lm, "startOfPrev": t.sot_prev, "noSpeech": t.no_speech, "noTimestamps": t.no_timestamps,
                "timestampBegin": t.timestamp_begin,
            },
            "languages": dict(zip(t.all_language_codes, t.all_language_tokens)),
            "startSequence": list(t.sot_sequence),
            "nonSpeech": list(t.non_speech_tokens),
            "encoded": [[text, encode(text)] for text in texts],
            "stamped": [stamped, t.decode_with_timestamps(stamped), t.decode(stamped)],
            "partial": [[partial[:n], t.decode(partial[:n])] for n in range(1, len(partial) + 1)],
        })  # fmt: skip
    write("tokens.json", out)


def mel(clip):
    samples, rate = soundfile.read(clip, dtype="float32")
    assert rate == 16000
    out = {"clip": Path(clip).name, "samples": len(samples), "spectrograms": []}
    for bands in (80, 128):
        frames = np.array(log_mel_spectrogram(samples, bands, padding=N_SAMPLES))
        content = len(frames) - N_FRAMES
        rows = sorted({0, 1, 2, *range(3, content, 29), *range(content - 3, content + 5), content + 1500})
        rows = [r for r in rows if r < N_FRAMES]
        out["spectrograms"].append({"bands": bands, "contentFrames": content, "rows": rows, "values": packed(frames[rows])})
    write("mel.json", out)


def clips(folders):
    for folder in map(Path, folders):
        for line in (folder / "manifest.jsonl").read_text().splitlines():
            clip = json.loads(line)
            if clip.get("split", "open") != "open" or not clip["file"].endswith(".flac"):
                continue
            info = soundfile.info(str(folder / clip["file"]))
            if info.samplerate == 16000 and info.channels == 1 and clip.get("language"):
                yield clip["id"], folder / clip["file"], clip["language"]


def model(name, folder, *speech):
    whisper = load(Path(folder))
    english_only = not whisper.is_multilingual
    t = get_tokenizer(whisper.is_multilingual, num_languages=whisper.num_languages)
    cases, later, first = [], [], None
    for id, path, language in clips(speech):
        if english_only and language != "en":
            continue
        samples, _ = soundfile.read(path, dtype="float32")
        spectrogram = log_mel_spectrogram(samples, whisper.dims.n_mels, padding=N_SAMPLES)
        content = spectrogram.shape[0] - N_FRAMES
        case = {"id": id, "file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "language": language}
        if content > N_FRAMES:
            later.append((case, samples))
            continue
        window = pad_or_trim(spectrogram[:content], N_FRAMES, axis=-2)[None]
        if not english_only:
            _, probabilities = whisper.detect_language(pad_or_trim(spectrogram, N_FRAMES, axis=-2))
            case["detected"] = max(probabilities, key=probabilities.get)
        features = whisper.encoder(window)
        for kind, without in (("timestamps", False), ("plain", True)):
            result = whisper.decode(features, decoding.DecodingOptions(language=language, without_timestamps=without, fp16=False))[0]
            case[kind] = {
                "tokens": result.tokens, "avgLogprob": result.avg_logprob, "noSpeechProb": result.no_speech_prob,
                "compressionRatio": result.compression_ratio,
            }  # fmt: skip
        if first is None:
            start = [t.sot] if english_only else [t.sot, t.to_language_token(language), t.transcribe]
            logits = whisper.logits(mx.array([start]), features)[0, -1]
            first = {
                "file": path.name, "start": start, "encoderRows": list(range(0, 1500, 75)),
                "encoder": packed(np.array(features[0])[::75]), "logitsStep": 13, "logits": packed(np.array(logits)[::13]),
            }  # fmt: skip
        cases.append(case)
        print(id, case.get("detected", ""), t.decode(case["timestamps"]["tokens"]), flush=True)
    for case, samples in later:
        case["longForm"] = long(whisper, samples, case["language"])
        cases.append(case)
        print(case["id"], len(case["longForm"]), "segments", flush=True)
    write(f"{name}.json", {"model": name, "first": first, "clips": cases})


def long(whisper, samples, language):
    """The long-form loop, greedy without fallback, each window conditioned on the previous text."""
    long_form.ModelHolder.model, long_form.ModelHolder.model_path = whisper, "held"
    result = long_form.transcribe(
        samples, path_or_hf_repo="held", language=language, temperature=0.0, fp16=False, condition_on_previous_text=True
    )
    return [[s["start"], s["end"], s["tokens"]] for s in result["segments"] if s["tokens"]]


if __name__ == "__main__":
    commands = {"tokens": tokens, "mel": mel, "model": model}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
