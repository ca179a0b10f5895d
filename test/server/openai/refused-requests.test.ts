/** Invalid requests of OpenAI's API: their errors, with the field, and for clients that are still sending. */
import { createReadStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openaiServer, audioFile } from '#test/harness/openai-server.js';
import { until } from '#test/harness/wait.js';

const here = openaiServer();
const HELLO = { texts: [' Hello there.', ' How are you?'] };

describe('a refused request', () => {
  test.each([
    ['no model', [['file', audioFile(HELLO)]], 400, 'INVALID_ARGUMENT', 'model'],
    ['no file', [['model', 'whisper-1']], 400, 'INVALID_ARGUMENT', 'file'],
    [
      'an empty file',
      [
        ['model', 'whisper-1'],
        ['file', new Blob([])],
      ],
      400,
      'AUDIO_EMPTY',
      'file',
    ],
    [
      'no sound',
      [
        ['model', 'whisper-1'],
        ['file', new Blob(['x'])],
      ],
      415,
      'AUDIO_UNSUPPORTED',
      'file',
    ],
    [
      'an unknown model',
      [
        ['model', 'nova-2'],
        ['file', audioFile(HELLO)],
      ],
      404,
      'MODEL_NOT_FOUND',
      'model',
    ],
    [
      'a folder as a model',
      [
        ['model', '/m'],
        ['file', audioFile(HELLO)],
      ],
      404,
      'MODEL_NOT_FOUND',
      'model',
    ],
    [
      'a parent folder as a model',
      [
        ['model', '../m'],
        ['file', audioFile(HELLO)],
      ],
      404,
      'MODEL_NOT_FOUND',
      'model',
    ],
    [
      'an unknown format',
      [
        ['model', 'whisper-1'],
        ['file', audioFile(HELLO)],
        ['response_format', 'diarized_json'],
      ],
      400,
      'INVALID_ARGUMENT',
      'response_format',
    ],
    [
      'words in json',
      [
        ['model', 'whisper-1'],
        ['file', audioFile(HELLO)],
        ['timestamp_granularities[]', 'word'],
      ],
      400,
      'INVALID_ARGUMENT',
      'timestamp_granularities',
    ],
    [
      'a plural granularity',
      [
        ['model', 'whisper-1'],
        ['file', audioFile(HELLO)],
        ['timestamp_granularities[]', 'words'],
      ],
      400,
      'INVALID_ARGUMENT',
      'timestamp_granularities',
    ],
    [
      'logprobs in srt',
      [
        ['model', 'whisper-1'],
        ['file', audioFile(HELLO)],
        ['include[]', 'logprobs'],
        ['response_format', 'srt'],
      ],
      400,
      'INVALID_ARGUMENT',
      'include',
    ],
    [
      'a temperature above 1',
      [
        ['model', 'whisper-1'],
        ['file', audioFile(HELLO)],
        ['temperature', '1.5'],
      ],
      400,
      'INVALID_ARGUMENT',
      'temperature',
    ],
    [
      'a temperature that is not a number',
      [
        ['model', 'whisper-1'],
        ['file', audioFile(HELLO)],
        ['temperature', 'hot'],
      ],
      400,
      'INVALID_ARGUMENT',
      'temperature',
    ],
    [
      'a field twice',
      [
        ['model', 'whisper-1'],
        ['model', 'fake'],
        ['file', audioFile(HELLO)],
      ],
      400,
      'INVALID_ARGUMENT',
      'model',
    ],
    [
      'two files',
      [
        ['model', 'whisper-1'],
        ['file', audioFile(HELLO)],
        ['file', audioFile(HELLO)],
      ],
      400,
      'INVALID_ARGUMENT',
      'file',
    ],
  ] as const)('%s, with the name of the field', async (_, fields, status, code, param) => {
    const answer = await here.post('/v1/audio/transcriptions', fields);
    expect(answer.status).toBe(status);
    expect(answer.json()).toEqual({
      error: {
        message: expect.stringMatching(/ — /),
        type: status === 404 ? 'not_found_error' : 'invalid_request_error',
        param,
        code,
        hint: expect.any(String),
        retryable: false,
      },
    });
    await until(() => here.held.length === 0);
  });

  test.each([
    ['JSON', 'application/json', '{}', 415],
    ['a form without a file', 'application/x-www-form-urlencoded', 'model=whisper-1', 415],
    ['no boundary', 'multipart/form-data', 'x', 400],
    ['a long boundary', `multipart/form-data; boundary=${'b'.repeat(71)}`, 'x', 400],
  ])('%s as a body', async (_, type, body, status) => {
    const answer = await here.send('/v1/audio/transcriptions', {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
    expect(answer.status).toBe(status);
  });

  test('speech, without a retry', async () => {
    const speak = (fields: object, type = 'application/json') =>
      here.send('/v1/audio/speech', {
        method: 'POST',
        headers: { 'content-type': type },
        body: JSON.stringify({ model: 'tts-1', input: 'x', voice: 'alloy', ...fields }),
      });
    const answer = await speak({});
    expect([answer.status, answer.headers['x-should-retry']]).toEqual([400, 'false']);
    expect(answer.json()).toMatchObject({
      error: { code: 'MODEL_UNSUPPORTED', type: 'invalid_request_error' },
    });
    for (const [fields, param] of [
      [{ input: '' }, 'input'],
      [{ voice: 7 }, 'voice'],
      [{ response_format: 'mp3' }, 'response_format'],
      [{ stream_format: 'sse' }, 'stream_format'],
      [{ speed: 9 }, 'speed'],
    ] as const) {
      const refused = await speak(fields);
      expect(refused.status).toBe(400);
      expect(refused.json()).toMatchObject({ error: { code: 'INVALID_ARGUMENT', param } });
    }
    expect((await speak({ model: '../secret' })).status).toBe(404);
    expect((await speak({ model: 'fake' })).json()).toMatchObject({ error: { code: 'MODEL_UNSUPPORTED' } });
    expect((await speak({}, 'text/plain')).status).toBe(415);
    expect((await speak({ input: 'x'.repeat(300_000) })).status).toBe(413);
  });
});

describe('a form that is refused while it is sent', () => {
  test('gives the error to OpenAI’s client, which is still sending', async () => {
    const path = join(here.home.folder, 'long.wav');
    writeFileSync(path, Buffer.alloc(24 * 1024 * 1024));
    const refused = here.openai().audio.transcriptions.create({
      prompt: 'x'.repeat(100_000),
      model: 'whisper-1',
      file: createReadStream(path),
    });
    await expect(refused).rejects.toMatchObject({ status: 413, code: 'PAYLOAD_TOO_LARGE', param: 'prompt' });
    await until(() => here.held.length === 0);
  });

  test('gives the error even before a byte was read', async () => {
    const path = join(here.home.folder, 'long.wav');
    writeFileSync(path, Buffer.alloc(24 * 1024 * 1024));
    const answer = await here.send('/v1/nothing', { method: 'POST', body: createReadStream(path) });
    expect(answer.status).toBe(404);
  });
});
