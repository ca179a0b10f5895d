import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BackgroundDictation, RESTORE_MS } from '#daemon/capture/background-dictation.js';
import { soundFor } from '#daemon/capture/sounds.js';
import { sweepLocalRecordings } from '#daemon/capture/sweep-local-recordings.js';
import type { DictationAttemptDeps } from '#daemon/capture/dictation-attempt.js';
import { LocalRecording } from '#daemon/capture/local-recording.js';
import { EventQueue } from '#daemon/event-queue.js';
import type { DictationEvent } from '#daemon/client/index.js';
import type { CapturePhase } from '#daemon/protocol/capture.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { findOrphans } from '#daemon/store/spool/orphans.js';
import { ramp, SECOND } from '#test/harness/ramp.js';
import { ScriptedSource } from '#test/harness/scripted-source.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import { until } from '#test/harness/wait.js';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'dictation-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const damaged = new SottoError('MODEL_CORRUPT', 'the model is damaged').toWire();
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A fake session that records its commands and sends events. */
class ScriptedDictation {
  readonly commands: string[] = [];
  readonly pushed: number[] = [];
  readonly #events = new EventQueue<DictationEvent>();
  acknowledgedSamples = 0;

  constructor(readonly id: string) {}

  async emit(...events: DictationEvent[]): Promise<void> {
    for (const event of events) this.#events.push(event);
    await settled();
  }

  push(samples: Int16Array): void {
    this.acknowledgedSamples += samples.length;
    this.pushed.push(...samples);
  }

  finish(): void {
    if (this.commands.length === 0) this.commands.push('finish');
  }

  cancel(): void {
    if (!this.commands.includes('cancel')) this.commands.push('cancel');
  }

  leave(): void {
    this.commands.push('leave');
  }

  untilUnacknowledged(): Promise<void> {
    return Promise.resolve();
  }

  events(): AsyncGenerator<DictationEvent, void> {
    return this.#events.read();
  }
}

const committed = (text: string): DictationEvent => ({ type: 'committed', text, words: [] });
const opened: DictationEvent = { type: 'opened', model: 'fake' };
const final = (text: string): DictationEvent => ({
  type: 'final',
  text,
  durationSeconds: 1,
  model: 'fake',
  refined: false,
});

/** A dictation that is listening, with its sessions in the order in which they were opened. */
async function dictation(changes: { startSoundMs?: number } = {}) {
  const source = new ScriptedSource();
  const clock = new VirtualClock();
  const sessions: ScriptedDictation[] = [];
  const left: string[] = [];
  const marked = new Set<string>();
  const phases: CapturePhase[] = [];
  const begun = new BackgroundDictation({
    options: {},
    openSource: () => source,
    recording: new LocalRecording(folder),
    openSession: (): Pick<DictationAttemptDeps, 'dictation'> => {
      const dictation = new ScriptedDictation(`session ${sessions.length}`);
      sessions.push(dictation);
      return { dictation };
    },
    clock,
    ...changes,
    onChange: ({ now }) => phases.push(now.phase),
    onUnsentRecording: (id) => left.push(id),
    markCancelled: (id, isCancelled) => (isCancelled ? marked.add(id) : marked.delete(id)),
  });
  await source.isListening();
  let pushed = 0;
  const emit = (samples: number): void => {
    source.emit(ramp(pushed, pushed + samples));
    pushed += samples;
  };
  const session = (at: number): ScriptedDictation => {
    const found = sessions[at];
    if (found === undefined) throw new Error(`there is no session ${at}`);
    return found;
  };
  const pushSilence = (samples: number): void => {
    source.emit(new Int16Array(samples));
  };
  return { dictation: begun, clock, emit, pushSilence, left, marked, phases, session };
}

