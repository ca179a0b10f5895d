"""Tiny random checkpoints of the recognizers beside Whisper, in many forms, and the reference's tokens for them.

Each form is a function that writes a model directory and returns a reference: a function from samples to (tokens, gaps). A gap
is the smallest distance between the best and the second-best logit in the steps that lead to a token; the last gap is that of
the steps after all tokens. A disagreement at a small gap is a near tie. `reference.ways` has the same for other ways to decode:
`ctc` by the second head, `batch` of all clips padded to the longest, `live` by windows or chunks as audio arrives.
"""

import json
from pathlib import Path

import numpy as np
import torch
import transformers as hf
from tokenizers import AddedToken, Tokenizer, decoders, models

hf.logging.set_verbosity_error()
hf.logging.disable_progress_bar()
FORMS = {}
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PIECES = ["<unk>", *("\u2581" + c for c in LETTERS), *LETTERS, "\u2581the", "ing", ".", ",", "ed"]
SPECIALS = ["<unk>", "<s>", "</s>"]


def form(name):
    def add(make):
        FORMS[name] = make
        return make

    return add


def variants(family, forms):
    """Adds a form for each row of options: a function of the family's builder."""

    def add(make):
        for name, options in forms.items():
            FORMS[f"{family}/{name}"] = lambda folder, seed, options=options: make(folder, seed, **options)
        return make

    return add


