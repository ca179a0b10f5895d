#!/usr/bin/env python3
"""Writes tiny random Encodec checkpoints as transformers and Meta's package save them, with what they compute.

    test/reference/.venv-codecs/bin/python test/reference/make-encodec-fixtures.py

Writes test/fixtures/codecs/encodec-NAME/: config.json, gzipped weights (model: transformers, meta: Meta's spelling), .ecdc
files, and expected.json, computed in float32 from samples that the test computes too.
"""

import base64
import importlib
import io
import math
import sys
import types

import torch

from transformers import EncodecConfig, EncodecModel

from codec_fixtures import packed, randomize, samples, save

sys.modules["torchaudio"] = types.ModuleType("torchaudio")  # only used for files of audio
from encodec import EncodecModel as MetaModel
from encodec.modules import SEANetDecoder, SEANetEncoder
from encodec.quantization import ResidualVectorQuantizer

SMALL = dict(num_filters=4, upsampling_ratios=[4, 3, 2], hidden_size=16, codebook_size=32, sampling_rate=24_000)
HOP = 24


def fill_codebooks(model, latents, seed):
    """Rows of the size of what is left for each codebook."""
    generator = torch.Generator().manual_seed(seed)
    scale = latents.std().item()
    for layer in model.quantizer.layers:
        embed = layer.codebook.embed
        embed.copy_((torch.randn(embed.shape, generator=generator) * scale).bfloat16().float())
        layer.codebook.embed_avg.copy_(embed)
        scale *= 0.8


def signal(length, channels):
    return torch.stack([torch.from_numpy(samples(length, 500 * c)) for c in range(channels)])[None]


def case(model, length, bandwidth=None):
    """Codes of each segment, their scales, and the audio decoded from them."""
    x = signal(length, model.config.audio_channels)
    bandwidth = bandwidth or model.config.target_bandwidths[-1]
    with torch.no_grad():
        out = model.encode(x, bandwidth=bandwidth)
        decoded = model.decode(out.audio_codes, out.audio_scales, last_frame_pad_length=out.last_frame_pad_length)
    segments = [codes[0].tolist() for codes in out.audio_codes]
    if out.last_frame_pad_length:
        segments[-1] = [codes[: -out.last_frame_pad_length] for codes in segments[-1]]
    scales = [] if out.audio_scales[0] is None else [scale.item() for scale in out.audio_scales]
    return {"length": length, "bandwidth": bandwidth, "segments": segments, "scales": scales, "audio": packed(decoded.audio_values[0].T)}


def meta_model(config, model):
    """The same network with Meta's package."""
    causal = config.use_causal_conv
    shared = dict(
        channels=config.audio_channels, dimension=config.hidden_size, n_filters=config.num_filters,
        n_residual_layers=config.num_residual_layers, ratios=list(config.upsampling_ratios), norm=config.norm_type,
        kernel_size=config.kernel_size, last_kernel_size=config.last_kernel_size,
        residual_kernel_size=config.residual_kernel_size, dilation_base=config.dilation_growth_rate, causal=causal,
        pad_mode=config.pad_mode, true_skip=not config.use_conv_shortcut, compress=config.compress, lstm=config.num_lstm_layers,
    )
    quantizer = ResidualVectorQuantizer(dimension=config.hidden_size, n_q=config.num_quantizers, bins=config.codebook_size)
    meta = MetaModel(
        SEANetEncoder(**shared), SEANetDecoder(**shared, trim_right_ratio=1.0), quantizer, list(config.target_bandwidths),
        config.sampling_rate, config.audio_channels, normalize=config.normalize, segment=config.chunk_length_s,
        overlap=config.overlap or 0.01, name="tiny",
    )
    meta.eval()
    own = dict(model.named_parameters()) | dict(model.named_buffers())
    state = {}
    for name, value in meta.state_dict().items():
        key = name.replace("encoder.model.", "encoder.layers.").replace("decoder.model.", "decoder.layers.")
        key = key.replace(".conv.conv.", ".conv.").replace(".convtr.convtr.", ".conv.")
        key = key.replace(".conv.norm.", ".norm.").replace(".convtr.norm.", ".norm.")
        key = key.replace("quantizer.vq.layers.", "quantizer.layers.").replace("._codebook.", ".codebook.")
        key = key.replace("weight_g", "parametrizations.weight.original0").replace("weight_v", "parametrizations.weight.original1")
        assert own[key].shape == value.shape, (name, key)
        state[name] = own[key].detach().clone()
    assert len(state) == len([name for name in model.state_dict()])
    meta.load_state_dict(state)
    return meta


