import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  BackgroundDictation,
  RESTORE_MS,
  type CaptureSession,
  type SessionOptions,
} from '#daemon/capture/background-dictation.js';
import { soundFor } from '#daemon/capture/sounds.js';
import { sweepLocalRecordings } from '#daemon/capture/sweep-local-recordings.js';
import { LocalRecording } from '#daemon/capture/local-recording.js';
import { EventQueue } from '#daemon/event-queue.js';
import type { DictationEvent } from '#daemon/client/index.js';
import { defined } from '#daemon/protocol/defined.js';
import type { CapturePhase } from '#daemon/protocol/capture.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { findOrphans } from '#daemon/store/spool/orphans.js';
import { SpoolFile } from '#daemon/store/spool/spool-file.js';
import { adoptRecording } from '#daemon/store/spool/unsent-recording.js';
import { ramp, SECOND } from '#test/harness/ramp.js';
import { ScriptedSource } from '#test/harness/scripted-source.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'dictation-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const damaged = new SottoError('MODEL_CORRUPT', 'the model is damaged').toWire();
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A fake session that records its commands and sends events. */
class ScriptedDictation implements CaptureSession {
  readonly id: string;
  readonly commands: string[] = [];
  readonly switches: SessionOptions[] = [];
  readonly #recording: LocalRecording;
  readonly #events = new EventQueue<DictationEvent>();
  acknowledgedSamples = 0;

  constructor(recording: LocalRecording) {
    this.id = recording.id;
    this.#recording = recording;
  }

  async emit(...events: DictationEvent[]): Promise<void> {
    for (const event of events) {
      if (event.type === 'opened') await adoptRecording(folder, this.id);
      this.#events.push(event);
    }
    await settled();
  }

  send(): void {
    this.acknowledgedSamples = this.#recording.end;
  }

  switch(to: SessionOptions): void {
    this.switches.push(to);
  }

  finish(): void {
    if (this.commands.length === 0) this.commands.push('finish');
  }

  cancel(): void {
    if (!this.commands.includes('cancel')) this.commands.push('cancel');
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
  const recording = new LocalRecording(folder);
  const begun = new BackgroundDictation({
    options: {},
    openSource: () => source,
    recording,
    sessionOptions: ({ language, model }) =>
      defined({ model, options: language === undefined ? undefined : { language } }),
    openSession: () => {
      const session = new ScriptedDictation(recording);
      sessions.push(session);
      return session;
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
  return { dictation: begun, clock, emit, pushSilence, left, marked, phases, recording, session };
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
    const { emit, recording } = await dictation({ startSoundMs: 300 });
    const muted = 0.3 * SECOND;
    emit(1_000);
    emit(muted - 100);
    emit(SECOND);
    const expected = ramp(0, 1_000 + muted - 100 + SECOND);
    expected.fill(0, 1_000, 1_000 + muted);
    const file = await SpoolFile.reopen(await adoptRecording(folder, recording.id));
    expect(await file.read(0, expected.length)).toEqual(Buffer.from(expected.buffer));
    await file.close();
  });
});

describe('a cancelled dictation', () => {
  test('is marked at once, in case its process dies, until it is restored', async () => {
    const { dictation: begun, clock, emit, marked, session } = await dictation();
    await session(0).emit(opened);
    emit(SECOND);
    begun.cancel();
    expect([...marked]).toEqual([session(0).id]);
    begun.restore();
    expect([...marked]).toEqual([]);
    begun.cancel();
    expect(marked.size).toBe(1);
    clock.advance(RESTORE_MS);
    await session(0).emit({ type: 'cancelled' });
    await begun.ended;
    // The daemon removes its file and the mark.
    expect([...marked]).toEqual([session(0).id]);
    expect(await findOrphans(folder)).toMatchObject([{ info: { id: session(0).id } }]);
  });

  test('is restored although a daemon that started meanwhile has removed its file', async () => {
    const { dictation: begun, emit, session } = await dictation();
    emit(SECOND);
    begun.cancel();
    rmSync(join(folder, `${session(0).id}.unsent`));
    begun.restore();
    const missing = new SottoError('SPOOL_FAILED', 'it is missing').toWire();
    await session(0).emit({ type: 'failed', error: missing });
    expect(session(1).commands).toEqual(['finish']);
    await session(1).emit(opened);
    expect(await findOrphans(folder)).toMatchObject([{ samples: SECOND, info: { id: session(1).id } }]);
    await session(1).emit(final('restored'));
    expect(begun.now).toMatchObject({ phase: 'final', text: 'restored' });
  });

  test('is removed with its mark if no daemon has it', async () => {
    const { dictation: begun, clock, emit, marked, session } = await dictation();
    emit(SECOND);
    begun.cancel();
    clock.advance(RESTORE_MS);
    await session(0).emit({ type: 'cancelled' });
    await begun.ended;
    expect([...marked]).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
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
    await session(0).emit(opened);
    emit(SECOND);
    begun.cancel();
    await session(0).emit({ type: 'failed', error: new SottoError('DAEMON_LOST', 'it died').toWire() });
    expect(session(1).acknowledgedSamples).toBe(SECOND);
    expect(session(1).id).not.toBe(session(0).id);
    expect([...marked]).toContain(session(1).id);
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
    const { emit, recording, session } = await dictation();
    await session(0).emit(opened);
    emit(SECOND);
    await session(0).emit({ type: 'failed', error });
    emit(2 * SECOND);
    expect(sweepLocalRecordings(folder)).toEqual([recording.id]);
    const kept = (await findOrphans(folder)).find(({ info }) => info.id === recording.id);
    expect(kept?.samples).toBe(3 * SECOND);
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
  const switched: DictationEvent = { type: 'switched', request: 1, model: 'another' };

  test('is transcribed again by the same session', async () => {
    const { dictation: begun, emit, session } = await dictation();
    await session(0).emit(opened, { type: 'state', state: 'listening' }, committed('one two'));
    emit(SECOND);
    begun.switch({ model: 'another', language: 'de' });
    expect(session(0).switches).toEqual([{ model: 'another', options: { language: 'de' } }]);
    expect(begun.now.requested).toEqual({});
    await session(0).emit(switched);
    expect(begun.now).toMatchObject({
      phase: 'listening',
      id: session(0).id,
      requested: { model: 'another', language: 'de' },
      retranscribing: true,
    });
    await session(0).emit(committed('eins zwei'));
    expect(begun.now.retranscribing).toBeUndefined();
  });

  test('continues as before if that fails', async () => {
    const { dictation: begun, emit, session } = await dictation();
    await session(0).emit(opened, committed('one two'));
    emit(SECOND);
    begun.switch({ model: 'damaged' });
    await session(0).emit({ type: 'switch-failed', request: 1, error: damaged });
    expect(begun.now).toMatchObject({ phase: 'listening', requested: {}, error: damaged });
    // The same request is made again.
    begun.switch({ model: 'damaged' });
    expect(session(0).switches).toHaveLength(2);
  });

  test('is switched again if a lost session is replaced meanwhile', async () => {
    const { dictation: begun, emit, session } = await dictation();
    await session(0).emit(opened);
    emit(SECOND);
    begun.switch({ model: 'another' });
    await session(0).emit({ type: 'failed', error: new SottoError('DAEMON_LOST', 'it died').toWire() });
    expect(begun.now).toMatchObject({ requested: { model: 'another' }, id: session(1).id });
    expect(session(1).acknowledgedSamples).toBe(SECOND);
  });
});
