#!/usr/bin/env python3
"""Writes tiny random Wav2Vec2 checkpoints as transformers saves them, with its logits and greedy tokens.

    test/reference/.venv-ctc/bin/python test/reference/make-wav2vec2-fixtures.py

.venv-ctc also needs transformers 5.23.0. Writes test/fixtures/wav2vec2/NAME/: the folder with gzipped weights, and
expected.json, computed in float32 from samples that the test computes too.
"""

import base64
import gzip
import itertools
import json
import re
import shutil
from pathlib import Path

import numpy as np
import torch

torch.version.cuda = None  # torchaudio refuses another CUDA version than torch's; only the CPU is used
from safetensors.torch import load_file, save_file
from torchaudio.functional import forced_align, merge_tokens
from transformers import Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

OUT = Path(__file__).resolve().parent.parent / "fixtures/wav2vec2"
SAMPLES = 20_123
LETTERS = "ETAOINSHRDLUMWCFGYPBVK'XJQZ"
ENGLISH = {t: i for i, t in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS])}
SMALL = dict(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, conv_dim=(16,) * 7,
    num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, vocab_size=32, layerdrop=0.0,
)
STABLE = dict(feat_extract_norm="layer", conv_bias=True, do_stable_layer_norm=True)


def samples():
    n = np.arange(SAMPLES, dtype=np.float64)
    return (0.3 * np.sin(1e-5 * n * n) * np.sin(1e-3 * n) + 0.05).astype(np.float32)


def randomize(model, seed):
    """Large enough that a misplaced weight changes the result; few bits, so that the files pack well."""
    rng = np.random.default_rng(seed)
    for name, parameter in sorted(model.named_parameters()):
        shape = tuple(parameter.shape)
        if "norm" in name and name.endswith("weight"):
            value = 1 + 0.2 * rng.standard_normal(shape)
        elif name.endswith("original0"):
            value = 1 + 0.3 * rng.random(shape)
        elif len(shape) == 1:
            value = 0.2 * rng.standard_normal(shape)
        else:
            scale = 3.0 if name.startswith("lm_head") else 1.2
            value = rng.standard_normal(shape) * scale / np.sqrt(np.prod(shape[1:]))
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(value.astype(np.float32)).bfloat16().float())


def expected(model, extractor, pad):
    values = extractor(samples(), sampling_rate=16_000, return_tensors="pt").input_values
    with torch.no_grad():
        logits = model(values).logits[0]
    ids = logits.argmax(-1).tolist()
    tokens, at = [], 0
    for token, run in itertools.groupby(ids):
        length = len(list(run))
        if token != pad:
            tokens.append([token, at, at + length])
        at += length
    packed = base64.b64encode(np.ascontiguousarray(logits.numpy(), dtype=np.float32).tobytes()).decode()
    return {"frames": logits.shape[0], "logits": packed, "tokens": tokens}


def balance(model, extractor):
    """Sets the bias of the head so that all tokens occur, the blank, the space and the special ones too."""
    values = extractor(samples(), sampling_rate=16_000, return_tensors="pt").input_values
    with torch.no_grad():
        bias = model.lm_head.bias
        bias.copy_((bias - model(values).logits[0].mean(0)).bfloat16().float())


def aligned(model, extractor, tokenizer, text):
    """Frames of the words of a text, by torchaudio."""
    values = extractor(samples(), sampling_rate=16_000, return_tensors="pt").input_values
    with torch.no_grad():
        logprobs = model(values).logits.log_softmax(-1)
    ids = tokenizer.convert_tokens_to_ids(list(text.replace(" ", "|")))
    path, scores = forced_align(logprobs, torch.tensor([ids]), blank=tokenizer.pad_token_id)
    spans, at, words = merge_tokens(path[0], scores[0], blank=tokenizer.pad_token_id), 0, []
    for word in text.split(" "):
        own = spans[at : at + len(word)]
        words.append([word, own[0].start, own[-1].end])
        at += len(word) + 1
    return words


