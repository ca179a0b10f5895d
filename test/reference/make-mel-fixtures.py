"""Writes test/fixtures/audio/mel-variants.json: features of a short clip by the reference front ends.

    test/reference/setup.sh hf && test/reference/.venv-hf/bin/python test/reference/make-mel-fixtures.py

NeMo's and Vocos's come from transformers, Kaldi's from kaldi-native-fbank, HiFi-GAN's from torch and librosa as in its
`meldataset.py`.
"""

import base64
import json
from pathlib import Path

import kaldi_native_fbank as knf
import librosa
import numpy as np
import soundfile
import torch
from transformers import ParakeetFeatureExtractor
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "assets" / "speech" / "jfk.flac"
OUT = ROOT / "test" / "fixtures" / "audio" / "mel-variants.json"
ROWS = 12


def audio(rate: int) -> np.ndarray:
    """The first 1.3 s and a bit, so that the last frame is not a whole one. Samples at 24 kHz are taken as they are."""
    samples, found = soundfile.read(CLIP, dtype="float32")
    assert found == 16_000
    return samples[: int(1.3007 * rate)]


def nemo(bands: int) -> np.ndarray:
    extractor = ParakeetFeatureExtractor(feature_size=bands)
    samples = audio(16_000)
    kept = {}
    # Its features are normalized over time; the raw ones are what its own method returns before.
    original = extractor._torch_extract_fbank_features

    def keep(waveform, device="cpu"):
        kept["raw"] = original(waveform, device)
        return kept["raw"]

    extractor._torch_extract_fbank_features = keep
    extractor(samples, sampling_rate=16_000)
    return kept["raw"][0].numpy()[: len(samples) // 160]


def kaldi(bands: int) -> np.ndarray:
    options = knf.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.samp_freq = 16_000
    options.mel_opts.num_bins = bands
    options.mel_opts.high_freq = 8_000
    bank = knf.OnlineFbank(options)
    bank.accept_waveform(16_000, audio(16_000).tolist())
    bank.input_finished()
    return np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)])


def hifigan(bands: int) -> np.ndarray:
    rate, n_fft, hop, top = 24_000, 1024, 256, 12_000
    filters = torch.from_numpy(librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=bands, fmin=0, fmax=top))
    pad = (n_fft - hop) // 2
    y = torch.nn.functional.pad(torch.from_numpy(audio(16_000))[None, None], (pad, pad), mode="reflect")[0]
    spec = torch.stft(y, n_fft, hop, n_fft, torch.hann_window(n_fft), center=False, return_complex=True)
    magnitude = torch.sqrt(torch.view_as_real(spec).pow(2).sum(-1) + 1e-9)
    return torch.log(torch.clamp(filters @ magnitude, min=1e-5))[0].T.numpy()


def vocos(bands: int) -> np.ndarray:
    rate, n_fft, hop = 24_000, 1024, 256
    filters = mel_filter_bank(n_fft // 2 + 1, bands, 0, rate / 2, rate, norm=None, mel_scale="htk")
    return spectrogram(
        audio(16_000), window_function(n_fft, "hann"), n_fft, hop, power=1.0, center=True, pad_mode="reflect",
        mel_filters=filters, mel_floor=1e-7, log_mel="log", dtype=np.float32,
    ).T


def described(features: np.ndarray) -> dict:
    rows = sorted({*np.linspace(0, len(features) - 1, ROWS).astype(int).tolist(), 1, len(features) - 2})
    values = np.ascontiguousarray(features[rows], dtype="<f4")
    return {"frames": len(features), "rows": rows, "values": base64.b64encode(values.tobytes()).decode()}


def main() -> None:
    samples = audio(16_000)
    variants = [
        {"name": name, "bands": bands, **described(make(bands))}
        for name, make, bands in [
            ("nemo", nemo, 80),
            ("nemo", nemo, 128),
            ("kaldi", kaldi, 80),
            ("hifigan", hifigan, 80),
            ("vocos", vocos, 100),
        ]
    ]
    OUT.write_text(json.dumps({"clip": CLIP.name, "samples": len(samples), "variants": variants}) + "\n")


if __name__ == "__main__":
    main()