def randomize(model, seed, gain=1.3, embedding=1.0):
    """Random weights, large enough that a misplaced one changes the result. Norms have statistics and scales."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda like: torch.randn(like.shape, generator=generator)
    with torch.no_grad():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if not value.is_floating_point() or "inv_freq" in name:
                continue
            if "running_var" in name:
                new = torch.rand(value.shape, generator=generator) + 0.5
            elif "norm" in name and name.endswith("weight"):
                new = 1 + 0.2 * draw(value)
            elif name.endswith("weight.original0") or name.endswith("weight_g"):
                new = 1 + 0.2 * torch.rand(value.shape, generator=generator)
            elif "embed" in name and value.ndim == 2:
                new = embedding * draw(value)
            elif value.ndim > 1:
                new = draw(value) * (gain / value[0].numel() ** 0.5)
            else:
                new = 0.2 * draw(value)
            value.copy_(new)


def stored(model, folder, dtype="float32", shard=None):
    """Saves in a dtype, in files of a size if wanted, and reads it again: the reference computes in float32."""
    model.to(getattr(torch, dtype)).save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    return type(model).from_pretrained(folder, dtype=torch.float32).eval()


def gap_of(logits):
    """Of rows of logits: the smallest distance of the two best."""
    best = torch.topk(logits, 2, dim=-1).values
    return float((best[..., 0] - best[..., 1]).min())


# Moonshine


def moonshine_tokenizer(size):
    pieces = [*SPECIALS, *(f"<0x{i:02X}>" for i in range(256)), *PIECES[1:]]
    made = Tokenizer(models.BPE({p: i for i, p in enumerate(pieces[:size])}, [], unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    made.add_special_tokens(SPECIALS)
    made.add_special_tokens([f"<<ST_{i}>>" for i in range(max(0, size - len(pieces)))])
    return made


@variants(
    "moonshine",
    {
        "tiny-shape": {"hidden_size": 36, "heads": 4, "layers": (3, 3)},  # heads of 9: an odd width
        "base-shape": {"hidden_size": 104, "heads": 8, "layers": (2, 2), "factor": 0.62},  # heads of 13
        "wide-heads": {"hidden_size": 64, "heads": 1, "layers": (1, 2), "factor": 0.5, "dtype": "bfloat16"},
        "whole-rotary": {"hidden_size": 32, "heads": 4, "factor": 1.0, "theta": 500.0, "dtype": "float16", "shard": "40KB"},
        "biases": {"hidden_size": 32, "heads": 2, "layers": (2, 4), "attention_bias": True, "pad_head_dim_to_multiple_of": 8},
        "old-config": {"hidden_size": 48, "heads": 4, "factor": 0.7, "theta": 2000.0, "old": True},
        "suppressed": {"hidden_size": 48, "heads": 4, "generation": {"suppress_tokens": list(range(3, 200))}},
        "limited": {"hidden_size": 48, "heads": 4, "generation": {"max_length": 12}},
        "end-in-generation": {"hidden_size": 48, "heads": 4, "generation": {"eos_token_id": [2, *range(260, 300)]}},
        "start-in-generation": {"hidden_size": 48, "heads": 4, "generation": {"decoder_start_token_id": 7}},
    },
)
def moonshine(folder, seed, hidden_size, heads, layers=(2, 2), factor=0.9, theta=10000.0, dtype="float32", shard=None, old=False, generation=(), **extra):
    size = 320
    config = hf.MoonshineConfig(
        vocab_size=size, hidden_size=hidden_size, intermediate_size=2 * hidden_size, encoder_num_hidden_layers=layers[0],
        decoder_num_hidden_layers=layers[1], encoder_num_attention_heads=heads, decoder_num_attention_heads=heads,
        rope_parameters={"rope_type": "default", "rope_theta": theta, "partial_rotary_factor": factor}, **extra,
    )  # fmt: skip
    model = hf.MoonshineForConditionalGeneration(config)
    randomize(model, seed, gain=2.0, embedding=0.3)
    model.generation_config = hf.GenerationConfig(**{"decoder_start_token_id": 1, "eos_token_id": 2, "bos_token_id": 1, **dict(generation)})
    model = stored(model, folder, dtype, shard)
    moonshine_tokenizer(size).save(str(folder / "tokenizer.json"))
    if old:  # as transformers 4 wrote it
        path = folder / "config.json"
        fields = json.loads(path.read_text())
        fields |= {"rope_theta": theta, "partial_rotary_factor": factor, "rope_scaling": None, "torch_dtype": "float32"}
        del fields["rope_parameters"]
        path.write_text(json.dumps(fields))
    def reference(samples):
        # As the model's card: at most 6.5 tokens a second, the start among them.
        length = min(int(len(samples) * 6.5 / 16000), dict(generation).get("max_length", 10**6))
        made = model.generate(
            torch.from_numpy(samples)[None], max_length=length, do_sample=False, num_beams=1, output_scores=True, return_dict_in_generate=True
        )
        end = model.generation_config.eos_token_id
        ends = end if isinstance(end, list) else [end]
        gaps = [gap_of(scores[0]) for scores in made.scores]
        return [t for t in made.sequences[0, 1:].tolist() if t not in ends], [*gaps, np.inf]

    return reference


# Wav2Vec2

SMALL = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "conv_dim": [16] * 7,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
}  # fmt: skip
STABLE = {"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True}
ENGLISH = {t: i for i, t in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"])}
GERMAN = {t: i for i, t in enumerate([*"|abcdefghijklmnopqrstuvwxyz\u00e4\u00f6\u00fc\u00df", "[UNK]", "[PAD]"])}
MMS = {
    "eng": {t: i for i, t in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS])},
    "fra": {t: i for i, t in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *"esaitnrulodcmp\u00e9vqfbghj\u00e0xy\u00e8"])},
}


@variants(
    "wav2vec2",
    {
        "base": {"config": {}},
        "base-not-normalized": {"config": {}, "normalize": False},
        "group-bias": {"config": {"conv_bias": True}},
        "group-stable": {"config": {"do_stable_layer_norm": True}},
        "layer-post-norm": {"config": {"feat_extract_norm": "layer"}},
        "large": {"config": STABLE, "dtype": "float16"},
        "large-masked": {"config": STABLE, "dtype": "bfloat16", "mask": True, "normalize": False},
        "five-convs": {"config": {**STABLE, "conv_dim": [8, 16, 24, 16, 16], "conv_kernel": [10, 8, 4, 4, 4], "conv_stride": [5, 4, 2, 2, 2], "num_feat_extract_layers": 5}},
        "odd-positions": {"config": {"num_conv_pos_embeddings": 15, "num_conv_pos_embedding_groups": 8, "layer_norm_eps": 1e-3}},
        "wide-ff": {"config": {"hidden_size": 48, "intermediate_size": 160, "num_attention_heads": 3, "num_conv_pos_embeddings": 128, "num_conv_pos_embedding_groups": 16}, "shard": "90KB"},
        "pad-last": {"config": STABLE, "vocabulary": GERMAN, "pad": "[PAD]", "unk": "[UNK]"},
        "adapter": {"config": {**STABLE, "add_adapter": True, "num_adapter_layers": 2, "output_hidden_size": 40}},
        "adapter-same-width": {"config": {"add_adapter": True, "num_adapter_layers": 1}},
        "mms": {"config": {**STABLE, "adapter_attn_dim": 8}, "vocabulary": MMS, "adapters": ("eng", "fra")},
        "old-norm-names": {"config": {}, "old": True},
        "preprocessor-alone": {"config": {}, "normalize": False, "preprocessor_only": True},
        "no-preprocessor": {"config": {}, "no_files": True},
    },
)  # fmt: skip
def wav2vec2(
    folder, seed, config, vocabulary=None, pad="<pad>", unk="<unk>", normalize=True, mask=False, dtype="float32", shard=None, adapters=(), old=False,
    preprocessor_only=False, no_files=False,
):  # fmt: skip
    vocabulary = vocabulary or ENGLISH
    file = folder / "vocab.json"
    file.write_text(json.dumps(vocabulary))
    language = {"target_lang": "eng"} if adapters else {}
    tokenizer = hf.Wav2Vec2CTCTokenizer(str(file), pad_token=pad, unk_token=unk, **language)
    blank = tokenizer.pad_token_id
    size = len(vocabulary["eng"] if adapters else vocabulary)
    model = hf.Wav2Vec2ForCTC(hf.Wav2Vec2Config(**{**SMALL, **config, "vocab_size": size, "pad_token_id": blank}))
    randomize(model, seed, gain=1.6)
    extractor = hf.Wav2Vec2FeatureExtractor(do_normalize=normalize, return_attention_mask=mask)
    if adapters:
        for name in adapters[1:]:  # the first is that of the weights
            other = hf.Wav2Vec2ForCTC(model.config)
            randomize(other, seed + 100)
            hf_adapters = {k: v.detach().contiguous() for k, v in other._get_adapters().items()}
            assert hf_adapters["lm_head.weight"].shape[0] == len(vocabulary[name])
            save_arrays(folder / f"adapter.{name}.safetensors", hf_adapters)
        save_arrays(folder / "adapter.eng.safetensors", {k: v.detach().contiguous() for k, v in model._get_adapters().items()})
    balance(model, blank)
    if adapters:
        save_arrays(folder / "adapter.eng.safetensors", {k: v.detach().contiguous() for k, v in model._get_adapters().items()})
    model = stored(model, folder, dtype, shard)
    if not no_files:
        if preprocessor_only:
            extractor.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            (folder / "processor_config.json").unlink(missing_ok=True)
            if not (folder / "preprocessor_config.json").exists():
                (folder / "preprocessor_config.json").write_text(json.dumps(extractor.to_dict(), default=str))
        else:
            hf.Wav2Vec2Processor(feature_extractor=extractor, tokenizer=tokenizer).save_pretrained(folder)
    if old:
        rename(folder, lambda k: k.replace("parametrizations.weight.original0", "weight_g").replace("parametrizations.weight.original1", "weight_v"))

    def reference(samples):
        inputs = extractor(samples, sampling_rate=16000, return_tensors="pt")
        return collapsed(model(**inputs).logits[0], blank)

    return reference


def balance(model, blank):
    """Raises the bias of the blank until it wins at a third of the frames."""
    rng = np.random.default_rng(0)
    noise = torch.from_numpy(rng.standard_normal(48000).astype(np.float32))[None]
    with torch.no_grad():
        head = model.eval().lm_head
        head.weight.mul_(4 / float(model(noise).logits[0].std()))
        logits = model(noise).logits[0]
        head.bias.sub_(logits.mean(0))
        logits = model(noise).logits[0]
        others = logits.clone()
        others[:, blank] = -1e9
        head.bias[blank] += float((others.max(-1).values - logits[:, blank]).quantile(0.33))


def collapsed(logits, blank):
    """Tokens of CTC, and the gaps of the frames from one to the next."""
    best = torch.topk(logits, 2, dim=-1).values
    gap = (best[:, 0] - best[:, 1]).tolist()
    ids = logits.argmax(-1).tolist()
    starts = [at for at, i in enumerate(ids) if i != blank and (at == 0 or ids[at - 1] != i)]
    edges = [0, *starts, len(ids) - 1]
    return [ids[at] for at in starts], [min(gap[a : b + 1], default=np.inf) for a, b in zip(edges, edges[1:])]


def save_arrays(path, arrays):
    from safetensors.torch import save_file

    save_file(arrays, path, metadata={"format": "pt"})


def rename(folder, new_name):
    from safetensors.torch import load_file

    path = folder / "model.safetensors"
    save_arrays(path, {new_name(k): v for k, v in load_file(path).items()})


# Parakeet and Nemotron streaming, by transformers

BLANK = len(PIECES)
FRAME = 1280  # samples
# Windows of buffered decoding in frames, as in test/harness/print-tokens.ts, and the fewest samples that have features.
LEFT, CHUNK, AHEAD, MIN_REST = 25, 10, 5, 320
ENCODER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "subsampling_conv_channels": 8}


def pieces_tokenizer(kind="bpe", extra=()):
    pieces = [*PIECES, *extra]
    if kind == "unigram":
        made = Tokenizer(models.Unigram([(p, -float(i)) for i, p in enumerate(pieces)], unk_id=0))
    else:
        made = Tokenizer(models.BPE({p: i for i, p in enumerate(pieces)}, [], unk_token="<unk>"))
    made.decoder = decoders.Metaspace()
    made.add_special_tokens(["<unk>"])
    made.add_special_tokens([AddedToken("<blank>", special=True)])
    return made


def encoder_of(bands=80, bias=True, conv_bias=None, scaled=True, kernel=9, **sizes):
    return {
        **ENCODER, "num_mel_bins": bands, "attention_bias": bias, "convolution_bias": bias if conv_bias is None else conv_bias,
        "scale_input": scaled, "conv_kernel_size": kernel, **sizes,
    }  # fmt: skip


def extractor_of(bands):
    return hf.ParakeetFeatureExtractor(feature_size=bands)


def mel_of(extractor, samples):
    found = extractor(samples, sampling_rate=16000, return_tensors="pt")
    return found["input_features"][:, : int(found["attention_mask"].sum())]


@variants(
    "parakeet-ctc",
    {
        "biases": {"encoder": encoder_of()},
        "plain-128": {"encoder": encoder_of(128, False, None, False, 5), "dtype": "bfloat16"},
        "conv-bias-alone": {"encoder": encoder_of(80, False, True, True, 31), "dtype": "float16", "shard": "60KB"},
        "attention-bias-alone": {"encoder": encoder_of(80, True, False, False, 9, num_attention_heads=1, intermediate_size=48)},
        "unigram": {"encoder": encoder_of(80, num_hidden_layers=1), "tokenizer": "unigram"},
    },
)
def parakeet_ctc(folder, seed, encoder, dtype="float32", shard=None, tokenizer="bpe"):
    model = hf.ParakeetForCTC(hf.ParakeetCTCConfig(vocab_size=BLANK + 1, pad_token_id=BLANK, encoder_config=encoder))
    randomize(model, seed)
    extractor = extractor_of(encoder["num_mel_bins"])
    with torch.no_grad():
        logits = model.eval()(mel_of(extractor, noise_and_tones(6, seed))).logits[0]
        head = model.ctc_head
        head.weight.mul_(4 / float(logits.std()))
        logits = model(mel_of(extractor, noise_and_tones(6, seed))).logits[0]
        head.bias.sub_(logits.mean(0))
        head.bias[BLANK] += 5
    model = stored(model, folder, dtype, shard)
    save_processor(folder, extractor, tokenizer)

    def reference(samples):
        return collapsed(model(mel_of(extractor, samples)).logits[0], BLANK)

    def padded(samples, longest):
        found = extractor([samples, np.zeros(longest, np.float32)], sampling_rate=16000, return_tensors="pt")
        logits = model(**found).logits[0]
        return collapsed(logits[: encoder_frames(int(found["attention_mask"][0].sum()))], BLANK)

    reference.ways = {"batch": padded}
    return reference


def encoder_frames(frames):
    for _ in range(3):
        frames = (frames - 1) // 2 + 1
    return frames


def save_processor(folder, extractor, tokenizer, extra=()):
    extractor.save_pretrained(folder)
    pieces_tokenizer(tokenizer, extra).save(str(folder / "tokenizer.json"))


def noise_and_tones(seconds, seed):
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * 16000))
    wave = sum(0.2 * np.sin(t * f * (1 + 0.3 * np.sin(t * 2e-4))) * np.sin(t * s) for f, s in [(0.05, 3e-4), (0.2, 7e-4), (0.7, 5e-4)])
    return (wave + 0.05 * rng.standard_normal(len(t))).astype(np.float32)


def walk(frames, start, predict, joint, blank, durations, limit):
    """NeMo's greedy decoding. @returns tokens, gaps, and whether the limit of symbols was reached"""
    tokens, gaps, limited, frame, symbols, gap = [], [], False, 0, 0, np.inf
    state = start()
    while frame < len(frames):
        logits = joint(frames[frame], state)
        scores = logits[: blank + 1]
        token = int(scores.argmax())
        gap = min(gap, gap_of(scores))
        skip = 0
        if durations:
            gap = min(gap, gap_of(logits[blank + 1 :]))
            skip = durations[int(logits[blank + 1 :].argmax())]
        if token == blank:
            frame, symbols = frame + max(1, skip), 0
            continue
        tokens.append(token)
        gaps.append(gap)
        gap = np.inf
        state = predict(token, state)
        symbols += 1
        if skip > 0:
            frame, symbols = frame + skip, 0
        elif symbols >= limit:
            frame, symbols, limited = frame + 1, 0, True
    return tokens, [*gaps, gap], limited


