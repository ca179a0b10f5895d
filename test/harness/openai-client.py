"""OpenAI's own client for Python, as a program uses it: every form of one file's text, as one JSON object.

usage: openai-client.py BASE_URL FILE [SOCKET]      (OPENAI_API_KEY is the token)
"""

import json
import sys

import httpx2
from openai import APIStatusError, NotFoundError, OpenAI

base_url, file, *socket = sys.argv[1:]
transport = {"http_client": httpx2.Client(transport=httpx2.HTTPTransport(uds=socket[0]))} if socket else {}
client = OpenAI(base_url=base_url, max_retries=0, **transport)


def transcribed(**options):
    with open(file, "rb") as audio:
        return client.audio.transcriptions.create(model="whisper-1", file=audio, **options)


verbose = transcribed(response_format="verbose_json", timestamp_granularities=["word", "segment"])
events = list(transcribed(stream=True))
deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
[done] = [event for event in events if event.type == "transcript.text.done"]
plain = transcribed(include=["logprobs"])
with open(file, "rb") as audio:
    translated = client.audio.translations.create(model="whisper-1", file=audio)

try:
    client.models.retrieve("owner/name")
    refused = None
except NotFoundError as error:
    refused = {"status": error.status_code, "code": error.code, "param": error.param, "request": error.request_id}

try:
    client.audio.speech.create(model="tts-1", voice="alloy", input="x")
    speech = None
except APIStatusError as error:
    speech = {"status": error.status_code, "code": error.code}

json.dump(
    {
        "text": plain.text,
        "seconds": plain.usage.seconds,
        "logprobs": len(plain.logprobs),
        "srt": transcribed(response_format="srt"),
        "vtt": transcribed(response_format="vtt"),
        "plain": transcribed(response_format="text"),
        "language": verbose.language,
        "duration": verbose.duration,
        "words": [[word.word, word.start, word.end] for word in verbose.words],
        "segments": len(verbose.segments),
        "deltas": "".join(deltas),
        "done": done.text,
        "tokens": done.usage.total_tokens,
        "translated": translated.text,
        "models": [model.id for model in client.models.list()],
        "refused": refused,
        "speech": speech,
    },
    sys.stdout,
)
