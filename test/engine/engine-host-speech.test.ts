/** Speech in the engine: its audio, its order among other work, and what ends it. */
import { describe, expect, test } from '@jest/globals';
import type { Recognizer, SpeechModel } from '#daemon/models/speech-model.js';
import type { FromEngine } from '#daemon/protocol/ipc.js';
import { gate, ScriptedModel, settled } from '#test/harness/scripted-speech.js';
import { ScriptedVoice, spokenSamples, VOICE_RATE, WORD_SAMPLES } from '#test/harness/scripted-voice.js';
import { until } from '#test/harness/wait.js';
import { ONE_FITS, ref, setUp } from './with-engine-host.js';

const TEXT = 'one  two three';

function begin(models: (dir: string) => SpeechModel, loading: () => Promise<void> = () => Promise.resolve()) {
  const make = models as (dir: string) => Recognizer;
  const engine = setUp(make, async (dir) => {
    await loading();
    return make(dir);
  });
  const { host, sent } = engine;
  const open = (speech: number, text = TEXT, model = ref): void =>
    host.receive({
      type: 'speech-open',
      speech,
      model,
      source: { type: 'text', text, options: { voice: 'plain' } },
    });
  const of = (speech: number) => sent.filter((m) => 'speech' in m && m.speech === speech);
  const types = (speech: number) => of(speech).map(({ type }) => type);
  const ended = (speech: number) =>
    until(() => types(speech).some((type) => type === 'speech-done' || type === 'speech-failed'));
  return { ...engine, open, of, types, ended };
}

function audioOf(messages: readonly FromEngine[]): Float32Array {
  const parts = messages.flatMap((m) => (m.type === 'speech-audio' ? [m] : []));
  const bytes = Buffer.concat(parts.map(({ samples }) => samples));
  let next = 0;
  for (const { firstSample, samples } of parts) {
    expect(firstSample).toBe(next);
    next += samples.byteLength / 4;
  }
  return new Float32Array(new Uint8Array(bytes).buffer);
}

