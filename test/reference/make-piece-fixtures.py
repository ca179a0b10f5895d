#!/usr/bin/env python3
"""Writes what SentencePiece makes of words, for test/models/text/piece-encoder.test.ts.

    .venv-parakeet/bin/python make-piece-fixtures.py

Trains small vocabularies on the transcripts of assets/speech and writes test/fixtures/pieces.json: their pieces by id, and
the tokens of some texts. A text begins a word, as SentencePiece adds a space in front.
"""

import io
import json
from pathlib import Path

import sentencepiece as spm

ROOT = Path(__file__).resolve().parents[2]
SENTENCES = [
    line["text"]
    for line in map(json.loads, (ROOT / "assets/speech/manifest.jsonl").read_text().splitlines())
    if line.get("text")
]
TEXTS = [
    "Nguyen", "ask not what your country can do for you", "Shakespeare", "thine own bud", "New York", "naïve", "a",
    "fairest creatures we desire increase", "Zarathustra 42", "東京", "country's", "contracted, to thine",
]

VOCABULARIES = {
    "bpe": {"model_type": "bpe", "vocab_size": 200, "byte_fallback": False},
    "bpe of bytes": {"model_type": "bpe", "vocab_size": 600, "byte_fallback": True},
    "lower case": {"model_type": "bpe", "vocab_size": 160, "byte_fallback": False},
}


def made(name, options):
    lower = str.lower if name == "lower case" else str
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter([lower(s) for s in SENTENCES] * 3),
        model_writer=model, character_coverage=1.0, minloglevel=2, **options,
    )
    sp = spm.SentencePieceProcessor(model_proto=model.getvalue())
    texts = {text: sp.encode(lower(text)) for text in TEXTS}
    unknown = sp.unk_id()
    return {
        "pieces": [sp.id_to_piece(i) for i in range(sp.get_piece_size())],
        "texts": {text: [] if unknown in ids else ids for text, ids in texts.items()},
    }


out = {name: made(name, options) for name, options in VOCABULARIES.items()}
(ROOT / "test/fixtures/pieces.json").write_text(json.dumps(out, ensure_ascii=False) + "\n")
