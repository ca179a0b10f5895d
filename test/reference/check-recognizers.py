#!/usr/bin/env python3
"""Compares the tokens of `sotto transcribe` with those of the reference libraries on tiny random checkpoints of many forms.

    .venv-parakeet/bin/python check-recognizers.py [PATTERN…] [--seeds N] [--keep DIR]

For each form of `tiny_recognizers.py` whose name contains a pattern: writes the checkpoint, computes the tokens of clips of
1 to 35 s (speech and noise), and runs `sotto transcribe … --no-vad --no-daemon --format json` on the directory. Where a reference
exists, the clips are also decoded by the CTC head of a hybrid, as a padded batch in plain layers, and live by windows or chunks
(test/harness/print-tokens.ts); no library has hotwords for these models. Prints each
disagreement with the gap of two logits there in the reference: a near tie is no fault. Needs transformers 5.24, torch 2.15,
librosa, soundfile, parakeet-mlx 0.7.0. Exits with 1 if a form fails.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
import soundfile
import torch
from clips import ROOT, audio, manifest
from tiny_recognizers import FORMS

NEAR_TIE = 1e-3
LIMIT_SECONDS = 300


def clips(folder):
    """Writes the clips as 16-bit files. @returns {path: samples}"""
    known = manifest()
    speech = lambda name, start, seconds: audio(known[name])[int(start * 16000) : int((start + seconds) * 16000)]
    rng = np.random.default_rng(5)
    made = {
        "1s": speech("jfk-flac", 0.5, 1.0),
        "2.34s": speech("austen-0880", 0, 2.34),
        "7.1s": speech("austen-0870", 0, 9),
        "11s": speech("jfk-flac", 0, 11),
        "noise-5s": (0.1 * rng.standard_normal(80_000)).astype(np.float32),
        "26s": speech("spontaneous-cold", 0, 26),
        "35s": speech("sonnet1", 0, 35),
    }
    files = {}
    for name, samples in made.items():
        path = folder / f"{name}.wav"
        soundfile.write(path, samples, 16000, subtype="PCM_16")
        files[path] = soundfile.read(path, dtype="float32")[0]
    return files


def tokens_of_sotto(folder, files):
    command = ["node", ROOT / "daemon/bin/sotto.mjs", "transcribe", *files, "--model", folder, "--no-vad", "--no-daemon", "--format", "json"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=LIMIT_SECONDS)
    if done.returncode != 0:
        raise RuntimeError(f"sotto: {done.stderr.strip()[-600:]}")
    results = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {Path(r["file"]).name: [t for s in r["segments"] for t in s["tokens"]] for r in results}


def tokens_of_way(folder, files, way):
    env = {**os.environ, **({"SOTTO_CPU_ISA": "none"} if way == "batch" else {})}  # the kernels encode one after the other
    command = ["node", ROOT / "dist/test/harness/print-tokens.js", folder, way, *files]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=LIMIT_SECONDS, env=env)
    if done.returncode != 0:
        raise RuntimeError(f"print-tokens: {done.stderr.strip()[-600:]}")
    return {r["file"]: r["tokens"] for r in map(json.loads, done.stdout.splitlines())}


def check(name, make, files, folder, seed):
    """@returns whether all tokens agree"""
    folder.mkdir(parents=True)
    reference = make(folder, seed)
    with torch.no_grad():
        wanted = {path.name: reference(samples) for path, samples in files.items()}
    agree = compare(name, seed, wanted, tokens_of_sotto(folder, files))
    longest = max(len(samples) for samples in files.values())
    for way, of_way in getattr(reference, "ways", {}).items():
        with torch.no_grad():
            wanted = {path.name: of_way(samples, longest) for path, samples in files.items()}
        agree = compare(f"{name}, {way}", seed, wanted, tokens_of_way(folder, files, way)) and agree
    return agree


def compare(name, seed, wanted, found):
    """@returns whether all tokens agree but for near ties"""
    faults = []
    for file, (tokens, gaps) in wanted.items():
        got = found.get(file)
        if got == tokens:
            continue
        at = next((i for i, (a, b) in enumerate(zip(got or [], tokens)) if a != b), min(len(got or []), len(tokens)))
        gap = min(gaps[max(0, at - 1) : at + 2])
        near = " (near tie)" if gap < NEAR_TIE else ""
        faults.append(f"  {file}: token {at} of {len(tokens)}, {len(got or [])} found; gap {gap:.2g}{near}: {tokens[at : at + 6]} but {(got or [])[at : at + 6]}")
    kinds = len({t for tokens, _ in wanted.values() for t in tokens})
    count = sum(len(tokens) for tokens, _ in wanted.values())
    print(f"{'differs' if faults else 'equal  '} {name}, seed {seed}: {count} tokens of {kinds} kinds, smallest gap {min(min(g) for _, g in wanted.values()):.2g}")
    print("\n".join(faults), end="\n" if faults else "", flush=True)
    return all("near tie" in fault for fault in faults)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("patterns", nargs="*", default=[""])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep the checkpoints in this new folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
    failed = []
    with tempfile.TemporaryDirectory() as temporary:
        root = options.keep or Path(temporary)
        root.mkdir(exist_ok=True)
        files = clips(root)
        for name, make in FORMS.items():
            if not any(pattern in name for pattern in options.patterns):
                continue
            for seed in range(options.seeds):
                try:
                    ok = check(name, make, files, root / f"{name}-{seed}", seed)
                except Exception as error:
                    print(f"failed  {name}, seed {seed}: {type(error).__name__}: {error}", flush=True)
                    if not isinstance(error, RuntimeError):
                        traceback.print_exc()
                    ok = False
                if not ok:
                    failed.append(name)
    print(f"{len(failed)} failed: {', '.join(sorted(set(failed)))}" if failed else "all agree")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
