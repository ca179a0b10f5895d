#!/usr/bin/env python3
"""Writes test/fixtures/parakeet/encoder-expected.json: features with local attention, and of a padded batch.

    python make-parakeet-encoder-fixtures.py      # transformers 5.24, torch 2.15, librosa, soundfile

Local attention (NeMo's `rel_pos_local_attn`) is a mask over the scores of full attention: a query sees so many keys before and
after its own. transformers has no such option, so its attention gets the mask here.
"""

import base64
import gzip
import json
from pathlib import Path

import numpy as np
import soundfile
import torch
from safetensors.torch import load
from transformers import ParakeetFeatureExtractor, ParakeetForTDT, ParakeetTDTConfig
from transformers.models.parakeet.modeling_parakeet import ParakeetEncoderAttention

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "test/fixtures/parakeet"
BACK, AHEAD = 20, 9
LENGTHS = [67_200, 176_000, 8_010]  # samples of the batch
torch.set_num_threads(1)


def encode(array):
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


def with_band(plain):
    def forward(self, hidden_states, *args, attention_mask=None, **kwargs):
        places = torch.arange(hidden_states.shape[1])
        distance = places[None, :] - places[:, None]
        band = ((distance >= -BACK) & (distance <= AHEAD))[None, None]
        return plain(self, hidden_states, *args, attention_mask=band, **kwargs)

    return forward


def main():
    audio, _ = soundfile.read(ROOT / "assets/speech/jfk.flac", dtype="float32")
    config = json.loads((FIXTURES / "tdt-huggingface/config.json").read_text())
    model = ParakeetForTDT(ParakeetTDTConfig(**config)).eval()
    weights = load(gzip.decompress((FIXTURES / "tdt-huggingface/model.safetensors.gz").read_bytes()))
    missing = model.load_state_dict({k: v.float() for k, v in weights.items()}, strict=False)
    assert not missing.unexpected_keys, missing
    extract = ParakeetFeatureExtractor(feature_size=model.config.encoder_config.num_mel_bins)

    found = extract(audio, sampling_rate=16000, return_tensors="pt")
    mel = found.input_features[:, : int(found.attention_mask.sum())]
    batch = extract([audio[:n] for n in LENGTHS], sampling_rate=16000, return_tensors="pt", padding=True)
    with torch.no_grad():
        rows = model.encoder(batch.input_features, attention_mask=batch.attention_mask).last_hidden_state
        full = model.encoder(mel).last_hidden_state[0]
        ParakeetEncoderAttention.forward = with_band(ParakeetEncoderAttention.forward)
        local = model.encoder(mel).last_hidden_state[0]
    print("local differs from full by", float((local - full).abs().max()))
    frames = [-(-(n // 160) // 8) for n in LENGTHS]
    expected = {
        "local": {"back": BACK, "ahead": AHEAD, "features": encode(local)},
        "batch": {"samples": LENGTHS, "frames": frames, "features": [encode(row[:n]) for row, n in zip(rows, frames)]},
    }
    (FIXTURES / "encoder-expected.json").write_text(json.dumps(expected) + "\n")


main()
