import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeAudioFrame, parseAudioFrame } from '#daemon/protocol/audio-frame.js';
import { ERROR_CODES, SottoError } from '#daemon/protocol/errors.js';
import { parseFromEngine, parseToEngine } from '#daemon/protocol/ipc.js';
import { isNumbered, isTerminal, type LiveEvent } from '#daemon/protocol/live.js';
import { parseClientMessage, parseDaemonMessage } from '#daemon/protocol/messages.js';

/** The code of the error, or undefined. */
function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof SottoError) return error.code;
    throw error;
  }
}

const client = (message: object): string | undefined =>
  codeOf(() => parseClientMessage(JSON.stringify(message)));
const daemon = (message: object): string | undefined =>
  codeOf(() => parseDaemonMessage(JSON.stringify(message)));

describe('audio frames', () => {
  const frames = fc.record({
    channel: fc.nat(0xffff_ffff),
    firstSample: fc.maxSafeNat(),
    pcm: fc.uint8Array({ minLength: 2, maxLength: 64 }).map((bytes) => bytes.subarray(bytes.length % 2)),
  });

  test('are parsed as sent, at any memory offset', () => {
    fc.assert(
      fc.property(frames, fc.nat(9), (frame, offset) => {
        const sent = encodeAudioFrame(frame);
        const memory = new Uint8Array(offset + sent.length + 3).fill(0xee);
        memory.set(sent, offset);
        const parsed = parseAudioFrame(memory.subarray(offset, offset + sent.length));
        expect({ ...parsed, pcm: [...parsed.pcm] }).toEqual({ ...frame, pcm: [...frame.pcm] });
      }),
    );
  });

  test('contain channel, first sample and samples in little-endian order', () => {
    const frame = encodeAudioFrame({
      channel: 0x01020304,
      firstSample: 0x1122334455,
      pcm: Uint8Array.of(9, 8),
    });
    expect([...frame]).toEqual([4, 3, 2, 1, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0, 0, 9, 8]);
  });

  test('of random bytes are accepted or refused as PROTOCOL', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const code = codeOf(() => {
          const { channel, firstSample, pcm } = parseAudioFrame(bytes);
          expect(channel).toBeGreaterThanOrEqual(0);
          expect(Number.isSafeInteger(firstSample) && firstSample >= 0).toBe(true);
          expect(pcm.byteLength).toBe(bytes.byteLength - 12);
          expect(pcm.byteLength % 2).toBe(0);
        });
        expect([undefined, 'PROTOCOL']).toContain(code);
        if (bytes.length <= 12 || bytes.length % 2 === 1) expect(code).toBe('PROTOCOL');
      }),
      { numRuns: 2_000 },
    );
  });

  test('with a first sample beyond the safe integers are refused', () => {
    const last = encodeAudioFrame({
      channel: 1,
      firstSample: Number.MAX_SAFE_INTEGER,
      pcm: new Uint8Array(2),
    });
    expect(parseAudioFrame(last).firstSample).toBe(Number.MAX_SAFE_INTEGER);
    new DataView(last.buffer).setBigUint64(4, BigInt(Number.MAX_SAFE_INTEGER) + 1n, true);
    expect(codeOf(() => parseAudioFrame(last))).toBe('PROTOCOL');
    last.fill(0xff);
    expect(codeOf(() => parseAudioFrame(last))).toBe('PROTOCOL');
  });
});

const error = new SottoError('SPOOL_FAILED', 'the disk is full').toWire();
const word = { start: 0, end: 0.5, word: ' And', probability: 0.9 };

/** One event of each type; whether it is numbered; whether it ends the session. */
const EVENTS: readonly [LiveEvent, boolean, boolean][] = [
  [{ type: 'state', state: 'listening' }, false, false],
  [{ type: 'language', language: 'en' }, true, false],
  [{ type: 'committed', text: 'And', words: [word] }, true, false],
  [{ type: 'tentative', text: ' so' }, false, false],
  [{ type: 'level', rms: -30.5, peak: -12 }, false, false],
  [{ type: 'voice', speaking: true }, false, false],
  [{ type: 'decode-interval', intervalSeconds: 1 }, false, false],
  [{ type: 'warning', error }, true, false],
  [{ type: 'final', text: 'And', durationSeconds: 1, model: 'base', refined: false }, true, true],
  [{ type: 'cancelled' }, true, true],
  [{ type: 'failed', error, recording: 'a.wav' }, true, true],
];

describe('live events', () => {
  test.each(EVENTS)(
    '%j is numbered if it is never dropped, and terminal events are known',
    (event, numbered, terminal) => {
      expect([isNumbered(event), isTerminal(event)]).toEqual([numbered, terminal]);
      const message = { type: 'live', id: 'a-1', ...(numbered && { seq: 3 }), event };
      expect(parseDaemonMessage(JSON.stringify(message))).toEqual(message);
      // Fields of a newer version are dropped.
      const newer = { ...message, event: { ...event, color: 'red' } };
      expect(parseDaemonMessage(JSON.stringify(newer))).toEqual(message);
    },
  );

  test('of an unknown type or with an invalid number are refused', () => {
    const live = (event: object): string | undefined => daemon({ type: 'live', id: 'a', event });
    expect(live({ type: 'sing' })).toBe('INVALID_ARGUMENT');
    expect(live({ type: 'state', state: 'asleep' })).toBe('INVALID_ARGUMENT');
    expect(live({ type: 'level', rms: null, peak: -1 })).toBe('INVALID_ARGUMENT');
    expect(live({ type: 'committed', text: 'And' })).toBe('INVALID_ARGUMENT');
    expect(daemon({ type: 'live', id: 'a', seq: 0, event: { type: 'cancelled' } })).toBe('INVALID_ARGUMENT');
  });

  test('can have any error code', () => {
    for (const code of ERROR_CODES) {
      const event = { type: 'failed', error: new SottoError(code, 'no').toWire() };
      expect(daemon({ type: 'live', id: 'a', event })).toBeUndefined();
    }
  });
});

