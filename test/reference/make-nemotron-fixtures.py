#!/usr/bin/env python3
"""Writes tiny random Nemotron streaming checkpoints, saved by transformers 5.23, with its outputs.

    .venv-nemotron/bin/python make-nemotron-fixtures.py

Writes test/fixtures/nemotron/NAME/: config.json as the library saves it, gzipped weights, tokenizer.json, and
expected.json: for a signal that the test computes too, mel frames, encoder features under the offline mask for several
look-aheads, and the tokens of `generate` with their frames. The script itself asserts that the library's streaming gives
the same features and tokens. All in float32 on one thread.
"""

import base64
import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from transformers import (
    Nemotron3_5AsrConfig,
    Nemotron3_5AsrForRNNT,
    NemotronAsrStreamingConfig,
    NemotronAsrStreamingFeatureExtractor,
    NemotronAsrStreamingForRNNT,
)

OUT = Path(__file__).resolve().parent.parent / "fixtures/nemotron"
SAMPLES = 81_234
PIECES = (
    "<unk> <pad> ▁the ▁a ▁to ▁of ▁in s ing ed er ly . , ▁un ation al ▁st ▁re ness ▁we ▁go ▁can or en ▁you ▁it t e"
).split()

FORMS = {
    # The left context of 14 frames is two chunks of a look-ahead of 6, and one of a look-ahead of 9.
    "english": {
        "model": NemotronAsrStreamingForRNNT,
        "config": NemotronAsrStreamingConfig,
        "encoder": {"num_mel_bins": 80, "scale_input": True, "sliding_window": 15, "default_num_lookahead_tokens": 6},
        "own": {},
        "lookaheads": [0, 1, 6, 9],
        "extra": ["▁and", "ish", "▁so"],
        "seed": 7,
        "tokens_per_frame": 0.9,
    },
    "languages": {
        "model": Nemotron3_5AsrForRNNT,
        "config": Nemotron3_5AsrConfig,
        "encoder": {
            "num_mel_bins": 128,
            "scale_input": False,
            "attention_bias": False,
            "convolution_bias": False,
            "conv_kernel_size": 5,
            "sliding_window": 9,
            "default_num_lookahead_tokens": 1,
        },
        "own": {"prompt_intermediate_size": 64},
        "lookaheads": [0, 1],
        "extra": ["<en-US>", "<de-DE>", "▁das"],
        "seed": 19,
        "tokens_per_frame": 0.9,
    },
}


def signal(samples):
    """[samples]: tones whose strength changes, computed, so that no file is needed."""
    t = np.arange(samples, dtype=np.float64)
    wave = 0.3 * np.sin(t * 0.21) * np.sin(t * 0.0007) + 0.2 * np.sin(t * 0.043 + 1) * np.cos(t * 0.0011)
    wave += 0.1 * np.sin(t * t * 2e-6)
    return wave.astype(np.float32)


