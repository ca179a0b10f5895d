/** Dictation with a real engine process that fakes only the model. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLog } from '#daemon/logger.js';
import type { SessionCheckpoint } from '#daemon/protocol/live.js';
import type { JobReport, EngineStreamReport, EngineStream } from '#daemon/supervisor/engine.js';
import { Supervisor } from '#daemon/supervisor/supervisor.js';
import { scriptedTexts, writeFakeAudio } from '#test/harness/fake-audio.js';
import { ramp, rampText, SECOND } from '#test/harness/ramp.js';
import { fakeEngine } from '#test/harness/run-sotto.js';
import { acceleratedClock } from '#test/harness/virtual-clock.js';
import { until } from '#test/harness/wait.js';
import { transcribeWork } from '#test/harness/transcribe-work.js';

const model = { name: 'fake', dir: '/models/fake' };

let folder: string;
let supervisor: Supervisor;
let listeners: Listener[] = [];
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'so-live-'))));
afterEach(async () => {
  await supervisor.stop();
  rmSync(folder, { recursive: true, force: true });
  // Nothing follows the last report.
  for (const { reports, last } of listeners) if (last !== undefined) expect(reports.at(-1)).toBe(last);
  listeners = [];
});

function start(env: Readonly<Record<string, string>> = {}): void {
  supervisor = new Supervisor({
    command: { modulePath: fakeEngine, env: { FAKE_ENGINE: '', SOTTO_HOME: folder, ...env } },
    clock: acceleratedClock,
    log: silentLog,
    warm: { model },
    cancelGraceMs: 2_400,
  });
  supervisor.start();
}

function enginePid(): number {
  const { pid } = supervisor.status();
  if (pid === undefined) throw new Error('no engine is running');
  return pid;
}

interface From {
  readonly fromSample?: number;
  readonly checkpoint?: SessionCheckpoint;
  readonly name?: string;
}

class Listener {
  readonly reports: EngineStreamReport[] = [];
  readonly running: EngineStream;

  constructor({ fromSample = 0, checkpoint, name = 'fake' }: From = {}) {
    const request = { model: { name, dir: `/models/${name}` }, options: {}, fromSample };
    this.running = supervisor.openStream({ ...request, ...(checkpoint && { checkpoint }) }, (report) => {
      this.reports.push(report);
    });
    expect(this.reports).toEqual([]);
    listeners.push(this);
  }

  get last(): EngineStreamReport | undefined {
    return this.reports.find(({ type }) => ['done', 'failed', 'lost'].includes(type));
  }

  get types(): string[] {
    return this.reports.map(({ type }) => type);
  }

  get steps() {
    return this.reports.flatMap((report) =>
      report.type === 'update' || report.type === 'done' ? [report.step] : [],
    );
  }

  get text(): string {
    const words = this.steps.flatMap(({ committed }) => committed.map(({ word }) => word));
    return words.join('').trim();
  }

  get checkpoint(): SessionCheckpoint | undefined {
    return this.steps.at(-1)?.checkpoint;
  }

  speak(from: number, to: number): void {
    for (let at = from; at < to; at += 4_000) {
      this.running.audio(new Uint8Array(ramp(at, Math.min(to, at + 4_000)).buffer));
    }
  }

  async opened(): Promise<this> {
    await until(() => this.types.includes('opened') || this.last !== undefined);
    return this;
  }

  async over(): Promise<EngineStreamReport> {
    await until(() => this.last !== undefined);
    return this.last ?? { type: 'opened' };
  }
}

describe('Supervisor with live sessions', () => {
  test('opens a session that was requested before the engine was ready, and reports each step', async () => {
    start({ FAKE_LOAD_MS: '50' });
    const listener = new Listener();
    // No session is open yet.
    listener.speak(0, SECOND);
    await listener.opened();
    expect(listener.types).toEqual(['waiting', 'opened']);
    listener.speak(0, 2.3 * SECOND);
    listener.running.finish();
    expect((await listener.over()).type).toBe('done');
    expect(listener.types).toEqual(['waiting', 'opened', 'update', 'update', 'update', 'update', 'done']);
    expect(listener.text).toBe(rampText(2.3 * SECOND));
    expect(supervisor.status()).toMatchObject({ restarts: 0, model: { state: 'ready', name: 'fake' } });
  });

  test('serves several sessions at once, which start and end independently', async () => {
    start();
    const several = await Promise.all([1, 2, 3, 4].map(() => new Listener().opened()));
    const late = new Listener();
    for (const [n, listener] of several.entries()) listener.speak(0, (n + 1) * 0.9 * SECOND);
    several[1]?.running.cancel();
    await late.opened();
    late.speak(0, 1_000);
    for (const listener of [...several, late]) listener.running.finish();
    for (const [n, listener] of several.entries()) {
      if (n === 1) continue;
      expect((await listener.over()).type).toBe('done');
      expect(listener.text).toBe(rampText((n + 1) * 0.9 * SECOND));
    }
    await late.over();
    expect(late.text).toBe(rampText(1_000));
    expect(several[1]?.last).toBeUndefined();
  });

  test('reports sessions as lost when their engine is killed, and another engine continues word for word', async () => {
    start();
    const first = await new Listener().opened();
    const untouched = await new Listener().opened();
    first.speak(0, 3.2 * SECOND);
    await until(() => first.steps.at(-1)?.decodedSamples === 3 * SECOND);
    process.kill(enginePid(), 'SIGKILL');
    expect(await first.over()).toMatchObject({ type: 'lost', error: { code: 'ENGINE_CRASHED' } });
    expect((await untouched.over()).type).toBe('lost');
    const { checkpoint } = first;
    const fromSample = checkpoint?.fromSample ?? 0;
    const second = await new Listener({ fromSample, ...(checkpoint && { checkpoint }) }).opened();
    // Sessions that lost their process have no part in the next one.
    first.speak(3.2 * SECOND, 5 * SECOND);
    second.speak(fromSample, 4.5 * SECOND);
    second.running.finish();
    await second.over();
    expect(`${first.text} ${second.text}`).toBe(rampText(4.5 * SECOND));
    expect(second.steps[0]?.decodedSamples).toBe(3.5 * SECOND);
    expect(supervisor.status()).toMatchObject({ restarts: 1, lastFailure: 'killed by SIGKILL' });
  });

  test('a session that opens again in the report of its loss waits for the next engine', async () => {
    start({ FAKE_LIVE: 'dies-at:16000' });
    let second: Listener | undefined;
    const running = supervisor.openStream({ model, options: {}, fromSample: 0 }, (report) => {
      if (report.type === 'opened') running.audio(new Uint8Array(ramp(0, SECOND).buffer));
      if (report.type === 'lost') second = new Listener();
    });
    await until(() => second !== undefined);
    await second?.opened();
    expect(second?.types).toEqual(['waiting', 'opened']);
    second?.speak(0, SECOND);
    second?.running.finish();
    expect((await second?.over())?.type).toBe('done');
    expect(second?.text).toBe(rampText(SECOND));
  });

  test('kills an engine that stops decoding', async () => {
    start({ FAKE_LIVE: 'deaf' });
    const deaf = await new Listener().opened();
    const before = enginePid();
    deaf.speak(0, SECOND);
    expect(await deaf.over()).toMatchObject({ type: 'lost', error: { code: 'ENGINE_CRASHED' } });
    expect(supervisor.status().lastFailure).toMatch(/stopped decoding/);
    await until(() => supervisor.status().state === 'ready');
    expect(enginePid()).not.toBe(before);
  });

  test('trusts no engine whose features are all zero, nor anything it sends after', async () => {
    start({ FAKE_LIVE: 'zeros' });
    const other = await new Listener().opened();
    const zeros = await new Listener().opened();
    zeros.speak(0, SECOND);
    expect(await zeros.over()).toMatchObject({ type: 'lost', error: { message: 'all features are zero' } });
    expect((await other.over()).type).toBe('lost');
    await until(() => supervisor.status().state === 'ready');
    expect(supervisor.status().restarts).toBe(1);
  });

  test('fails current and new sessions once no engine is started any more', async () => {
    start({ FAKE_ENGINE: 'dies-at-start' });
    const waits = new Listener();
    const error = { code: 'ENGINE_UNAVAILABLE' };
    expect(await waits.over()).toMatchObject({ type: 'failed', error });
    expect(waits.types).toEqual(['waiting', 'failed']);
    expect(supervisor.status().state).toBe('degraded');
    const late = new Listener();
    expect(await late.over()).toMatchObject({ type: 'failed', error });
    late.speak(0, SECOND);
    late.running.finish();
    late.running.cancel();
  });

  test('a session that crashes each engine ends when no engine is started any more', async () => {
    start({ FAKE_LIVE: 'always-dies-at:16000' });
    const seen: string[] = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      const listener = await new Listener().opened();
      listener.speak(0, SECOND);
      seen.push((await listener.over()).type);
    }
    // The fifth is lost with the last engine, which is not replaced.
    expect(seen).toEqual(['lost', 'lost', 'lost', 'lost', 'lost']);
    expect(supervisor.status().state).toBe('degraded');
    expect((await new Listener().over()).type).toBe('failed');
  });

  test('reports nothing after a cancel, whenever it comes', async () => {
    start();
    const runSoon = new Listener();
    runSoon.running.cancel();
    const waiting = new Listener();
    await until(() => waiting.types.length > 0);
    waiting.running.cancel();
    const speaking = await new Listener().opened();
    speaking.speak(0, 5 * SECOND);
    speaking.running.cancel();
    const counts = [runSoon, waiting, speaking].map(({ reports }) => reports.length);
    speaking.running.finish();
    speaking.running.cancel();
    const last = await new Listener().opened();
    last.running.finish();
    await last.over();
    expect([runSoon, waiting, speaking].map(({ reports }) => reports.length)).toEqual(counts);
    expect(counts).toEqual([0, 1, 2]);
  });

  test('fails a session whose model can not be loaded, and keeps the engine and its own model', async () => {
    start();
    await until(() => supervisor.status().model.state === 'ready');
    const before = enginePid();
    const broken = new Listener({ name: 'broken' });
    expect(await broken.over()).toMatchObject({ type: 'failed', error: { code: 'MODEL_CORRUPT' } });
    await until(() => supervisor.status().model.state === 'ready');
    expect(supervisor.status().model.name).toBe('fake');
    expect(enginePid()).toBe(before);
  });

  test('runs a file beside a session; both are lost with their engine, and both run again', async () => {
    start();
    const path = writeFakeAudio(join(folder, 'a.wav'), { segments: 60, delayMs: 5, dieAfter: 30 });
    const read = async (): Promise<JobReport[]> => {
      const reports: JobReport[] = [];
      supervisor.run({ path, model, work: transcribeWork() }, (report) => reports.push(report));
      await until(() => ['done', 'failed', 'cancelled', 'lost'].includes(reports.at(-1)?.type ?? ''));
      return reports;
    };
    const listener = await new Listener().opened();
    const reading = read();
    listener.speak(0, 1.5 * SECOND);
    expect((await reading).at(-1)?.type).toBe('lost');
    expect((await listener.over()).type).toBe('lost');
    const { checkpoint } = listener;
    const again = read();
    const second = await new Listener({ fromSample: SECOND, ...(checkpoint && { checkpoint }) }).opened();
    second.speak(SECOND, 2 * SECOND);
    second.running.finish();
    expect((await second.over()).type).toBe('done');
    expect(`${listener.text} ${second.text}`).toBe(rampText(2 * SECOND));
    const texts = (await again).flatMap((report) =>
      report.type === 'event' && report.event.type === 'segment' ? [report.event.segment.text] : [],
    );
    expect(texts).toEqual(scriptedTexts(60));
  });

  test('fails its sessions when it is stopped, and leaves nothing waiting', async () => {
    start();
    const speaking = await Promise.all([1, 2].map(() => new Listener().opened()));
    for (const listener of speaking) listener.speak(0, 400);
    const waits = new Listener();
    await supervisor.stop();
    for (const listener of [...speaking, waits]) {
      expect(await listener.over()).toMatchObject({ type: 'failed', error: { code: 'ENGINE_UNAVAILABLE' } });
    }
    expect((await new Listener().over()).type).toBe('failed');
  });
});
