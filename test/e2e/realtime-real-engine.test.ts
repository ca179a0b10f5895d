/**
 * Realtime transcription with nothing faked but the speaker: real speech, the starter model, OpenAI's own client at
 * the port and a plain WebSocket at the socket.
 */
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { WebSocket } from 'ws';
import { errorsIn } from '#daemon/cli/models/word-errors.js';
import { packageRoot } from '#daemon/paths.js';
import { toPcm16 } from '#daemon/signal/pcm16.js';
import { Resampler } from '#daemon/signal/resample.js';
import type { Discovery } from '#daemon/store/discovery.js';
import { openPort } from '#test/harness/open-port.js';
import { findPython } from '#test/harness/python.js';
import { describeWithEngine, jfk, JFK_TEXT } from '#test/harness/real-engine.js';
import { sotto } from '#test/harness/run-sotto.js';
import { samplesOf } from '#test/harness/sample-speech.js';
import { stopAll } from '#test/harness/stop-all.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { testUnless } from '#test/harness/skipping.js';

const PYTHON_CLIENT = join(packageRoot, 'test', 'harness', 'openai-realtime-client.py');
const withEngine = describeWithEngine();
const { python, missing: noPython } = await findPython();
const withPython = testUnless(noPython);

type Event = Record<string, unknown> & { readonly type: string };

const TEXT = 'conversation.item.input_audio_transcription';

let home: TempHome;
let port: Discovery;
/** 16 kHz. */
let speech: Float32Array;

withEngine('realtime transcription', () => {
  beforeAll(async () => {
    home = tempHome();
    writeFileSync(home.paths.settings, '{}');
    speech = await samplesOf(jfk);
    // The daemon is running from here on.
    await sotto(['transcribe', jfk], { home: home.folder, realEngine: true });
    port = await openPort(home.paths);
  });

  afterAll(async () => {
    await stopAll(home.paths);
    home.remove();
  });

  test('gives the words of `sotto dictate` for an item, over a plain WebSocket', async () => {
    const { stdout } = await sotto(['dictate', '--from', jfk, '--fast', '--events'], {
      home: home.folder,
      realEngine: true,
    });
    const dictated = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; text?: string })
      .map(({ type, text }) => (type === 'committed' ? text : ''))
      .join('');
    const socket = new WebSocket('ws://localhost/v1/realtime?intent=transcription', {
      createConnection: () => connect(home.paths.socket),
    });
    const events: Event[] = [];
    const transcript = new Promise<unknown>((resolve) => {
      socket.on('message', (data) => {
        const event = JSON.parse((data as Buffer).toString()) as Event;
        events.push(event);
        if (event.type === `${TEXT}.completed`) resolve(event.transcript);
      });
    });
    await new Promise((resolve) => socket.once('open', resolve));
    const input = { format: { type: 'audio/pcm', rate: 16_000 }, turn_detection: null };
    socket.send(
      JSON.stringify({ type: 'session.update', session: { type: 'transcription', audio: { input } } }),
    );
    for (const audio of pieces(pcmOf(speech), 6_400)) {
      socket.send(JSON.stringify({ type: 'input_audio_buffer.append', audio }));
    }
    socket.send(JSON.stringify({ type: 'input_audio_buffer.commit' }));
    const text = String(await transcript);
    // A busy machine decodes less often, and a comma may come or go with that.
    expect(errorsIn(dictated, text, 'en').errors).toBeLessThanOrEqual(1);
    expect(errorsIn(JFK_TEXT, text, 'en').errors).toBeLessThanOrEqual(2);
    const deltas = events.map((event) => (event.type === `${TEXT}.delta` ? event.delta : ''));
    expect(deltas.join('')).toBe(text);
    expect(events.filter(({ type }) => type === `${TEXT}.delta`).length).toBeGreaterThan(1);
    socket.close();
  });

  withPython('gives OpenAI’s Python client the same, over the port and over the socket', async () => {
    const file = join(home.folder, 'speech.pcm');
    const transcripts = new Resampler(16_000, 24_000);
    writeFileSync(file, pcmOf(Float32Array.from([...transcripts.push(speech), ...transcripts.flush()])));
    const env = { OPENAI_API_KEY: port.token, NO_PROXY: '127.0.0.1,localhost' };
    const results = await Promise.all([
      python?.run([PYTHON_CLIENT, `http://127.0.0.1:${port.port}/v1`, file], { env }),
      python?.run([PYTHON_CLIENT, 'http://localhost/v1', file, home.paths.socket], { env }),
    ]);
    for (const result of results) {
      expect(result).toMatchObject({ code: 0, stderr: '' });
      const got = JSON.parse(result?.stdout ?? '') as {
        transcript: string;
        deltas: string;
        seconds: number;
      };
      expect(errorsIn(JFK_TEXT, got.transcript, 'en').errors).toBeLessThanOrEqual(2);
      expect([got.deltas, got.seconds]).toEqual([got.transcript, 11]);
    }
  });

  test('gives OpenAI’s client two items for two utterances with a pause', async () => {
    const client = new OpenAI({ apiKey: port.token, baseURL: `http://127.0.0.1:${port.port}/v1` });
    const realtime = new OpenAIRealtimeWS(
      { model: 'gpt-4o-transcribe', options: { createConnection: () => connect(port.port, '127.0.0.1') } },
      client,
    );
    const order: string[] = [];
    const texts: string[] = [];
    realtime.on('event', ({ type }) => order.push(type));
    const both = new Promise<void>((resolve, reject) => {
      realtime.on('error', reject);
      realtime.on('conversation.item.input_audio_transcription.completed', ({ transcript }) => {
        if (texts.push(transcript) === 2) resolve();
      });
    });
    await new Promise<void>((resolve) => realtime.on('session.created', () => resolve()));
    realtime.send({
      type: 'session.update',
      session: {
        type: 'transcription',
        audio: {
          input: {
            format: { type: 'audio/pcm', rate: 24_000 },
            transcription: { model: 'gpt-4o-transcribe', language: 'en' },
            turn_detection: { type: 'server_vad', silence_duration_ms: 1_500 },
          },
        },
      },
    });
    const silence = new Float32Array(2 * 24_000);
    const transcripts = new Resampler(16_000, 24_000);
    const once = [...transcripts.push(speech), ...transcripts.flush()];
    const all = pcmOf(Float32Array.from([...once, ...silence, ...once, ...silence]));
    for (const audio of pieces(all, 9_600)) realtime.send({ type: 'input_audio_buffer.append', audio });
    await both;
    realtime.close();
    for (const text of texts) expect(errorsIn(JFK_TEXT, text, 'en').errors).toBeLessThanOrEqual(2);
    const boundaries = order.filter((type) => type.startsWith('input_audio_buffer.'));
    expect(boundaries).toEqual([...TURN, ...TURN]);
  });
});

const TURN = [
  'input_audio_buffer.speech_started',
  'input_audio_buffer.speech_stopped',
  'input_audio_buffer.committed',
];

function pcmOf(samples: Float32Array): Uint8Array {
  return new Uint8Array(toPcm16(samples).buffer);
}

function* pieces(pcm: Uint8Array, bytes: number): Generator<string> {
  for (let at = 0; at < pcm.length; at += bytes) {
    yield Buffer.from(pcm.subarray(at, at + bytes)).toString('base64');
  }
}
