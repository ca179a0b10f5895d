/** The sessions of a daemon over a temporary directory, and a listener that collects their events. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { silentLog } from '#daemon/logger.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { ModelRef } from '#daemon/protocol/ipc.js';
import { isTerminal, type LiveEvent } from '#daemon/protocol/live.js';
import { LiveSessions, type LiveListener } from '#daemon/sessions/live/live-sessions.js';
import type { LiveSession } from '#daemon/sessions/live/live-session.js';
import type { DictationResult } from '#daemon/sessions/live/dictation-result.js';
import type { OpenSpool, UnlinkSpool } from '#daemon/store/spool/spool-file.js';
import { InProcessLive } from '#test/harness/in-process-live.js';
import { ramp, SECOND } from '#test/harness/ramp.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import { defined } from '#daemon/protocol/defined.js';

/** Samples of the dictation in most tests. */
export const TOTAL = 3.3 * SECOND;

/** To be called once in a suite: a directory for each test, and daemons over it. */
export function withDaemons() {
  let folder = '';
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sotto-live-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  return {
    get folder(): string {
      return folder;
    },
    /** @param removed directories of models that are missing */
    daemon: (openFile?: OpenSpool, unlinkFile?: UnlinkSpool, removed?: readonly string[]) =>
      daemon(folder, { openFile, unlinkFile, removed }),
    /** With a model for English dictation. */
    daemonWithEnglish: () => daemon(folder, { english: ENGLISH }),
  };
}

export const ENGLISH = { name: 'english', dir: '/english' };

interface DaemonOptions {
  readonly openFile?: OpenSpool | undefined;
  readonly unlinkFile?: UnlinkSpool | undefined;
  readonly removed?: readonly string[] | undefined;
  readonly english?: ModelRef;
}

function daemon(folder: string, { openFile, unlinkFile, removed = [], english }: DaemonOptions) {
  const engine = new InProcessLive();
  const clock = new VirtualClock();
  const kept: DictationResult[] = [];
  const refuse: Error[] = [];
  const live = new LiveSessions({
    engine,
    clock,
    log: silentLog,
    folder,
    resolveModel: (name) => {
      if (name === 'none' || removed.includes(name ?? ''))
        throw new SottoError('MODEL_NOT_FOUND', 'no such model');
      return name === ENGLISH.dir
        ? ENGLISH
        : { name: 'fake', dir: name?.startsWith('/') === true ? name : '/m' };
    },
    keep: (outcome) => {
      const refused = refuse.pop();
      if (refused !== undefined) return Promise.reject(refused);
      kept.push(outcome);
      return Promise.resolve(outcome.result.state === 'failed' ? 'take.wav' : undefined);
    },
    english: () => english,
    ...defined({ openFile, unlinkFile }),
  });
  return { engine, clock, kept, live, refuse };
}

/** A listener that collects events: numbered ones, and the others. */
export class EventCollector {
  readonly numbered: LiveEvent[] = [];
  readonly unnumbered: LiveEvent[] = [];
  acknowledged = 0;
  seq = 0;

  readonly listener: LiveListener = (notice) => {
    if ('acknowledged' in notice) {
      expect(notice.acknowledged).toBeGreaterThanOrEqual(this.acknowledged);
      this.acknowledged = notice.acknowledged;
    } else if (notice.seq === undefined) this.unnumbered.push(notice.event);
    else {
      expect(notice.seq).toBe(this.seq + 1);
      this.seq = notice.seq;
      expect(this.over).toBeUndefined();
      this.numbered.push(notice.event);
    }
  };

  get over(): LiveEvent | undefined {
    return this.numbered.find(isTerminal);
  }

  get committed(): string {
    return this.numbered.map((event) => (event.type === 'committed' ? event.text : '')).join('');
  }

  get warnings(): string[] {
    return this.numbered.flatMap((event) => (event.type === 'warning' ? [event.error.code] : []));
  }
}

/** Sends the samples of the ramp from one number up to another in pieces. */
export function speak(session: LiveSession, from: number, to: number, piece = 1600): void {
  for (let at = from; at < to; at += piece) {
    session.push(at, new Uint8Array(ramp(at, Math.min(to, at + piece)).buffer));
  }
}
