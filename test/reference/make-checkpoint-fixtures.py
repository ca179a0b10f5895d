#!/usr/bin/env python3
"""Writes tiny random Whisper checkpoints, each saved by the library of its format, with that library's outputs.

    .venv-hf/bin/python make-checkpoint-fixtures.py huggingface     (transformers, torch)
    .venv/bin/python    make-checkpoint-fixtures.py mlx             (mlx-whisper)

Writes test/fixtures/checkpoints/NAME/: the folder as the library saves it, with gzipped weights, and expected.json: encoder
features and logits of a prompt, in float32, for a mel spectrogram that the test computes too. Vocabularies have their real
size; the rows of the embedding repeat to keep the files small.
"""

import base64
import gzip
import json
import shutil
import sys
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parent.parent / "fixtures/checkpoints"
FRAMES = 24  # encoder positions
PROMPT = [50257, 50258, 11, 50000, 7]
LOGITS_STEP = 101
WEIGHTS = (".safetensors", ".npz")


def mel(n_mels):
    """[1, 2 FRAMES, n_mels], computed, so that no file is needed."""
    count = 2 * FRAMES * n_mels
    return np.sin(np.arange(count, dtype=np.float64) * 0.37).astype(np.float32).reshape(1, 2 * FRAMES, n_mels)


def value_for(name, shape, rng):
    """Random, and large enough that a misplaced weight changes the result."""
    if "embed_tokens" in name or "token_embedding" in name:
        rows = rng.standard_normal((251, shape[1])) * 0.3
        return np.resize(rows, shape)
    if len(shape) == 1:
        is_scale = ("norm" in name or "ln" in name) and name.endswith("weight")
        return (1.0 if is_scale else 0.0) + 0.2 * rng.standard_normal(shape)
    return rng.standard_normal(shape) * 1.2 / np.sqrt(np.prod(shape[1:]))


def finish(folder, features, logits):
    for file in folder.iterdir():
        if file.name.endswith(WEIGHTS):
            with open(f"{file}.gz", "wb") as out:
                out.write(gzip.compress(file.read_bytes(), 9, mtime=0))
            file.unlink()
    pack = lambda values: base64.b64encode(np.ascontiguousarray(values, dtype=np.float32).tobytes()).decode()
    expected = {
        "prompt": PROMPT,
        "features": pack(features),
        "logitsStep": LOGITS_STEP,
        "logits": pack(np.asarray(logits)[::LOGITS_STEP]),
    }
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
    print(folder.name, sum(file.stat().st_size for file in folder.iterdir()) // 1024, "KiB", flush=True)


def fresh(name):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def huggingface():
    import torch
    from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

    torch.set_num_threads(1)
    forms = {
        #                      vocabulary, mels, encoder and decoder layers, dtype, size of a shard
        "huggingface": (51865, 80, 2, 2, torch.float16, None),
        "huggingface-english-float32": (51864, 80, 1, 1, torch.float32, None),
        "huggingface-sharded": (51866, 128, 2, 2, torch.float16, "60KB"),
        "distil-bfloat16": (51866, 128, 2, 1, torch.bfloat16, None),
    }
    for seed, (name, (vocab, mels, encoder, decoder, dtype, shard)) in enumerate(forms.items()):
        config = WhisperConfig(
            vocab_size=vocab, num_mel_bins=mels, d_model=32, encoder_layers=encoder, decoder_layers=decoder,
            encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=128, decoder_ffn_dim=128,
            max_source_positions=FRAMES, max_target_positions=16,
        )  # fmt: skip
        model = WhisperForConditionalGeneration(config).eval()
        rng = np.random.default_rng(seed)
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                if key != "model.encoder.embed_positions.weight":
                    parameter.copy_(torch.from_numpy(value_for(key, tuple(parameter.shape), rng)))
        model.generation_config = GenerationConfig(decoder_start_token_id=50257)
        model.generation_config.alignment_heads = [[0, 1], [decoder - 1, 0]]
        model = model.to(dtype)
        folder = fresh(name)
        model.save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
        reread = WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        with torch.no_grad():
            features = reread.model.encoder(torch.from_numpy(mel(mels)).transpose(1, 2)).last_hidden_state
            logits = reread(encoder_outputs=(features,), decoder_input_ids=torch.tensor([PROMPT])).logits[0, -1]
        finish(folder, features.numpy(), logits.numpy())


def mlx():
    import mlx.core as mx
    import mlx.nn as nn
    from mlx.utils import tree_flatten, tree_map, tree_unflatten
    from mlx_whisper.whisper import ModelDimensions, Whisper

    mx.set_default_device(mx.cpu)
    forms = {f"mlx-{bits}bit": (32, {"group_size": 32, "bits": bits}, "safetensors") for bits in (2, 3, 4, 5, 6, 8)}
    forms |= {
        "mlx": (32, None, "safetensors"),
        "mlx-4bit-64": (64, {"group_size": 64, "bits": 4}, "safetensors"),
        "mlx-npz": (32, None, "npz"),
        "mlx-npz-4bit-deflated": (32, {"group_size": 32, "bits": 4}, "npz-deflated"),
    }
    for seed, (name, (state, quantization, form)) in enumerate(forms.items()):
        dims = ModelDimensions(80, FRAMES, state, 2, 1, 51865, 16, state, 2, 2)
        model = Whisper(dims, mx.float16)
        rng = np.random.default_rng(100 + seed)
        model.update(tree_unflatten([
            (key, mx.array(value_for(key, value.shape, rng)).astype(mx.float16))
            for key, value in tree_flatten(model.parameters()) if key != "alignment_heads"
        ]))  # fmt: skip
        if quantization:
            nn.quantize(model, **quantization)
        weights = dict(tree_flatten(model.parameters()))
        folder = fresh(name)
        if form == "safetensors":
            mx.save_safetensors(str(folder / "weights.safetensors"), weights)
        elif form == "npz":
            mx.savez(str(folder / "weights.npz"), **weights)
        else:
            mx.savez_compressed(str(folder / "weights.npz"), **weights)
        config = dict(vars(dims)) | {"model_type": "whisper"} | ({"quantization": quantization} if quantization else {})
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")

        exact = Whisper(dims, mx.float32)
        if quantization:
            nn.quantize(exact, **quantization)
        floats = lambda x: x.astype(mx.float32) if x.dtype == mx.float16 else x
        exact.update(tree_map(floats, model.parameters()))
        features = exact.encoder(mx.array(mel(80)))
        logits = exact.decoder(mx.array([PROMPT]), features)[0][0, -1]
        finish(folder, np.array(features), np.array(logits))


if __name__ == "__main__":
    {"huggingface": huggingface, "mlx": mlx}[sys.argv[1]]()
