import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { parseLiveRunState } from '#daemon/engine/live/live-run-state.js';
import { LiveRun } from '#daemon/engine/live/live-run.js';
import { LiveAudioBuffer } from '#daemon/engine/live/live-audio-buffer.js';
import { ComputeScheduler } from '#daemon/engine/compute-scheduler.js';
import { parseFromEngine, type FromEngine, type DecodeStep, type Refined } from '#daemon/protocol/ipc.js';
import type { SessionCheckpoint } from '#daemon/protocol/live.js';
import { ramp, rampText, SECOND } from '#test/harness/ramp.js';
import { gate, ScriptedSpeech, settled, type SpeechScript } from '#test/harness/scripted-speech.js';
import { defined } from '#daemon/protocol/defined.js';

const tape = ramp(0, 12 * SECOND);

/** The time that steps are measured by: it passes only if a test says so. */
let nowMs = 0;
beforeEach(() => {
  nowMs = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
});
afterEach(() => void jest.restoreAllMocks());

interface Begin extends SpeechScript {
  readonly fromSample?: number;
  readonly checkpoint?: SessionCheckpoint;
  readonly refine?: (signal: AbortSignal) => Promise<Refined | undefined>;
  readonly scheduler?: ComputeScheduler;
  readonly keepsAll?: boolean;
}

function listen({
  fromSample = 0,
  checkpoint,
  refine,
  scheduler = new ComputeScheduler(),
  keepsAll: whole,
  ...script
}: Begin = {}) {
  const sent: FromEngine[] = [];
  const seen = { over: 0, sentWhenOver: 0 };
  const own = checkpoint && { ...checkpoint, state: parseLiveRunState(checkpoint).speech };
  const speech = new ScriptedSpeech(script, own);
  const buffer = new LiveAudioBuffer(fromSample, whole === true);
  const run = new LiveRun({
    session: 1,
    checkpoint,
    speech,
    buffer,
    scheduler,
    ...defined({ refine }),
    send: (message) => sent.push(parseFromEngine(structuredClone(message))),
    onOver: () => {
      seen.over += 1;
      seen.sentWhenOver = sent.length;
    },
  });
  const push = (from: number, to: number): void => run.audio(new Uint8Array(tape.slice(from, to).buffer));
  const types = (): string[] => sent.map(({ type }) => type);
  const steps = (): DecodeStep[] =>
    sent.flatMap((message) =>
      message.type === 'live-update' || message.type === 'live-done' ? [message.step] : [],
    );
  return { run, speech, buffer, sent, seen, push, types, steps };
}

function wordsOf(steps: readonly DecodeStep[]): string[] {
  return steps.flatMap(({ committed }) => committed.map(({ word }) => word));
}

/** The text, without its commit positions. */
function textOf(steps: readonly DecodeStep[]): string {
  return wordsOf(steps)
    .map((word) => word.replace(/@.*/, '').trim())
    .join(' ');
}

/** Where the steps of a session were, and what they committed. */
function outline(steps: readonly DecodeStep[]): [number, string[]][] {
  return steps.map((step) => [step.decodedSamples, wordsOf([step])]);
}

