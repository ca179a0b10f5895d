#!/usr/bin/env python3
"""Writes tiny random Mimi checkpoints as transformers and Kyutai's package save them, with what they compute.

    test/reference/.venv-codecs/bin/python test/reference/make-mimi-fixtures.py

Writes test/fixtures/codecs/mimi-NAME/: config.json, gzipped weights (model: transformers, kyutai: moshi's spelling), and
expected.json, computed in float32 from samples that the test computes too.
"""

import json
import tempfile
from pathlib import Path

import torch
from moshi.models.loaders import get_mimi
from safetensors.torch import load_file
from transformers import MimiConfig, MimiModel

from codec_fixtures import packed, randomize, samples, save

SMALL = dict(
    num_filters=4, upsampling_ratios=[4, 3, 2], hidden_size=16, codebook_size=32, codebook_dim=8, num_quantizers=8,
    vector_quantization_hidden_dimension=8, upsample_groups=16, num_hidden_layers=2, intermediate_size=32,
    num_attention_heads=2, num_key_value_heads=2, sliding_window=6, sampling_rate=24_000,
)
HOP = 48


def signal(length):
    return torch.from_numpy(samples(length))[None, None]


def rounded(x):
    return x.bfloat16().float()


def fill_codebooks(quantizer, latents, seed):
    """Rows of the size of what is left for each codebook; some have no members."""
    generator = torch.Generator().manual_seed(seed)
    for part in (quantizer.semantic_residual_vector_quantizer, quantizer.acoustic_residual_vector_quantizer):
        x = latents if part.input_proj is None else part.input_proj(latents)
        scale = x.std().item()
        for layer in part.layers:
            book = layer.codebook
            usage = rounded(0.3 + 3 * torch.rand(book.cluster_usage.shape, generator=generator))
            usage[:2] = 0
            rows = torch.randn(book.embed_sum.shape, generator=generator) * scale
            book.embed_sum.copy_(rounded(rows * usage.clamp(min=1e-5)[:, None]))
            book.cluster_usage.copy_(usage)
            book._embed = None
            scale *= 0.8


def case(model, length, codebooks=None):
    with torch.no_grad():
        codes = model.encode(signal(length), num_quantizers=codebooks).audio_codes
        audio = model.decode(codes).audio_values
    return {"length": length, "codes": codes[0].tolist(), "audio": packed(audio[0].T)}


