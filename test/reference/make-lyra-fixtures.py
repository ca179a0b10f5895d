#!/usr/bin/env python3
"""Writes what Lyra V2 computes from a second of speech: its published graph in floating point, and TFLite with its 8 bits.

    test/reference/.venv-lyra/bin/python test/reference/make-lyra-fixtures.py LYRA_FILES [LYRA_WAV]

LYRA_FILES has soundstream_encoder, quantizer and lyragan.tflite, LYRA_WAV is lyra/testdata/sample1_16kHz.wav (default: in
LYRA_FILES). Writes test/fixtures/codecs/lyra/: the samples, and expected.json. The floating-point reference runs the
operators of the files frame by frame with their own states, in float64; dequantized weights, activations as they are.
"""

import base64
import json
import sys
import wave
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from lyra_graph import Graph, codebooks

OUT = Path(__file__).resolve().parent.parent / "fixtures/codecs/lyra"
HOP, CODEBOOKS = 320, 46
START, FRAMES = 8000, 60


class FloatGraph:
    """Runs a graph frame by frame. Quantization of activations is left out."""

    def __init__(self, path):
        self.graph = Graph(path)
        self.states = {}
        self.constants = {t.index: t.floats for t in self.graph.tensors if t.values is not None}

    def run(self, frame):
        values = dict(self.constants)
        tensor = self.graph.tensors[self.graph.inputs[0]]
        values[tensor.index] = frame.reshape(tensor.shape).astype(np.float64)
        handles = {}
        for op in self.graph.operators:
            inputs = [values.get(t.index) for t in op.inputs]
            if op.name == "CALL_ONCE":
                continue
            if op.name == "VAR_HANDLE":
                handles[op.outputs[0].index] = op.outputs[0].name
                continue
            if op.name == "READ_VARIABLE":
                name, out = handles[op.inputs[0].index], op.outputs[0]
                values[out.index] = self.states.get(name, np.zeros(out.shape))
                continue
            if op.name == "ASSIGN_VARIABLE":
                self.states[handles[op.inputs[0].index]] = inputs[1]
                continue
            results = getattr(self, op.name.lower())(op, *inputs)
            for out, result in zip(op.outputs, results if isinstance(results, list) else [results]):
                values[out.index] = result
        return values[self.graph.outputs[0]].reshape(-1)

    def reshape(self, op, x, shape):
        return x.reshape(op.outputs[0].shape)

    def quantize(self, op, x):
        return x

    dequantize = quantize

    def add(self, op, a, b):
        return a + b

    def sub(self, op, a, b):
        return a - b

    def leaky_relu(self, op, x):
        return np.where(x > 0, x, op.options.Alpha() * x)

    def concatenation(self, op, *parts):
        return np.concatenate(parts, op.options.Axis())

    def split(self, op, axis, x):
        return np.split(x, len(op.outputs), int(axis))

    def strided_slice(self, op, x, begin, end, strides):
        o = op.options
        index = []
        for i, (b, e, s) in enumerate(zip(begin, end, strides)):
            first = None if o.BeginMask() >> i & 1 else int(b)
            last = None if o.EndMask() >> i & 1 else int(e)
            index.append(slice(first, last, int(s)))
        return x[tuple(index)]

    def conv_2d(self, op, x, weight, bias):
        _, length, _, channels = x.shape
        outputs, kernel, _, width = weight.shape
        stride, groups = op.options.StrideH(), channels // width
        frames = (length - kernel) // stride + 1
        parts = []
        for g in range(groups):
            rows = weight[g * outputs // groups : (g + 1) * outputs // groups, :, 0]
            own = x[0, :, 0, g * width : (g + 1) * width]
            parts.append(np.stack([np.einsum("okc,kc->o", rows, own[t * stride : t * stride + kernel]) for t in range(frames)]))
        return (np.concatenate(parts, 1) + bias)[None, :, None]

    def depthwise_conv_2d(self, op, x, weight, bias):
        kernel, dilation = weight.shape[1], op.options.DilationHFactor()
        frames = x.shape[1] - (kernel - 1) * dilation
        return sum(weight[:, k : k + 1] * x[:, k * dilation : k * dilation + frames] for k in range(kernel)) + bias

    def transpose_conv(self, op, shape, weight, x, bias):
        outputs, kernel, _, _ = weight.shape
        stride, frames = op.options.StrideH(), x.shape[1]
        y = np.zeros((1, (frames - 1) * stride + kernel, 1, outputs))
        for t in range(frames):
            y[0, t * stride : t * stride + kernel, 0] += np.einsum("okc,c->ko", weight[:, :, 0], x[0, t, 0])
        return y + op.bias


class LiteGraph:
    """Runs a file with TFLite, as Lyra does."""

    def __init__(self, path):
        self.interpreter = Interpreter(model_path=str(path))
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]
        self.output = self.interpreter.get_output_details()[0]

    def run(self, frame):
        self.interpreter.set_tensor(self.input["index"], frame.reshape(self.input["shape"]).astype(np.float32))
        self.interpreter.invoke()
        return self.interpreter.get_tensor(self.output["index"]).reshape(-1)


