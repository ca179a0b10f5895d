"""OpenAI's own client for Python in a realtime session: one item of a file of PCM (s16le, 24 kHz), as one JSON object.

usage: openai-realtime-client.py BASE_URL FILE [SOCKET]      (OPENAI_API_KEY is the token)
"""

import asyncio
import base64
import json
import sys

from openai import AsyncOpenAI

base_url, file, *socket = sys.argv[1:]
options = {"websocket_connection_options": {"unix": True, "path": socket[0]}} if socket else {}


async def main():
    client = AsyncOpenAI(base_url=base_url, max_retries=0)
    deltas, types = [], []
    async with client.realtime.connect(extra_query={"intent": "transcription"}, **options) as connection:
        await connection.session.update(
            session={
                "type": "transcription",
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcm", "rate": 24000},
                        "transcription": {"model": "whisper-1", "language": "en"},
                        "turn_detection": None,
                    }
                },
            }
        )
        with open(file, "rb") as pcm:
            while chunk := pcm.read(9600):
                await connection.input_audio_buffer.append(audio=base64.b64encode(chunk).decode())
        await connection.input_audio_buffer.commit()
        async for event in connection:
            types.append(event.type)
            if event.type == "conversation.item.input_audio_transcription.delta":
                deltas.append(event.delta)
            if event.type == "conversation.item.input_audio_transcription.completed":
                break
    json.dump(
        {"transcript": event.transcript, "seconds": event.usage.seconds, "deltas": "".join(deltas), "types": types},
        sys.stdout,
    )


asyncio.run(main())