describe('a dictation whose microphone wakes up', () => {
  test('listens from the first sample that isn’t zero', async () => {
    const { emit, pushSilence, phases } = await dictation();
    pushSilence(1.4 * SECOND);
    expect(new Set(phases)).toEqual(new Set(['opening']));
    emit(100);
    expect(phases.at(-1)).toBe('listening');
  });

  test('listens after a second and a half of zeros, as a muted microphone sends nothing else', async () => {
    const { pushSilence, phases } = await dictation();
    pushSilence(1.5 * SECOND - 1);
    expect(phases.at(-1)).toBe('opening');
    pushSilence(1);
    expect(phases.at(-1)).toBe('listening');
  });

  test('records the start sound as silence, and the audio before and after it unchanged', async () => {
    const { emit, session } = await dictation({ startSoundMs: 300 });
    const muted = 0.3 * SECOND;
    emit(1_000);
    emit(muted - 100);
    emit(SECOND);
    const expected = ramp(0, 1_000 + muted - 100 + SECOND);
    expected.fill(0, 1_000, 1_000 + muted);
    await until(() => session(0).pushed.length === expected.length);
    expect(session(0).pushed).toEqual([...expected]);
  });
});

describe('a cancelled dictation', () => {
  test('is marked at once, in case its process dies, until it is restored', async () => {
    const { dictation: begun, clock, emit, marked, session } = await dictation();
    emit(SECOND);
    begun.switch({ language: 'de' });
    begun.cancel();
    expect([...marked].filter((id) => id.startsWith('session'))).toEqual(['session 0', 'session 1']);
    // Its recording, too, which the next process would pass to a daemon.
    expect(marked.size).toBe(3);
    begun.restore();
    expect([...marked]).toEqual([]);
    begun.cancel();
    expect(marked.size).toBe(3);
    clock.advance(RESTORE_MS);
    await session(0).emit({ type: 'cancelled' });
    await begun.ended;
    // The recording is removed; a daemon removes the marks of its sessions.
    expect([...marked]).toEqual(['session 0', 'session 1']);
    expect(await findOrphans(folder)).toEqual([]);
  });
});

describe('a dictation that is cancelled while it finishes', () => {
  test('ends with its session and can’t be restored', async () => {
    const { dictation: begun, clock, emit, session } = await dictation();
    emit(SECOND);
    begun.finish();
    expect(session(0).commands).toEqual(['finish']);
    begun.cancel();
    expect(session(0).commands).toEqual(['finish', 'cancel']);
    begun.restore();
    expect(begun.now.phase).toBe('cancelled');
    await session(0).emit({ type: 'cancelled' });
    expect(begun.now.phase).toBe('discarded');
    clock.advance(RESTORE_MS);
    expect(session(0).commands).toEqual(['finish', 'cancel']);
  });

  test('also marks a session that replaces a lost one meanwhile', async () => {
    const { dictation: begun, emit, marked, session } = await dictation();
    emit(SECOND);
    begun.cancel();
    await session(0).emit({ type: 'failed', error: new SottoError('DAEMON_LOST', 'it died').toWire() });
    expect(session(1).acknowledgedSamples).toBe(SECOND);
    expect([...marked]).toEqual(expect.arrayContaining(['session 0', 'session 1']));
  });

  test('has no text, although one was on its way', async () => {
    const { dictation: begun, emit, phases, session } = await dictation();
    emit(SECOND);
    begun.finish();
    begun.cancel();
    await session(0).emit(final('unwanted'));
    await begun.ended;
    expect(begun.now).toMatchObject({ phase: 'discarded' });
    expect(begun.now.text).toBeUndefined();
    expect(phases).not.toContain('final');
  });
});

