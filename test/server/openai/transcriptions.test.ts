import { createReadStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import OpenAI, { toFile } from 'openai';
import * as v from 'valibot';
import {
  modelListSchema,
  streamEventSchema,
  transcriptionSchema,
  verboseTranscriptionSchema,
} from '#daemon/protocol/openai.js';
import { openaiServer, audioFile, type Answer } from '#test/harness/openai-server.js';
import { until } from '#test/harness/wait.js';
import { optionsOf } from '#test/harness/transcribe-work.js';

const here = openaiServer();
const HELLO = { texts: [' Hello there.', ' How are you?'] };
const TEXT = 'Hello there. How are you?';

function eventsOf({ text }: Answer): unknown[] {
  return text
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => JSON.parse(event.slice('data: '.length)) as unknown);
}

describe('a transcription', () => {
  test('is JSON by default', async () => {
    const answer = await here.transcribe(HELLO);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers['x-request-id']).toMatch(/^req_/);
    expect(answer.headers['openai-processing-ms']).toMatch(/^\d+$/);
    expect(v.parse(transcriptionSchema, answer.json())).toEqual({
      text: TEXT,
      usage: { type: 'duration', seconds: 2 },
    });
  });

  test.each([
    ['verbose_json', [['response_format', 'verbose_json']]],
    ['a stream of events', [['stream', 'true']]],
  ] as const)('of many hours is complete as %s', async (_, fields) => {
    const texts = Array.from({ length: 12_000 }, (_, i) => ` речь ${i} ${'слово, '.repeat(30)}`);
    const answer = await here.transcribe({ texts }, fields);
    const whole = texts.join('').trim();
    expect(answer.status).toBe(200);
    expect(answer.text.length).toBeGreaterThan(2 * 1024 * 1024);
    const text = answer.headers['content-type']?.includes('json')
      ? v.parse(verboseTranscriptionSchema, answer.json()).text
      : (eventsOf(answer).at(-1) as { text?: string }).text;
    expect(text === whole).toBe(true);
  });

  test.each([
    ['text', 'text/plain; charset=utf-8', `${TEXT}\n`],
    [
      'srt',
      'text/plain; charset=utf-8',
      '1\n00:00:00,000 --> 00:00:01,000\nHello there.\n\n2\n00:00:01,000 --> 00:00:02,000\nHow are you?\n\n',
    ],
    [
      'vtt',
      'text/vtt; charset=utf-8',
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nHello there.\n\n00:00:01.000 --> 00:00:02.000\nHow are you?\n\n',
    ],
  ])('as %s is plain text without quotes', async (format, type, text) => {
    const answer = await here.transcribe(HELLO, [['response_format', format]]);
    expect([answer.status, answer.headers['content-type'], answer.text]).toEqual([200, type, text]);
  });

  test('as verbose_json has all keys of a segment, times in seconds, and the name of the language', async () => {
    const answer = await here.transcribe({ ...HELLO, language: 'de', durationSeconds: 2.5 }, [
      ['response_format', 'verbose_json'],
    ]);
    const transcription = v.parse(verboseTranscriptionSchema, answer.json());
    expect(transcription).toMatchObject({
      task: 'transcribe',
      language: 'german',
      duration: 2.5,
      text: TEXT,
    });
    expect(transcription.words).toBeUndefined();
    expect(transcription.segments?.[1]).toEqual({
      id: 1,
      seek: 100,
      start: 1,
      end: 2,
      text: ' How are you?',
      tokens: [50_364, 100, 101, 102],
      temperature: 0,
      avg_logprob: -0.1,
      compression_ratio: 1.2,
      no_speech_prob: 0.01,
    });
  });

  test.each([
    ['none', [], { words: false, segments: true }],
    ['segment', [['timestamp_granularities[]', 'segment']], { words: false, segments: true }],
    ['word', [['timestamp_granularities[]', 'word']], { words: true, segments: false }],
    [
      'both',
      [
        ['timestamp_granularities[]', 'word'],
        ['timestamp_granularities[]', 'segment'],
      ],
      { words: true, segments: true },
    ],
    [
      'both, without brackets',
      [
        ['timestamp_granularities', 'word'],
        ['timestamp_granularities', 'segment'],
      ],
      { words: true, segments: true },
    ],
    ['both, with a comma', [['timestamp_granularities', 'word, segment']], { words: true, segments: true }],
    ['both, as JSON', [['timestamp_granularities', '["word","segment"]']], { words: true, segments: true }],
    ['an empty value', [['timestamp_granularities[]', '']], { words: false, segments: true }],
  ] as const)('contains the requested timestamps: %s', async (_, fields, { words, segments }) => {
    const answer = await here.transcribe(HELLO, [['response_format', 'verbose_json'], ...fields]);
    const transcription = v.parse(verboseTranscriptionSchema, answer.json());
    expect([transcription.words !== undefined, transcription.segments !== undefined]).toEqual([
      words,
      segments,
    ]);
    if (words) expect(transcription.words?.[1]).toEqual({ word: 'there.', start: 0.5, end: 1 });
  });

  test('contains the probability and bytes of each token', async () => {
    const answer = await here.transcribe({ texts: [' Grüß Gott'] }, [['include[]', 'logprobs']]);
    expect(v.parse(transcriptionSchema, answer.json()).logprobs).toEqual([
      { token: ' Grüß', logprob: -0.1, bytes: [32, 71, 114, 195, 188, 195, 159] },
      { token: ' Gott', logprob: -0.2, bytes: [32, 71, 111, 116, 116] },
    ]);
  });

  test('passes on only the requested options', async () => {
    await here.transcribe(HELLO);
    await here.transcribe(HELLO, [
      ['prompt', 'Sotto'],
      ['language', 'German'],
      ['temperature', '0.4'],
      ['hotwords', 'Nguyen, Kubernetes'],
      ['keywords[]', 'a, b'],
      ['vad', 'false'],
      ['beam_size', '5'],
      ['vocabulary', '0'],
      ['chunking_strategy[type]', 'server_vad'],
      ['something_new', 'x'],
    ]);
    expect(here.engine.ran.map(optionsOf)).toEqual([
      { timestamps: 'auto' },
      {
        initialPrompt: 'Sotto',
        language: 'German',
        temperature: [0.4],
        hotwords: ['a, b', 'Nguyen', 'Kubernetes'],
        vad: false,
        beamSize: 5,
        vocabulary: false,
        timestamps: 'auto',
      },
    ]);
  });

  test('align_model is for formats with times', async () => {
    await here.transcribe(HELLO, [
      ['response_format', 'srt'],
      ['align_model', 'owner/fake'],
    ]);
    await here.transcribe(HELLO, [['align_model', 'owner/fake']]);
    const [timed, plain] = here.engine.ran.map(({ work }) => work);
    expect(timed).toMatchObject({ aligner: { name: 'fake' } });
    expect(plain).not.toHaveProperty('aligner');
  });

  test.each([
    ['nothing', 'there is no model named nothing'],
    ['../fake', 'there is no model named "../fake"'],
  ])('an unknown align_model %s is that field’s error', async (name, message) => {
    const answer = await here.transcribe(HELLO, [
      ['response_format', 'srt'],
      ['align_model', name],
    ]);
    expect(answer.status).toBe(404);
    expect(answer.json()).toMatchObject({
      error: {
        code: 'MODEL_NOT_FOUND',
        message: expect.stringContaining(message) as unknown,
        param: 'align_model',
        hint: expect.stringContaining('aligns') as unknown,
      },
    });
  });

  test('a model that can’t align is the error of align_model, too', async () => {
    const failing = { ...HELLO, failAt: 0, failCode: 'MODEL_UNSUPPORTED', failParam: 'alignModel' } as const;
    const answer = await here.transcribe(failing, [
      ['response_format', 'srt'],
      ['align_model', 'fake'],
    ]);
    expect(answer.json()).toMatchObject({ error: { code: 'MODEL_UNSUPPORTED', param: 'align_model' } });
  });

  test('accepts the parts of a form in any order', async () => {
    const answer = await here.post('/v1/audio/transcriptions', [
      ['response_format', 'text'],
      ['file', audioFile(HELLO)],
      ['model', 'whisper-1'],
    ]);
    expect(answer.text).toBe(`${TEXT}\n`);
  });

  test('is also served without /v1', async () => {
    const answer = await here.post('/audio/transcriptions', [
      ['file', audioFile(HELLO)],
      ['model', 'fake'],
    ]);
    expect(answer.json()).toMatchObject({ text: TEXT });
  });

  test('leaves no file after any kind of end', async () => {
    await here.transcribe(HELLO);
    await here.transcribe({ ...HELLO, failAt: 1 });
    await here.transcribe(HELLO, [['response_format', 'xml']]);
    await here.transcribe(HELLO, [['stream', 'true']]);
    await until(() => here.held.length === 0);
  });

  test('is cancelled and its file deleted when the client disconnects', async () => {
    const controller = new AbortController();
    const requests = here
      .openai()
      .audio.transcriptions.create(
        { model: 'whisper-1', file: await toFile(audioFile({ ...HELLO, holdAt: 1 }), 'a.wav') },
        { signal: controller.signal },
      );
    await until(() => here.engine.ran.length === 1);
    expect(here.held).toHaveLength(1);
    controller.abort();
    await expect(requests).rejects.toThrow(/abort/i);
    await until(() => here.engine.cancels === 1 && here.held.length === 0);
  });
});

