#!/usr/bin/env python3
"""Writes tiny random Vocos checkpoints as vocos saves them, with its audio and mel spectrograms.

    test/reference/.venv-codecs/bin/python test/reference/make-vocos-fixtures.py

Writes test/fixtures/codecs/vocos-*: what vocos 0.1.0 computes in float32. Its config.yaml becomes config.json with the same
keys. The mel spectrogram is that of torchaudio's transform, computed here with torch.stft and the filters of librosa (HTK
scale, no norm), which the transform's documentation names as equal.
"""

import librosa
import numpy as np
import torch

import codec_stubs  # before vocos
from vocos.heads import ISTFTHead
from vocos.models import VocosBackbone

from codec_fixtures import noisy_samples, packed, randomize, save

FRAMES = 23


def config_of(features, backbone, head):
    part = lambda path, args: {"class_path": path, "init_args": args}
    return {
        "feature_extractor": part(*features),
        "backbone": part("vocos.models.VocosBackbone", backbone),
        "head": part("vocos.heads.ISTFTHead", head),
    }


class Vocos(torch.nn.Module):
    def __init__(self, backbone, head):
        super().__init__()
        self.backbone = VocosBackbone(**backbone)
        self.head = ISTFTHead(**head)

    def forward(self, features, **kwargs):
        return self.head(self.backbone(features, **kwargs))


def log_mel(audio, rate, n_fft, hop, mels, padding):
    if padding == "same":
        side = (n_fft - hop) // 2
        audio = torch.nn.functional.pad(audio[None, None], (side, side), mode="reflect")[0, 0]
    spectrum = torch.stft(audio, n_fft, hop, n_fft, torch.hann_window(n_fft), center=padding == "center", pad_mode="reflect", return_complex=True).abs()
    filters = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=mels, fmin=0.0, fmax=rate / 2, htk=True, norm=None)
    return torch.log(torch.clip(torch.from_numpy(filters) @ spectrum, min=1e-7))


def mel_fixture(name, seed, padding):
    n_fft, hop, mels = 64, 16, 20
    features = {"sample_rate": 24000, "n_fft": n_fft, "hop_length": hop, "n_mels": mels, "padding": padding}
    backbone = {"input_channels": mels, "dim": 32, "intermediate_dim": 48, "num_layers": 3}
    head = {"dim": 32, "n_fft": n_fft, "hop_length": hop, "padding": padding}
    model = Vocos(backbone, head).eval()
    randomize(model, seed)
    audio = torch.from_numpy(noisy_samples(1000))
    mel = log_mel(audio, 24000, n_fft, hop, mels, padding)
    with torch.no_grad():
        expected = {"mel": packed(mel.T), "audio": packed(model(mel[None])[0]), "hidden": packed(model.backbone(mel[None])[0])}
        expected["short"] = [packed(model(mel[None, :, :count])[0]) for count in (2, 3, 4)]
    arrays = dict(model.state_dict())
    arrays["feature_extractor.mel_spec.spectrogram.window"] = torch.hann_window(n_fft)
    arrays["feature_extractor.mel_spec.mel_scale.fb"] = torch.zeros(n_fft // 2 + 1, mels)
    config = config_of(("vocos.feature_extractors.MelSpectrogramFeatures", features), backbone, head)
    save(name, arrays, config, expected)


def codes_fixture(name, seed):
    """Its features are sums of rows of Encodec's codebooks, its norms depend on the bandwidth."""
    rows, books, dims = 1024, 16, 4
    features = {"encodec_model": "encodec_24khz", "bandwidths": [1.5, 3.0, 6.0, 12.0], "train_codebooks": True}
    backbone = {"input_channels": dims, "dim": 24, "intermediate_dim": 32, "num_layers": 2, "adanorm_num_embeddings": 4}
    head = {"dim": 24, "n_fft": 80, "hop_length": 20, "padding": "same"}
    model = Vocos(backbone, head).eval()
    randomize(model, seed)
    rng = np.random.default_rng(seed)
    weights = torch.from_numpy(rng.integers(-8, 9, (books * rows, dims)).astype(np.float32) / 8)
    cases = []
    for bandwidth, count in enumerate((2, 4, 8, 16)):
        codes = torch.from_numpy(rng.integers(0, rows, (count, FRAMES)))
        summed = torch.nn.functional.embedding(codes + torch.arange(count)[:, None] * rows, weights).sum(0)
        with torch.no_grad():
            audio = model(summed.T[None], bandwidth_id=torch.tensor([bandwidth]))
        cases.append({"codes": codes.tolist(), "audio": packed(audio[0])})
    arrays = {**model.state_dict(), "feature_extractor.codebook_weights": weights, "feature_extractor.encodec.decoder.model.0.conv.conv.bias": torch.zeros(3)}
    config = config_of(("vocos.feature_extractors.EncodecFeatures", features), backbone, head)
    save(name, arrays, config, {"cases": cases})


mel_fixture("vocos-center", 5, "center")
mel_fixture("vocos-same", 6, "same")
codes_fixture("vocos-encodec", 7)
