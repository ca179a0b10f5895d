#!/usr/bin/env python3
"""Writes tiny random SNAC checkpoints as snac saves them, with its latents, codes and audio.

    test/reference/.venv-codecs/bin/python test/reference/make-snac-fixtures.py

Writes test/fixtures/codecs/snac-*: what snac 1.2.1 computes in float32 from samples that the test computes too. Its noise is
replaced: by zeros, and by a sine of the position, which shows how the noise is applied.
"""

import torch
from snac import SNAC
from snac.layers import NoiseBlock
from torch.nn.utils.parametrize import remove_parametrizations

from codec_fixtures import packed, randomize, samples, save

COMMON = dict(sampling_rate=24000, codebook_size=64, codebook_dim=8, noise=True, depthwise=True)
PLAIN = dict(COMMON, encoder_dim=8, encoder_rates=[2, 4, 2], decoder_dim=32, decoder_rates=[2, 4, 2], attn_window_size=None, vq_strides=[4, 2, 1])
WINDOWED = dict(COMMON, sampling_rate=32000, encoder_dim=16, encoder_rates=[2, 3, 2], decoder_dim=64, decoder_rates=[2, 3, 2], attn_window_size=8, vq_strides=[8, 4, 2, 1])

noise_scale = 0.0


def forward(self, x):
    position = torch.arange(x.shape[-1], dtype=torch.float64)
    noise = (noise_scale * torch.sin(0.37 * position + x.shape[1])).float()
    return x + noise[None, None] * self.linear(x)


NoiseBlock.forward = forward


def folded(model):
    for module in model.modules():
        if hasattr(module, "parametrizations"):
            remove_parametrizations(module, "weight")
    return model.state_dict()


def spread_codebooks(model):
    """Rows near the latents of the input, so that many codes occur."""
    with torch.no_grad():
        residual = model.encoder(model.preprocess(torch.from_numpy(samples(40_000))[None, None]))
        for i, quantizer in enumerate(model.quantizer.quantizers):
            pooled = torch.nn.functional.avg_pool1d(residual, quantizer.stride, quantizer.stride)
            found = quantizer.in_proj(pooled)[0].T
            rows = found[torch.linspace(0, found.shape[0] - 1, quantizer.codebook_size).long()]
            generator = torch.Generator().manual_seed(i)
            noise = torch.randn(rows.shape, generator=generator) * found.std() * 0.3
            quantizer.codebook.weight.copy_((rows + noise).bfloat16().float())
            residual = residual - quantizer(residual)[0]


def cases(model, config):
    global noise_scale
    hop = int(model.hop_length)
    block = hop * max(config["vq_strides"][0], config["attn_window_size"] or 1)
    found = []
    for length in (1, hop - 1, hop, hop + 1, block, 5 * block + 7):
        audio = torch.from_numpy(samples(length))[None, None]
        with torch.no_grad():
            latents = model.encoder(model.preprocess(audio))
            codes = model.encode(audio)
            noise_scale = 0.0
            decoded = model.decode(codes)
            noise_scale = 0.5
            noisy = model.decode(codes)
            noise_scale = 0.0
        case = {"samples": length, "codes": [c[0].tolist() for c in codes], "decoded": packed(decoded[0, 0, :length])}
        if length > block:
            case.update(latents=packed(latents[0].T), noisy=packed(noisy[0, 0, :length]))
        found.append(case)
    return found


for name, config, seed in (("snac-24khz", PLAIN, 1), ("snac-32khz", WINDOWED, 2)):
    model = SNAC(**config).eval()
    randomize(model, seed)
    spread_codebooks(model)
    arrays = {key: value.clone() for key, value in model.state_dict().items()}
    expected = {"cases": cases(model, config)}
    print({len(set(c)) for c in expected["cases"][-1]["codes"]})
    save(name, arrays, config, expected, {"folded": folded(model)} if name == "snac-24khz" else None)