describe('a speech', () => {
  test('is the audio of its text, without gaps, with the range of each piece', async () => {
    const voice = new ScriptedVoice('v');
    const { open, of, ended } = begin(() => voice);
    open(1);
    await ended(1);
    const messages = of(1);
    expect(messages[0]).toEqual({ type: 'speech-opened', speech: 1, sampleRate: VOICE_RATE });
    expect(audioOf(messages)).toEqual(spokenSamples(TEXT));
    const spoken = messages.flatMap((m) =>
      m.type === 'speech-audio' && m.spoken !== undefined ? [m.spoken] : [],
    );
    expect(spoken.map(({ from, to }) => TEXT.slice(from, to))).toEqual(['one', 'two', 'three']);
    expect(messages.at(-1)).toMatchObject({ type: 'speech-done', summary: { durationSeconds: 1.5 } });
    expect(voice.options).toEqual([{ voice: 'plain' }]);
    expect(voice.ended).toEqual([TEXT]);
  });

  test('is made at most ten seconds ahead of its listener', async () => {
    const words = Array.from({ length: 60 }, (_, i) => `w${i}`).join(' ');
    const { host, open, of, types, ended } = begin(() => new ScriptedVoice('v'));
    open(1, words);
    await until(() => types(1).length > 20);
    await settled();
    const first = audioOf(of(1)).length;
    expect(first).toBe(10 * VOICE_RATE);
    host.receive({ type: 'speech-acknowledge', speech: 1, samples: 2 * WORD_SAMPLES });
    await settled();
    expect(audioOf(of(1)).length).toBe(first + 2 * WORD_SAMPLES);
    // An acknowledgement of more than was sent opens no more room.
    host.receive({ type: 'speech-acknowledge', speech: 1, samples: 1e9 });
    await settled();
    expect(audioOf(of(1)).length).toBe(2 * (first + WORD_SAMPLES));
    host.receive({ type: 'speech-acknowledge', speech: 1, samples: 1e9 });
    await settled();
    host.receive({ type: 'speech-acknowledge', speech: 1, samples: 1e9 });
    await ended(1);
    expect(audioOf(of(1))).toEqual(spokenSamples(words));
  });

  test('sends nothing after a cancel, and frees its model', async () => {
    const word = gate();
    const voice = new ScriptedVoice('v', { onWord: (n) => (n === 1 ? word.opened : undefined) });
    const { host, open, types, seen } = begin((dir) => (dir === '/m' ? voice : new ScriptedVoice('n')));
    host.receive(ONE_FITS);
    open(1);
    await until(() => types(1).includes('speech-audio'));
    host.receive({ type: 'speech-cancel', speech: 1 });
    const before = types(1);
    word.open();
    await settled();
    expect(types(1)).toEqual(before);
    expect(voice.ended).toEqual([TEXT]);
    // Another model may replace it: nothing holds this one.
    open(2, TEXT, { name: 'n', dir: '/n' });
    await until(() => types(2).includes('speech-done'));
    expect(voice.disposed).toBe(1);
    expect(seen.loads).toEqual(['/m', '/n']);
  });

  test('may be cancelled while its model loads, and while its listener has all the room', async () => {
    const loading = gate();
    const late = begin(
      () => new ScriptedVoice('v'),
      () => loading.opened,
    );
    late.open(1);
    await until(() => late.seen.loads.length === 1);
    late.host.receive({ type: 'speech-cancel', speech: 1 });
    loading.open();
    await settled();
    expect(late.types(1)).toEqual([]);

    const words = Array.from({ length: 60 }, (_, i) => `w${i}`).join(' ');
    const voice = new ScriptedVoice('v');
    const full = begin(() => voice);
    full.open(1, words);
    await until(() => full.types(1).length > 20);
    full.host.receive({ type: 'speech-cancel', speech: 1 });
    await until(() => voice.ended.length === 1);
  });

  test('fails with the reason of the model, and with NaN', async () => {
    const failing = begin(
      () =>
        new ScriptedVoice('v', { onWord: (n) => (n === 1 ? Promise.reject(new Error('no')) : undefined) }),
    );
    failing.open(1);
    await failing.ended(1);
    expect(failing.of(1).at(-1)).toMatchObject({ type: 'speech-failed', error: { code: 'INTERNAL' } });
    const broken = begin(() => new ScriptedVoice('v', { brokenWord: 2 }));
    broken.open(1);
    await broken.ended(1);
    expect(broken.of(1).at(-1)).toMatchObject({ type: 'speech-failed', error: { code: 'ENGINE_CRASHED' } });
    expect(audioOf(broken.of(1)).length).toBe(2 * WORD_SAMPLES);
  });

  test('fails with a model that only transcribes, and a file with one that only speaks', async () => {
    const { open, of, ended } = begin(() => new ScriptedModel('m'));
    open(1);
    await ended(1);
    expect(of(1)).toMatchObject([
      { type: 'speech-failed', error: { code: 'MODEL_UNSUPPORTED', message: 'm can’t speak' } },
    ]);
    const speaking = begin(() => new ScriptedVoice('v'));
    speaking.run(1);
    expect(await speaking.endOf(1)).toMatchObject({
      error: { code: 'MODEL_UNSUPPORTED', message: 'v can’t transcribe' },
    });
  });
});

test('dictation is decoded before speech, and speech before files', async () => {
  const log: string[] = [];
  const decoding = gate();
  const transcribing = new ScriptedModel('m', {
    onDecode: async () => {
      await decoding.opened;
      log.push('decode');
    },
    onStep: () => void log.push('file'),
  });
  const voice = new ScriptedVoice('v', { onWord: () => void log.push('speech') });
  const { host, open, run, ended, speak, endOf } = begin((dir) => (dir === '/v' ? voice : transcribing));
  host.receive({ type: 'live-open', session: 1, model: ref, options: {}, fromSample: 0 });
  await settled();
  speak(1, 0.6);
  await settled();
  run(1);
  open(1, TEXT, { name: 'v', dir: '/v' });
  await settled();
  expect(log).toEqual([]);
  decoding.open();
  await ended(1);
  await endOf(1);
  expect(log[0]).toBe('decode');
  expect(log.indexOf('file')).toBeGreaterThan(log.indexOf('speech'));
  host.receive({ type: 'live-cancel', session: 1 });
});

test('a shutdown waits for the step of a speech, then releases everything', async () => {
  const word = gate();
  const voice = new ScriptedVoice('v', { onWord: (n) => (n === 1 ? word.opened : undefined) });
  const { host, open, types, seen } = begin(() => voice);
  open(1);
  await until(() => types(1).includes('speech-audio'));
  host.receive({ type: 'shutdown' });
  await settled();
  expect(seen.exits).toBe(0);
  word.open();
  await until(() => seen.exits === 1);
  expect(voice.disposed).toBe(1);
});