def torch_walk(model, frames, blank, durations, limit):
    def after(token, state):
        with torch.no_grad():
            out, inner = model.decoder.lstm(model.decoder.embedding(torch.tensor([[token]])), None if state is None else state[1])
            return model.decoder.decoder_projector(out)[0, 0], inner

    def joint(frame, state):
        with torch.no_grad():
            return model.joint(decoder_hidden_states=state[0], encoder_hidden_states=frame)

    return walk(frames, lambda: after(blank, None), after, joint, blank, durations, limit)


def enliven(model, features, blank, durations, share):
    """Scales a random joint so that frames and tokens matter alike, then raises the blank until it has the other share."""
    frames, (head, after) = features, (model.joint.head, model.decoder.decoder_projector)
    projector = model.encoder_projector
    with torch.no_grad():
        model.decoder.embedding.weight[blank] = 0
        guesses = torch.randint(0, blank, (1, 80), generator=torch.Generator().manual_seed(1))
        predictions = after(model.decoder.lstm(model.decoder.embedding(guesses))[0])[0]
        scale = 1.5 / predictions.std(0)
        after.weight.mul_(scale[:, None])
        after.bias.sub_(predictions.mean(0)).mul_(scale)
        found = projector(frames)
        scale = 1.5 / found.std(0)
        projector.weight.mul_(scale[:, None])
        if projector.bias is not None:
            projector.bias.sub_(found.mean(0)).mul_(scale)
        found = projector(frames)
        predictions = after(model.decoder.lstm(model.decoder.embedding(guesses))[0])[0]
        logits = model.joint(decoder_hidden_states=predictions[None], encoder_hidden_states=found[:, None])
        scale = 4 / logits.std((0, 1))
        head.bias.sub_(logits.mean((0, 1))).mul_(scale)
        head.weight.mul_(scale[:, None])
        for _ in range(60):
            tokens, *_ = torch_walk(model, projector(frames), blank, durations, 10)
            if len(tokens) <= share * len(frames):
                return
            head.bias[blank] += 0.5


