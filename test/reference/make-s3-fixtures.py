#!/usr/bin/env python3
"""Writes test/fixtures/codecs/s3-*: tiny random S3 tokenizers of all versions with what s3tokenizer computes.

Run with .venv-codecs (`setup.sh codecs`). v2 is written in the spelling of mlx-audio, too.
"""

import mlx.core as mx
import numpy as np
import torch

import codec_stubs  # before s3tokenizer
import s3tokenizer
from mlx.utils import tree_flatten
from mlx_audio.codec.models.s3.model_v2 import ModelConfig as MlxConfig, S3TokenizerV2 as MlxTokenizer
from s3tokenizer.model import ModelConfig, S3Tokenizer
from s3tokenizer.model_v2 import ModelConfig as ModelConfigV2, S3TokenizerV2
from s3tokenizer.model_v3 import ModelConfigV3, S3TokenizerV3

from codec_fixtures import noisy_samples, packed, save

RATE = 16000
SECOND_HALF = 1000  # times as loud as the first, so that the loudest frame is far from the first window
CLOSE = 1e-5
sound = noisy_samples(70 * RATE)


def randomize(model, seed):
    """Seven values for each array, so that the files pack well."""
    rng = np.random.default_rng(seed)
    for name, parameter in sorted(model.named_parameters()):
        shape = tuple(parameter.shape)
        steps = rng.integers(-3, 4, shape) / 2
        if "ln.weight" in name:
            value = 1 + steps / 8
        elif len(shape) == 1:
            value = steps / 16
        else:
            gain = 4 if "project_down" in name else 1.5 if "query" in name or "key" in name else 1
            value = steps * 2 ** np.round(np.log2(gain / np.sqrt(np.prod(shape[1:]))))
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(np.asarray(value, dtype=np.float32)))


def spread_codes(model):
    """The numbers and rows of the codebook near what latents give, so that many codes occur."""
    latents = encoded([sound[: 20 * RATE]], model)[0][0]
    book = model.quantizer._codebook
    with torch.no_grad():
        if hasattr(book, "project_down"):
            spread = book.project_down(latents).std(0)
            book.project_down.weight.mul_(2 ** torch.round(torch.log2(1 / spread))[:, None])
            book.project_down.bias.sub_(book.project_down(latents).mean(0)).copy_(book.project_down.bias.bfloat16().float())
            return
        found = torch.nn.functional.normalize(latents, dim=-1)
        rows = found[torch.linspace(0, len(found) - 1, model.config.n_codebook_size).long()]
        noise = torch.randn(rows.shape, generator=torch.Generator().manual_seed(1)) * found.std() * 0.3
        book.embed.copy_((rows + noise).bfloat16().float())


def mels_of(signals):
    # A reflection needs more than half a window: silence follows a shorter audio.
    padded = [np.pad(x, (0, max(0, 201 - len(x)))) for x in signals]
    return [s3tokenizer.log_mel_spectrogram(torch.from_numpy(x)) for x in padded]


def encoded(signals, model):
    mels, lengths = s3tokenizer.padding(mels_of(signals))
    with torch.no_grad():
        hidden, lengths = model.encoder(mels, lengths)
    return [x[:n] for x, n in zip(hidden, lengths)], lengths


def codes_of(signals, model):
    mels, lengths = s3tokenizer.padding(mels_of(signals))
    codes, lengths = model.quantize(mels, lengths)
    return [c[:n].tolist() for c, n in zip(codes, lengths)]


def close(latents, model):
    """Codes that a rounding error may change."""
    book = model.quantizer._codebook
    if hasattr(book, "project_down"):
        h = book.project_down(latents).tanh() * 0.9990000128746033
        margins = (h.abs() - 0.5).abs().min(-1).values
    else:
        distances = torch.cdist(torch.nn.functional.normalize(latents, dim=-1), book.embed) ** 2
        two = distances.topk(2, largest=False).values
        margins = two[:, 1] - two[:, 0]
    return [i for i, margin in enumerate(margins.tolist()) if margin < CLOSE]


