#!/usr/bin/env python3
"""Compares `sotto codec` with snac and descript-audio-codec on whole files: 30 s, one sample less, one more.

    test/reference/.venv-codecs2/bin/python test/reference/check-codec-lengths.py [snac] [dac] [SECONDS]

Full-size networks with random weights (time-chunked-codecs.py). Sotto encodes and decodes in chunks, the reference the whole at
once. Exits with 1 if a code differs by more than rounding (1 of 10,000), or if the audio has less than 80 dB.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

import codec_stubs  # before dac
from dac.model.dac import DAC
from safetensors.torch import save_file
from snac import SNAC
from snac.layers import NoiseBlock

from codec_fixtures import samples

torch.manual_seed(0)
torch.set_grad_enabled(False)
# Noise differs from run to run.
NoiseBlock.forward = lambda self, x: x

SNAC_24 = dict(
    sampling_rate=24000, encoder_dim=48, encoder_rates=[2, 4, 8, 8], decoder_dim=1024, decoder_rates=[8, 8, 4, 2], attn_window_size=None,
    codebook_size=4096, codebook_dim=8, vq_strides=[4, 2, 1], noise=True, depthwise=True,
)
DAC_24 = dict(
    encoder_dim=64, encoder_rates=[2, 4, 5, 8], latent_dim=1024, decoder_dim=1536, decoder_rates=[8, 5, 4, 2], n_codebooks=32,
    codebook_size=1024, codebook_dim=8, sample_rate=24000,
)
CONFIGS = {"snac": (SNAC, SNAC_24), "dac": (DAC, DAC_24)}
RATE = 24000


def save(model, config, folder):
    """Noise of weight 0 is none, in Sotto too."""
    folder.mkdir()
    arrays = {key: value.contiguous().clone() for key, value in model.state_dict().items()}
    for key in arrays:
        if ".linear." in key and not key.endswith(("original1", "weight_v")):
            arrays[key].zero_()
    save_file(arrays, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))


def wav(path, audio):
    head = b"RIFF" + (36 + 4 * len(audio)).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0\3\0\1\0"
    head += RATE.to_bytes(4, "little") + (4 * RATE).to_bytes(4, "little") + b"\4\0\x20\0data" + (4 * len(audio)).to_bytes(4, "little")
    path.write_bytes(head + audio.astype("<f4").tobytes())


def sotto(*args):
    command = ["node", "daemon/bin/sotto.mjs", "codec", *map(str, args), "--no-daemon", "--quiet"]
    subprocess.run(command, check=True)


def reference(name, model, audio):
    if name == "snac":
        codes = model.encode(audio)
        return [c[0].tolist() for c in codes], model.decode(codes)[0, 0]
    z, codes, *_ = model.encode(model.preprocess(audio, None))
    return codes[0].tolist(), model.decode(z)[0, 0]


def check(name, model, folder, length):
    audio = samples(length)
    expected, decoded = reference(name, model, torch.from_numpy(audio)[None, None])
    wav(folder / "in.wav", audio)
    sotto("encode", folder / "in.wav", "--model", folder / name, "-o", folder / "codes.json", "--overwrite")
    own = json.loads((folder / "codes.json").read_text())
    assert [len(list_) for list_ in own["codes"]] == [len(list_) for list_ in expected], "numbers of codes"
    total = sum(map(len, expected))
    differing = sum(a != b for ours, theirs in zip(own["codes"], expected) for a, b in zip(ours, theirs))
    (folder / "codes.json").write_text(json.dumps({**own, "codes": expected}))
    sotto("decode", folder / "codes.json", "--model", folder / name, "-o", folder / "out.wav", "--float", "--overwrite")
    ours = np.frombuffer((folder / "out.wav").read_bytes()[58:], dtype="<f4")
    theirs = decoded.numpy()[:length]
    # An odd stride gives fewer samples than went in.
    assert len(ours) == min(length, len(theirs)), f"{len(ours)} samples instead of {len(theirs)}"
    snr = 10 * np.log10(np.sum(theirs.astype(np.float64) ** 2) / np.sum((theirs.astype(np.float64) - ours) ** 2))
    print(f"{name}, {length} samples: {differing} of {total} codes differ, audio {snr:.1f} dB", flush=True)
    return differing <= total / 10_000 and snr >= 80


words = sys.argv[1:]
names = [word for word in words if word in CONFIGS] or list(CONFIGS)
seconds = float(next((word for word in words if word.replace(".", "").isdigit()), 30))
good = True
with tempfile.TemporaryDirectory() as root:
    for name in names:
        maker, config = CONFIGS[name]
        model = maker(**config).eval()
        save(model, config, Path(root, name))
        for extra in (-1, 0, 1):
            good &= check(name, model, Path(root), int(seconds * RATE) + extra)
sys.exit(0 if good else 1)
