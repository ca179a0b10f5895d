"""The labeled clips: their metadata, their audio in Whisper's format, and the named sets."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np

SAMPLE_RATE = 16000
ROOT = Path(__file__).resolve().parents[2]


def speech_folder():
    """Folder with manifest.jsonl: $SOTTO_SPEECH, the speech folder next to the checkout, or the repository's own."""
    tried = [os.environ.get("SOTTO_SPEECH"), ROOT / "../shared/speech", ROOT / "assets/speech"]
    for folder in filter(None, tried):
        if (Path(folder) / "manifest.jsonl").exists():
            return Path(folder).resolve()
    raise SystemExit("no speech found: set SOTTO_SPEECH to a folder with manifest.jsonl")


def manifest():
    """{id: clip}, in the file's order."""
    lines = (speech_folder() / "manifest.jsonl").open(encoding="utf-8")
    clips = [json.loads(line) for line in lines if line.strip()]
    return {clip["id"]: clip for clip in clips if clip.get("split", "open") == "open"}


def clip_set(name):
    """Clips of a set: english, other (languages), long, labeled (those three), unlabeled, all."""
    return [clip for clip in manifest().values() if name in ("all", set_of(clip)) or (name == "labeled" and clip.get("text"))]


def set_of(clip):
    if not clip.get("text"):
        return "unlabeled"
    if clip.get("kind") == "long-form":
        return "long"
    return "english" if clip["language"] == "en" else "other"


def audio(clip):
    """Mono float32 samples at 16 kHz, decoded and resampled by ffmpeg through 16 bits, as openai/whisper does."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-threads", "1", "-i", str(speech_folder() / clip["file"])]
    command += ["-f", "s16le", "-ac", "1", "-acodec", "pcm_s16le", "-ar", str(SAMPLE_RATE), "-"]
    pcm = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(pcm, np.int16).astype(np.float32) / 32768