def rising(count):
    """The first half much quieter than the second."""
    audio = sound[:count].copy()
    audio[: count // 2] /= SECOND_HALF
    return audio


def expected(model, hop):
    cases = []
    for length in (1, hop - 1, hop, hop + 1, 5 * hop + 7, 2 * RATE + 11):
        signal = sound[:length]
        latents = encoded([signal], model)[0][0]
        case = {"samples": length, "codes": codes_of([signal], model)[0], "close": close(latents, model)}
        if length == 5 * hop + 7:
            case.update(mel=packed(mels_of([signal])[0].T), latents=packed(latents))
        cases.append(case)
    spans = [(0, 3200), (5000, 5000 + RATE + 1), (40000, 40001), (9000, 9000 + 9999)]
    batch = codes_of([sound[a:b] for a, b in spans], model)
    # 30 s and a sample more or less are one window; with a hop more there are two. Half of the others is quiet.
    lengths = [30 * RATE - 1, 30 * RATE, 30 * RATE + 1, 30 * RATE + 160, 61 * RATE + 77]
    if hop == 320:
        lengths = [30 * RATE + 1, 61 * RATE + 77]
    long = [{"samples": n, "codes": codes_of([rising(n)], model)[0]} for n in lengths]
    # 53 s: the reference starts a window behind one that reaches the end, and loses the codes of 2 s.
    lost = {"samples": 53 * RATE, "codes": codes_of([rising(53 * RATE)], model)[0]}
    print({len(set(case["codes"])) for case in cases + long}, [case["close"] for case in cases])
    return {"cases": cases, "batch": [{"span": s, "codes": c} for s, c in zip(spans, batch)], "long": long, "lost": lost}


def in_mlx_audio(model):
    """The arrays as mlx-audio saves them."""
    config = model.config
    other = MlxTokenizer("speech_tokenizer_v2_25hz", MlxConfig(
        n_audio_state=config.n_audio_state, n_audio_head=config.n_audio_head, n_audio_layer=config.n_audio_layer, n_codebook_size=3**8))
    arrays = {key: mx.array(value.numpy()) for key, value in model.state_dict().items()}
    other.load_weights(list(other.sanitize(arrays).items()))
    return {key: torch.from_numpy(np.array(value)) for key, value in tree_flatten(other.parameters())}


SHAPES = {
    "s3-v1-50hz": ("speech_tokenizer_v1", S3Tokenizer, ModelConfig(n_audio_state=64, n_audio_head=2, n_audio_layer=2, n_codebook_size=96), 320),
    "s3-v1-25hz": ("speech_tokenizer_v1_25hz", S3Tokenizer, ModelConfig(n_audio_ctx=750, n_audio_state=64, n_audio_head=2, n_audio_layer=1, n_codebook_size=96), 640),
    "s3-v2-25hz": ("speech_tokenizer_v2_25hz", S3TokenizerV2, ModelConfigV2(n_audio_state=128, n_audio_head=2, n_audio_layer=1), 640),
    "s3-v3-25hz": ("speech_tokenizer_v3_25hz", S3TokenizerV3, ModelConfigV3(n_audio_state=128, n_audio_head=2, n_audio_layer=2), 640),
}

for seed, (folder, (name, maker, config, hop)) in enumerate(SHAPES.items()):
    model = maker(name, config).eval()
    randomize(model, seed)
    spread_codes(model)
    arrays = {key: value.clone() for key, value in model.state_dict().items()}
    positions = arrays.pop("encoder.positional_embedding", None)
    if folder == "s3-v1-25hz":  # one with them, in half the bytes
        arrays["encoder.positional_embedding"] = positions.half()
    fields = ("n_mels", "n_audio_ctx", "n_audio_state", "n_audio_head", "n_audio_layer", "n_codebook_size")
    written = {"name": name, **{field: getattr(config, field) for field in fields}}
    others = {"mlx-audio": in_mlx_audio(model)} if folder == "s3-v2-25hz" else None
    save(folder, arrays, written, expected(model, hop), others)
