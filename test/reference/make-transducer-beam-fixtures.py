#!/usr/bin/env python3
"""Writes test/fixtures/transducer-beams.json: tiny random transducers, and what the beam search of parakeet-mlx finds with them;
for greedy decoding with phrases, a plain loop over its networks by the rule of NeMo (a blank is decided without the phrases).

    python make-transducer-beam-fixtures.py      # parakeet-mlx 0.7.0, mlx 0.32.4

Only prediction network, joint and the features of an encoder, all rounded to float16. The joint has gains and biases that make
the texts lively: several tokens in a frame, several durations, ends beyond the last frame. Phrases are given to parakeet-mlx
as a machine of its own kind, whose state is the text so far and which looks for the phrases anew at each token.
"""

import base64
import json
from pathlib import Path

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten
from parakeet_mlx.boost import EMPTY, Machine
from parakeet_mlx.parakeet import Beam, DecodingConfig
from parakeet_mlx.utils import from_config

OUT = Path(__file__).resolve().parents[1] / "fixtures/transducer-beams.json"
TOKENS, DIMS, FRAMES = 12, 8, 30
DURATIONS = [0, 1, 2, 3, 4]
ADVISED = {"length_penalty": 0.013, "patience": 3.5, "duration_reward": 0.67}
BONUS = 1.5  # nats a token


def config(durations, layers):
    return {
        "target": "nemo.collections.asr.models.rnnt_bpe_models.EncDecRNNTBPEModel",
        "preprocessor": {
            "sample_rate": 16000, "normalize": "per_feature", "window_size": 0.025, "window_stride": 0.01, "window": "hann",
            "features": 80, "n_fft": 512, "dither": 0.0, "pad_to": 0,
        },
        "encoder": {
            "feat_in": 80, "n_layers": 1, "d_model": DIMS, "n_heads": 1, "ff_expansion_factor": 1, "subsampling": "dw_striding",
            "subsampling_factor": 8, "subsampling_conv_channels": 4, "causal_downsampling": False,
            "self_attention_model": "rel_pos", "conv_kernel_size": 5, "pos_emb_max_len": 500,
        },
        "model_defaults": {"tdt_durations": durations} if durations else {},
        "decoder": {"blank_as_pad": True, "vocab_size": TOKENS, "prednet": {"pred_hidden": DIMS, "pred_rnn_layers": layers}},
        "joint": {
            "num_classes": TOKENS, "vocabulary": [chr(97 + i) for i in range(TOKENS)], "num_extra_outputs": len(durations),
            "jointnet": {"joint_hidden": DIMS, "activation": "relu", "encoder_hidden": DIMS, "pred_hidden": DIMS},
        },
        "decoding": {"greedy": {"max_symbols": 4}, **({"model_type": "tdt", "durations": durations} if durations else {})},
    }


def rounded(array):
    return np.asarray(array, dtype=np.float32).astype(np.float16).astype(np.float32)


def randomize(model, rng, blank, zero):
    made = {}
    for name, value in tree_flatten(model.parameters()):
        if not name.startswith(("decoder.", "joint.")):
            continue
        gain = 3 if "joint_net" in name or ".enc." in name or "embed" in name else 1
        scale = gain / (value.shape[-1] ** 0.5 if value.ndim > 1 else 5)
        new = rng.normal(size=value.shape) * scale
        if name == "decoder.prediction.embed.weight":
            new[TOKENS] = 0
        if name == "joint.joint_net.2.bias":
            new[TOKENS] += blank
            if len(new) > TOKENS + 1:
                new[TOKENS + 1] += zero
        made[name] = rounded(new)
    model.load_weights([(name, mx.array(value)) for name, value in made.items()], strict=False)
    return made


def machine(phrases):
    """The best set of phrases in a text that do not overlap, and the longest start of another at its end."""

    def longest(text):
        return max((p for p in phrases if text[-len(p) :] == p), key=len, default=None)

    def ended(text):
        best = [0.0]
        for end in range(1, len(text) + 1):
            # A phrase that directly follows itself earns nothing.
            found = [p for p in phrases if text[:end][-len(p) :] == p and longest(text[: end - len(p)]) != p]
            best.append(max([best[-1], *(best[end - len(p)] + BONUS * len(p) for p in found)]))
        return best

    def potential(text):
        best = ended(text)
        started = [
            best[len(text) - n] + BONUS * n
            for p in phrases
            for n in range(1, len(p) + 1)
            if text[-n:] == p[:n]
        ]
        return max([best[-1], *started])

    return Machine((), lambda text, token: ((*text, token), 0.0), potential, lambda text: ended(text)[-1])