describe('a translation', () => {
  test('is English and has that language', async () => {
    const answer = await here.post('/v1/audio/translations', [
      ['file', audioFile({ ...HELLO, language: 'de' })],
      ['model', 'whisper-1'],
      ['response_format', 'verbose_json'],
    ]);
    expect(v.parse(verboseTranscriptionSchema, answer.json())).toMatchObject({
      task: 'translate',
      language: 'english',
    });
    expect(here.engine.ran.map(optionsOf)[0]?.task).toBe('translate');
  });
});

describe('a stream', () => {
  test('has deltas that join to the text, one done event with usage, and an end', async () => {
    const answer = await here.transcribe({ texts: [' Hello there. ', ' ', ' How are you? '] }, [
      ['stream', 'true'],
      ['include[]', 'logprobs'],
    ]);
    expect(answer.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(answer.text).toMatch(/\n\ndata: \[DONE\]\n\n$/);
    expect(answer.text).not.toMatch(/^(id|retry|event):/m);
    const events = eventsOf(answer).map((event) => v.parse(streamEventSchema, event));
    const deltas = events.filter((event) => event.type === 'transcript.text.delta');
    const done = events.filter((event) => event.type === 'transcript.text.done');
    expect(deltas.map(({ delta }) => delta).join('')).toBe(done[0]?.text);
    expect(done).toEqual([
      {
        type: 'transcript.text.done',
        text: 'Hello there.   How are you?',
        logprobs: deltas.flatMap(({ logprobs = [] }) => logprobs),
        usage: {
          type: 'tokens',
          input_tokens: 30,
          input_token_details: { text_tokens: 0, audio_tokens: 30 },
          output_tokens: 8,
          total_tokens: 38,
        },
      },
    ]);
  });

  test('has an error status before the first event', async () => {
    const answer = await here.transcribe({ texts: ['a'], failAt: 0 }, [['stream', 'true']]);
    expect([answer.status, answer.headers['content-type']]).toEqual([400, 'application/json']);
  });

  test('ends with an error event after it has started', async () => {
    const answer = await here.transcribe({ texts: ['a', 'b'], failAt: 1 }, [['stream', 'true']]);
    expect(answer.status).toBe(200);
    expect(eventsOf(answer).at(-1)).toMatchObject({
      error: {
        code: 'AUDIO_TRUNCATED',
        type: 'invalid_request_error',
        message: expect.any(String) as unknown,
      },
    });
  });
});

describe('concurrent requests', () => {
  test('are all answered with their own text, in the order of their uploads', async () => {
    const held = here.transcribe({ texts: ['first'], holdAt: 0 });
    await until(() => here.engine.ran.length === 1);
    const requests: Promise<Answer>[] = [];
    for (let i = 0; i < 64; i++) {
      const texts = Array.from({ length: 1 + ((i * 7) % 9) }, () => `text ${i}.`);
      requests.push(here.transcribe({ texts }));
      await until(() => here.sessions.queueStatus().queued === i + 1);
    }
    here.engine.resume();
    const answers = await Promise.all(requests);
    expect((await held).status).toBe(200);
    expect(answers.map(({ text }) => /text (\d+)/.exec(text)?.[1])).toEqual(
      requests.map((_, i) => String(i)),
    );
    expect(here.engine.transcribed).toEqual(['first', ...requests.map((_, i) => `text ${i}.`)]);
    await until(() => here.held.length === 0);
  });
});

describe('models', () => {
  test('are the installed ones, and the id that most programs request', async () => {
    const { data } = v.parse(modelListSchema, (await here.send('/v1/models')).json());
    expect(data.map(({ id }) => id)).toEqual(['whisper-1', 'fake']);
    expect(data.every(({ created }) => created > 1_600_000_000)).toBe(true);
  });

  test.each(['whisper-1', 'gpt-4o-mini-transcribe-2025-12-15', 'gpt-transcribe', 'fake'])(
    '%s is found',
    async (id) => {
      expect((await here.send(`/v1/models/${id}`)).json()).toMatchObject({ id, object: 'model' });
    },
  );

  test.each(['nothing', 'owner%2Fname', '..%2Ffake'])('%s is not found', async (id) => {
    const answer = await here.send(`/v1/models/${id}`);
    expect(answer.status).toBe(404);
    expect(answer.json()).toMatchObject({ error: { code: 'MODEL_NOT_FOUND', param: 'model' } });
  });
});

describe('OpenAI’s client for Node', () => {
  test('gets a transcription of a chunked upload', async () => {
    const path = join(here.home.folder, 'a.wav');
    writeFileSync(path, JSON.stringify(HELLO));
    const transcription = await here
      .openai()
      .audio.transcriptions.create({ file: createReadStream(path), model: 'whisper-1' });
    expect(transcription.text).toBe(TEXT);
  });

  test('gets all formats, translations, models, and typed errors', async () => {
    const client = here.openai();
    const file = await toFile(audioFile(HELLO), 'a.wav');
    const base = { file, model: 'whisper-1' };
    expect(await client.audio.transcriptions.create({ ...base, response_format: 'text' })).toBe(`${TEXT}\n`);
    const verbose = await client.audio.transcriptions.create({
      ...base,
      response_format: 'verbose_json',
      timestamp_granularities: ['word', 'segment'],
    });
    expect([verbose.duration, verbose.words?.length, verbose.segments?.length]).toEqual([2, 5, 2]);
    expect((await client.audio.translations.create(base)).text).toBe(TEXT);
    expect((await client.models.retrieve('whisper-1')).id).toBe('whisper-1');
    await expect(client.models.retrieve('owner/name')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    await expect(client.audio.transcriptions.create({ ...base, model: 'none' })).rejects.toMatchObject({
      status: 404,
      code: 'MODEL_NOT_FOUND',
      param: 'model',
      requestID: expect.stringMatching(/^req_/) as unknown,
    });
    await expect(
      client.audio.speech.create({ model: 'tts-1', input: 'x', voice: 'alloy' }),
    ).rejects.toMatchObject({
      status: 400,
      code: 'MODEL_UNSUPPORTED',
    });
  });

  test('reads a stream and its error', async () => {
    const client = here.openai();
    const create = async (file: Blob) =>
      client.audio.transcriptions.create({
        file: await toFile(file, 'a.wav'),
        model: 'gpt-4o-transcribe',
        stream: true,
      });
    const types: string[] = [];
    for await (const event of await create(audioFile(HELLO))) types.push(event.type);
    expect(types).toEqual(['transcript.text.delta', 'transcript.text.delta', 'transcript.text.done']);
    const broken = await create(audioFile({ ...HELLO, failAt: 1, failCode: 'ENGINE_CRASHED' }));
    const before: string[] = [];
    const read = async (): Promise<void> => {
      for await (const event of broken) before.push(event.type);
    };
    await expect(read()).rejects.toMatchObject({ code: 'ENGINE_CRASHED', type: 'server_error' });
    expect(before).toEqual(['transcript.text.delta']);
  });
});
