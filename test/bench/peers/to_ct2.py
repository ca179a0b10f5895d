#!/usr/bin/env python3
"""Converts a float16 folder to a CTranslate2 folder, float16: to_ct2.py FLOAT16_DIR OUT

faster-whisper also needs a tokenizer.json: the same ranks, written as merges.
"""

import json
import sys
from pathlib import Path

import numpy as np
from ctranslate2.specs import WhisperSpec

from weights import read_model, read_ranks, special_tokens


def set_norm(spec, state, name):
    spec.gamma, spec.beta = state[f"{name}.weight"], state[f"{name}.bias"]


def set_linear(spec, state, *names):
    """Stacks the rows of all the named layers into one matrix. Whisper's keys have no bias."""
    weights = [state[f"{name}.weight"] for name in names]
    biases = [state.get(f"{name}.bias", np.zeros(len(weight), weight.dtype)) for name, weight in zip(names, weights)]
    spec.weight, spec.bias = np.concatenate(weights), np.concatenate(biases)


def set_layer(spec, state, name, decoder):
    own = spec.self_attention
    set_norm(own.layer_norm, state, f"{name}.attn_ln")
    set_linear(own.linear[0], state, *(f"{name}.attn.{part}" for part in ("query", "key", "value")))
    set_linear(own.linear[1], state, f"{name}.attn.out")
    if decoder:
        cross = spec.attention
        set_norm(cross.layer_norm, state, f"{name}.cross_attn_ln")
        set_linear(cross.linear[0], state, f"{name}.cross_attn.query")
        set_linear(cross.linear[1], state, f"{name}.cross_attn.key", f"{name}.cross_attn.value")
        set_linear(cross.linear[2], state, f"{name}.cross_attn.out")
    set_norm(spec.ffn.layer_norm, state, f"{name}.mlp_ln")
    set_linear(spec.ffn.linear_0, state, f"{name}.mlp.0")
    set_linear(spec.ffn.linear_1, state, f"{name}.mlp.2")


def make_spec(dims, state):
    spec = WhisperSpec(dims["n_audio_layer"], dims["n_audio_head"], dims["n_text_layer"], dims["n_text_head"])
    encoder, decoder = spec.encoder, spec.decoder
    for conv in ("conv1", "conv2"):
        getattr(encoder, conv).weight = state[f"encoder.{conv}.weight"]
        getattr(encoder, conv).bias = state[f"encoder.{conv}.bias"]
    encoder.position_encodings.encodings = state["encoder.positional_embedding"]
    set_norm(encoder.layer_norm, state, "encoder.ln_post")
    decoder.embeddings.weight = decoder.projection.weight = state["decoder.token_embedding.weight"]
    decoder.position_encodings.encodings = state["decoder.positional_embedding"]
    set_norm(decoder.layer_norm, state, "decoder.ln")
    for side, layers in (("encoder", encoder.layer), ("decoder", decoder.layer)):
        for i, layer in enumerate(layers):
            set_layer(layer, state, f"{side}.blocks.{i}", side == "decoder")
    return spec


def byte_letters():
    """GPT-2's character for each byte: the byte itself if it is printable, else one from U+0100."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


def split(token, ranks):
    """The two parts that `token` was merged from: the result of merging by rank, up to its own rank."""
    parts = [bytes([byte]) for byte in token]
    while len(parts) > 2:
        rank, at = min((ranks.get(parts[i] + parts[i + 1], len(ranks)), i) for i in range(len(parts) - 1))
        if rank >= ranks[token]:
            raise SystemExit(f"{token} is not a merge of earlier tokens")
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def tokenizer(tokens, specials):
    letters = byte_letters()
    spell = lambda token: "".join(letters[byte] for byte in token)
    ranks = {token: rank for rank, token in enumerate(tokens)}
    merges = [" ".join(map(spell, split(token, ranks))) for token in tokens if len(token) > 1]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    named = [name for name in specials if "." not in name]  # faster-whisper reads timestamps by number
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "added_tokens": [{"id": len(tokens) + i, "content": name, **flags} for i, name in enumerate(named)],
        "pre_tokenizer": byte_level,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": {spell(token): rank for token, rank in ranks.items()}, "merges": merges},
    }


dims, state, heads = read_model(sys.argv[1])
out = Path(sys.argv[2])
out.mkdir(parents=True)
tokens, specials = read_ranks(dims["n_vocab"]), special_tokens(dims["n_vocab"])
assert len(tokens) + len(specials) == dims["n_vocab"]
spec = make_spec(dims, state)
spec.register_vocabulary([spell for spell in tokenizer(tokens, [])["model"]["vocab"]] + specials)
end_of_text = len(tokens)
first_language, languages = end_of_text + 2, specials.index("<|translate|>") - 2
spec.config.suppress_ids = []  # faster-whisper names them in each call
spec.config.suppress_ids_begin = [tokens.index(b" "), end_of_text]
spec.config.lang_ids = list(range(first_language, first_language + languages))
spec.config.alignment_heads = heads or []
spec.validate()
spec.optimize(quantization="float16")
spec.save(str(out))
(out / "tokenizer.json").write_text(json.dumps(tokenizer(tokens, specials), ensure_ascii=False))
