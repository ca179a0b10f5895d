#!/usr/bin/env python3
"""Counts word errors of transcripts of the labeled clips, after Whisper's text normalizer.

    score.py HYPOTHESES.jsonl [MORE.jsonl ...] [--json OUT] [--clips] [--against OTHER.jsonl] [--labels CLIPS.jsonl]

A hypothesis file has one {"id", "text"} per line (or is a folder of ID.txt / ID.json files). English uses the English
normalizer, other languages the basic one; Japanese, Chinese and Korean count characters instead of words. If a clip has
`also_right` spellings, the one with the fewest errors counts. `"unit": "digit"` compares a string of digits digit by digit,
because the normalizer joins spelled digits to one number but not written ones. Clips missing from the hypotheses are
excluded and reported. Several files are shown side by side. --against adds a row: words that differ from OTHER's text, a
finer measure of the effect of a change than word errors. --labels reads the expected text from another file than the open
clips' manifest: {"id", "language", "text", "kind", "also_right", "unit"} per line.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from whisper_normalizer.basic import BasicTextNormalizer
from whisper_normalizer.english import EnglishTextNormalizer

from clips import clip_set, set_of

ENGLISH, BASIC = EnglishTextNormalizer(), BasicTextNormalizer()
BY_CHARACTER = {"ja", "zh", "ko"}


def units(text, language, unit=None):
    """The compared words (or characters, or digits)."""
    text = (ENGLISH if language == "en" else BASIC)(text or "")
    if unit == "digit":
        text = re.sub(r"\bone\b", "1", text)  # the English normalizer spells a single 1
        return re.findall(r"\d|[^\W\d]+", text)
    return list(text.replace(" ", "")) if language in BY_CHARACTER else text.split()


def edits(reference, hypothesis):
    """(substitutions, deletions, insertions) of an alignment with minimum cost."""
    rows = [(j, 0, 0, j) for j in range(len(hypothesis) + 1)]  # (cost, substitutions, deletions, insertions)
    for i, word in enumerate(reference, 1):
        above, rows[0] = rows[0], (i, 0, i, 0)
        for j, recognized in enumerate(hypothesis, 1):
            cost, s, d, n = above
            step = (cost, s, d, n) if word == recognized else (cost + 1, s + 1, d, n)
            cost, s, d, n = rows[j]
            step = min(step, (cost + 1, s, d + 1, n))
            cost, s, d, n = rows[j - 1]
            above, rows[j] = rows[j], min(step, (cost + 1, s, d, n + 1))
    return rows[-1][1:]


def score_clip(clip, text):
    """{errors, words, substitutions, deletions, insertions} against the closest expected text."""
    compared = lambda text: units(text, clip["language"], clip.get("unit"))
    recognized = compared(text)
    answers = [compared(right) for right in [clip["text"], *clip.get("also_right", [])]]
    scored = [(*edits(answer, recognized), len(answer)) for answer in answers]
    s, d, i, words = min(scored, key=lambda x: sum(x[:3]) / max(1, x[3]))
    return {"errors": s + d + i, "words": words, "substitutions": s, "deletions": d, "insertions": i}


def read_hypotheses(path):
    path = Path(path)
    if path.is_dir():
        out = {file.stem: file.read_text(encoding="utf-8") for file in path.glob("*.txt")}
        out |= {file.stem: json.loads(file.read_text(encoding="utf-8"))["text"] for file in path.glob("*.json")}
        return out
    rows = (json.loads(line) for line in path.open(encoding="utf-8") if line.strip())
    return {row["id"]: row["text"] for row in rows}


def total(rows):
    out = {k: sum(row[k] for row in rows) for k in ("errors", "words", "substitutions", "deletions", "insertions")}
    out["clips"] = len(rows)
    out["wer"] = 100 * out["errors"] / out["words"] if out["words"] else None
    return out


def score(hypotheses, clips):
    """{clips, kinds, sets, missing}; sets are english, other, long, `english+long` and all, as errors per 100 words."""
    rows = {c["id"]: score_clip(c, hypotheses[c["id"]]) | {"kind": c["kind"], "set": set_of(c)} for c in clips if c["id"] in hypotheses}
    pick = lambda want: total([row for row in rows.values() if want(row)])
    kinds = {kind: pick(lambda row: row["kind"] == kind) for kind in sorted({row["kind"] for row in rows.values()})}
    sets = {name: pick(lambda row: row["set"] == name) for name in ("english", "long", "other")}
    sets["english+long"] = pick(lambda row: row["set"] in ("english", "long"))
    sets["all"] = pick(lambda row: True)
    missing = [c["id"] for c in clips if c["id"] not in hypotheses]
    return {"sets": sets, "kinds": kinds, "clips": rows, "missing": missing}


def difference(hypotheses, other, clips):
    """Words (or characters) in which two transcripts of the clips differ, per 100 of the other's."""
    rows = []
    for clip in clips:
        if clip["id"] in hypotheses and clip["id"] in other:
            theirs = units(other[clip["id"]], clip["language"])
            s, d, i = edits(theirs, units(hypotheses[clip["id"]], clip["language"]))
            rows.append({"errors": s + d + i, "words": len(theirs), "substitutions": s, "deletions": d, "insertions": i})
    return total(rows)


def cell(x):
    return f"{x['wer']:.2f} ({x['errors']}/{x['words']})" if x["words"] else "-"


def table(header, rows):
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, ["-" * w for w in widths], *rows]:
        print("| " + " | ".join(str(value).ljust(w) for value, w in zip(row, widths)) + " |")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("hypotheses", nargs="+")
    ap.add_argument("--json", help="also write the scores to this file")
    ap.add_argument("--clips", action="store_true", help="show every clip")
    ap.add_argument("--against", help="transcripts to compare with, word by word")
    ap.add_argument("--labels", help="expected texts of other clips than the open ones")
    args = ap.parse_args()
    clips = [json.loads(line) for line in open(args.labels, encoding="utf-8")] if args.labels else clip_set("labeled")
    names = [Path(path).name.removesuffix(".jsonl") for path in args.hypotheses]
    results = {name: score(read_hypotheses(path), clips) for name, path in zip(names, args.hypotheses)}
    if args.against:
        other = read_hypotheses(args.against)
        for name, path in zip(names, args.hypotheses):
            results[name]["sets"][f"differs from {Path(args.against).stem}"] = difference(read_hypotheses(path), other, clips)
    parts = ["sets", "kinds"] + (["clips"] if args.clips else [])
    for part in parts:
        keys = list(dict.fromkeys(key for result in results.values() for key in result[part]))
        blank = {"words": 0}
        if part == "clips":
            rows = {key: [f"{r[part][key]['errors']}/{r[part][key]['words']}" if key in r[part] else "-" for r in results.values()] for key in keys}
        else:
            rows = {key: [cell(r[part].get(key, blank)) for r in results.values()] for key in keys}
        print(f"\nWord errors in %, by {part[:-1]}" if part != "clips" else "\nErrors/words by clip")
        table([part[:-1], *names], [[key, *cells] for key, cells in rows.items()])
    for name, result in results.items():
        if result["missing"]:
            print(f"\n{name}: {len(result['missing'])} clips were not transcribed: {', '.join(result['missing'])}", file=sys.stderr)
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
