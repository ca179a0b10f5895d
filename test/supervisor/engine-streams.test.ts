import { describe, expect, test } from '@jest/globals';
import { SottoError } from '#daemon/protocol/errors.js';
import type { DecodeStep, ToEngine } from '#daemon/protocol/ipc.js';
import type { EngineStreamReport, EngineStream } from '#daemon/supervisor/engine.js';
import { EngineStreams, DECODE_TIMEOUT_MS } from '#daemon/supervisor/engine-streams.js';
import { SECOND } from '#test/harness/ramp.js';
import { VirtualClock } from '#test/harness/virtual-clock.js';

const request = { model: { name: 'm', dir: '/m' }, options: {}, fromSample: 0 };
const crash = new SottoError('ENGINE_CRASHED', 'it died');

function step(decodedSamples: number, intervalSeconds = 0.5): DecodeStep {
  const checkpoint = { fromSample: 0, state: null };
  return { committed: [], tentative: '', decodedSamples, intervalSeconds, checkpoint };
}

function setUp() {
  const clock = new VirtualClock();
  const sent: ToEngine[] = [];
  const seen = { stuck: 0, progressMs: undefined as number | undefined };
  const streams = new EngineStreams({
    clock,
    send: (m) => sent.push(m),
    progressMs: () => seen.progressMs,
    onStuck: () => void (seen.stuck += 1),
  });
  const open = (fromSample = 0) => {
    const reports: EngineStreamReport[] = [];
    const running = streams.open({ ...request, fromSample }, (report) => reports.push(report));
    return { reports, running };
  };
  const opened = (session: number, decodedSamples = 0): void =>
    streams.receive({ type: 'live-opened', session, decodedSamples, intervalSeconds: 0.5 });
  const decoded = (session: number, decodedSamples: number, intervalSeconds?: number): void =>
    streams.receive({ type: 'live-update', session, step: step(decodedSamples, intervalSeconds) });
  const types = (): string[] => sent.map(({ type }) => type);
  return { clock, streams, open, opened, decoded, seen, sent, types };
}

/** Waits for the microtasks. */
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const speak = (running: EngineStream, samples: number): void => running.audio(new Uint8Array(2 * samples));