describe('LiveRun', () => {
  test('decodes every half second of audio, and the rest at the end', async () => {
    const { run, steps, push, types } = listen();
    const samples = 3.2 * SECOND;
    for (let at = 0; at < samples; at += 1_000) push(at, Math.min(samples, at + 1_000));
    run.finish();
    await settled();
    expect(steps().map(({ decodedSamples }) => decodedSamples)).toEqual(
      [0.5, 1, 1.5, 2, 2.5, 3, 3.2].map((seconds) => seconds * SECOND),
    );
    expect(types().at(-1)).toBe('live-done');
    expect(textOf(steps())).toBe(rampText(samples));
    expect(steps().at(-1)?.tentative).toBe('');
  });

  test('gives the same text at the same positions, whatever the pieces and wherever another engine continues', async () => {
    const cases = fc.record({
      samples: fc.integer({ min: 1, max: 4 * SECOND }),
      pieces: fc.array(fc.integer({ min: 101, max: 2 * SECOND }), { minLength: 1, maxLength: 12 }),
      pauses: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
      /** The step that another run continues from. */
      at: fc.nat(20),
      /** Audio before the checkpoint that it receives as well: all of it, none, or some. */
      more: fc.constantFrom(0, 0.5, 1),
      json: fc.boolean(),
    });
    const speak = async (
      { run, push }: ReturnType<typeof listen>,
      { samples, pieces, pauses }: { samples: number; pieces: number[]; pauses: boolean[] },
      from = 0,
    ): Promise<void> => {
      let at = from;
      for (let n = 0; at < samples; n++) {
        const to = Math.min(samples, at + (pieces[n % pieces.length] ?? 1));
        push(at, to);
        at = to;
        if (pauses[n % pauses.length] === true) await settled();
      }
      run.finish();
      await settled();
    };
    await fc.assert(
      fc.asyncProperty(cases, async ({ at, more, json, ...spoken }) => {
        const plain = listen();
        await speak(plain, { samples: spoken.samples, pieces: [spoken.samples], pauses: [false] });
        const expected = outline(plain.steps());
        expect(textOf(plain.steps())).toBe(rampText(spoken.samples));

        const first = listen();
        await speak(first, spoken);
        expect(outline(first.steps())).toEqual(expected);

        const steps = first.steps().slice(0, -1);
        const index = steps.length === 0 ? -1 : at % steps.length;
        const given = steps[index]?.checkpoint;
        if (given === undefined) return;
        const checkpoint = json
          ? (JSON.parse(JSON.stringify(given)) as SessionCheckpoint)
          : structuredClone(given);
        const fromSample = Math.round(given.fromSample * (1 - more));
        const second = listen({ checkpoint, fromSample, keepsAll: true });
        await speak(second, spoken, fromSample);
        expect(outline(second.steps())).toEqual(expected.slice(index + 1));
        // All of it or nothing, for the re-decode.
        const all = second.buffer.all();
        expect(all?.length).toBe(fromSample === 0 ? spoken.samples : undefined);
      }),
      { numRuns: 60 },
    );
  });

  test('decodes less often if steps are slow, and another engine continues at that interval', async () => {
    const { steps, push } = listen({ onDecode: () => void (nowMs += 450) });
    for (let at = 0; at < 4 * SECOND; at += SECOND / 4) {
      push(at, at + SECOND / 4);
      await settled();
    }
    expect(steps().map(({ decodedSamples }) => decodedSamples / SECOND)).toEqual([0.5, 1, 2, 3, 4]);
    expect(steps().map(({ intervalSeconds }) => intervalSeconds)).toEqual([0.5, 1, 1, 1, 1]);
    const checkpoint = steps()[2]?.checkpoint;
    const other = listen({ ...(checkpoint && { checkpoint }), onDecode: () => void (nowMs += 450) });
    expect(other.run.place).toEqual({ decodedSamples: 2 * SECOND, intervalSeconds: 1 });
    other.push(0, 4 * SECOND);
    await settled();
    expect(outline(other.steps())).toEqual(outline(steps()).slice(3));
  });

  test('counts the wait for other sessions as time of a step', async () => {
    const scheduler = new ComputeScheduler();
    const { steps, push } = listen({ scheduler });
    for (let at = 0; at < 2 * SECOND; at += SECOND / 2) {
      void scheduler.runRealtime(() => Promise.resolve(void (nowMs += 400)));
      push(at, at + SECOND / 2);
      await settled();
    }
    expect(steps().map(({ intervalSeconds }) => intervalSeconds)).toEqual([0.5, 1, 1]);
  });

  test('reports a change of voice before the step that detected it', async () => {
    const { push, types, sent } = listen({
      onDecode: (speech) => void (speech.speaking = speech.steps.length === 1 || speech.steps.length === 2),
    });
    push(0, 2.5 * SECOND);
    await settled();
    expect(types()).toEqual(['live-update', 'live-voice', 'live-update', 'live-update', 'live-voice', 'live-update', 'live-update']); // prettier-ignore
    expect(sent.flatMap((message) => (message.type === 'live-voice' ? [message.speaking] : []))).toEqual([
      true,
      false,
    ]);
  });

  test('accepts audio and the end during a decode, and decodes all of it', async () => {
    const busy = gate();
    const { run, steps, push, types } = listen({ onDecode: () => busy.opened });
    push(0, SECOND);
    await settled();
    push(SECOND, 2.2 * SECOND);
    run.finish();
    run.finish();
    // Ignored: the session is finished.
    push(9 * SECOND, 11 * SECOND);
    await settled();
    expect(types()).toEqual([]);
    busy.open();
    await settled();
    expect(types()).toEqual(['live-update', 'live-update', 'live-update', 'live-update', 'live-done']);
    expect(textOf(steps())).toBe(rampText(2.2 * SECOND));
  });

  test('ends a session without a single sample', async () => {
    const { run, steps, seen, speech } = listen({ keepsAll: true });
    run.finish();
    await settled();
    expect(steps()).toMatchObject([{ committed: [], decodedSamples: 0 }]);
    expect([seen.over, speech.disposed]).toEqual([1, 1]);
  });

  test.each([
    ['before any audio', async () => Promise.resolve()],
    ['between two decodes', async ({ push }: ReturnType<typeof listen>) => Promise.resolve(push(0, SECOND))],
    [
      'after its finish',
      async ({ run, push }: ReturnType<typeof listen>) => {
        push(0, 100);
        await settled();
        run.finish();
      },
    ],
  ])('cancelled %s, it releases everything once and sends nothing more', async (_, before) => {
    const session = listen();
    await before(session);
    await settled();
    const sentBefore = session.sent.length;
    const over = session.seen.over;
    session.run.cancel();
    session.run.cancel();
    session.push(SECOND, 2 * SECOND);
    session.run.finish();
    await settled();
    expect(session.sent).toHaveLength(sentBefore);
    expect([session.seen.over, session.speech.disposed]).toEqual([1, 1]);
    expect(over).toBe(session.types().includes('live-done') ? 1 : 0);
  });

  test.each([false, true])(
    'cancelled during a decode (and not aborting it: %p), it ends after the decode without a message',
    async (deaf) => {
      const busy = gate();
      const { run, push, seen, sent, speech } = listen({
        deaf,
        onDecode: async (its) => {
          its.speaking = true;
          await busy.opened;
        },
      });
      push(0, 3 * SECOND);
      await settled();
      run.cancel();
      await settled();
      expect([seen.over, speech.disposed]).toEqual([0, 0]);
      busy.open();
      await settled();
      expect([seen.over, speech.disposed, speech.steps.length]).toEqual([1, 1, deaf ? 1 : 0]);
      expect(sent).toEqual([]);
    },
  );

  test('cancelled while it waits for its turn, it does not decode at all', async () => {
    const scheduler = new ComputeScheduler();
    const other = gate();
    void scheduler.runRealtime(() => other.opened);
    let decoded = 0;
    const step = (): void => void (decoded += 1);
    const { run, push, seen, sent, speech } = listen({ scheduler, onDecode: step, onFinish: step });
    push(0, SECOND);
    await settled();
    run.cancel();
    other.open();
    await settled();
    expect(decoded).toBe(0);
    expect([seen.over, speech.disposed, sent.length]).toEqual([1, 1, 0]);
  });

  test.each(['onDecode', 'onFinish'])('reports an error once (%s) and releases everything', async (where) => {
    const { run, push, seen, sent, speech, types } = listen({
      [where]: () => Promise.reject(new Error('[metal::malloc] Unable to allocate 9 bytes')),
    });
    push(0, SECOND);
    run.finish();
    await settled();
    push(SECOND, 3 * SECOND);
    run.finish();
    run.cancel();
    await settled();
    expect(types().filter((type) => type !== 'live-update')).toEqual(['live-failed']);
    expect(sent.at(-1)).toMatchObject({ error: { code: 'ENGINE_OOM' } });
    expect([seen.over, speech.disposed]).toEqual([1, 1]);
    // It is over once the last message is sent.
    expect(seen.sentWhenOver).toBe(sent.length);
  });

  test('sends the text of the re-decode with its own', async () => {
    const refined = { text: 'all of it', words: [], language: 'en' };
    const { run, steps, push, sent } = listen({ refine: () => Promise.resolve(refined) });
    push(0, SECOND);
    run.finish();
    await settled();
    expect(sent.at(-1)).toMatchObject({ type: 'live-done', refined });
    expect(textOf(steps())).toBe(rampText(SECOND));
  });

  test('cancelled during the re-decode, it sends nothing', async () => {
    const busy = gate();
    const { run, push, seen, speech, types } = listen({
      refine: async (signal) => {
        await busy.opened;
        expect(signal.aborted).toBe(true);
        return undefined;
      },
    });
    push(0, SECOND / 4);
    run.finish();
    await settled();
    run.cancel();
    expect(seen.over).toBe(0);
    busy.open();
    await settled();
    expect(types()).toEqual([]);
    expect([seen.over, speech.disposed]).toEqual([1, 1]);
  });
});
