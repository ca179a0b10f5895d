#!/usr/bin/env python3
"""Writes test/fixtures/parakeet/*: tiny random Parakeet checkpoints in the layouts of transformers, NeMo and mlx-community,
with what transformers computes from the sample clip.

    python make-parakeet-fixtures.py      # transformers 5.24, torch 2.15, librosa, soundfile; parakeet-mlx 0.7.0, mlx 0.32.4

Weights are rounded to float16 and computed in float32, so that every implementation has the same numbers. The joint of a
random transducer says almost nothing; its biases are set so that the walk has tokens, blanks, several durations, and frames
with many symbols. Tokens of a transducer are those of NeMo's greedy loop over transformers' modules: `generate` has no limit
of symbols in a frame for TDT. Where no limit is reached, `generate` must agree.
"""

import base64
import gzip
import json
from pathlib import Path

import numpy as np
import soundfile
import torch
from safetensors.torch import save
from tokenizers import Tokenizer, decoders, models
from transformers import (
    ParakeetCTCConfig,
    ParakeetFeatureExtractor,
    ParakeetForCTC,
    ParakeetForRNNT,
    ParakeetForTDT,
    ParakeetRNNTConfig,
    ParakeetTDTConfig,
)

ROOT = Path(__file__).resolve().parents[2]
torch.set_num_threads(1)
OUT = ROOT / "test/fixtures/parakeet"
PIECES = ["<unk>", *("\u2581" + c for c in "aeiost"), *"abcdefghilmnoprstuvwy", "\u2581the", ".", "ing", "<0xC3>"]
BLANK = len(PIECES)
ENCODER = dict(
    hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, subsampling_conv_channels=8, conv_kernel_size=5
)


def encoder_config(bands, bias, scaled):
    return {**ENCODER, "num_mel_bins": bands, "attention_bias": bias, "convolution_bias": bias, "scale_input": scaled}


def randomize(model, seed):
    """Normal weights, batch norms with statistics, rounded to float16."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if not value.is_floating_point() or "inv_freq" in name:
                continue
            if "running_var" in name:
                new = torch.rand_like(value) + 0.5
            elif "norm" in name and name.endswith("weight"):
                new = 1 + 0.2 * torch.randn_like(value)
            elif value.ndim > 1:
                fan = value[0].numel()
                new = torch.randn_like(value) * (1.2 / fan**0.5)
            else:
                new = 0.2 * torch.randn_like(value)
            value.copy_(new.half().float())


def features(audio, bands):
    extract = ParakeetFeatureExtractor(feature_size=bands)
    found = extract(audio, sampling_rate=16000, return_tensors="pt")
    valid = int(found.attention_mask.sum())
    return found.input_features[:, :valid]


def walk(model, frames, durations, limit=10, most=10_000):
    """NeMo's greedy decoding. @returns [token, frame, frames, logprob] and whether the limit was reached"""
    decoder, joint = model.decoder, model.joint
    emitted, limited = [], False
    state, token, t, symbols = None, BLANK, 0, 0
    g = None
    while t < frames.shape[0] and len(emitted) < most:
        if g is None:
            out, state = decoder.lstm(decoder.embedding(torch.tensor([[token]])), state)
            g = decoder.decoder_projector(out)[0, 0]
        logits = joint(decoder_hidden_states=g, encoder_hidden_states=frames[t])
        scores = logits[: BLANK + 1]
        token = int(scores.argmax())
        d = durations[int(logits[BLANK + 1 :].argmax())] if durations else 0
        if token == BLANK:
            t += max(1, d)
            symbols = 0
            continue
        emitted.append([token, t, max(1, d), float(scores.log_softmax(0)[token])])
        g = None
        symbols += 1
        if d > 0:
            t += d
            symbols = 0
        elif symbols >= limit:
            t += 1
            symbols = 0
            limited = True
    return emitted, limited


def encode(array):
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


