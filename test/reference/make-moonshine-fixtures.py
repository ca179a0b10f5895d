#!/usr/bin/env python3
"""Writes tiny random Moonshine checkpoints, saved by transformers, with its outputs.

    .venv-moonshine/bin/python make-moonshine-fixtures.py

Writes test/fixtures/moonshine/NAME/: the folder as the library saves it, with gzipped weights, a small tokenizer.json, and
expected.json: encoder features, logits of a prompt, the tokens of `generate` for two lengths of a signal that the test
computes too, and their text. All in float32 on one thread.
"""

import base64
import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import GenerationConfig, MoonshineConfig, MoonshineForConditionalGeneration

OUT = Path(__file__).resolve().parent.parent / "fixtures/moonshine"
SAMPLES = [16000, 41000]
PROMPT = [1, 7, 300, 12, 259]
VOCABULARY = 320
SPECIALS, BYTES = 3, 256
TOKENS_PER_SECOND = 6.5

FORMS = {
    # A head of 8 dimensions rotates int(0.9 * 8) = 7 dimensions, which the library rounds up to 8 at the frequencies of 7.
    "odd-rotary": (
        {"hidden_size": 16, "encoder_num_attention_heads": 2, "decoder_num_attention_heads": 2},
        torch.float32,
        None,
        1,
    ),
    "biases-float16": (
        {
            "encoder_num_attention_heads": 2,
            "decoder_num_attention_heads": 2,
            "encoder_num_hidden_layers": 1,
            "decoder_num_hidden_layers": 3,
            "attention_bias": True,
            "rope_parameters": {"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.5},
        },
        torch.float16,
        "60KB",
        2,
    ),
}


def signal(samples):
    """[1, samples]: tones whose strength changes, computed, so that no file is needed."""
    t = np.arange(samples, dtype=np.float64)
    wave = 0.3 * np.sin(t * 0.21) * np.sin(t * 0.0007) + 0.2 * np.sin(t * 0.043 + 1) * np.cos(t * 0.0011)
    return torch.from_numpy(wave.astype(np.float32))[None]


def randomize(model, rng):
    """Random, and large enough that a misplaced weight changes the result."""
    for name, parameter in model.named_parameters():
        shape = tuple(parameter.shape)
        if parameter.ndim == 1:
            is_scale = "norm" in name and name.endswith("weight")
            value = (1.0 if is_scale else 0.0) + 0.2 * rng.standard_normal(shape)
        elif "embed_tokens" in name:
            value = rng.standard_normal(shape)
        else:
            value = rng.standard_normal(shape) * 1.3 / np.sqrt(np.prod(shape[1:]))
        parameter.data = torch.from_numpy(value.astype(np.float32))


def tokenizer():
    """Pieces of letters after the specials and the bytes, in the form of the published tokenizer."""
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(BYTES)]
    letters = "etaoinshrdlucmfwypvbgkqjxz.,'"
    pieces += [f"▁{letter}" for letter in letters] + list(letters)
    pieces = pieces[:VOCABULARY]
    specials = [(i, pieces[i]) for i in range(SPECIALS)]
    specials += [(len(pieces) + i, f"<<ST_{i}>>") for i in range(VOCABULARY - len(pieces))]
    replace = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": i, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
            for i, content in specials
        ],
        "decoder": {"type": "Sequence", "decoders": [replace, {"type": "ByteFallback"}, {"type": "Fuse"}, strip]},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True,
                  "vocab": {piece: i for i, piece in enumerate(pieces)}, "merges": []},
    }  # fmt: skip


def packed(values):
    return base64.b64encode(np.ascontiguousarray(values.detach().numpy(), dtype=np.float32).tobytes()).decode()


def write(name):
    fields, dtype, shard, seed = FORMS[name]
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    base = {"vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 64, "max_position_embeddings": 194}
    config = MoonshineConfig(**{"encoder_num_hidden_layers": 2, "decoder_num_hidden_layers": 2, **base, **fields})
    model = MoonshineForConditionalGeneration(config)
    randomize(model, np.random.default_rng(seed))
    model.generation_config = GenerationConfig(decoder_start_token_id=1, eos_token_id=2, bos_token_id=1)
    model.to(dtype).save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer(), ensure_ascii=False) + "\n")

    model = MoonshineForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    text_of = Tokenizer.from_file(str(folder / "tokenizer.json"))
    clips = []
    with torch.no_grad():
        for samples in SAMPLES:
            audio = signal(samples)
            features = model.model.encoder(audio).last_hidden_state
            logits = model(audio, decoder_input_ids=torch.tensor([PROMPT])).logits
            # As the model's card: at most 6.5 tokens a second, the start among them.
            length = int(samples * TOKENS_PER_SECOND / 16000)
            tokens = model.generate(audio, max_length=length, do_sample=False, num_beams=1)[0, 1:].tolist()
            clips.append(
                {
                    "samples": samples,
                    "features": packed(features[0]),
                    "logits": packed(logits[0]),
                    "tokens": tokens,
                    "text": text_of.decode(tokens),
                }
            )
            print(name, samples, tuple(features.shape), tokens, repr(clips[-1]["text"]))
    (folder / "expected.json").write_text(json.dumps({"prompt": PROMPT, "clips": clips}) + "\n")
    for file in folder.glob("*.safetensors"):
        (folder / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))
        file.unlink()
    print(folder.name, sum(file.stat().st_size for file in folder.iterdir()) // 1024, "KiB", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for form in FORMS:
        write(form)