@variants(
    "parakeet-rnnt",
    {
        "biases": {"encoder": encoder_of(), "layers": 1},
        "two-layers": {"encoder": encoder_of(128, False, None, False, 5), "layers": 2, "dtype": "bfloat16"},
        "three-layers": {"encoder": encoder_of(80, True, None, False, 9), "layers": 3, "units": 24, "dtype": "float16", "shard": "60KB"},
        "tanh": {"encoder": encoder_of(80), "layers": 1, "activation": "tanh"},
        "few-symbols": {"encoder": encoder_of(80), "layers": 1, "symbols": 2, "share": 1.4},
    },
)  # fmt: skip
def parakeet_rnnt(folder, seed, encoder, layers, units=16, activation="relu", symbols=10, share=0.6, dtype="float32", shard=None):
    config = hf.ParakeetRNNTConfig(
        vocab_size=BLANK + 1, blank_token_id=BLANK, pad_token_id=2, decoder_hidden_size=units, num_decoder_layers=layers, hidden_act=activation,
        max_symbols_per_step=symbols, encoder_config=encoder,
    )  # fmt: skip
    return transducer(folder, seed, hf.ParakeetForRNNT(config), [], symbols, share, dtype, shard)


@variants(
    "parakeet-tdt",
    {
        "v3": {"encoder": encoder_of(128, False, None, False, 9), "layers": 2},
        "110m": {"encoder": encoder_of(80, True, None, True, 9, num_hidden_layers=3), "layers": 1, "dtype": "bfloat16"},
        "few-symbols": {"encoder": encoder_of(80, False, None, False, 5), "layers": 2, "symbols": 3, "share": 1.4, "dtype": "float16"},
        "other-durations": {"encoder": encoder_of(80), "layers": 1, "durations": [0, 1, 2, 4, 8]},
        "few-durations": {"encoder": encoder_of(80), "layers": 1, "durations": [0, 1], "shard": "60KB"},
        "unigram": {"encoder": encoder_of(80), "layers": 1, "tokenizer": "unigram"},
    },
)  # fmt: skip
def parakeet_tdt(folder, seed, encoder, layers, units=16, durations=(0, 1, 2, 3, 4), symbols=10, share=0.6, dtype="float32", shard=None, tokenizer="bpe"):
    config = hf.ParakeetTDTConfig(
        vocab_size=BLANK + 1, blank_token_id=BLANK, pad_token_id=2, decoder_hidden_size=units, num_decoder_layers=layers,
        max_symbols_per_step=symbols, durations=list(durations), encoder_config=encoder,
    )  # fmt: skip
    return transducer(folder, seed, hf.ParakeetForTDT(config), list(durations), symbols, share, dtype, shard, tokenizer)


