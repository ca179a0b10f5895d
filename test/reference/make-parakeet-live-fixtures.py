#!/usr/bin/env python3
"""Writes test/fixtures/parakeet/live-expected.json: the tokens of buffered streaming over the sample clip.

    python make-parakeet-live-fixtures.py      # transformers 5.24, torch 2.15, librosa, soundfile

Windows of audio (left context, chunk, look-ahead) pass through transformers' feature extractor and encoder, each alone. A plain
loop decodes the frames of the chunk, with the recurrent state and the frame that the last duration reached carried over.
"""

import gzip
import json
from pathlib import Path

import soundfile
import torch
from safetensors.torch import load
from transformers import ParakeetFeatureExtractor, ParakeetForTDT, ParakeetTDTConfig

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "test/fixtures/parakeet"
FRAME = 1280  # samples
LIMIT = 10
# Left context, chunk and look-ahead in frames.
WINDOWS = [(25, 10, 5), (12, 3, 2)]
torch.set_num_threads(1)


class Loop:
    """Greedy decoding of frames that arrive in parts."""

    def __init__(self, model, durations, blank):
        self.model, self.durations, self.blank = model, durations, blank
        self.frames, self.frame, self.symbols = 0, 0, 0
        self.state, self.g = None, None
        self.step(blank)

    def step(self, token):
        decoder = self.model.decoder
        out, self.state = decoder.lstm(decoder.embedding(torch.tensor([[token]])), self.state)
        self.g = decoder.decoder_projector(out)[0, 0]

    def decode(self, hidden):
        projected = self.model.encoder_projector(hidden)
        end, emitted = self.frames + len(hidden), []
        while self.frame < end:
            logits = self.model.joint(decoder_hidden_states=self.g, encoder_hidden_states=projected[self.frame - self.frames])
            token = int(logits[: self.blank + 1].argmax())
            skip = self.durations[int(logits[self.blank + 1 :].argmax())]
            if token == self.blank:
                self.frame += max(1, skip)
                self.symbols = 0
                continue
            emitted.append([token, self.frame, max(1, skip)])
            self.step(token)
            self.symbols += 1
            if skip > 0 or self.symbols >= LIMIT:
                self.frame += max(1, skip)
                self.symbols = 0
        self.frames = end
        return emitted


def main():
    audio, _ = soundfile.read(ROOT / "assets/speech/jfk.flac", dtype="float32")
    config = json.loads((FIXTURES / "tdt-huggingface/config.json").read_text())
    model = ParakeetForTDT(ParakeetTDTConfig(**config)).eval()
    weights = load(gzip.decompress((FIXTURES / "tdt-huggingface/model.safetensors.gz").read_bytes()))
    missing = model.load_state_dict({k: v.float() for k, v in weights.items()}, strict=False)
    assert all("num_batches_tracked" in k or "inv_freq" in k for k in missing.missing_keys), missing
    assert not missing.unexpected_keys, missing
    extract = ParakeetFeatureExtractor(feature_size=model.config.encoder_config.num_mel_bins)

    def encode(samples):
        found = extract(samples, sampling_rate=16000, return_tensors="pt")
        valid = int(found.attention_mask.sum())
        return model.encoder(found.input_features[:, :valid]).last_hidden_state[0]

    expected = []
    for left, chunk, ahead in WINDOWS:
        loop = Loop(model, model.config.durations, model.config.blank_token_id)
        tokens, debts, at = [], [], 0
        with torch.no_grad():
            while (at + chunk + ahead) * FRAME <= len(audio):
                start = max(0, at - left)
                hidden = encode(audio[start * FRAME : (at + chunk + ahead) * FRAME])
                tokens += loop.decode(hidden[at - start : at - start + chunk])
                at += chunk
                debts.append(loop.frame - loop.frames)
            start = max(0, at - left)
            tokens += loop.decode(encode(audio[start * FRAME :])[at - start :])
        expected.append({"leftFrames": left, "chunkFrames": chunk, "lookaheadFrames": ahead, "tokens": tokens, "debts": debts})
        print(left, chunk, ahead, len(tokens), "tokens, debts", debts)
    (FIXTURES / "live-expected.json").write_text(json.dumps(expected) + "\n")


main()
