#!/usr/bin/env python3
"""Transcribes with the original ONNX files of Moonshine in onnxruntime, as a reference: greedy, 6.5 tokens a second.

    .venv-moonshine/bin/python transcribe-moonshine.py ENCODER DECODER TOKENIZER.json OUT.jsonl [--set english] [--threads 2]
    .venv-moonshine/bin/python transcribe-moonshine.py ENCODER DECODER TOKENIZER.json --serve [--threads 2]

ENCODER and DECODER are the .onnx or .ort files of convert-moonshine.py, TOKENIZER.json the one that it writes. A clip is
decoded at once, without VAD, or in pieces of 30 s if it is longer. `encode` and `decode` are seconds of work. --serve answers the requests of test/bench/peers/worker.py to transcribe, for
`npm run bench -- moonshine`.
"""

import argparse
import json
import sys
import time

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

from clips import SAMPLE_RATE, audio, clip_set

TOKENS_PER_SECOND = 6.5
MAX_SECONDS = 30
START, END = 1, 2


class Reference:
    def __init__(self, encoder, decoder, threads):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.encoder, self.decoder = (ort.InferenceSession(file, options) for file in (encoder, decoder))
        self.outputs = [output.name for output in self.decoder.get_outputs()]
        self.caches = [i for i in self.decoder.get_inputs() if i.name.startswith("past_key_values")]

    def tokens(self, samples):
        """The tokens without start and end, and the seconds of encoding and decoding."""
        begin = time.perf_counter()
        features = self.encoder.run(None, {"input_values": samples[None]})[0]
        middle = time.perf_counter()
        past = {i.name: np.zeros((1, i.shape[1], 0 if "decoder" in i.name else 1, i.shape[3]), np.float32) for i in self.caches}
        tokens = [START]
        limit = int(len(samples) * TOKENS_PER_SECOND / SAMPLE_RATE)
        while len(tokens) < limit:
            inputs = {
                "input_ids": np.array([tokens[-1:]], np.int64),
                "encoder_hidden_states": features,
                "use_cache_branch": np.array([len(tokens) > 1]),
                **past,
            }
            # The cross-attention's keys and values are made once.
            wanted = self.outputs if len(tokens) == 1 else [name for name in self.outputs if ".encoder." not in name]
            results = dict(zip(wanted, self.decoder.run(wanted, inputs)))
            past |= {name: results[present] for name in past if (present := name.replace("past_key_values", "present")) in results}
            token = int(results["logits"][0, -1].argmax())
            if token == END:
                break
            tokens.append(token)
        return tokens[1:], middle - begin, time.perf_counter() - middle


def transcribed(model, tokenizer, samples):
    """@returns the text, the tokens, and the seconds of encoding and decoding"""
    step = MAX_SECONDS * SAMPLE_RATE
    parts = [model.tokens(samples[at : at + step]) for at in range(0, len(samples), step)]
    text = " ".join(tokenizer.decode(tokens) for tokens, _, _ in parts)
    return text, [token for tokens, _, _ in parts for token in tokens], *(sum(part[i] for part in parts) for i in (1, 2))


def serve(model, tokenizer):
    """Answers requests with raw float32 files, a line each."""
    for line in sys.stdin:
        samples = np.fromfile(json.loads(line)["file"], np.float32)
        text, tokens, encode, decode = transcribed(model, tokenizer, samples)
        inside = {"windows": 1, "mel": 0, "encode": encode, "decode": decode}
        print(json.dumps({"text": text, "tokens": len(tokens), "inside": inside}), flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("encoder", "decoder", "tokenizer"):
        ap.add_argument(name)
    ap.add_argument("out", nargs="?")
    ap.add_argument("--serve", action="store_true")
    ap.add_argument("--set", default="english")
    ap.add_argument("--threads", type=int, default=2)
    args = ap.parse_args()
    model = Reference(args.encoder, args.decoder, args.threads)
    tokenizer = Tokenizer.from_file(args.tokenizer)
    if args.serve:
        return serve(model, tokenizer)
    with open(args.out, "w", encoding="utf-8") as file:
        for clip in clip_set(args.set):
            text, tokens, encode, decode = transcribed(model, tokenizer, audio(clip))
            row = {"id": clip["id"], "text": text, "tokens": tokens}
            row |= {"encode": round(encode, 3), "decode": round(decode, 3)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