def beam_of(model, features, phrases, **options):
    booster = machine([tuple(p) for p in phrases]) if phrases else EMPTY
    decoding = DecodingConfig(decoding=Beam(**options, booster=booster))
    (tokens,), _ = model.decode(mx.array(features)[None], mx.array([len(features)]), config=decoding)
    ratio = model.time_ratio
    return [[t.id, round(t.start / ratio), round(t.duration / ratio)] for t in tokens]


def greedy_of(model, features, phrases, durations, limit=4):
    """@returns [token, frame, duration] for each token"""
    scorer = machine([tuple(p) for p in phrases])
    text, found, frame, symbols = (), [], 0, 0
    hidden, last = None, None
    while frame < len(features):
        out, state = model.decoder(mx.array([[last]]) if last is not None else None, hidden)
        logits = np.array(model.joint(mx.array(features)[None, frame : frame + 1], out)[0, 0, 0])
        duration = durations[int(logits[TOKENS + 1 :].argmax())] if durations else 0
        if int(logits[: TOKENS + 1].argmax()) == TOKENS:
            frame += max(1, duration)
            symbols = 0
            continue
        before = scorer.potential(text)
        token = int(np.argmax([logits[i] + scorer.potential((*text, i)) - before for i in range(TOKENS)]))
        text = (*text, token)
        found.append([token, frame, duration])
        hidden, last = state, token
        symbols += 1
        if duration > 0:
            frame += duration
            symbols = 0
        elif symbols >= limit:
            frame += 1
            symbols = 0
    return found


def encode(array):
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


def case(seed, durations, layers, blank, zero):
    rng = np.random.default_rng(seed)
    model = from_config(config(durations, layers))
    weights = randomize(model, rng, blank, zero)
    features = rounded(rng.normal(size=(FRAMES, DIMS)))
    plain = beam_of(model, features, [], beam_size=5, **ADVISED)
    ids = [row[0] for row in plain]
    # Parts of another hypothesis, and what never occurs.
    narrow = [row[0] for row in beam_of(model, features, [], beam_size=1, length_penalty=1.0, patience=1.0, duration_reward=0.5)]
    parts = [narrow[at : at + n] for at in range(2, len(narrow) - 4) for n in (3, 4)]
    parts = [p for p in parts if len(set(p)) > 1 and p[0] != p[-1]]
    phrases = [*parts[:1], *parts[5:6], *parts[-1:], ids[1:3] + [(ids[3] + 1) % TOKENS], [0, 1, 2]]
    runs = []
    for options, used in [
        ({"beam_size": 5, **ADVISED}, []),
        ({"beam_size": 2, **ADVISED}, []),
        ({"beam_size": 1, **ADVISED}, []),
        ({"beam_size": 4, "length_penalty": 1.0, "patience": 1.0, "duration_reward": 0.3}, []),
        ({"beam_size": 5, **ADVISED}, phrases),
        ({"beam_size": 2, **ADVISED}, phrases),
    ]:
        found = beam_of(model, features, used, **options)
        runs.append({
            "beamSize": options["beam_size"], "lengthPenalty": options["length_penalty"], "patience": options["patience"],
            "durationReward": options["duration_reward"], "phrases": used, "tokens": found,
        })
    differ = len({json.dumps(run["tokens"]) for run in runs})
    print(seed, bool(durations), "texts", differ, [row[0] for row in plain], sorted({row[2] for row in plain}))
    return differ, {
        "durations": durations, "layers": layers, "tokens": TOKENS, "dims": DIMS, "maxSymbols": 4, "bonus": BONUS,
        "features": encode(features), "weights": {name: {"shape": value.shape, "data": encode(value)} for name, value in weights.items()},
        "runs": runs, "greedy": {"phrases": phrases, "tokens": greedy_of(model, features, phrases, durations)},
    }


def liveliest(seeds, *args):
    return max((case(seed, *args) for seed in seeds), key=lambda found: found[0])[1]


cases = [
    liveliest(range(0, 4), DURATIONS, 2, 0.5, 0.0),
    liveliest(range(4, 8), DURATIONS, 1, 1.5, 1.0),
    liveliest(range(8, 12), [], 2, 8.0, 0.0),
    liveliest(range(12, 16), [], 1, 5.0, 0.0),
]
OUT.write_text(json.dumps(cases) + "\n")