describe('messages of a dictation client', () => {
  test.each([
    { type: 'open', id: 'a-1' },
    { type: 'open', id: 'A'.repeat(64), model: 'base', options: { language: 'en', refine: true } },
    { type: 'open', id: '7', options: {} },
    { type: 'resume', id: 'a-1', seq: 0 },
    { type: 'finish', id: 'a-1', samples: 0 },
    { type: 'cancel', id: 'a-1' },
  ])('%j is accepted', (message) => {
    expect(parseClientMessage(JSON.stringify(message))).toEqual(message);
  });

  test.each(['', 'a b', 'a/b', '../a', 'ä', 'a\n', 'x'.repeat(65), 7, null])(
    'the session id %j is refused, because ids are file names',
    (id) => {
      expect(client({ type: 'open', id })).toBe('INVALID_ARGUMENT');
      expect(client({ type: 'resume', id, seq: 0 })).toBe('INVALID_ARGUMENT');
      expect(client({ type: 'finish', id, samples: 0 })).toBe('INVALID_ARGUMENT');
    },
  );

  test.each([
    { type: 'resume', id: 'a' },
    { type: 'resume', id: 'a', seq: -1 },
    { type: 'resume', id: 'a', seq: 0.5 },
    { type: 'finish', id: 'a' },
    { type: 'finish', id: 'a', samples: -1 },
    { type: 'finish', id: 'a', samples: 2 ** 60 },
    { type: 'open', id: 'a', model: '' },
    { type: 'open', id: 'a', options: { refine: 'yes' } },
    { type: 'open', id: 'a', options: { language: 7 } },
    { type: 'open', id: 'a', options: null },
  ])('%j is refused', (message) => {
    expect(client(message)).toBe('INVALID_ARGUMENT');
  });

  test('are answered with the position to resume from', () => {
    const opened = { type: 'opened', id: 'a', channel: 3, acknowledged: 16_000, model: 'base' };
    expect(parseDaemonMessage(JSON.stringify(opened))).toEqual(opened);
    for (const key of ['channel', 'acknowledged', 'model']) {
      expect(daemon({ ...opened, [key]: undefined })).toBe('INVALID_ARGUMENT');
    }
    const acknowledged = { type: 'acknowledged', id: 'a', samples: 16_000 };
    expect(parseDaemonMessage(JSON.stringify(acknowledged))).toEqual(acknowledged);
    expect(daemon({ ...acknowledged, samples: 0.5 })).toBe('INVALID_ARGUMENT');
  });
});

describe('messages between daemon and engine', () => {
  const checkpoint = { fromSample: 8_000, state: { any: ['thing'], nothing: null } };
  const step = {
    committed: [word],
    tentative: ' so',
    language: 'en',
    decodedSamples: 16_000,
    intervalSeconds: 0.5,
    checkpoint,
  };

  test('keep audio and checkpoint of a session unchanged', () => {
    const pcm = Uint8Array.of(1, 2, 3, 4);
    const model = { name: 'base', dir: '/m/base' };
    for (const message of [
      { type: 'live-open', session: 1, model, options: { language: 'en' }, fromSample: 8_000, checkpoint },
      { type: 'live-audio', session: 1, pcm },
      { type: 'live-finish', session: 1 },
      { type: 'live-cancel', session: 1 },
    ]) {
      expect(parseToEngine(structuredClone(message))).toEqual(message);
    }
    for (const message of [
      { type: 'live-opened', session: 1, decodedSamples: 0, intervalSeconds: 0.5 },
      { type: 'live-voice', session: 1, speaking: true },
      { type: 'live-update', session: 1, step },
      { type: 'live-done', session: 1, step, refined: { text: 'And so', words: [word], language: 'en' } },
      { type: 'live-failed', session: 1, error },
    ]) {
      expect(parseFromEngine(structuredClone(message))).toEqual(message);
    }
  });

  test('with invalid audio or numbers are refused', () => {
    for (const pcm of ['abc', [1, 2], null, new Float32Array(2)]) {
      expect(codeOf(() => parseToEngine({ type: 'live-audio', session: 1, pcm }))).toBe('INVALID_ARGUMENT');
    }
    for (const wrong of [
      { intervalSeconds: Number.NaN },
      { decodedSamples: 0.5 },
      { checkpoint: { fromSample: -1, state: null } },
      { committed: [{ ...word, probability: Number.NaN }] },
      { tentative: undefined },
    ]) {
      const message = { type: 'live-update', session: 1, step: { ...step, ...wrong } };
      expect(codeOf(() => parseFromEngine(message))).toBe('INVALID_ARGUMENT');
    }
  });

  test('throw nothing but SottoError for random values', () => {
    const types = [
      'live-open',
      'live-audio',
      'live-update',
      'live-done',
      'live-failed',
      'live',
      'open',
      'resume',
    ];
    const near = fc.record(
      {
        type: fc.constantFrom(...types),
        id: fc.anything(),
        session: fc.anything(),
        step: fc.anything(),
        event: fc.anything(),
        pcm: fc.anything(),
        checkpoint: fc.anything(),
      },
      { requiredKeys: ['type'] },
    );
    fc.assert(
      fc.property(near, (value) => {
        codeOf(() => parseToEngine(value));
        codeOf(() => parseFromEngine(value));
      }),
      { numRuns: 1_000 },
    );
  });
});
