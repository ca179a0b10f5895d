#!/usr/bin/env python3
"""Times full-size SNAC, DAC, Vocos, BigVGAN and S3 tokenizers with random weights in torch, beside `npm run bench -- chunked-codecs`.

Reads a line for each measurement: `save NAME DIR` writes the checkpoint; `encode NAME SECONDS` and `decode NAME SECONDS` compute
a whole signal. Answers with the wall and CPU seconds of each.
"""

import json
import os
import sys
import time
from pathlib import Path

import torch

import codec_stubs  # before dac, s3tokenizer and vocos
import s3tokenizer
from bigvgan.bigvgan import BigVGAN
from bigvgan.env import AttrDict
from dac.model.dac import DAC
from s3tokenizer.model import ModelConfig, S3Tokenizer
from s3tokenizer.model_v2 import ModelConfig as ModelConfigV2, S3TokenizerV2
from s3tokenizer.model_v3 import ModelConfigV3, S3TokenizerV3
from safetensors.torch import save_file
from snac import SNAC
from vocos.heads import ISTFTHead
from vocos.models import VocosBackbone

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
torch.manual_seed(0)
torch.set_grad_enabled(False)

SNAC_24 = dict(
    sampling_rate=24000, encoder_dim=48, encoder_rates=[2, 4, 8, 8], decoder_dim=1024, decoder_rates=[8, 8, 4, 2], attn_window_size=None,
    codebook_size=4096, codebook_dim=8, vq_strides=[4, 2, 1], noise=True, depthwise=True,
)
SNAC_44 = dict(SNAC_24, sampling_rate=44100, encoder_dim=64, encoder_rates=[2, 3, 8, 8], decoder_dim=1536, decoder_rates=[8, 8, 3, 2],
               attn_window_size=32, vq_strides=[8, 4, 2, 1])
DAC_44 = dict(
    encoder_dim=64, encoder_rates=[2, 4, 8, 8], latent_dim=1024, decoder_dim=1536, decoder_rates=[8, 8, 4, 2], n_codebooks=9,
    codebook_size=1024, codebook_dim=8, sample_rate=44100,
)
MEL = dict(sample_rate=24000, n_fft=1024, hop_length=256, n_mels=100, padding="center")
BACKBONE = dict(input_channels=100, dim=512, intermediate_dim=1536, num_layers=8)
HEAD = dict(dim=512, n_fft=1024, hop_length=256, padding="center")
part = lambda path, args: {"class_path": path, "init_args": args}
VOCOS = dict(
    feature_extractor=part("vocos.feature_extractors.MelSpectrogramFeatures", MEL),
    backbone=part("vocos.models.VocosBackbone", BACKBONE), head=part("vocos.heads.ISTFTHead", HEAD),
)
BIGVGAN = dict(
    resblock="1", activation="snakebeta", snake_logscale=True, upsample_rates=[4, 4, 2, 2, 2, 2], upsample_kernel_sizes=[8, 8, 4, 4, 4, 4],
    upsample_initial_channel=1536, resblock_kernel_sizes=[3, 7, 11], resblock_dilation_sizes=[[1, 3, 5]] * 3, use_tanh_at_final=False,
    use_bias_at_final=False, num_mels=100, n_fft=1024, hop_size=256, win_size=1024, sampling_rate=24000, fmin=0, fmax=None,
)
BIGVGAN_BASE = dict(BIGVGAN, upsample_rates=[8, 8, 2, 2], upsample_kernel_sizes=[16, 16, 4, 4], upsample_initial_channel=512,
                    use_tanh_at_final=True, use_bias_at_final=True)

S3 = {
    "s3-v1": ("speech_tokenizer_v1", S3Tokenizer, ModelConfig()),
    "s3-v2": ("speech_tokenizer_v2_25hz", S3TokenizerV2, ModelConfigV2()),
    "s3-v3": ("speech_tokenizer_v3_25hz", S3TokenizerV3, ModelConfigV3()),
}


class Vocos(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone, self.head = VocosBackbone(**BACKBONE), ISTFTHead(**HEAD)

    def forward(self, mel):
        return self.head(self.backbone(mel))


CONFIGS = {"snac": SNAC_24, "snac-44khz": SNAC_44, "dac": DAC_44, "vocos": VOCOS, "bigvgan": BIGVGAN, "bigvgan-base": BIGVGAN_BASE,
           **{key: {"name": name, **vars(config)} for key, (name, _, config) in S3.items()}}
models = {}


def model_of(name):
    if name not in models:
        config = CONFIGS[name]
        makers = {"snac": lambda: SNAC(**config), "dac": lambda: DAC(**config), "vocos": Vocos, "bigvgan": lambda: BigVGAN(AttrDict(config)),
                  "s3": lambda: S3[name][1](S3[name][0], S3[name][2])}
        models[name] = makers[name.split("-")[0]]().eval()
    return models[name]


def save(name, folder):
    Path(folder).mkdir()
    save_file({key: value.contiguous().clone() for key, value in model_of(name).state_dict().items()}, f"{folder}/model.safetensors")
    config = {key: value for key, value in CONFIGS[name].items() if key != "use_cuda_kernel"}
    Path(folder, "config.json").write_text(json.dumps(config))


def work(command, name, seconds):
    model = model_of(name)
    rate = CONFIGS[name].get("sampling_rate", CONFIGS[name].get("sample_rate", 24000))
    if name.startswith(("vocos", "bigvgan")):
        mel = torch.randn(1, 100, int(seconds * rate / 256))
        return lambda: model(mel)
    if name in S3:
        signal = 0.1 * torch.randn(int(seconds * 16000))
        length = lambda mel: torch.tensor([mel.shape[1]])
        return lambda: (lambda mel: model.quantize(mel[None], length(mel)))(s3tokenizer.log_mel_spectrogram(signal))
    audio = 0.1 * torch.randn(1, 1, int(seconds * rate))
    if name == "dac":
        padded = model.preprocess(audio, None)
        codes = model.encode(padded)[1]
        return (lambda: model.encode(padded)) if command == "encode" else (lambda: model.decode(model.quantizer.from_codes(codes)[0]))
    codes = model.encode(audio)
    return (lambda: model.encode(audio)) if command == "encode" else (lambda: model.decode(codes))


prepared = {}
for line in sys.stdin:
    command, name, rest = line.split()
    key = (command, name, rest)
    if command != "save" and key not in prepared:
        prepared[key] = work(command, name, float(rest))
    start, cpu = time.perf_counter(), time.process_time()
    save(name, rest) if command == "save" else prepared[key]()
    times = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    print(json.dumps(times), flush=True)