def transducer(folder, seed, model, durations, symbols, share, dtype, shard, tokenizer="bpe"):
    randomize(model.eval(), seed)
    extractor = extractor_of(model.config.encoder_config.num_mel_bins)
    with torch.no_grad():
        features = model.encoder(mel_of(extractor, noise_and_tones(8, seed))).last_hidden_state[0]
    enliven(model, features, BLANK, durations, share)
    model = stored(model, folder, dtype, shard)
    save_processor(folder, extractor, tokenizer)
    indices = durations == list(range(len(durations)))  # the library takes the index for the duration

    def reference(samples):
        mel = mel_of(extractor, samples)
        frames = model.encoder_projector(model.encoder(mel).last_hidden_state)[0]
        tokens, gaps, limited = torch_walk(model, frames, BLANK, durations, symbols)
        if indices and (not limited or not durations):  # `generate` knows no limit of symbols with durations
            made = model.generate(
                input_features=mel, decoder_start_token_id=BLANK, do_sample=False, max_length=100000,
                suppress_tokens=list(range(BLANK + 1, BLANK + 1 + len(durations))) or None,
            ).sequences[0].tolist()  # fmt: skip
            assert [t for t in made if t != BLANK] == tokens or min(gaps) < 1e-3, "generate differs from the walk"
        return tokens, gaps

    def padded(samples, longest):
        found = extractor([samples, np.zeros(longest, np.float32)], sampling_rate=16000, return_tensors="pt")
        hidden = model.encoder(found["input_features"], attention_mask=found["attention_mask"]).last_hidden_state[0]
        frames = model.encoder_projector(hidden[: encoder_frames(int(found["attention_mask"][0].sum()))])
        return torch_walk(model, frames, BLANK, durations, symbols)[:2]

    def live(samples, _):
        """Buffered windows: the frames of each chunk, computed with left context and look-ahead, joined."""
        encode = lambda part: model.encoder(mel_of(extractor, part)).last_hidden_state[0]
        parts, at = [], 0
        while (at + CHUNK + AHEAD) * FRAME <= len(samples):
            start = max(0, at - LEFT)
            parts.append(encode(samples[start * FRAME : (at + CHUNK + AHEAD) * FRAME])[at - start : at - start + CHUNK])
            at += CHUNK
        if len(samples) - at * FRAME >= MIN_REST:
            start = max(0, at - LEFT)
            parts.append(encode(samples[start * FRAME :])[at - start :])
        return torch_walk(model, model.encoder_projector(torch.cat(parts)), BLANK, durations, symbols)[:2]

    reference.ways = {"batch": padded, "live": live}
    return reference