def quantized(latents, books):
    """Codes [46, T], as the quantizer's graph has them: the nearest row of what is left."""
    codes = []
    residual = latents.astype(np.float64)
    for rows in books.astype(np.float64):
        own = ((residual[:, None] - rows[None]) ** 2).sum(-1).argmin(-1)
        codes.append(own)
        residual = residual - rows[own]
    return np.stack(codes)


def lite_codes(path, latents):
    encode = Interpreter(model_path=str(path)).get_signature_runner("encode")
    count = np.array(CODEBOOKS, dtype=np.int32)
    rows = [encode(input_frames=x.reshape(1, 1, -1).astype(np.float32), num_quantizers=count)["output_0"] for x in latents]
    return np.stack([row.reshape(-1) for row in rows], 1).astype(int)


def embedded(codes, books):
    return sum(books[i][own] for i, own in enumerate(codes))


def packed(array):
    values = np.ascontiguousarray(array, dtype=np.float32)
    return {"shape": list(values.shape), "values": base64.b64encode(values.tobytes()).decode()}


def decibels(x, reference):
    return 10 * np.log10((reference**2).sum() / ((x - reference) ** 2).sum())


def main(files, wav=None):
    files = Path(files)
    with wave.open(str(wav or files / "sample1_16kHz.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16)[START : START + FRAMES * HOP]
    frames = (pcm / 32768).reshape(FRAMES, HOP)
    books = codebooks(files / "quantizer.tflite")
    encoder, decoder = (FloatGraph(files / f"{name}.tflite") for name in ("soundstream_encoder", "lyragan"))
    latents = np.stack([encoder.run(frame) for frame in frames])
    codes = quantized(latents, books)
    assert (codes == lite_codes(files / "quantizer.tflite", latents)).all()
    audio = np.concatenate([decoder.run(x) for x in embedded(codes, books)])
    decoder = FloatGraph(files / "lyragan.tflite")
    low = np.concatenate([decoder.run(x) for x in embedded(codes[:16], books)])

    lite_encoder, lite_decoder = (LiteGraph(files / f"{name}.tflite") for name in ("soundstream_encoder", "lyragan"))
    lite_latents = np.stack([lite_encoder.run(frame) for frame in frames])
    own_codes = lite_codes(files / "quantizer.tflite", lite_latents)
    lite_audio = np.concatenate([lite_decoder.run(x) for x in embedded(codes, books)])

    OUT.mkdir(parents=True, exist_ok=True)
    with wave.open(str(OUT / "speech.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(pcm.tobytes())
    expected = {
        "latents": packed(latents),
        "codes": codes.tolist(),
        "audio": packed(audio),
        "audio16": packed(low[-10 * HOP :]),
        "lite": {"codes": own_codes.tolist(), "audio": packed(lite_audio[-20 * HOP :])},
    }
    (OUT / "expected.json").write_text(json.dumps(expected) + "\n")
    same = (own_codes == codes).mean(1)
    print(f"8 bits: latents {decibels(lite_latents, latents):.1f} dB, audio of the same codes {decibels(lite_audio, audio):.1f} dB, "
          f"correlation {np.corrcoef(lite_audio, audio)[0, 1]:.4f}; equal codes: first {same[0]:.2f}, first 16 {same[:16].mean():.2f}, all {same.mean():.2f}")
    print(f"audio against the input: {decibels(audio, frames.reshape(-1)):.1f} dB; peak {abs(audio).max():.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
