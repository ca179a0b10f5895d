import { describe, expect, test } from '@jest/globals';
import { SottoError } from '#daemon/protocol/errors.js';
import type { ToEngine } from '#daemon/protocol/ipc.js';
import type { EngineSpeechReport } from '#daemon/supervisor/engine.js';
import { EngineSpeeches } from '#daemon/supervisor/engine-speeches.js';

const source = { type: 'text' as const, text: 'Hello.', options: {} };
const request = { model: { name: 'v', dir: '/v' }, source };
const crash = new SottoError('ENGINE_CRASHED', 'it died');
const spoken = { from: 0, to: 5 };
const summary = { durationSeconds: 1, timings: { firstAudio: 0.1, total: 0.2 } };

function setUp() {
  const sent: ToEngine[] = [];
  const speeches = new EngineSpeeches((message) => sent.push(message));
  const open = () => {
    const reports: EngineSpeechReport[] = [];
    return { reports, speech: speeches.open(request, (report) => reports.push(report)) };
  };
  const audio = (speech: number, firstSample: number, values: readonly number[]): void =>
    speeches.receive({
      type: 'speech-audio',
      speech,
      firstSample,
      samples: new Uint8Array(Float32Array.from(values).buffer),
      spoken,
    });
  return { sent, speeches, open, audio };
}

/** Waits for the microtasks. */
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the speeches of an engine', () => {
  test('are opened once in a process, whenever that becomes ready', async () => {
    const { sent, speeches, open } = setUp();
    const early = open();
    await tick();
    expect([sent, early.reports]).toEqual([[], [{ type: 'waiting', for: 'engine' }]]);
    speeches.ready();
    open();
    await tick();
    expect(sent).toEqual([1, 2].map((speech) => ({ type: 'speech-open', speech, ...request })));
  });

  test('report their audio and their end, and nothing after it', async () => {
    const { sent, speeches, open, audio } = setUp();
    speeches.ready();
    const { reports, speech } = open();
    await tick();
    speeches.receive({ type: 'speech-opened', speech: 1, sampleRate: 24_000 });
    audio(1, 0, [0.5, -0.25]);
    speech.acknowledge(2);
    speeches.receive({ type: 'speech-done', speech: 1, summary });
    audio(1, 2, [1]);
    speech.acknowledge(3);
    speech.cancel();
    expect(reports).toEqual([
      { type: 'opened', sampleRate: 24_000 },
      { type: 'audio', firstSample: 0, samples: Float32Array.of(0.5, -0.25), spoken },
      { type: 'done', summary },
    ]);
    expect(sent.slice(1)).toEqual([{ type: 'speech-acknowledge', speech: 1, samples: 2 }]);
  });

  test('report the parts of an answer, and its summary as the end', async () => {
    const { speeches, open } = setUp();
    speeches.ready();
    const { reports } = open();
    await tick();
    const event = { type: 'text' as const, text: 'Hello.' };
    const answer = { text: 'Hello.', toolCalls: [], durationSeconds: 0, timings: { first: 0, total: 0 } };
    speeches.receive({ type: 'speech-answer', speech: 1, event });
    expect(speeches.isComputing).toBe(true); // without audio there is nothing to wait for
    speeches.receive({ type: 'speech-answered', speech: 1, summary: answer });
    speeches.receive({ type: 'speech-answer', speech: 1, event });
    expect(reports).toEqual([
      { type: 'answer', event },
      { type: 'answered', summary: answer },
    ]);
    expect(speeches.isComputing).toBe(false);
  });

  test('are cancelled without a report, in the process only if it has them', async () => {
    const { sent, speeches, open } = setUp();
    const before = open();
    before.speech.cancel();
    speeches.ready();
    const after = open();
    await tick();
    after.speech.cancel();
    expect(sent.map(({ type }) => type)).toEqual(['speech-open', 'speech-cancel']);
    expect([before.reports, after.reports]).toEqual([[], []]);
  });

  test('are lost with their process; one that it did not have waits for the next', async () => {
    const { sent, speeches, open } = setUp();
    speeches.ready();
    const first = open();
    await tick();
    speeches.lost(crash);
    const second = open();
    await tick();
    expect(first.reports).toEqual([{ type: 'lost', error: crash }]);
    speeches.ready();
    expect(sent.at(-1)).toMatchObject({ type: 'speech-open', speech: 2 });
    speeches.failAll(crash);
    expect(second.reports.at(-1)).toEqual({ type: 'failed', error: crash });
    expect(speeches.isComputing).toBe(false);
  });

  test('compute while their listener has all that came', async () => {
    const { speeches, open, audio } = setUp();
    speeches.ready();
    expect(speeches.isComputing).toBe(false);
    const { speech } = open();
    await tick();
    expect(speeches.isComputing).toBe(true);
    audio(1, 0, [0, 0]);
    expect(speeches.isComputing).toBe(false); // it may be far enough ahead
    speech.acknowledge(2);
    expect(speeches.isComputing).toBe(true);
  });
});