@variants(
    "nemotron",
    {
        "english": {"encoder": encoder_of(80, False, None, False, sliding_window=71, default_num_lookahead_tokens=13)},
        "scaled": {"encoder": encoder_of(80, True, None, True, 5, sliding_window=29, default_num_lookahead_tokens=6)},
        "no-lookahead": {"encoder": encoder_of(128, True, None, True, 9, sliding_window=15, default_num_lookahead_tokens=0), "dtype": "bfloat16"},
        "one-lookahead": {"encoder": encoder_of(128, False, True, False, 9, sliding_window=57, default_num_lookahead_tokens=1), "layers": 1, "dtype": "float16", "shard": "60KB"},
        "uneven-window": {"encoder": encoder_of(80, True, False, True, 7, sliding_window=20, default_num_lookahead_tokens=3, num_hidden_layers=4)},
        "languages": {"encoder": encoder_of(128, False, None, False, sliding_window=57, default_num_lookahead_tokens=6), "prompts": {"prompt_intermediate_size": 48}},
        "other-slots": {"encoder": encoder_of(80, sliding_window=15, default_num_lookahead_tokens=1), "prompts": {"prompt_intermediate_size": 24, "num_prompts": 16, "default_prompt_id": 5}},
    },
)  # fmt: skip
def nemotron(folder, seed, encoder, layers=2, units=16, prompts=None, dtype="float32", shard=None):
    extra = ["<en-US>", "<de-DE>"] if prompts else []
    blank = BLANK + len(extra)
    kind, config = (hf.NemotronAsrStreamingForRNNT, hf.NemotronAsrStreamingConfig) if prompts is None else (hf.Nemotron3_5AsrForRNNT, hf.Nemotron3_5AsrConfig)
    model = kind(
        config(
            vocab_size=blank + 1, blank_token_id=blank, pad_token_id=2, decoder_hidden_size=units, num_decoder_layers=layers, encoder_config=encoder,
            **(prompts or {}),
        )
    )  # fmt: skip
    randomize(model.eval(), seed)
    extractor = hf.NemotronAsrStreamingFeatureExtractor(feature_size=encoder["num_mel_bins"])
    slot = {} if prompts is None else {"prompt_ids": torch.tensor([model.config.default_prompt_id])}

    def inputs_of(samples):
        return {**extractor(samples, sampling_rate=16000, return_tensors="pt"), **slot}

    projector = model.encoder_projector
    model.encoder_projector = torch.nn.Identity()
    with torch.no_grad():
        features = valid_frames(model.get_audio_features(**inputs_of(noise_and_tones(8, seed))), "pooler_output")
    model.encoder_projector = projector
    enliven(model, features, blank, [], 0.6)
    model = stored(model, folder, dtype, shard)
    save_processor(folder, extractor, "bpe", extra)

    def reference(samples):
        inputs = inputs_of(samples)
        frames = valid_frames(model.get_audio_features(**inputs), "pooler_output")
        tokens, gaps, _ = torch_walk(model, frames, blank, [], model.config.max_symbols_per_step)
        made = model.generate(**inputs, decoder_start_token_id=blank, do_sample=False, max_new_tokens=100000).sequences[0].tolist()
        assert [t for t in made if t != blank] == tokens or min(gaps) < 1e-3, "generate differs from the walk"
        return tokens, gaps

    reference.ways = {"live": lambda samples, _: reference(samples)}  # chunks give the features of the whole
    return reference


