/** Speech over the socket: a real server and client, and the engine's message loop with a scripted voice. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SottoClient, type SpeechEvent } from '#daemon/client/index.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { LIMITS } from '#daemon/protocol/version.js';
import type { SpeechModel } from '#daemon/models/speech-model.js';
import type { EngineSpeeches } from '#daemon/supervisor/engine-speeches.js';
import { ScriptedModel } from '#test/harness/scripted-speech.js';
import { startSpeechServer } from '#test/harness/speech-server.js';
import { ScriptedVoice, spokenSamples, VOICE_RATE } from '#test/harness/scripted-voice.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { until } from '#test/harness/wait.js';
import { setUp } from '../engine/with-engine-host.js';

const TEXT = 'one two three';
const LONG = Array.from({ length: 100 }, (_, i) => `w${i}`).join(' ');

let home: TempHome;
let close: () => Promise<void>;
let voice: ScriptedVoice;
let speeches: EngineSpeeches;
let client: SottoClient;

beforeEach(async () => {
  home = tempHome();
  voice = new ScriptedVoice('v');
  const models: Record<string, SpeechModel> = { '/v': voice, '/m': new ScriptedModel('m') };
  ({ client, speeches, close } = await startSpeechServer({
    ...{ paths: home.paths, deps: setUp().deps },
    modelIn: (dir) => models[dir],
    resolveModel: (name = 'v') => {
      if (name === 'missing') throw new SottoError('MODEL_NOT_FOUND', 'there is no model named missing');
      return { name, dir: `/${name}` };
    },
  }));
});

afterEach(async () => {
  await close();
  home.remove();
});

/** Reads a speech to its end. */
async function all(text: string, ...call: unknown[]): Promise<SpeechEvent[]> {
  const events: SpeechEvent[] = [];
  const options = call as [];
  for await (const event of client.speech.speak(text, ...options)) events.push(event);
  return events;
}

function audioOf(events: readonly SpeechEvent[]): number[] {
  return events.flatMap((event) => (event.type === 'audio' ? [...event.samples] : []));
}

describe('a speech over the socket', () => {
  test('is the audio of the text, bit by bit, with what each piece speaks', async () => {
    const events = await all(TEXT, { voice: 'plain', speed: 1.5, other: { deep: true } });
    expect(events[0]).toEqual({ type: 'opened', sampleRate: VOICE_RATE, model: 'v' });
    expect(audioOf(events)).toEqual([...spokenSamples(TEXT)]);
    const spoken = events.flatMap((event) => (event.type === 'text' ? [event.spoken] : []));
    expect(spoken.map(({ from, to }) => TEXT.slice(from, to))).toEqual(['one', 'two', 'three']);
    expect(events.at(-1)).toMatchObject({ type: 'final', summary: { durationSeconds: 1.5 } });
    expect(voice.options).toEqual([{ voice: 'plain', speed: 1.5, other: { deep: true } }]);
  });

  test('of any length waits for its reader, and arrives complete', async () => {
    const speaking = client.speech.speak(LONG);
    const first = await speaking.next();
    expect(first.value).toMatchObject({ type: 'opened' });
    // The reader pauses: ten seconds are made, and no more.
    await until(() => voice.ended.length > 0, 300).catch(() => undefined);
    expect(voice.ended).toEqual([]);
    const rest: SpeechEvent[] = [];
    for await (const event of speaking) rest.push(event);
    expect(audioOf(rest)).toEqual([...spokenSamples(LONG)]);
  });

  test('ends in the engine when its reader stops, aborts or disconnects', async () => {
    for await (const event of client.speech.speak(LONG)) if (event.type === 'audio') break;
    await until(() => voice.ended.length === 1);

    const controller = new AbortController();
    const aborted = (async () => {
      for await (const event of client.speech.speak(LONG, {}, { signal: controller.signal }))
        if (event.type === 'audio') controller.abort();
    })();
    await expect(aborted).rejects.toMatchObject({ code: 'CANCELLED' });
    await until(() => voice.ended.length === 2);

    const other = await SottoClient.connect(home.paths.socket, 'other');
    const speaking = other.speech.speak(LONG);
    await speaking.next();
    other.close();
    await until(() => voice.ended.length === 3);
  });

  test('may run beside others', async () => {
    const [a, b] = await Promise.all([all(TEXT), all('four five')]);
    expect(audioOf(a)).toEqual([...spokenSamples(TEXT)]);
    expect(audioOf(b)).toEqual([...spokenSamples('four five')]);
  });

  test.each([
    ['a model that does not exist', [TEXT, {}, { model: 'missing' }], 'MODEL_NOT_FOUND'],
    ['a model that only transcribes', [TEXT, {}, { model: 'm' }], 'MODEL_UNSUPPORTED'],
    ['no text', [''], 'INVALID_ARGUMENT'],
    ['too much text', ['a'.repeat(LIMITS.maxSpokenLength + 1)], 'INVALID_ARGUMENT'],
    ['an impossible speed', [TEXT, { speed: 90 }], 'INVALID_ARGUMENT'],
  ])('with %s is a coded error, and the connection stays', async (_, [text, ...call], code) => {
    await expect(all(text as string, ...(call as unknown[]))).rejects.toMatchObject({ code });
    expect(audioOf(await all('still here'))).toHaveLength(spokenSamples('still here').length);
  });

  test('continues in the next engine without a gap', async () => {
    const samples: number[] = [];
    for await (const event of client.speech.speak(LONG)) {
      if (event.type !== 'audio') continue;
      if (samples.length === 0) {
        speeches.lost(new SottoError('ENGINE_CRASHED', 'it died'));
        speeches.ready();
      }
      samples.push(...event.samples);
    }
    expect(samples).toEqual([...spokenSamples(LONG)]);
  });
});