def make_lively(model, seed, blank, zero):
    """Random weights with a decisive joint; biases of the blank and of the duration 0."""
    randomize(model, seed)
    with torch.no_grad():
        head = model.joint.head
        for weight, gain in [(head.weight, 4), (model.encoder_projector.weight, 4), (model.decoder.embedding.weight, 3)]:
            weight.mul_(gain)
        head.bias[BLANK] = blank
        if zero is not None:
            head.bias[BLANK + 1] = zero
        model.decoder.embedding.weight[BLANK] = 0


def liveliest(model, mel, durations, blanks, zero, wants_limit):
    """The seed and the bias of the blank whose walk has many kinds of tokens and durations, and reaches the limit of symbols if wanted."""
    best = (0, 0, 0)
    for seed, blank in ((seed, blank) for seed in range(12) for blank in blanks):
        make_lively(model, seed, blank, zero)
        with torch.no_grad():
            emitted, limited = walk(model, model.encoder_projector(model.encoder(mel).last_hidden_state)[0], durations, most=400)
        if len(emitted) == 400 or wants_limit not in (None, limited):
            continue
        kinds = len({t[0] for t in emitted}) + 4 * len({t[2] for t in emitted}) + min(len(emitted), 20) / 10
        best = max(best, (kinds, seed, blank))
    assert best[0] > 0, "no seed"
    make_lively(model, best[1], best[2], zero)


def save_layout(name, weights, config, tokenizer):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    halves = {k: v.half().contiguous() for k, v in weights.items() if v.is_floating_point()}
    (folder / "model.safetensors.gz").write_bytes(gzip.compress(save(halves), mtime=0))
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    if tokenizer is not None:
        tokenizer.save(str(folder / "tokenizer.json"))


def tokenizer():
    made = Tokenizer(models.BPE({piece: i for i, piece in enumerate(PIECES)}, [], unk_token="<unk>", byte_fallback=True))
    made.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    made.add_special_tokens(["<unk>", "<blank>"])
    return made


TO_NEMO = [
    ("encoder.subsampling.layers.", "encoder.pre_encode.conv."),
    ("encoder.subsampling.linear.", "encoder.pre_encode.out."),
    ("self_attn.q_proj", "self_attn.linear_q"),
    ("self_attn.k_proj", "self_attn.linear_k"),
    ("self_attn.v_proj", "self_attn.linear_v"),
    ("self_attn.o_proj", "self_attn.linear_out"),
    ("self_attn.relative_k_proj", "self_attn.linear_pos"),
    ("self_attn.bias_", "self_attn.pos_bias_"),
    ("conv.norm.", "conv.batch_norm."),
    ("encoder_projector.", "joint.enc."),
    ("decoder.decoder_projector.", "joint.pred."),
    ("decoder.embedding.", "decoder.prediction.embed."),
    ("decoder.lstm.", "decoder.prediction.dec_rnn.lstm."),
    ("joint.head.", "joint.joint_net.2."),
]


def nemo_names(weights, ctc):
    named = {}
    for name, value in weights.items():
        for old, new in [*TO_NEMO, ("ctc_head.", ctc)]:
            name = name.replace(old, new)
        named[name] = value
    return named


def mlx_layout(named):
    """NeMo's names with channels last and MLX's recurrent layers."""
    out = {}
    for name, value in named.items():
        if "lstm" not in name:
            out[name] = value.movedim(1, -1) if value.ndim > 2 else value
    layer = 0
    while f"decoder.prediction.dec_rnn.lstm.weight_ih_l{layer}" in named:
        at, to = "decoder.prediction.dec_rnn.lstm.", f"decoder.prediction.dec_rnn.lstm.{layer}."
        out[to + "Wx"] = named[f"{at}weight_ih_l{layer}"]
        out[to + "Wh"] = named[f"{at}weight_hh_l{layer}"]
        out[to + "bias"] = named[f"{at}bias_ih_l{layer}"] + named[f"{at}bias_hh_l{layer}"]
        layer += 1
    return out


