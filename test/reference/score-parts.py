#!/usr/bin/env python3
"""Counts word errors of pieces of text: score-parts.py < ROWS > SCORES

A row is {"language", "text": the expected text, "also_right"?: [...], "recognized"}; a score {"errors", "words"}, as score.py counts.
"""

import json
import sys

from score import score_clip

for line in sys.stdin:
    row = json.loads(line)
    scored = score_clip(row, row["recognized"])
    print(json.dumps({"errors": scored["errors"], "words": scored["words"]}))
