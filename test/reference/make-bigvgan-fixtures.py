#!/usr/bin/env python3
"""Writes tiny random BigVGAN checkpoints as bigvgan saves them, with its audio and mel spectrograms.

    test/reference/.venv-codecs/bin/python test/reference/make-bigvgan-fixtures.py

Writes test/fixtures/codecs/bigvgan-*: what bigvgan 2.4.1 computes in float32.
"""

import librosa
import numpy as np
import torch
from bigvgan import bigvgan
from bigvgan.env import AttrDict

from codec_fixtures import noisy_samples, packed, randomize, save

MELS, N_FFT, HOP = 16, 64, 16
COMMON = dict(
    num_mels=MELS, n_fft=N_FFT, hop_size=HOP, win_size=N_FFT, sampling_rate=24000, fmin=0, fmax=None, upsample_initial_channel=32,
    resblock_kernel_sizes=[3, 7, 11], resblock_dilation_sizes=[[1, 3, 5]] * 3,
)
V1 = dict(COMMON, resblock="1", activation="snakebeta", snake_logscale=True, upsample_rates=[4, 4], upsample_kernel_sizes=[8, 8])
V2 = dict(V1, use_tanh_at_final=False, use_bias_at_final=False, upsample_rates=[8, 2], upsample_kernel_sizes=[16, 4])
SMALL = dict(COMMON, resblock="2", activation="snake", snake_logscale=False, upsample_rates=[4, 4], upsample_kernel_sizes=[8, 8])
LOGS = dict(COMMON, resblock="1", activation="snake", snake_logscale=True, upsample_rates=[4, 2, 2], upsample_kernel_sizes=[8, 4, 4], fmax=8000)


def log_mel(audio, h):
    """As bigvgan's meldataset, whose module needs more packages."""
    filters = torch.from_numpy(librosa.filters.mel(sr=h["sampling_rate"], n_fft=h["n_fft"], n_mels=h["num_mels"], fmin=h["fmin"], fmax=h["fmax"]))
    side = (h["n_fft"] - h["hop_size"]) // 2
    padded = torch.nn.functional.pad(audio[None, None], (side, side), mode="reflect")[0, 0]
    spectrum = torch.stft(padded, h["n_fft"], h["hop_size"], h["win_size"], torch.hann_window(h["win_size"]), center=False, return_complex=True)
    magnitudes = torch.sqrt(torch.view_as_real(spectrum).pow(2).sum(-1) + 1e-9)
    return torch.log(torch.clamp(filters @ magnitudes, min=1e-5))


def quiet(model, mel):
    """Scales the last layer so that hardly any sample is clipped."""
    loud = []
    hook = model.conv_post.register_forward_hook(lambda module, inputs, output: loud.append(output.std()))
    model(mel[None])
    hook.remove()
    model.conv_post.weight_g.copy_((model.conv_post.weight_g * 0.4 / loud[0]).bfloat16().float())
    if model.conv_post.bias is not None:
        model.conv_post.bias.fill_(0.0625)


def fixture(name, h, seed, folded=False):
    model = bigvgan.BigVGAN(AttrDict(h)).eval()
    randomize(model, seed, gain=0.6)
    with torch.no_grad():
        if h["snake_logscale"]:
            for key, parameter in model.named_parameters():
                if key.endswith(("alpha", "beta")):
                    parameter.copy_((parameter - 0.9).bfloat16().float())
        mel = log_mel(torch.from_numpy(noisy_samples(700)), h)
        quiet(model, mel)
        audio = model(mel[None])[0, 0]
        short = [packed(model(mel[None, :, :count])[0, 0]) for count in (1, 2)]
    arrays = {key: value.clone() for key, value in model.state_dict().items()}
    others = None
    if folded:
        model.remove_weight_norm()
        others = {"folded": model.state_dict()}
    print(float(audio.abs().max()), float(audio.std()))
    save(name, arrays, {key: value for key, value in h.items() if key != "use_cuda_kernel"}, {"mel": packed(mel.T), "audio": packed(audio), "short": short}, others)


fixture("bigvgan-v1", V1, 8)
fixture("bigvgan-v2", V2, 9, folded=True)
fixture("bigvgan-snake", SMALL, 10)
fixture("bigvgan-log-snake", LOGS, 11)
