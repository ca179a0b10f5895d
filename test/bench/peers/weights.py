"""Reads a float16 Whisper folder in the mlx layout for the converters, without torch or MLX."""

import base64
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

VOCABULARY = Path(__file__).resolve().parents[3] / "assets/vocab"

# In order of token ids. English-only models have the first 99 too, but never use them.
LANGUAGES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy sk te"
    " fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo ht"
    " ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue"
).split()


def read_model(folder):
    """(dims, {OpenAI's tensor name: array}, alignment heads or None)

    The layouts differ in the axes of convolution kernels, the names of the MLP layers, and the encoder's sinusoids, which
    MLX computes."""
    folder = Path(folder)
    config = json.loads((folder / "config.json").read_text())
    if "quantization" in config:
        raise SystemExit(f"{folder} is quantized: the peers need float16")
    dims = {key: value for key, value in config.items() if key.startswith("n_")}
    tensors = load_file(str(folder / "weights.safetensors"))
    heads = tensors.pop("alignment_heads", None)
    state = {}
    for name, value in tensors.items():
        name = name.replace(".mlp1.", ".mlp.0.").replace(".mlp2.", ".mlp.2.")
        kernel = ".conv" in name and name.endswith(".weight")
        state[name] = np.ascontiguousarray(value.transpose(0, 2, 1)) if kernel else value
    state["encoder.positional_embedding"] = sinusoids(dims["n_audio_ctx"], dims["n_audio_state"])
    return dims, state, None if heads is None else heads.tolist()


def sinusoids(length, channels):
    """Whisper's encoder positions: sines, then cosines, with wavelengths from 2 pi to 10000 * 2 pi."""
    half = channels // 2
    rates = 10000.0 ** (-np.arange(half) / (half - 1))
    angles = np.arange(length)[:, None] * rates
    return np.hstack([np.sin(angles), np.cos(angles)]).astype(np.float32)


def mel_filters(count, rate=16000, n_fft=400):
    """[count, n_fft / 2 + 1]: triangles on Slaney's mel scale (linear to 1 kHz, logarithmic above), each of area one."""
    log_step = np.log(6.4) / 27
    to_mel = lambda hz: hz * 3 / 200 if hz < 1000 else 15 + np.log(hz / 1000) / log_step
    mels = np.linspace(0, to_mel(rate / 2), count + 2)
    corners = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(log_step * (mels - 15)))
    bins = np.arange(n_fft // 2 + 1) * rate / n_fft
    low, middle, high = (corners[i : count + i, None] for i in range(3))
    triangles = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle))
    return (np.maximum(0, triangles) * 2 / (high - low)).astype(np.float32)


def read_ranks(n_vocab):
    """The byte strings of the vocabulary, in order of ids."""
    name = "multilingual" if n_vocab >= 51865 else "gpt2"
    lines = (VOCABULARY / f"{name}.tiktoken").read_bytes().split(b"\n")
    pairs = [line.split(b" ") for line in lines if line]
    assert [int(rank) for _, rank in pairs] == list(range(len(pairs)))
    return [base64.b64decode(token) if token != b"=" else b"" for token, _ in pairs]


def special_tokens(n_vocab):
    """Names of the ids after the ranks, including timestamps, as in Hugging Face's vocabulary."""
    timestamps = [f"<|{i * 0.02:.2f}|>" for i in range(1501)]
    tasks = ["translate", "transcribe", "startoflm", "startofprev", "nocaptions", "notimestamps"]
    languages = LANGUAGES[: n_vocab - (51765 if n_vocab < 51865 else 51766)]
    names = ["endoftext", "startoftranscript", *languages, *tasks]
    return [f"<|{name}|>" for name in names] + timestamps