def interleaved(rows, heads):
    """From pairs of the two halves of a head to pairs side by side."""
    count, inputs = rows.shape
    return rows.reshape(heads, 2, count // heads // 2, inputs).transpose(1, 2).reshape(count, inputs)


def kyutai_state(config, saved):
    """The saved arrays in moshi's names."""
    state = {}
    for name, value in saved.items():
        if name.startswith(("encoder.layers.", "decoder.layers.")):
            key = name.replace(".layers.", ".model.", 1)
            ups = [2 + i * (2 + config.num_residual_layers) for i in range(len(config.upsampling_ratios))]
            is_up = name.startswith("decoder.") and any(name.startswith(f"decoder.layers.{n}.") for n in ups)
            key = key.replace(".conv.", ".convtr.convtr." if is_up else ".conv.conv.")
            if ".block." in key or ".shortcut." in key:
                key = key.replace(".weight", ".conv.conv.weight").replace(".bias", ".conv.conv.bias") if ".conv.conv." not in key else key
        elif name.startswith("downsample."):
            key = "downsample.conv.conv.conv.weight"
        elif name.startswith("upsample."):
            key = "upsample.convtr.convtr.convtr.weight"
        elif "_transformer." in name:
            key = name.replace("_transformer.layers.", "_transformer.transformer.layers.")
            if "q_proj" in key:
                q, k, v = (saved[name.replace("q_proj", p)] for p in ("q_proj", "k_proj", "v_proj"))
                heads = config.num_attention_heads
                value = torch.cat([interleaved(q, heads), interleaved(k, heads), v])
                key = key.replace("q_proj.weight", "in_projs.0.weight")
            elif "k_proj" in key or "v_proj" in key:
                continue
            for old, new in (
                ("o_proj.", "out_projs.0."), ("mlp.fc", "linear"), ("input_layernorm", "norm1"), ("post_attention_layernorm", "norm2"),
                ("self_attn_layer_scale", "layer_scale_1"), ("mlp_layer_scale", "layer_scale_2"),
            ):
                key = key.replace(old, new)
        else:
            key = name.replace("semantic_residual_vector_quantizer", "rvq_first").replace("acoustic_residual_vector_quantizer", "rvq_rest")
            key = key.replace(".layers.", ".vq.layers.").replace(".codebook.embed_sum", "._codebook.embedding_sum")
            key = key.replace(".codebook.cluster_usage", "._codebook.cluster_usage").replace(".codebook.initialized", "._codebook._initialized")
        state[key] = value.clone()
    return state


def kyutai_model(config, state):
    """The same network with moshi."""
    seanet = dict(
        channels=1, dimension=config.hidden_size, causal=True, n_filters=config.num_filters,
        n_residual_layers=config.num_residual_layers, activation="ELU", compress=config.compress,
        dilation_base=config.dilation_growth_rate, disable_norm_outer_blocks=0, kernel_size=config.kernel_size,
        residual_kernel_size=config.residual_kernel_size, last_kernel_size=config.last_kernel_size, norm="none",
        pad_mode=config.pad_mode, ratios=list(config.upsampling_ratios), true_skip=not config.use_conv_shortcut,
    )
    quantizer = dict(
        dimension=config.codebook_dim, n_q=config.num_quantizers, bins=config.codebook_size,
        input_dimension=config.hidden_size, output_dimension=config.hidden_size,
    )
    transformer = dict(
        d_model=config.hidden_size, num_heads=config.num_attention_heads, num_layers=config.num_hidden_layers, causal=True,
        layer_scale=0.01, context=config.sliding_window, conv_layout=True, max_period=10000, gating="none", norm="layer_norm",
        positional_embedding="rope", dim_feedforward=config.intermediate_size, input_dimension=config.hidden_size,
        output_dimensions=[config.hidden_size],
    )
    rate = config.sampling_rate / HOP
    settings = dict(sample_rate=config.sampling_rate, channels=1, frame_rate=rate, seanet=seanet, quantizer=quantizer, transformer=transformer)
    model = get_mimi(None, settings, num_codebooks=config.num_quantizers)
    assert set(state) == set(model.state_dict()), set(state) ^ set(model.state_dict())
    model.load_state_dict(state)
    return model


def check_kyutai(model, expected):
    """Both libraries agree on whole frames."""
    for one in expected["cases"]:
        if one["length"] % HOP == 0 and len(one["codes"]) == model.num_codebooks:
            with torch.no_grad():
                codes = model.encode(signal(one["length"]))
            assert codes[0].tolist() == one["codes"], one["length"]


def make(name, seed, lengths, counts=(), kyutai=False, **fields):
    config = MimiConfig(**{**SMALL, **fields})
    torch.manual_seed(seed)
    model = MimiModel(config).eval()
    randomize(model, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, value in model.named_parameters():
            if key.endswith("layer_scale.scale"):
                value.copy_(rounded(0.3 + 0.4 * torch.rand(value.shape, generator=generator)))
        latents = model.encoder(signal(lengths[-1])).latents
        fill_codebooks(model.quantizer, latents, seed)
    expected = {
        "latents": packed(latents[0].T),
        "cases": [case(model, n) for n in lengths] + [case(model, lengths[-1], k) for k in counts],
    }
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        saved = load_file(Path(folder) / "model.safetensors")
        written = json.loads((Path(folder) / "config.json").read_text())
    others = {}
    if kyutai:
        state = kyutai_state(config, saved)
        check_kyutai(kyutai_model(config, state), expected)
        others["kyutai"] = state
    save(f"mimi-{name}", saved, written, expected, others)
    used = {code for codes in expected["cases"][len(lengths) - 1]["codes"] for code in codes}
    print(len(used), "codes occur, peak", latents.abs().max().item())


LENGTHS = [1, HOP - 1, HOP, HOP + 1, 7 * HOP, 20 * HOP + 5, 60 * HOP]
make("tiny", 1, LENGTHS, [1, 2, 5], kyutai=True)
make("variant", 2, [HOP // 2, 30 * HOP - 7], [2, 3], use_conv_shortcut=True, num_residual_layers=2, num_semantic_quantizers=2,
     vector_quantization_hidden_dimension=16, codebook_dim=16, sliding_window=5, head_dim=12, num_filters=3, last_kernel_size=5,
     num_hidden_layers=1, upsampling_ratios=[6, 4])