def valid_frames(found, name):
    frames = getattr(found, name)[0]
    return frames if found.attention_mask is None else frames[: int(found.attention_mask.sum())]


# Parakeet, by parakeet-mlx


@variants(
    "parakeet-mlx",
    {
        "tdt-24-layers": {"kind": "tdt", "layers": 24, "bands": 128, "bias": False, "scaled": False, "lstm": 2},
        "hybrid-17-layers": {"kind": "hybrid", "layers": 17, "bands": 80, "bias": True, "scaled": True, "lstm": 1, "symbols": 10},
        "rnnt": {"kind": "rnnt", "layers": 2, "bands": 80, "bias": True, "scaled": True, "lstm": 1, "kernel": 5, "dtype": "float16"},
        "ctc": {"kind": "ctc", "layers": 3, "bands": 80, "bias": True, "scaled": False, "kernel": 9},
        "ctc-plain": {"kind": "ctc", "layers": 2, "bands": 128, "bias": False, "scaled": False, "kernel": 5, "dtype": "bfloat16"},
        "tdt-few-symbols": {"kind": "tdt", "layers": 2, "bands": 80, "bias": False, "scaled": True, "lstm": 2, "symbols": 2},
    },
)  # fmt: skip
def parakeet_mlx(folder, seed, kind, layers, bands, bias, scaled, lstm=1, kernel=9, symbols=10, dtype="float32"):
    import mlx.core as mx
    from mlx.utils import tree_flatten, tree_unflatten
    from parakeet_mlx.utils import from_config

    config = nemo_config(kind, layers, bands, bias, scaled, lstm, kernel, symbols)
    (folder / "config.json").write_text(json.dumps(config))
    extractor = extractor_of(bands)
    clip = mx.array(mel_of(extractor, noise_and_tones(8, seed)).numpy())

    def made(seed, blank):
        model = from_config(json.loads(json.dumps(config)))
        rng = np.random.default_rng(seed)
        new = []
        for name, value in tree_flatten(model.parameters()):
            shape = value.shape
            if "running_var" in name:
                array = rng.random(shape) + 0.5
            elif "norm" in name and name.endswith("weight"):
                array = 1 + 0.2 * rng.standard_normal(shape)
            elif len(shape) > 1:
                gain = {"embed": 2.0, "joint": 3.0, "enc": 3.0}.get(name.split(".")[-2].split("_")[0], 1.3)
                array = rng.standard_normal(shape) * gain / (1 if "embed" in name else np.prod(shape[1:]) ** 0.5)
            else:
                array = 0.2 * rng.standard_normal(shape)
            if name in ("joint.joint_net.2.bias", "decoder.decoder_layers.0.bias"):
                array[len(PIECES)] = blank
            if name == "decoder.prediction.embed.weight":
                array[-1] = 0
            new.append((name, mx.array(array.astype(np.float32)).astype(getattr(mx, dtype))))
        model.update(tree_unflatten(new))
        arrays = dict(new)
        model.update(tree_unflatten([(k, v.astype(mx.float32)) for k, v in new]))
        return model, arrays

    def decode(model, mel):
        features, lengths = model.encoder(mel)
        return features, lengths, [t.id for row in model.decode(features, lengths)[0] for t in row] if kind != "ctc" else []

    best = None
    for attempt in range(6):
        for blank in (0, 3, 6, 10):
            model, arrays = made(seed + attempt, blank)
            features, _, tokens = decode(model, clip)
            if kind == "ctc":
                logits = np.array(model.decoder(features))[0]
                tokens, _ = collapsed(torch.from_numpy(logits), BLANK)
            count = features.shape[1]
            score = len(set(tokens)) if 0.1 * count < len(tokens) < 1.6 * count else 0
            if best is None or score > best[0]:
                best = (score, model, arrays)
    _, model, arrays = best
    if kind == "hybrid":  # the frames decide what its second head says, and the blank wins at some of them
        head = model.ctc_decoder.decoder_layers[0]
        logits = head(model.encoder(clip)[0])[0]
        scale = 4 / mx.std(logits)
        blank = 4 * (mx.arange(BLANK + 1) == BLANK)
        balanced = {"weight": head.weight * scale, "bias": (head.bias - mx.mean(logits, 0)) * scale + blank}
        head.update(balanced)
        arrays |= {f"ctc_decoder.decoder_layers.0.{name}": value for name, value in balanced.items()}
    mx.save_safetensors(str(folder / "model.safetensors"), arrays, {"format": "mlx"})

    def reference(samples):
        mel = mx.array(mel_of(extractor, samples).numpy())
        features, _, tokens = decode(model, mel)
        if kind == "ctc":
            return collapsed(torch.from_numpy(np.array(model.decoder(features))[0]), BLANK)
        return tokens, [np.nan] * (len(tokens) + 1)

    def by_ctc(samples, _):
        features, _ = model.encoder(mx.array(mel_of(extractor, samples).numpy()))
        return collapsed(torch.from_numpy(np.array(model.ctc_decoder(features))[0]), BLANK)

    if kind == "hybrid":
        reference.ways = {"ctc": by_ctc}
    return reference


