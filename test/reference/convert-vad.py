#!/usr/bin/env python3
"""Writes assets/vad/silero-vad.safetensors: Silero VAD's 16 kHz network, its numbers unchanged, laid out for MLX.

    python3 -m venv .venv-vad
    .venv-vad/bin/pip install torch==2.15.0 silero-vad==6.2.3 safetensors soundfile numpy
    .venv-vad/bin/python convert-vad.py [OUT]

The numbers come from the package's TorchScript file, which the package loads by default. (Its
`silero_vad_16k.safetensors` is from an earlier training.) Convolutions become channels last, [out, kernel, in]; the two
biases of the LSTM, which are always added, become one. The output has the same bytes on every machine.
"""

import hashlib
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import torch
from safetensors.torch import save_file

SOURCE = files("silero_vad.data") / "silero_vad.jit"
OUT = Path(__file__).resolve().parents[2] / "assets/vad/silero-vad.safetensors"


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def converted(model):
    state = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    channels_last = lambda name: state[name].permute(0, 2, 1)
    tensors = {"stft.weight": channels_last("stft.forward_basis_buffer")}
    for i in range(4):
        tensors[f"encoder.{i}.weight"] = channels_last(f"encoder.{i}.reparam_conv.weight")
        tensors[f"encoder.{i}.bias"] = state[f"encoder.{i}.reparam_conv.bias"]
    tensors["lstm.Wx"] = state["decoder.rnn.weight_ih"]  # names and order of the gates (i, f, g, o) as in mlx.nn.LSTM
    tensors["lstm.Wh"] = state["decoder.rnn.weight_hh"]
    tensors["lstm.bias"] = state["decoder.rnn.bias_ih"] + state["decoder.rnn.bias_hh"]
    tensors["output.weight"] = state["decoder.decoder.2.weight"].squeeze(-1)
    tensors["output.bias"] = state["decoder.decoder.2.bias"]
    return {name: tensor.detach().float().contiguous() for name, tensor in tensors.items()}


if __name__ == "__main__":
    out = sys.argv[1] if len(sys.argv) > 1 else OUT
    save_file(converted(torch.jit.load(str(SOURCE))._model), out, {"source": f"silero-vad {version('silero-vad')}"})
    print(f"{SOURCE.name} {sha256(SOURCE)}\n{out} {sha256(out)}")
