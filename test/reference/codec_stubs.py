"""Stands in for large packages that the networks of DAC and Vocos import and don't need. Import it before them."""

import sys
import types

import torch


class Stub(types.ModuleType):
    __path__ = []
    BaseModel = type("BaseModel", (torch.nn.Module,), {"INTERN": [], "EXTERN": []})  # of audiotools

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (torch.nn.Module,), {})


NAMES = (
    "audiotools", "audiotools.ml", "audiotools.ml.decorators", "dac.nn.loss", "dac.model.discriminator", "dac.utils",
    # torchaudio is built for another CUDA than torch.
    "torchaudio", "torchaudio.functional", "torchaudio.functional.functional", "torchaudio.transforms", "encodec", "vocos.pretrained",
)
for name in NAMES:
    sys.modules[name] = Stub(name)
sys.modules["audiotools"].ml = sys.modules["audiotools.ml"]

from dac.model.dac import DAC

DAC.get_delay = lambda self: 0  # needs audiotools