def text_of(tokenizer, tokens):
    """transformers marks the space as special in some tokenizers, so skip_special_tokens would join words."""
    text = tokenizer.decode([token for token, _, _ in tokens], group_tokens=False)
    return " ".join(re.sub(r"</?s>|<unk>|\[UNK\]", "", text).split())


def save(name, config, seed, vocabulary=ENGLISH, old_names=False, do_normalize=True, adapters=(), **tokens):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = Wav2Vec2Config(architectures=["Wav2Vec2ForCTC"], **{**SMALL, **config})
    torch.manual_seed(seed)
    model = Wav2Vec2ForCTC(config).eval().float()
    randomize(model, seed)
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    target = {"target_lang": adapters[0]} if adapters else {}
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"), **tokens, **target)
    extractor = Wav2Vec2FeatureExtractor(do_normalize=do_normalize, return_attention_mask=config.feat_extract_norm == "layer")
    balance(model, extractor)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    extractor.save_pretrained(folder)
    pad = tokenizer.pad_token_id
    result = expected(model, extractor, pad)
    result["text"] = text_of(tokenizer, result["tokens"])
    letters = result["text"].replace(" ", "")
    if not config.add_adapter:
        result["aligned"] = aligned(model, extractor, tokenizer, f"{letters[2:9]} {letters[12:13]} {letters[20:27]}")
    if adapters:
        result = {"language": adapters[0], **result, "adapters": {}}
        for i, language in enumerate(adapters):
            if i > 0:
                size = len(vocabulary[language])
                model.lm_head = torch.nn.Linear(config.hidden_size, size)
                for key, parameter in model._get_adapters().items():
                    with torch.no_grad():
                        rng = np.random.default_rng([seed, i, len(key)])
                        parameter.add_(torch.from_numpy(rng.standard_normal(tuple(parameter.shape)).astype(np.float32)) * 0.3)
                balance(model, extractor)
                tokenizer.set_target_lang(language)
            state = {key: value.detach().bfloat16().float().contiguous() for key, value in model._get_adapters().items()}
            for key, parameter in model._get_adapters().items():
                with torch.no_grad():
                    parameter.copy_(state[key])
            save_file(state, folder / f"adapter.{language}.safetensors", metadata={"format": "pt"})
            spoken = expected(model, extractor, tokenizer.convert_tokens_to_ids("<pad>"))
            result["adapters"][language] = {**spoken, "text": text_of(tokenizer, spoken["tokens"])}
    if old_names:
        path = folder / "model.safetensors"
        old = lambda key: key.replace("parametrizations.weight.original0", "weight_g").replace("parametrizations.weight.original1", "weight_v")
        arrays = {old(key): value for key, value in load_file(path).items()}
        assert any(key.endswith("weight_g") for key in arrays)
        arrays["wav2vec2.masked_spec_embed"] = torch.zeros(config.hidden_size)
        save_file(arrays, path, metadata={"format": "pt"})
    for file in folder.glob("*.safetensors"):
        Path(f"{file}.gz").write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))
        file.unlink()
    (folder / "expected.json").write_text(json.dumps(result) + "\n")
    print(name, repr(result["text"]), sum(f.stat().st_size for f in folder.iterdir()) // 1024, "KiB", sorted(f.name for f in folder.iterdir()))


GERMAN = {t: i for i, t in enumerate([*"|abcdefghijklmnopqrstuvwxyzäöüß", "[UNK]", "[PAD]"])}
MMS = {
    "eng": {t: i for i, t in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS.lower()])},
    "deu": {t: i for i, t in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *"enisratdhulcgmobwfkzüvpäßjöyqx"])},
}

save("base", {}, 1, old_names=True)
save("large-stable", STABLE, 2)
save("fine-tuned", {**STABLE, "num_conv_pos_embeddings": 15, "vocab_size": 33, "pad_token_id": 32}, 3, GERMAN,
     unk_token="[UNK]", pad_token="[PAD]", do_normalize=False)
save("downsampled", {"add_adapter": True, "output_hidden_size": 24, "num_adapter_layers": 1}, 4)
save("mms", {**STABLE, "adapter_attn_dim": 8}, 5, MMS, adapters=("eng", "deu"))