def nemo_config(kind, layers, bands, bias, scaled, lstm, kernel, symbols):
    durations = [] if kind in ("rnnt", "ctc") else [0, 1, 2, 3, 4]
    target = {
        "ctc": "ctc_bpe_models.EncDecCTCModelBPE", "hybrid": "hybrid_rnnt_ctc_bpe_models.EncDecHybridRNNTCTCBPEModel",
    }.get(kind, "rnnt_bpe_models.EncDecRNNTBPEModel")  # fmt: skip
    ctc = {"feat_in": 32, "num_classes": BLANK, "vocabulary": PIECES}
    config = {
        "target": f"nemo.collections.asr.models.{target}",
        "sample_rate": 16000,
        "preprocessor": {
            "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor", "sample_rate": 16000, "normalize": "per_feature",
            "window_size": 0.025, "window_stride": 0.01, "window": "hann", "features": bands, "n_fft": 512, "log": True, "frame_splicing": 1,
            "dither": 1e-05, "pad_to": 0, "pad_value": 0.0,
        },
        "encoder": {
            "feat_in": bands, "feat_out": -1, "n_layers": layers, "d_model": 32, "n_heads": 4, "ff_expansion_factor": 2, "subsampling": "dw_striding",
            "subsampling_factor": 8, "subsampling_conv_channels": 8, "causal_downsampling": False, "self_attention_model": "rel_pos",
            "conv_kernel_size": kernel, "pos_emb_max_len": 5000, "use_bias": bias, "xscaling": scaled, "untie_biases": True, "reduction": None,
            "att_context_size": [-1, -1], "att_context_style": "regular", "conv_norm_type": "batch_norm", "conv_context_size": None, "dropout": 0.1,
        },
    }  # fmt: skip
    if kind == "ctc":
        return {**config, "decoder": ctc, "decoding": {"greedy": None}}
    config |= {
        "decoder": {"blank_as_pad": True, "vocab_size": BLANK, "prednet": {"pred_hidden": 16, "pred_rnn_layers": lstm, "dropout": 0.2, "t_max": None}},
        "joint": {
            "num_classes": BLANK, "vocabulary": PIECES, "num_extra_outputs": len(durations),
            "jointnet": {"joint_hidden": 16, "activation": "relu", "encoder_hidden": 32, "pred_hidden": 16},
        },
        "decoding": {"greedy": {"max_symbols": symbols}},
    }  # fmt: skip
    if durations:
        config |= {"model_defaults": {"tdt_durations": durations, "enc_hidden": 32, "pred_hidden": 16}}
        config["decoding"] |= {"model_type": "tdt", "durations": durations}
    if kind == "hybrid":
        config["aux_ctc"] = {"ctc_loss_weight": 0.3, "decoder": ctc}
    return config