def nemo_config(kind, e, units, layers, durations):
    ctc = {"feat_in": 16, "num_classes": BLANK, "vocabulary": PIECES}
    config = {
        "target": f"nemo.collections.asr.models.{kind}",
        "preprocessor": {
            "sample_rate": 16000, "normalize": "per_feature", "window_size": 0.025, "window_stride": 0.01, "window": "hann",
            "features": e["num_mel_bins"], "n_fft": 512, "frame_splicing": 1, "dither": 1e-05, "pad_to": 0,
        },
        "encoder": {
            "feat_in": e["num_mel_bins"], "n_layers": 2, "d_model": 16, "n_heads": 2, "ff_expansion_factor": 2,
            "subsampling": "dw_striding", "subsampling_factor": 8, "subsampling_conv_channels": 8, "causal_downsampling": False,
            "self_attention_model": "rel_pos", "conv_kernel_size": 5, "pos_emb_max_len": 5000, "use_bias": e["attention_bias"],
            "xscaling": e["scale_input"], "att_context_size": [-1, -1],
        },
        "model_defaults": {"tdt_durations": durations} if durations else {},
        "decoder": {"blank_as_pad": True, "vocab_size": BLANK, "prednet": {"pred_hidden": units, "pred_rnn_layers": layers}},
        "joint": {
            "num_classes": BLANK, "vocabulary": PIECES, "num_extra_outputs": len(durations),
            "jointnet": {"joint_hidden": units, "activation": "relu", "encoder_hidden": 16, "pred_hidden": units},
        },
        "decoding": {"model_type": "tdt", "durations": durations, "greedy": {"max_symbols": 10}},
        "aux_ctc": {"decoder": ctc},
    }
    if "Hybrid" not in kind:
        del config["aux_ctc"]
    return config


def expected_of(model, mel, durations, transducer=True):
    with torch.no_grad():
        hidden = model.encoder(mel).last_hidden_state
        found = {"frames": hidden.shape[1], "encoder": encode(hidden[0, :24]), "features": encode(mel[0, 200:204])}
        if transducer:
            emitted, limited = walk(model, model.encoder_projector(hidden)[0], durations)
            found |= {"tokens": emitted, "limited": limited}
            if not limited or not durations:
                extra = list(range(BLANK + 1, BLANK + 1 + len(durations)))
                made = model.generate(
                    input_features=mel, decoder_start_token_id=BLANK, suppress_tokens=extra, max_length=100000, do_sample=False
                )
                ids = [i for i in made.sequences[0].tolist() if i != BLANK]
                assert ids == [row[0] for row in emitted], (ids, emitted)
    return found


def ctc_tokens(logits):
    ids = logits.argmax(-1).tolist()
    return [i for at, i in enumerate(ids) if i != BLANK and (at == 0 or ids[at - 1] != i)]


