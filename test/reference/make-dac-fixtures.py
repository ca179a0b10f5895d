#!/usr/bin/env python3
"""Writes tiny random DAC checkpoints as descript-audio-codec and transformers save them, with their latents, codes and audio.

    test/reference/.venv-codecs/bin/python test/reference/make-dac-fixtures.py

Writes test/fixtures/codecs/dac-*: what descript-audio-codec 1.0.0 computes in float32 from samples that the test computes
too, and the same network in transformers 5.23.0, which must agree.
"""

import json
import tempfile
from pathlib import Path

import torch
from transformers import DacConfig, DacModel  # before the stubs, among which it would look for torchaudio

import codec_stubs  # before dac
from dac.model.dac import DAC
from safetensors.torch import load_file
from torch.nn.utils import remove_weight_norm

from codec_fixtures import packed, randomize, samples, save

SMALL = dict(encoder_dim=8, decoder_dim=32, n_codebooks=4, codebook_size=64, codebook_dim=8)
EVEN = dict(SMALL, encoder_rates=[2, 4, 2], decoder_rates=[2, 4, 2], latent_dim=16, sample_rate=44100)
ODD = dict(SMALL, encoder_rates=[2, 5, 2], decoder_rates=[2, 5, 2], latent_dim=64, sample_rate=16000)


def spread_codebooks(model):
    """Rows near the latents of the input, so that many codes occur."""
    with torch.no_grad():
        residual = model.encoder(model.preprocess(torch.from_numpy(samples(20_000))[None, None], None))
        for i, quantizer in enumerate(model.quantizer.quantizers):
            found = quantizer.in_proj(residual)[0].T
            rows = found[torch.linspace(0, found.shape[0] - 1, quantizer.codebook_size).long()]
            noise = torch.randn(rows.shape, generator=torch.Generator().manual_seed(i)) * found.std() * 0.3
            quantizer.codebook.weight.copy_((rows + noise).bfloat16().float())
            residual = residual - quantizer(residual)[0]


def cases(model):
    hop, found = int(model.hop_length), []
    for length in (1, hop - 1, hop, hop + 1, 60 * hop + 7):
        audio = torch.from_numpy(samples(length))[None, None]
        with torch.no_grad():
            latents = model.encoder(model.preprocess(audio, None))
            z, codes, *_ = model.encode(model.preprocess(audio, None))
            case = {"samples": length, "codes": codes[0].tolist(), "decoded": packed(model.decode(z)[0, 0, :length])}
            if length > 2 * hop:
                fewer, codes, *_ = model.encode(model.preprocess(audio, None), 2)
                case.update(latents=packed(latents[0].T), fewer=packed(model.decode(fewer)[0, 0, :length]))
                assert codes[0].tolist() == case["codes"][:2]
        found.append(case)
    return found


def in_transformers(model, config):
    """The same network, its arrays by the order of the modules, and the folder that transformers writes."""
    for module in model.modules():
        if hasattr(module, "weight_g"):
            remove_weight_norm(module)
    other = DacModel(DacConfig(
        encoder_hidden_size=config["encoder_dim"], downsampling_ratios=config["encoder_rates"], decoder_hidden_size=config["decoder_dim"],
        upsampling_ratios=config["decoder_rates"], n_codebooks=config["n_codebooks"], codebook_size=config["codebook_size"],
        codebook_dim=config["codebook_dim"], hidden_size=config["latent_dim"], sampling_rate=config["sample_rate"],
    )).eval()
    with_arrays = lambda root: [m for m in root.modules() if next(m.parameters(recurse=False), None) is not None]
    with torch.no_grad():
        for part in ("encoder", "quantizer", "decoder"):
            for ours, theirs in zip(with_arrays(getattr(model, part)), with_arrays(getattr(other, part)), strict=True):
                for name, parameter in theirs.named_parameters(recurse=False):
                    parameter.copy_(getattr(ours, name))
    with tempfile.TemporaryDirectory() as folder:
        other.save_pretrained(folder)
        return other, load_file(f"{folder}/model.safetensors"), json.loads(Path(f"{folder}/config.json").read_text())


def agree(model, other, config):
    audio = torch.from_numpy(samples(60 * int(model.hop_length)))[None, None]
    with torch.no_grad():
        z, codes, *_ = model.encode(audio)
        theirs = other.encode(audio)
        assert torch.equal(theirs.audio_codes, codes), "other codes"
        assert (other.decode(audio_codes=codes).audio_values - model.decode(z)[:, 0]).abs().max() < 1e-6


for name, config, seed in (("dac-44khz", EVEN, 3), ("dac-16khz", ODD, 4)):
    model = DAC(**config).eval()
    randomize(model, seed)
    spread_codebooks(model)
    arrays = {key: value.clone() for key, value in model.state_dict().items()}
    expected = {"cases": cases(model)}
    print([len(set(c)) for c in expected["cases"][-1]["codes"]])
    save(name, arrays, config, expected)
    if config is ODD:
        other, arrays, written = in_transformers(model, config)
        agree(model, other, config)
        save("dac-huggingface", arrays, written, expected)
