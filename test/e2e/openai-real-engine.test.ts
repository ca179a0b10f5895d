/**
 * OpenAI's own clients, over the socket and over the port, with nothing faked: they get what `sotto transcribe`
 * writes.
 */
import { createReadStream, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import { Agent } from 'undici';
import { packageRoot } from '#daemon/paths.js';
import type { Discovery } from '#daemon/store/discovery.js';
import { openPort } from '#test/harness/open-port.js';
import { findPython, type PythonResult } from '#test/harness/python.js';
import { describeWithEngine, jfk } from '#test/harness/real-engine.js';
import { sotto } from '#test/harness/run-sotto.js';
import { stopAll } from '#test/harness/stop-all.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { testUnless } from '#test/harness/skipping.js';

const CLIENT = join(packageRoot, 'test', 'harness', 'openai-client.py');
const withEngine = describeWithEngine();
const { python, missing: noPython } = await findPython();
const withPython = testUnless(noPython);

/** The command's output, and the port: the same for all of these. */
let home: TempHome;
let port: Discovery;
let expected: { readonly text: string; readonly srt: string; readonly words: unknown[] };

async function written(...flags: string[]): Promise<string> {
  const { code, stdout, stderr } = await sotto(['transcribe', jfk, ...flags], {
    home: home.folder,
    realEngine: true,
  });
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

withEngine('OpenAI’s own clients', () => {
  beforeAll(async () => {
    home = tempHome();
    writeFileSync(home.paths.settings, '{}');
    const { segments } = JSON.parse(await written('--format', 'json', '--word-timestamps')) as {
      segments: { words: { word: string; start: number; end: number }[] }[];
    };
    expected = {
      text: (await written()).trimEnd(),
      srt: await written('--format', 'srt'),
      words: segments.flatMap(({ words }) => words.map(({ word, start, end }) => [word.trim(), start, end])),
    };
    port = await openPort(home.paths);
  });

  afterAll(async () => {
    await stopAll(home.paths);
    home.remove();
  });

  function overSocket(): OpenAI {
    const fetchOptions = { dispatcher: new Agent({ connect: { socketPath: home.paths.socket } }) } as object;
    return new OpenAI({ apiKey: 'none', baseURL: 'http://localhost/v1', maxRetries: 0, fetchOptions });
  }

  function overPort(apiKey: string = port.token): OpenAI {
    return new OpenAI({ apiKey, baseURL: `http://127.0.0.1:${port.port}/v1`, maxRetries: 0 });
  }

  test.each([
    ['the socket', overSocket],
    ['the port', () => overPort()],
  ])('Node’s, over %s', async (_, connected) => {
    const client = connected();
    const create = client.audio.transcriptions;
    const base = () => ({ file: createReadStream(jfk), model: 'whisper-1' });
    expect((await create.create(base())).text).toBe(expected.text);
    expect(await create.create({ ...base(), response_format: 'srt' })).toBe(expected.srt);
    const verbose = await create.create({
      ...base(),
      response_format: 'verbose_json',
      timestamp_granularities: ['word'],
    });
    expect(verbose.words?.map(({ word, start, end }) => [word, start, end])).toEqual(expected.words);
    let streamed = '';
    for await (const event of await create.create({ ...base(), stream: true })) {
      if (event.type === 'transcript.text.delta') streamed += event.delta;
    }
    expect(streamed).toBe(expected.text);
    const { logprobs } = await create.create({ ...base(), include: ['logprobs'] });
    expect(
      logprobs
        ?.map(({ token }) => token)
        .join('')
        .trim(),
    ).toBe(expected.text);
    await expect(create.create({ file: createReadStream(CLIENT), model: 'whisper-1' })).rejects.toMatchObject(
      {
        status: 415,
        code: 'AUDIO_UNSUPPORTED',
        param: 'file',
        // Not in its old place, where it was read.
        message: expect.stringContaining('the file is not a supported audio file') as unknown,
      },
    );
  });

  test('the port accepts no other token, and shows none', async () => {
    await expect(overPort('guess').models.list()).rejects.toMatchObject({
      status: 401,
      code: 'TOKEN_REJECTED',
      message: expect.not.stringContaining('guess') as unknown,
    });
  });

  withPython('Python’s, over the socket and over the port', async () => {
    const env = { OPENAI_API_KEY: port.token };
    const results = await Promise.all([
      // OpenAI deprecates one of the calls, and the package says so.
      python?.run(['-W', 'ignore', CLIENT, 'http://localhost/v1', jfk, home.paths.socket], { env }),
      python?.run(['-W', 'ignore', CLIENT, `http://127.0.0.1:${port.port}/v1`, jfk], { env }),
    ]);
    for (const result of results) {
      expect(result).toMatchObject({ code: 0, stderr: '' });
      const got = JSON.parse((result as PythonResult).stdout) as Record<string, unknown>;
      expect(got).toMatchObject({
        text: expected.text,
        plain: `${expected.text}\n`,
        srt: expected.srt,
        vtt: expect.stringMatching(/^WEBVTT\n/) as unknown,
        words: expected.words,
        language: 'english',
        duration: 11,
        seconds: 11,
        deltas: expected.text,
        done: expected.text,
        refused: { status: 404, code: 'MODEL_NOT_FOUND', param: 'model' },
        speech: { status: 404, code: 'MODEL_NOT_FOUND' },
      });
    }
  });

  test('leave no audio behind', () => {
    expect(readdirSync(home.paths.uploads)).toEqual([]);
  });
});
