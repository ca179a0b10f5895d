#!/usr/bin/env python3
"""Checks that two model folders have the same tensors, byte for byte, and the same config: compare-folders.py A B

The order of tensors may differ: MLX writes them in the order of a hash map, Sotto alphabetically.
"""

import json
import struct
import sys
from pathlib import Path


def tensors(folder):
    data = (Path(folder) / "weights.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    at = lambda offset: 8 + length + offset
    return {k: (v["dtype"], v["shape"], data[at(v["data_offsets"][0]) : at(v["data_offsets"][1])]) for k, v in header.items()}


a, b = (tensors(folder) for folder in sys.argv[1:3])
configs = [json.loads((Path(folder) / "config.json").read_text()) for folder in sys.argv[1:3]]
differing = sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))
if configs[0] != configs[1]:
    differing.append("config.json")
print(f"{len(a)} and {len(b)} tensors, {len(differing)} differ{': ' if differing else ''}{', '.join(differing[:10])}")
sys.exit(1 if differing else 0)
