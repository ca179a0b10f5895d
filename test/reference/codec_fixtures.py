"""What the scripts of the codecs and vocoders share: input samples, random weights of few bits, files."""

import base64
import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

OUT = Path(__file__).resolve().parent.parent / "fixtures/codecs"


def samples(count, shift=0):
    """A chirp that the tests compute too, as float32 [count]."""
    n = np.arange(count, dtype=np.float64) + shift
    return (0.4 * np.sin(1e-5 * n * n + 0.05 * n) * np.sin(2e-3 * n) + 0.02).astype(np.float32)


def noisy_samples(count):
    """The chirp with white noise, without which most bands of a spectrogram are rounding errors."""
    state, noise = 1, np.empty(count, dtype=np.float32)
    for i in range(count):
        state = (state * 1103515245 + 12345) % 2**31
        noise[i] = state / 2**31 - 0.5
    return samples(count) + np.float32(0.25) * noise


def randomize(model, seed, gain=1.1):
    """Large enough that a misplaced weight changes the result; few bits, so that the files pack well."""
    rng = np.random.default_rng(seed)
    for name, parameter in sorted(model.named_parameters()):
        shape = tuple(parameter.shape)
        if name.endswith(("alpha", "beta")):
            value = 0.3 + 1.2 * rng.random(shape)
        elif "norm" in name and name.endswith("weight") or name.endswith("gamma"):
            value = 1 + 0.2 * rng.standard_normal(shape)
        elif name.endswith(("original0", "weight_g")):
            value = gain * (1 + 0.2 * rng.random(shape))
        elif "codebook" in name or len(shape) > 1:
            value = rng.standard_normal(shape) * gain / np.sqrt(np.prod(shape[1:]))
        else:
            value = 0.1 * rng.standard_normal(shape)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(np.asarray(value, dtype=np.float32)).bfloat16().float())


def packed(array):
    """float32 values as base64, with their shape."""
    values = np.ascontiguousarray(torch.as_tensor(array).detach().numpy(), dtype=np.float32)
    return {"shape": list(values.shape), "values": base64.b64encode(values.tobytes()).decode()}


def save(name, arrays, config, expected, others=None):
    """Writes a model directory with gzipped weights, and what the reference computes.

    others: the same weights in other spellings, by file name without its extension.
    """
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file, tensors in {"model": arrays, **(others or {})}.items():
        path = folder / f"{file}.safetensors"
        save_file({key: value.detach().contiguous().clone() for key, value in tensors.items()}, path, metadata={"format": "pt"})
        Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
        path.unlink()
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
    print(name, sum(f.stat().st_size for f in folder.iterdir()) // 1024, "KiB")
