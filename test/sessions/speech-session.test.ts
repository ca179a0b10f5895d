import { describe, expect, test } from '@jest/globals';
import { SottoError } from '#daemon/protocol/errors.js';
import {
  SpeechSession,
  type AnswerNotice,
  type SpeechNotice,
} from '#daemon/sessions/speech/speech-session.js';
import type { Engine, EngineSpeechReport } from '#daemon/supervisor/engine.js';
import { silentLog } from '#daemon/logger.js';
import fc from 'fast-check';

const source = { type: 'text' as const, text: 'Hello.', options: {} };
const request = { model: { name: 'v', dir: '/v' }, source };
const spoken = { from: 0, to: 5 };
const summary = { durationSeconds: 1, timings: { firstAudio: 0, total: 0 } };
const crash = new SottoError('ENGINE_CRASHED', 'it died');

function setUp() {
  const notices: (SpeechNotice | AnswerNotice)[] = [];
  const attempts: {
    report: (report: EngineSpeechReport) => void;
    acknowledged: number[];
    cancelled: number;
  }[] = [];
  const engine = {
    openSpeech: (_request: unknown, report: (report: EngineSpeechReport) => void) => {
      const attempt = { report, acknowledged: [] as number[], cancelled: 0 };
      attempts.push(attempt);
      return {
        acknowledge: (samples: number) => void attempt.acknowledged.push(samples),
        cancel: () => void (attempt.cancelled += 1),
      };
    },
  } as unknown as Engine;
  const session = new SpeechSession({
    engine,
    request,
    log: silentLog,
    notify: (notice) => notices.push(notice),
  });
  const audio = (firstSample: number, values: readonly number[]): void =>
    attempts.at(-1)?.report({ type: 'audio', firstSample, samples: Float32Array.from(values), spoken });
  const report = (one: EngineSpeechReport): void => attempts.at(-1)?.report(one);
  const delivered = (): number[] => notices.flatMap((n) => (n.type === 'audio' ? [...n.samples] : []));
  return { session, notices, attempts, audio, report, delivered };
}

describe('a speech', () => {
  test('passes on its audio and its end, and nothing after it', () => {
    const { session, notices, attempts, audio, report } = setUp();
    report({ type: 'waiting', for: 'engine' });
    report({ type: 'opened', sampleRate: 24_000 });
    audio(0, [1, 2]);
    session.acknowledge(2);
    report({ type: 'done', summary });
    audio(2, [3]);
    expect(notices.map(({ type }) => type)).toEqual(['waiting', 'opened', 'audio', 'final']);
    expect(attempts[0]?.acknowledged).toEqual([2]);
  });

  test('continues in the next engine without a gap or a repetition', () => {
    const { session, notices, attempts, audio, report, delivered } = setUp();
    report({ type: 'opened', sampleRate: 24_000 });
    audio(0, [1, 2]);
    audio(2, [3]);
    report({ type: 'lost', error: crash });
    expect(attempts).toHaveLength(2);
    report({ type: 'opened', sampleRate: 24_000 });
    audio(0, [1, 2]);
    expect(attempts[1]?.acknowledged).toEqual([2]); // so that the engine goes on
    audio(2, [3, 4]);
    audio(4, [5]);
    session.acknowledge(1e9);
    report({ type: 'done', summary });
    expect(delivered()).toEqual([1, 2, 3, 4, 5]);
    expect(attempts[1]?.acknowledged).toEqual([2, 5]);
    expect(notices.filter(({ type }) => type === 'opened')).toHaveLength(1);
  });

  test('passes on an answer once, and fails if the next engine gives another one', () => {
    const { notices, attempts, report } = setUp();
    const text = (value: string) => report({ type: 'answer', event: { type: 'text', text: value } });
    text('Good ');
    text('mor');
    report({ type: 'lost', error: crash });
    text('Good morn');
    expect(notices.map((one) => one.type === 'answer' && one.event)).toEqual([
      { type: 'text', text: 'Good ' },
      { type: 'text', text: 'mor' },
      { type: 'text', text: 'n' },
    ]);
    const other = setUp();
    other.report({ type: 'answer', event: { type: 'text', text: 'Good ' } });
    other.report({ type: 'lost', error: crash });
    other.report({ type: 'answer', event: { type: 'text', text: 'Bad ' } });
    other.report({ type: 'answer', event: { type: 'text', text: 'more' } });
    expect(other.notices.at(-1)).toMatchObject({ type: 'failed', error: { code: 'ENGINE_CRASHED' } });
    expect([other.notices.length, other.attempts[1]?.cancelled]).toEqual([2, 1]);
    expect(attempts).toHaveLength(2);
  });

  test('fails after it crashed two engines', () => {
    const { notices, attempts, report } = setUp();
    report({ type: 'lost', error: crash });
    report({ type: 'lost', error: crash });
    expect(attempts).toHaveLength(2);
    expect(notices.at(-1)).toMatchObject({ type: 'failed', error: { code: 'ENGINE_CRASHED' } });
  });

  test('says nothing after a cancel, also when its engine dies', () => {
    const { session, notices, attempts, audio, report } = setUp();
    session.cancel();
    audio(0, [1]);
    report({ type: 'lost', error: crash });
    expect([notices, attempts.length, attempts[0]?.cancelled]).toEqual([[], 1, 1]);
  });

  test('an engine that only transcribes is an error', () => {
    const options = { engine: {} as Engine, request, log: silentLog, notify: () => undefined };
    expect(() => new SpeechSession(options)).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }));
  });

  test('is the same for any pieces of audio, before and after a crash', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 10 }),
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 10, maxLength: 10 }),
        fc.nat(10),
        (before, after, crashAt) => {
          const { audio, report, delivered } = setUp();
          const total = before.reduce((sum, n) => sum + n, 0);
          const speak = (pieces: readonly number[], count: number): void => {
            let at = 0;
            for (const length of pieces.slice(0, count)) {
              const end = Math.min(total, at + length);
              if (end > at)
                audio(
                  at,
                  Array.from({ length: end - at }, (_, i) => at + i),
                );
              at = end;
            }
          };
          speak(before, crashAt);
          report({ type: 'lost', error: crash });
          speak([...after, ...Array.from({ length: total }, () => 1)], Infinity);
          report({ type: 'done', summary });
          expect(delivered()).toEqual(Array.from({ length: total }, (_, i) => i));
        },
      ),
    );
  });
});
