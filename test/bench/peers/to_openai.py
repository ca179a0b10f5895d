#!/usr/bin/env python3
"""Converts a float16 folder to an openai-whisper checkpoint, float32: to_openai.py FLOAT16_DIR OUT.pt"""

import sys

import numpy as np
import torch

from weights import read_model

dims, state, _ = read_model(sys.argv[1])
tensors = {name: torch.from_numpy(np.array(value, np.float32)) for name, value in state.items()}
torch.save({"dims": dims, "model_state_dict": tensors}, sys.argv[2])
