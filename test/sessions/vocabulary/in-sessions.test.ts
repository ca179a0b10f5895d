/** The options that the engine receives for dictations and files with a vocabulary. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLog } from '#daemon/logger.js';
import type { LiveOptions } from '#daemon/protocol/live.js';
import type { TranscribeOptions } from '#daemon/protocol/transcription.js';
import { LiveSessions } from '#daemon/sessions/live/live-sessions.js';
import { JobScheduler } from '#daemon/sessions/jobs/job-scheduler.js';
import { Replacer } from '#daemon/sessions/vocabulary/replacer.js';
import type { Engine, EngineJob, EngineStreamRequest } from '#daemon/supervisor/engine.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';
import { defined } from '#daemon/protocol/defined.js';
import { optionsOf } from '#test/harness/transcribe-work.js';

const words = Array.from({ length: 1_000 }, (_, i) => `name ${i} ${'x'.repeat(80)}`);
const vocabulary = { current: () => ({ words, replacer: new Replacer([]) }) };

class WritingEngine implements Engine {
  /** Of jobs and of live sessions. */
  readonly requests: { readonly options: TranscribeOptions | LiveOptions }[] = [];

  run(job: EngineJob) {
    this.requests.push({ options: optionsOf(job) });
    return { cancel: () => undefined };
  }

  openStream(request: EngineStreamRequest) {
    this.requests.push(request);
    return { audio: () => undefined, finish: () => undefined, cancel: () => undefined };
  }

  status() {
    return { state: 'ready' as const, restarts: 0, model: { state: 'absent' as const } };
  }
}

let sessionCount = 0;
let folder = '';
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sotto-words-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const common = {
  clock: new VirtualClock(),
  log: silentLog,
  resolveModel: () => ({ name: 'fake', dir: '/m' }),
  vocabulary,
};

async function live(options?: LiveOptions): Promise<LiveOptions> {
  const engine = new WritingEngine();
  const sessions = new LiveSessions({ ...common, engine, folder, keep: () => Promise.resolve(undefined) });
  const id = `session-${++sessionCount}`;
  const session = await sessions.open({ id, ...defined({ options }) });
  // A dictation without audio is not kept.
  session.push(0, new Uint8Array(3_200));
  await sessions.stop(0);
  // Another daemon continues it with the same words.
  const next = new WritingEngine();
  const after = new LiveSessions({ ...common, engine: next, folder, keep: () => Promise.resolve(undefined) });
  await after.find(id);
  await after.stop(0);
  expect(next.requests[0]?.options).toEqual(engine.requests[0]?.options);
  return engine.requests[0]?.options ?? {};
}

async function file(options?: TranscribeOptions): Promise<TranscribeOptions> {
  const engine = new WritingEngine();
  const sessions = new JobScheduler({ ...common, engine });
  const request = { path: '/talk.wav', ...defined({ options }) };
  sessions.submit({}, request, () => undefined);
  await Promise.resolve();
  return engine.requests[0]?.options ?? {};
}

describe.each([
  ['a dictation', live],
  ['a file', file],
])('%s', (_what, optionsSent) => {
  test('uses all words of the vocabulary as hotwords', async () => {
    const sent = { hotwords: words, vocabulary: true };
    expect(await optionsSent()).toEqual(sent);
    expect(await optionsSent({ language: 'en' })).toEqual({ ...sent, language: 'en' });
  });

  test('keeps its own hotwords, and none if it wants none', async () => {
    expect(await optionsSent({ hotwords: ['Hopper'] })).toEqual({ hotwords: ['Hopper'] });
    expect(await optionsSent({ hotwords: [] })).toEqual({ hotwords: [] });
    expect(await optionsSent({ vocabulary: false })).toEqual({ vocabulary: false });
  });
});
