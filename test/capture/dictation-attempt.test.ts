import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BackgroundDictation } from '#daemon/capture/background-dictation.js';
import { DictationAttempt, type DictationAttemptDeps } from '#daemon/capture/dictation-attempt.js';
import { LocalRecording } from '#daemon/capture/local-recording.js';
import type { DictationEvent } from '#daemon/client/index.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { findOrphans } from '#daemon/store/spool/orphans.js';
import { ramp, SECOND } from '#test/harness/ramp.js';
import { ScriptedSource } from '#test/harness/scripted-source.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import { until } from '#test/harness/wait.js';

let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'dictation-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type AcceptingDictation = DictationAttemptDeps['dictation'];

/** A daemon session that accepts everything and sends no events. */
class SilentDictation implements AcceptingDictation {
  readonly id = 'deaf';
  readonly given: number[] = [];
  readonly commands: string[] = [];
  #end: () => void = () => undefined;
  readonly #ended = new Promise<DictationEvent[]>((resolve) => (this.#end = () => resolve([])));

  get acknowledgedSamples(): number {
    return this.given.length;
  }

  push(samples: Int16Array): void {
    this.given.push(...samples);
  }

  finish(): void {
    this.commands.push('finish');
  }

  cancel(): void {
    this.commands.push('cancel');
    this.#end();
  }

  leave(): void {
    this.commands.push('leave');
    this.#end();
  }

  untilUnacknowledged(): Promise<void> {
    return Promise.resolve();
  }

  async *events(): AsyncGenerator<DictationEvent, void> {
    yield* await this.#ended;
  }
}

/** A disk that can't be read from the third second on. */
class UnreadableRecording extends LocalRecording {
  override read(from: number, maxCount: number): Int16Array {
    if (from >= 2 * SECOND) throw new SottoError('SPOOL_FAILED', 'can’t read the recording: EIO');
    return super.read(from, Math.min(maxCount, 2 * SECOND - from));
  }
}

function session(recording: LocalRecording) {
  const dictation = new SilentDictation();
  const events: DictationEvent[] = [];
  const requested = {
    recording,
    requested: {},
    dictation,
    onEvent: (event: DictationEvent) => events.push(event),
  };
  return { dictation, events, session: new DictationAttempt(requested) };
}

describe('a session whose recording can’t be read', () => {
  test('does not finish early: it fails with a code, and the daemon keeps what it received', async () => {
    const recording = new LocalRecording(folder);
    recording.append(ramp(0, 2 * SECOND));
    const { dictation, events, session: begun } = session(recording);
    recording.append(ramp(2 * SECOND, 4 * SECOND));
    const [name = ''] = readdirSync(folder);
    truncateSync(join(folder, name), 3 * SECOND);
    begun.pushAudio();
    begun.finish();
    await until(() => begun.isOver);
    expect(dictation.commands).toEqual(['leave']);
    expect(dictation.given).toEqual([...ramp(0, 2 * SECOND)]);
    expect(events).toMatchObject([
      {
        type: 'failed',
        error: { code: 'SPOOL_FAILED', hint: expect.stringContaining(folder) as unknown },
      },
    ]);
    recording.remove();
  });

  test('continues with the next audio, or at the end, once the recording can be read again', async () => {
    const recording = new LocalRecording(folder);
    recording.append(ramp(0, 100));
    const { dictation, session: begun } = session(recording);
    const [name = ''] = readdirSync(folder);
    const path = join(folder, name);
    recording.append(ramp(100, 300));
    const whole = readFileSync(path);
    truncateSync(path, whole.length - 400);
    begun.pushAudio();
    begun.finish();
    expect(dictation.commands).toEqual([]);
    writeFileSync(path, whole);
    await until(() => dictation.commands.length > 0);
    expect(dictation.commands).toEqual(['finish']);
    expect(dictation.given).toEqual([...ramp(0, 300)]);
    recording.remove();
  });

  test('loses no audio: the next daemon finds all of it', async () => {
    const source = new ScriptedSource();
    const dictation = new SilentDictation();
    const background = new BackgroundDictation({
      options: {},
      openSource: () => source,
      recording: new UnreadableRecording(folder),
      openSession: () => ({ dictation }),
      clock: new VirtualClock(),
      onChange: () => undefined,
    });
    await source.isListening();
    source.emit(ramp(0, 5 * SECOND));
    background.finish();
    await background.ended;
    expect(background.now).toMatchObject({
      phase: 'failed',
      error: { code: 'SPOOL_FAILED', hint: expect.stringContaining('saved') as unknown },
    });
    expect(await findOrphans(folder)).toMatchObject([{ samples: 5 * SECOND }]);
  });
});
