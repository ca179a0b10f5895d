#!/usr/bin/env python3
"""Quantizes a float16 Whisper folder with MLX's Python: the reference of assets/make-starter.ts and the WER table.

    quantize.py FLOAT16_DIR OUT_DIR FORM [--expanded]        quantize.py FLOAT16_DIR - FORM ...   (sizes only)

FORM is BITS-GROUP for all Linear and Embedding weights ("6-64"), or BITS-GROUP-EMBEDDING, where EMBEDDING is the
number of bits for the token embedding, or "f" to leave it in float16 ("4-64-8", "6-64-f"). --expanded writes the
dequantized weights in float16 under the unquantized names, which torch can read.
"""

import argparse
import json
from pathlib import Path

import mlx.core as mx

EMBEDDING = "decoder.token_embedding.weight"


def parse_form(form):
    """(bits, group size, bits of the embedding or None for float16)"""
    bits, group, *rest = form.split("-")
    embedding = None if rest == ["f"] else int(rest[0]) if rest else int(bits)
    return int(bits), int(group), embedding


def quantize(weights, form):
    """The weights, with every 2-D `.weight` replaced by `.weight`, `.scales` and `.biases`."""
    bits, group, embedding_bits = parse_form(form)
    out = {}
    for name, value in weights.items():
        own = embedding_bits if name == EMBEDDING else bits
        if value.ndim != 2 or not name.endswith(".weight") or own is None:
            out[name] = value
            continue
        stem = name.removesuffix(".weight")
        out[name], out[f"{stem}.scales"], out[f"{stem}.biases"] = mx.quantize(value, group_size=group, bits=own)
    return out


def expand(weights, form):
    bits, group, embedding_bits = parse_form(form)
    out = {}
    for name, value in weights.items():
        stem = name.removesuffix(".weight")
        if name.endswith((".scales", ".biases")):
            continue
        if f"{stem}.scales" in weights:
            own = embedding_bits if name == EMBEDDING else bits
            value = mx.dequantize(value, weights[f"{stem}.scales"], weights[f"{stem}.biases"], group_size=group, bits=own)
        out[name] = value
    return out


def quantization_config(form):
    """The `quantization` block of config.json, with an entry for each layer of another format, as mlx's loaders read it."""
    bits, group, embedding_bits = parse_form(form)
    block = {"group_size": group, "bits": bits}
    if embedding_bits != bits:
        block["decoder.token_embedding"] = {"group_size": group, "bits": embedding_bits} if embedding_bits else False
    return block


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("source", type=Path)
    ap.add_argument("out")
    ap.add_argument("forms", nargs="+")
    ap.add_argument("--expanded", action="store_true")
    args = ap.parse_args()
    mx.set_default_device(mx.cpu)
    weights = mx.load(str(args.source / "weights.safetensors"))
    config = json.loads((args.source / "config.json").read_text())
    for form in args.forms:
        quantized = quantize(weights, form)
        size = sum(value.nbytes for value in quantized.values())
        print(f"{form}\t{size / 1e6:.1f} MB", flush=True)
        if args.out == "-":
            continue
        out = Path(args.out)
        out.mkdir(parents=True, exist_ok=True)
        written = expand(quantized, form) if args.expanded else quantized
        mx.save_safetensors(str(out / "weights.safetensors"), written, {"format": "mlx"})
        extra = {} if args.expanded else {"quantization": quantization_config(form)}
        (out / "config.json").write_text(json.dumps(config | extra, indent=2) + "\n")


if __name__ == "__main__":
    main()