describe('a dictation whose session is permanently lost', () => {
  test('keeps recording until the user finishes, reports why, and fails at the end', async () => {
    const { dictation: begun, emit, left, session } = await dictation();
    emit(SECOND);
    await session(0).emit({ type: 'failed', error: damaged });
    expect(begun.now).toMatchObject({
      phase: 'listening',
      recordingOnly: true,
      error: { code: damaged.code },
    });
    emit(2 * SECOND);
    expect(begun.now.seconds).toBe(3);
    begun.finish();
    await begun.ended;
    expect(begun.now).toMatchObject({
      phase: 'failed',
      error: { code: damaged.code, hint: expect.stringContaining('saved') as unknown },
    });
    const orphans = await findOrphans(folder);
    expect(orphans).toMatchObject([{ samples: 3 * SECOND }]);
    // A running daemon is notified.
    expect(left).toEqual(orphans.map(({ info }) => info.id));
  });

  test.each([
    ['permanently', damaged],
    ['until another one has it', new SottoError('DAEMON_LOST', 'it died').toWire()],
  ])('is recovered if its process dies meanwhile: lost %s', async (_, error) => {
    const { emit, session } = await dictation();
    emit(SECOND);
    await session(0).emit({ type: 'level', rms: -30, peak: -20 }, { type: 'failed', error });
    emit(2 * SECOND);
    sweepLocalRecordings(folder);
    expect(await findOrphans(folder)).toMatchObject([{ samples: 3 * SECOND }]);
  });

  test('keeps the audio after the part that the daemon kept', async () => {
    const { dictation: begun, emit, session } = await dictation();
    emit(SECOND);
    await session(0).emit({ type: 'failed', error: damaged, recording: 'a.wav' });
    emit(2 * SECOND);
    begun.finish();
    await begun.ended;
    expect(await findOrphans(folder)).toMatchObject([{ samples: 3 * SECOND }]);
  });

  test('fails at once if nothing is being recorded yet', async () => {
    const { dictation: begun, session } = await dictation();
    await session(0).emit({ type: 'failed', error: damaged });
    expect(begun.now).toMatchObject({ phase: 'failed', error: damaged });
    expect(await findOrphans(folder)).toEqual([]);
  });

  test('is transcribed after all with another model', async () => {
    const { dictation: begun, emit, session } = await dictation();
    emit(SECOND);
    await session(0).emit({ type: 'failed', error: damaged });
    begun.switch({ model: 'another' });
    await session(1).emit(opened);
    expect(begun.now.recordingOnly).toBeUndefined();
    begun.finish();
    await session(1).emit(final('everything'));
    await begun.ended;
    expect(begun.now).toMatchObject({ phase: 'final', text: 'everything' });
  });

  test('can be cancelled, and nothing is kept', async () => {
    const { dictation: begun, clock, emit, session } = await dictation();
    emit(SECOND);
    await session(0).emit({ type: 'failed', error: damaged });
    begun.cancel();
    clock.advance(RESTORE_MS);
    await begun.ended;
    expect(begun.now.phase).toBe('discarded');
    expect(await findOrphans(folder)).toEqual([]);
  });

  test('plays the end sound', () => {
    expect(soundFor('opening', 'failed')).toBe('end');
    expect(soundFor('finishing', 'failed')).toBeUndefined();
  });
});

describe('a dictation that is switched to another model', () => {
  test('returns to the previous session if the model turns out to be damaged', async () => {
    const { dictation: begun, emit, session } = await dictation();
    await session(0).emit(opened, { type: 'state', state: 'listening' }, committed('one two'));
    emit(SECOND);
    begun.switch({ model: 'damaged' });
    await session(1).emit(opened, { type: 'state', state: 'waiting' });
    expect(session(1).acknowledgedSamples).toBe(SECOND);
    // The daemon has all audio on disk, which says nothing about the model.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(session(0).commands).toEqual([]);
    await session(1).emit({ type: 'failed', error: damaged });
    expect(begun.now).toMatchObject({
      phase: 'listening',
      id: 'session 0',
      error: damaged,
    });
    emit(SECOND);
    expect(session(0).acknowledgedSamples).toBe(2 * SECOND);
  });

  test('returns to the session with a working model after a second switch, too', async () => {
    const { dictation: begun, emit, session } = await dictation();
    await session(0).emit(opened, { type: 'state', state: 'listening' }, committed('one two'));
    emit(SECOND);
    begun.switch({ model: 'loading' });
    await session(1).emit(opened);
    begun.switch({ model: 'damaged' });
    await session(2).emit(opened);
    expect([session(0).commands, session(1).commands]).toEqual([[], ['cancel']]);
    await session(2).emit({ type: 'failed', error: damaged });
    expect(begun.now).toMatchObject({ phase: 'listening', id: 'session 0' });
  });

  test('drops the previous session once the new one decodes', async () => {
    const { dictation: begun, emit, session } = await dictation();
    await session(0).emit(opened, committed('one two'));
    emit(SECOND);
    begun.switch({ model: 'good' });
    await session(1).emit(opened, { type: 'state', state: 'listening' });
    await until(() => session(0).commands.includes('cancel'));
    expect(begun.now.id).toBe('session 1');
    // Named after the remaining session: the daemon removes the recording of a cancelled one.
    expect(readdirSync(folder)).toEqual(['session 1.recording']);
  });
});
