/** Starts fake daemons for one test, and sends audio to their dictations. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import { SharedConnection, SottoClient, type Dictation, type DictationEvent } from '#daemon/client/index.js';
import { ramp } from '#test/harness/ramp.js';
import { FakeLiveDaemon, type FakeDaemonOptions } from './fake-live-daemon.js';

export const reconnect = { firstPauseMs: 1, longestPauseMs: 4, giveUpMs: 10_000 };

export function rampFrom(first: number, count: number): Int16Array {
  return ramp(first, first + count);
}

/** Call this once in a suite. */
export function withFakeDaemons() {
  let folder: string;
  let daemons: FakeLiveDaemon[];
  let connections: SharedConnection[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'so-'));
    daemons = [];
    connections = [];
  });
  afterEach(async () => {
    await closeAll();
    rmSync(folder, { recursive: true, force: true });
  });

  async function closeAll(): Promise<void> {
    for (const connection of connections.splice(0)) connection.close();
    for (const daemon of daemons.splice(0)) await daemon.close();
  }

  async function fakeDaemon(options: FakeDaemonOptions = {}): Promise<{
    daemon: FakeLiveDaemon;
    connect: () => Promise<SottoClient>;
  }> {
    const path = join(folder, `s${daemons.length}`);
    const daemon = await FakeLiveDaemon.listen(path, options);
    daemons.push(daemon);
    const shared = new SharedConnection(() => SottoClient.connect(path, 'test'));
    connections.push(shared);
    return { daemon, connect: () => shared.get() };
  }

  return {
    get folder() {
      return folder;
    },
    closeAll,
    /** Closes this daemon, too, after the test. */
    closesAfter: (daemon: FakeLiveDaemon): void => void daemons.push(daemon),
    fakeDaemon,
  };
}

export async function all(dictation: Dictation): Promise<DictationEvent[]> {
  const events: DictationEvent[] = [];
  for await (const event of dictation.events()) events.push(event);
  return events;
}

export function committedIn(events: readonly DictationEvent[]): string {
  return events.map((event) => (event.type === 'committed' ? event.text : '')).join('');
}

/** Pushes ramp samples in pieces of these sizes, and yields to the event loop after each. @returns the number of samples */
export async function speak(dictation: Dictation, pieces: readonly number[]): Promise<number> {
  let sentSamples = 0;
  for (const piece of pieces) {
    dictation.push(rampFrom(sentSamples, piece));
    sentSamples += piece;
    await new Promise(setImmediate);
  }
  return sentSamples;
}