def check_meta(meta, model, expected):
    """Both libraries agree."""
    for one in expected["cases"]:
        meta.set_target_bandwidth(one["bandwidth"])
        with torch.no_grad():
            frames = meta.encode(signal(one["length"], model.config.audio_channels))
            audio = meta.decode(frames)
        assert [codes[0].tolist() for codes, _ in frames] == one["segments"], one["length"]
        expected_audio = torch.frombuffer(bytearray(base64.b64decode(one["audio"]["values"])), dtype=torch.float32)
        assert (audio[0].T.reshape(-1) - expected_audio).abs().max() < 1e-5


def ecdc(meta, length, bandwidth, name):
    """A file of Meta's package."""
    meta.set_target_bandwidth(bandwidth)
    meta.name = name
    files = importlib.import_module("encodec.compress")  # the package has a function of this name
    files.MODELS[name] = None  # only the names count
    file = io.BytesIO()
    files.compress_to_file(meta, signal(length, meta.channels)[0], file, use_lm=False)
    return {"length": length, "bandwidth": bandwidth, "file": base64.b64encode(file.getvalue()).decode()}


def make(name, seed, lengths, bandwidths=(), **fields):
    config = EncodecConfig(**{**SMALL, **fields})
    torch.manual_seed(seed)
    model = EncodecModel(config).eval()
    randomize(model, seed)
    length = lengths[-1] if config.chunk_length is None else config.chunk_length
    with torch.no_grad():
        latents = model.encoder(signal(length, config.audio_channels))
        fill_codebooks(model, latents, seed)
        latents = model.encoder(signal(length, config.audio_channels))
    expected = {
        "latents": packed(latents[0].T),
        "cases": [case(model, n) for n in lengths] + [case(model, lengths[-1], b) for b in bandwidths],
    }
    used = {code for segment in expected["cases"][-1]["segments"] for codes in segment for code in codes}
    meta = meta_model(config, model)
    check_meta(meta, model, expected)
    expected["ecdc"] = [ecdc(meta, lengths[-1], config.target_bandwidths[i], "tiny") for i in (0, -1)]
    written = {key: value for key, value in config.to_dict().items() if key not in ("dtype", "transformers_version")}
    save(f"encodec-{name}", model.state_dict(), written, expected, {"meta": meta.state_dict()})
    print(len(used), "codes occur, peak", max(abs(x) for x in latents.flatten().tolist()))


RATE = SMALL["sampling_rate"] // HOP * int(math.log2(SMALL["codebook_size"])) / 1000  # kbps of a codebook
BANDWIDTHS = [RATE, 2 * RATE, 4 * RATE, 8 * RATE]
make("causal", 1, [1, HOP - 1, HOP, HOP + 1, 7 * HOP, 20 * HOP + 5, 60 * HOP + 7], BANDWIDTHS[:3], target_bandwidths=BANDWIDTHS)
make("dilated", 2, [5, 50 * HOP - 9], target_bandwidths=BANDWIDTHS[:3], num_residual_layers=3, dilation_growth_rate=3,
     use_conv_shortcut=False, num_lstm_layers=1, last_kernel_size=5, num_filters=3)
# Segments of 480 samples, one every 432.
make("segments", 3, [1, HOP - 1, HOP + 1, 431, 432, 433, 480, 481, 1999], BANDWIDTHS[:3], target_bandwidths=BANDWIDTHS,
     audio_channels=2, norm_type="time_group_norm", use_causal_conv=False, normalize=True, chunk_length_s=0.02, overlap=0.1, num_lstm_layers=1)