describe('EngineStreams', () => {
  test('opens each session once in a process, whenever that becomes ready', async () => {
    const { streams, open, sent, types } = setUp();
    const early = open();
    await tick();
    expect(early.reports).toEqual([{ type: 'waiting', for: 'engine' }]);
    expect(sent).toEqual([]);
    const justNow = open();
    streams.ready();
    await tick();
    open();
    await tick();
    expect(types()).toEqual(['live-open', 'live-open', 'live-open']);
    expect(justNow.reports).toEqual([]);
  });

  test('sends nothing before a session is open', async () => {
    const { streams, open, types } = setUp();
    const { running } = open();
    streams.ready();
    await tick();
    speak(running, SECOND);
    running.finish();
    expect(types()).toEqual(['live-open']);
  });

  test('reports the sessions of a lost process, and opens the others in the next one', async () => {
    const { streams, open, opened, types } = setUp();
    streams.ready();
    const had = open();
    await tick();
    opened(1);
    streams.lost(crash);
    const waits = open();
    await tick();
    streams.lost(crash);
    expect(had.reports.map(({ type }) => type)).toEqual(['opened', 'lost']);
    expect(waits.reports.map(({ type }) => type)).toEqual(['waiting']);
    streams.ready();
    expect(types()).toEqual(['live-open', 'live-open']);
    expect(streams.isBusy).toBe(true);
  });

  test.each([
    ['cancelled', (_: EngineStreams, running: EngineStream) => running.cancel()],
    ['lost', (streams: EngineStreams) => streams.lost(crash)],
    ['failed', (streams: EngineStreams) => streams.failAll(crash)],
    ['done', (streams: EngineStreams) => streams.receive({ type: 'live-done', session: 1, step: step(0) })],
  ])('a session that is %s reports nothing more, and ignores audio', async (_, end) => {
    const { clock, streams, open, opened, decoded, seen, sent } = setUp();
    streams.ready();
    const { reports, running } = open();
    await tick();
    opened(1);
    speak(running, SECOND);
    end(streams, running);
    streams.ready();
    const [reported, messages] = [reports.length, sent.length];
    speak(running, SECOND);
    running.finish();
    running.cancel();
    decoded(1, SECOND);
    opened(1);
    clock.advance(10 * DECODE_TIMEOUT_MS);
    expect([reports.length, sent.length, seen.stuck, streams.isBusy]).toEqual([reported, messages, 0, false]);
  });

  test('detects a stuck process when a decode is overdue', async () => {
    const { clock, streams, open, opened, decoded, seen } = setUp();
    streams.ready();
    const { running } = open();
    await tick();
    opened(1);
    speak(running, 1.2 * SECOND);
    clock.advance(DECODE_TIMEOUT_MS - 1);
    decoded(1, 0.5 * SECOND);
    clock.advance(DECODE_TIMEOUT_MS - 1);
    expect(seen.stuck).toBe(0);
    clock.advance(1);
    expect(seen.stuck).toBe(1);
  });

  test('detects it as well at the last decode', async () => {
    const { clock, streams, open, opened, decoded, seen } = setUp();
    streams.ready();
    const { running } = open();
    await tick();
    opened(1);
    speak(running, 0.6 * SECOND);
    running.finish();
    decoded(1, 0.5 * SECOND);
    clock.advance(DECODE_TIMEOUT_MS);
    expect(seen.stuck).toBe(1);
  });

  test('expects no decode without enough audio, however long none comes', async () => {
    const { clock, streams, open, opened, decoded, seen } = setUp();
    streams.ready();
    const first = open();
    // Another engine decoded 3 s of it: they are sent again, but not decoded again.
    const again = open(SECOND);
    await tick();
    opened(1);
    opened(2, 3 * SECOND);
    speak(first.running, 0.4 * SECOND);
    speak(again.running, 2.4 * SECOND);
    clock.advance(10 * DECODE_TIMEOUT_MS);
    speak(first.running, 0.8 * SECOND);
    decoded(1, 0.5 * SECOND, 1);
    clock.advance(10 * DECODE_TIMEOUT_MS);
    expect(seen.stuck).toBe(0);
    speak(again.running, 0.2 * SECOND);
    clock.advance(DECODE_TIMEOUT_MS);
    expect(seen.stuck).toBe(1);
  });

  test('gives a process with many sessions more time', async () => {
    const { clock, streams, open, opened, decoded, seen } = setUp();
    streams.ready();
    const sessions = Array.from({ length: 8 }, () => open());
    await tick();
    sessions.forEach((_, n) => opened(n + 1));
    for (const { running } of sessions) speak(running, 0.6 * SECOND);
    for (let n = 1; n <= 8; n++) {
      clock.advance(DECODE_TIMEOUT_MS / 2);
      decoded(n, 0.5 * SECOND);
    }
    clock.advance(10 * DECODE_TIMEOUT_MS);
    expect(seen.stuck).toBe(0);
  });

  test('does not take a machine that slept for a stuck process', async () => {
    const { clock, streams, open, opened, decoded, seen } = setUp();
    streams.ready();
    const { running } = open();
    await tick();
    opened(1);
    speak(running, 0.6 * SECOND);
    clock.jump(3_600_000);
    expect(seen.stuck).toBe(0);
    decoded(1, 0.5 * SECOND);
    clock.advance(10 * DECODE_TIMEOUT_MS);
    expect(seen.stuck).toBe(0);
  });

  test('accepts a new session in the report of a lost one', async () => {
    const { streams, open, sent } = setUp();
    streams.ready();
    let again = 0;
    streams.open(request, (report) => {
      if (report.type !== 'lost') return;
      again += 1;
      open();
    });
    await tick();
    streams.lost(crash);
    expect(again).toBe(1);
    streams.ready();
    await tick();
    expect(sent.map((message) => 'session' in message && message.session)).toEqual([1, 2]);
  });

  const owing = async (): Promise<ReturnType<typeof setUp>> => {
    const made = setUp();
    made.streams.ready();
    const { running } = made.open();
    await tick();
    made.opened(1);
    speak(running, 0.6 * SECOND);
    return made;
  };

  test('allows twenty seconds for a decode if the engine computes nothing', async () => {
    const { clock, seen } = await owing();
    clock.advance(19_999);
    expect(seen.stuck).toBe(0);
    clock.advance(1);
    expect(seen.stuck).toBe(1);
    clock.advance(600_000);
    expect(seen.stuck).toBe(1);
  });

  test('an engine that computes the step of a file is late, not stuck', async () => {
    const { clock, decoded, seen } = await owing();
    for (let second = 0; second < 100; second++) {
      clock.advance(1000);
      if (second % 15 === 0) seen.progressMs = clock.nowMs();
    }
    expect(seen.stuck).toBe(0);
    decoded(1, 0.5 * SECOND);
    clock.advance(600_000);
    expect(seen.stuck).toBe(0);
  });

  test('is stuck once it computes nothing, and after two minutes in any case', async () => {
    const stops = await owing();
    stops.clock.advance(30_000);
    stops.seen.progressMs = 0;
    expect(stops.seen.stuck).toBe(1);

    const pauses = await owing();
    pauses.clock.advance(15_000);
    pauses.seen.progressMs = 15_000;
    pauses.clock.advance(24_999);
    expect(pauses.seen.stuck).toBe(0);
    pauses.clock.advance(1);
    expect(pauses.seen.stuck).toBe(1);

    const { clock, seen } = await owing();
    const compute = (seconds: number): void => {
      for (let second = 0; second < seconds; second++) {
        clock.advance(1000);
        seen.progressMs = clock.nowMs();
      }
    };
    compute(119);
    expect(seen.stuck).toBe(0);
    compute(2);
    expect(seen.stuck).toBe(1);
  });
});