def randomize(model, rng):
    """Weights of the usual size, rounded to bfloat16, so that they compress; the blank's embedding stays zero."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            fan = int(np.prod(weight.shape[1:])) if weight.ndim > 1 else 4
            values = torch.from_numpy(rng.standard_normal(tuple(weight.shape)).astype(np.float32)) / fan**0.5
            if "norm" in name and name.endswith("weight"):
                values = 1 + 0.3 * values
            if name in ("decoder.embedding.weight", "joint.head.weight"):
                values = 2 * values * (fan**0.5 if "embedding" in name else 1)
            weight.copy_(values.to(torch.bfloat16).float())
        model.decoder.embedding.weight[model.config.blank_token_id] = 0


def decode(model, inputs, **extra):
    """Tokens without blanks and their frames."""
    blank = model.config.blank_token_id
    out = model.generate(**inputs, **extra, max_new_tokens=5000, decoder_start_token_id=blank)
    tokens, steps = out.sequences[0].tolist(), out.durations[0].tolist()
    frame, found = 0, []
    for token, step in zip(tokens[1:], steps[1:]):
        if token != blank:
            found.append([token, frame])
        frame += step
    return found


def chunks(mel, lookahead):
    """Mel frames as streaming wants them, without the rest that fills no chunk."""
    size, at = 1 + 8 * lookahead, 0
    while at + size <= mel.shape[1]:
        yield mel[:, at : at + size]
        at, size = at + size, 8 * (lookahead + 1)


def stream(model, mel, lookahead, extra):
    past, padding, features = None, None, []
    for chunk in chunks(mel, lookahead):
        out = model.get_audio_features(
            input_features=chunk,
            past_key_values=past,
            padding_cache=padding,
            num_lookahead_tokens=lookahead,
            use_cache=True,
            output_attention_mask=False,
            **extra,
        )
        past, padding = out.past_key_values, out.padding_cache
        features.append(out.last_hidden_state)
    return torch.cat(features, 1)


def packed(array):
    return base64.b64encode(array.contiguous().numpy().astype("<f4").tobytes()).decode()


def make(name, form):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.manual_seed(form["seed"])
    rng = np.random.default_rng(form["seed"])
    pieces = PIECES + form["extra"]
    config = form["config"](
        vocab_size=len(pieces) + 1,
        blank_token_id=len(pieces),
        decoder_hidden_size=16,
        encoder_config={
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 64,
            "subsampling_conv_channels": 8,
            **form["encoder"],
        },
        **form["own"],
    )
    model = form["model"](config).eval()
    randomize(model, rng)
    mels = config.encoder_config.num_mel_bins
    extractor = NemotronAsrStreamingFeatureExtractor(feature_size=mels)
    inputs = extractor(signal(SAMPLES), sampling_rate=16_000, return_tensors="pt")
    frames = int(inputs["attention_mask"].sum())
    mel = inputs["input_features"][:, :frames]
    settings = [{}] if form["config"] is NemotronAsrStreamingConfig else [{"prompt_ids": torch.tensor([n])} for n in (101, 9)]
    calibrate(model, mel, form, settings[0])
    cases = []
    with torch.no_grad():
        for lookahead in form["lookaheads"]:
            for extra in settings:
                extra = {**extra}
                offline = model.get_audio_features(**inputs, num_lookahead_tokens=lookahead, **extra)
                valid = int(offline.attention_mask.sum())
                live = stream(model, mel, lookahead, extra)
                error = float((live - offline.last_hidden_state[:, : live.shape[1]]).abs().max())
                assert error < 1e-5, error
                tokens = decode(model, inputs, num_lookahead_tokens=lookahead, **extra)
                print(name, lookahead, valid, "frames", len(tokens), "tokens", len({t for t, _ in tokens}), "kinds", error)
                cases.append(
                    {
                        "lookahead": lookahead,
                        **({"prompt": int(extra["prompt_ids"][0])} if extra else {}),
                        "features": packed(offline.last_hidden_state[0, :valid]),
                        "tokens": tokens,
                    }
                )
    save(model, folder, pieces)
    expected = {"samples": SAMPLES, "melFrames": frames, "mel": packed(mel[0, ::50]), "cases": cases}
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")


def calibrate(model, mel, form, extra):
    """
    Scales the joint network so that frames and tokens matter alike, and raises the bias of the blank until it wins at the
    wanted part of the frames: frames then emit none, one or more of many tokens. A random network repeats one token.
    """
    blank = model.config.blank_token_id
    inputs = {"input_features": mel, "attention_mask": torch.ones(mel.shape[:2], dtype=torch.long)}
    lookahead = {"num_lookahead_tokens": form["lookaheads"][-1], **extra}
    projector, head, after = model.encoder_projector, model.joint.head, model.decoder.decoder_projector
    with torch.no_grad():
        predictions = model.decoder(torch.randint(0, blank, (1, 60)))[0]
        scale = 1.5 / predictions.std(0)
        after.weight.mul_(scale[:, None])
        after.bias.sub_(predictions.mean(0)).mul_(scale)
        rounded(after)
        frames = model.get_audio_features(**inputs, **lookahead).pooler_output[0]
        scale = 1 / frames.std(0)
        projector.weight.mul_(scale[:, None])
        projector.bias.sub_(frames.mean(0)).mul_(scale)
        rounded(projector)
        frames = model.get_audio_features(**inputs, **lookahead).pooler_output[0]
        predictions = model.decoder(torch.randint(0, blank, (1, 60)))[0]
        logits = model.joint(predictions[None], frames[:, None])
        scale = 2 / logits.std((0, 1))
        head.bias.sub_(logits.mean((0, 1))).mul_(scale)
        head.weight.mul_(scale[:, None])
        rounded(head)
        for _ in range(200):
            tokens = decode(model, inputs, **lookahead)
            if len(tokens) <= form["tokens_per_frame"] * frames.shape[0]:
                return
            head.bias[blank] += 0.125
    raise SystemExit("the blank never wins")


def rounded(layer):
    for weight in layer.parameters():
        weight.copy_(weight.to(torch.bfloat16).float())


def save(model, folder, pieces):
    model.save_pretrained(folder)
    for extra in ("generation_config.json",):
        (folder / extra).unlink(missing_ok=True)
    weights = folder / "model.safetensors"
    with gzip.GzipFile(folder / "model.safetensors.gz", "wb", compresslevel=9, mtime=0) as file:
        file.write(weights.read_bytes())
    weights.unlink()
    special = ["<unk>", "<pad>", "<blank>"]
    vocabulary = {piece: i for i, piece in enumerate([*pieces, "<blank>"])}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": vocabulary[token],
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for token in special
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "post_processor": None,
        "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": [],
        },
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name, form in FORMS.items():
        make(name, form)
