import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { ComputeScheduler } from '#daemon/engine/compute-scheduler.js';
import { gate, settled } from '#test/harness/scripted-speech.js';

const never = new AbortController().signal;

function setUp() {
  const scheduler = new ComputeScheduler();
  const log: string[] = [];
  const decode = (name: string, until: Promise<void> = Promise.resolve()): Promise<void> =>
    scheduler.runRealtime(async () => {
      log.push(`${name} begins`);
      await until;
      log.push(`${name} ends`);
    });
  const yieldToRealtime = async (signal: AbortSignal = never): Promise<void> => {
    await scheduler.yieldToRealtime(signal);
    log.push('file');
  };
  return { scheduler, log, decode, yieldToRealtime };
}

describe('ComputeScheduler', () => {
  test('runs one decode at a time, in the order of arrival', async () => {
    const { log, decode } = setUp();
    const first = gate();
    const decodes = [decode('a', first.opened), decode('b'), decode('c')];
    await settled();
    expect(log).toEqual(['a begins']);
    first.open();
    await Promise.all(decodes);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  test('lets no session decode twice while another one waits', async () => {
    const { log, decode } = setUp();
    const session = async (name: string): Promise<void> => {
      for (let n = 0; n < 5; n++) await decode(name);
    };
    await Promise.all(['a', 'b', 'c'].map(session));
    const order = log.filter((line) => line.endsWith('begins')).map((line) => line[0]);
    expect(order.join('')).toBe('abcabcabcabcabc');
  });

  test('passes a result or an error to its caller, and continues', async () => {
    const { scheduler, decode, log } = setUp();
    const failed = scheduler.runRealtime(() => Promise.reject(new Error('no')));
    const thrown = scheduler.runRealtime(() => {
      throw new Error('at once');
    });
    const good = scheduler.runRealtime(() => Promise.resolve(7));
    await expect(failed).rejects.toThrow('no');
    await expect(thrown).rejects.toThrow('at once');
    await expect(good).resolves.toBe(7);
    await decode('a');
    expect(log).toHaveLength(2);
    expect(scheduler.yieldToRealtime(never)).toBeUndefined();
  });

  test('does not delay a file without live sessions', () => {
    expect(setUp().scheduler.yieldToRealtime(never)).toBeUndefined();
  });

  test('continues a file when all waiting decodes are done', async () => {
    const { log, decode, yieldToRealtime } = setUp();
    const gates = [gate(), gate()];
    void decode('a', gates[0]?.opened);
    void decode('b', gates[1]?.opened);
    void yieldToRealtime();
    await settled();
    gates[0]?.open();
    await settled();
    expect(log).not.toContain('file');
    gates[1]?.open();
    await settled();
    expect(log.slice(-2)).toEqual(['b ends', 'file']);
  });

  test('lets files advance slowly while decodes never end', async () => {
    const { log, decode, yieldToRealtime } = setUp();
    let over = false;
    const endless = async (name: string): Promise<void> => {
      while (!over) await decode(name);
    };
    const sessions = [endless('a'), endless('b'), endless('c')];
    for (let step = 0; step < 5; step++) await yieldToRealtime();
    over = true;
    await Promise.all(sessions);
    const runBatch = log.flatMap((line, at) => (line === 'file' ? [at] : []));
    const between = runBatch.slice(1).map((at, n) => at - (runBatch[n] ?? 0));
    for (const lines of between) expect(lines).toBeGreaterThan(2 * 3);
  });

  test('a cancelled file waits for no decode, and leaves no listener on its signal', async () => {
    const { log, decode, yieldToRealtime } = setUp();
    const stuck = gate();
    const cancelled = new AbortController();
    const first = decode('a');
    await yieldToRealtime(cancelled.signal);
    await first;
    expect(getEventListeners(cancelled.signal, 'abort')).toHaveLength(0);
    void decode('b', stuck.opened);
    const waiting = yieldToRealtime(cancelled.signal);
    await settled();
    expect(log.filter((line) => line === 'file')).toHaveLength(1);
    cancelled.abort();
    await waiting;
    await yieldToRealtime(cancelled.signal);
    expect(getEventListeners(cancelled.signal, 'abort')).toHaveLength(0);
    stuck.open();
    await settled();
    expect(log.filter((line) => line === 'file')).toHaveLength(3);
  });

  test('lets decodes run between the steps of a batch, and files wait for its end, also if it fails', async () => {
    const { scheduler, log, decode, yieldToRealtime } = setUp();
    const work = scheduler.runBatch(async () => {
      for (let n = 0; n < 3; n++) {
        await decode(`step ${n}`);
        if (n === 0) void decode('other');
      }
      throw new Error('half-way');
    });
    void yieldToRealtime();
    await expect(work).rejects.toThrow('half-way');
    await settled();
    const order = log.filter((line) => !line.endsWith('ends'));
    expect(order).toEqual(['step 0 begins', 'other begins', 'step 1 begins', 'step 2 begins', 'file']);
  });

  test('a file waits for eight decodes and no more', async () => {
    const { log, decode, yieldToRealtime } = setUp();
    let over = false;
    const endless = async (): Promise<void> => {
      while (!over) await decode('a', new Promise((resolve) => setImmediate(resolve)));
    };
    const sessions = [endless(), endless(), endless()];
    await yieldToRealtime();
    over = true;
    await Promise.all(sessions);
    const waited = log.slice(0, log.indexOf('file')).filter((line) => line.endsWith('ends'));
    expect(waited).toHaveLength(8);
  });
});