def main():
    audio, rate = soundfile.read(ROOT / "assets/speech/jfk.flac", dtype="float32")
    assert rate == 16000
    expected = {"pieces": PIECES}
    made = tokenizer()

    e = encoder_config(80, True, True)
    config = ParakeetCTCConfig(vocab_size=BLANK + 1, pad_token_id=BLANK, encoder_config=e)
    model = ParakeetForCTC(config).eval()
    randomize(model, 3)
    with torch.no_grad():
        model.ctc_head.bias[BLANK] += 1
    mel = features(audio, 80)
    with torch.no_grad():
        ids = ctc_tokens(model(mel).logits[0])
    text = made.decode(ids)
    expected["ctc-huggingface"] = {**expected_of(model, mel, [], False), "ctc": ids, "text": text}
    save_layout("ctc-huggingface", model.state_dict(), model.config.to_dict(), made)

    e = encoder_config(128, False, False)
    mel = features(audio, 128)
    durations = [0, 1, 2, 3, 4]
    # One of each spelling; `limited` reaches the limit of symbols in a frame.
    for name, blank, zero in [("tdt-huggingface", 2, -1), ("tdt-limited", 2, 1)]:
        config = ParakeetTDTConfig(
            vocab_size=BLANK + 1, blank_token_id=BLANK, pad_token_id=2, decoder_hidden_size=16, num_decoder_layers=2, encoder_config=e
        )
        model = ParakeetForTDT(config).eval()
        liveliest(model, mel, durations, [blank], zero, name == "tdt-limited")
        expected[name] = expected_of(model, mel, durations)
        if name == "tdt-huggingface":
            save_layout(name, model.state_dict(), model.config.to_dict(), made)
            continue
        # A hybrid: the CTC head of another model of this width.
        ctc = ParakeetForCTC(ParakeetCTCConfig(vocab_size=BLANK + 1, pad_token_id=BLANK, encoder_config=e)).eval()
        randomize(ctc, 7)
        with torch.no_grad():
            logits = ctc.ctc_head(model.encoder(mel).last_hidden_state)[0]
        head = {f"ctc_head.{k}": v for k, v in ctc.ctc_head.state_dict().items()}
        named = nemo_names({**model.state_dict(), **head}, "ctc_decoder.decoder_layers.0.")
        hybrid = nemo_config("hybrid_rnnt_ctc_bpe_models.EncDecHybridRNNTCTCBPEModel", e, 16, 2, durations)
        expected["hybrid-mlx"] = {**expected.pop(name), "ctc": ctc_tokens(logits)}
        save_layout("hybrid-mlx", mlx_layout(named), hybrid, None)
        check_with_parakeet_mlx(hybrid, mlx_layout(named), mel, expected["hybrid-mlx"])

    e = encoder_config(80, True, True)
    config = ParakeetRNNTConfig(
        vocab_size=BLANK + 1, blank_token_id=BLANK, pad_token_id=2, decoder_hidden_size=16, num_decoder_layers=1, encoder_config=e
    )
    model = ParakeetForRNNT(config).eval()
    mel = features(audio, 80)
    liveliest(model, mel, [], range(16, 40, 2), None, None)
    expected["rnnt-nemo"] = expected_of(model, mel, [])
    rnnt = nemo_config("rnnt_bpe_models.EncDecRNNTBPEModel", e, 16, 1, [])
    del rnnt["decoding"]["model_type"], rnnt["decoding"]["durations"]
    named = nemo_names(model.state_dict(), "")
    named["preprocessor.featurizer.window"] = torch.hann_window(400, periodic=False)
    save_layout("rnnt-nemo", named, rnnt, None)

    (OUT / "expected.json").write_text(json.dumps(expected) + "\n")
    for name, found in expected.items():
        if name == "pieces":
            continue
        tokens = found.get("tokens", [])
        print(
            name, found["frames"], "frames", len(tokens), "tokens of", len({t[0] for t in tokens}), "kinds, durations",
            sorted({t[2] for t in tokens}), "limited", found.get("limited"), "ctc", len(found.get("ctc", [])),
            [t[0] for t in tokens][:24],
        )


def check_with_parakeet_mlx(config, weights, mel, expected):
    """A second implementation reads the same arrays and gives the same tokens."""
    import mlx.core as mx
    from parakeet_mlx.utils import from_config

    model = from_config(json.loads(json.dumps(config)))
    arrays = [(k, mx.array(v.half().float().numpy())) for k, v in weights.items() if v.is_floating_point()]
    model.load_weights(arrays)
    features, lengths = model.encoder(mx.array(mel.numpy()))
    tokens, _ = model.decode(features, lengths)
    found = [[t.id for t in row] for row in tokens][0]
    assert found == [row[0] for row in expected["tokens"]], (found, expected["tokens"])


main()
