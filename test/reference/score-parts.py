#!/usr/bin/env python3
"""Word errors of pieces of text: score-parts.py < ROWS > SCORES

A row is {"language", "text": what is said, "also_right"?: [...], "heard"}; a score {"errors", "words"}, as score.py counts.
"""

import json
import sys

from score import score_clip

for line in sys.stdin:
    row = json.loads(line)
    scored = score_clip(row, row["heard"])
    print(json.dumps({"errors": scored["errors"], "words": scored["words"]}))
