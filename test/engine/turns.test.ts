import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { Turns } from '#daemon/engine/turns.js';
import { gate, settled } from '#test/harness/scripted-speech.js';

const never = new AbortController().signal;

function setUp() {
  const turns = new Turns();
  const log: string[] = [];
  const decode = (name: string, until: Promise<void> = Promise.resolve()): Promise<void> =>
    turns.live(async () => {
      log.push(`${name} begins`);
      await until;
      log.push(`${name} ends`);
    });
  const file = async (signal: AbortSignal = never): Promise<void> => {
    await turns.file(signal);
    log.push('file');
  };
  return { turns, log, decode, file };
}

describe('Turns', () => {
  test('runs one look at a time, in the order in which they were asked for', async () => {
    const { log, decode } = setUp();
    const first = gate();
    const decodes = [decode('a', first.opened), decode('b'), decode('c')];
    await settled();
    expect(log).toEqual(['a begins']);
    first.open();
    await Promise.all(decodes);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  test('lets no session look twice while another one waits', async () => {
    const { log, decode } = setUp();
    const session = async (name: string): Promise<void> => {
      for (let n = 0; n < 5; n++) await decode(name);
    };
    await Promise.all(['a', 'b', 'c'].map(session));
    const order = log.filter((line) => line.endsWith('begins')).map((line) => line[0]);
    expect(order.join('')).toBe('abcabcabcabcabc');
  });

  test('gives a result or an error to the one who asked, and goes on', async () => {
    const { turns, decode, log } = setUp();
    const failed = turns.live(() => Promise.reject(new Error('no')));
    const thrown = turns.live(() => {
      throw new Error('at once');
    });
    const good = turns.live(() => Promise.resolve(7));
    await expect(failed).rejects.toThrow('no');
    await expect(thrown).rejects.toThrow('at once');
    await expect(good).resolves.toBe(7);
    await decode('a');
    expect(log).toHaveLength(2);
    expect(turns.file(never)).toBeUndefined();
  });

  test('keeps a file waiting for nobody where nobody speaks', () => {
    expect(setUp().turns.file(never)).toBeUndefined();
  });

  test('lets a file go on when all looks that were asked for are done', async () => {
    const { log, decode, file } = setUp();
    const gates = [gate(), gate()];
    void decode('a', gates[0]?.opened);
    void decode('b', gates[1]?.opened);
    void file();
    await settled();
    gates[0]?.open();
    await settled();
    expect(log).not.toContain('file');
    gates[1]?.open();
    await settled();
    expect(log.slice(-2)).toEqual(['b ends', 'file']);
  });

  test('lets files go on, slowly, where looks never end', async () => {
    const { log, decode, file } = setUp();
    let over = false;
    const endless = async (name: string): Promise<void> => {
      while (!over) await decode(name);
    };
    const sessions = [endless('a'), endless('b'), endless('c')];
    for (let step = 0; step < 5; step++) await file();
    over = true;
    await Promise.all(sessions);
    const steps = log.flatMap((line, at) => (line === 'file' ? [at] : []));
    const between = steps.slice(1).map((at, n) => at - (steps[n] ?? 0));
    for (const lines of between) expect(lines).toBeGreaterThan(2 * 3);
  });

  test('a cancelled file waits for no look, and leaves no listener on its signal', async () => {
    const { log, decode, file } = setUp();
    const stuck = gate();
    const cancelled = new AbortController();
    const first = decode('a');
    await file(cancelled.signal);
    await first;
    expect(getEventListeners(cancelled.signal, 'abort')).toHaveLength(0);
    void decode('b', stuck.opened);
    const waiting = file(cancelled.signal);
    await settled();
    expect(log.filter((line) => line === 'file')).toHaveLength(1);
    cancelled.abort();
    await waiting;
    await file(cancelled.signal);
    expect(getEventListeners(cancelled.signal, 'abort')).toHaveLength(0);
    stuck.open();
    await settled();
    expect(log.filter((line) => line === 'file')).toHaveLength(3);
  });

  test('work of many steps lets looks in between, and files wait for its end, also where it fails', async () => {
    const { turns, log, decode, file } = setUp();
    const work = turns.steps(async () => {
      for (let n = 0; n < 3; n++) {
        await decode(`step ${n}`);
        if (n === 0) void decode('other');
      }
      throw new Error('half-way');
    });
    void file();
    await expect(work).rejects.toThrow('half-way');
    await settled();
    const order = log.filter((line) => !line.endsWith('ends'));
    expect(order).toEqual(['step 0 begins', 'other begins', 'step 1 begins', 'step 2 begins', 'file']);
  });

  test('a file waits for eight decodes and no more', async () => {
    const { log, decode, file } = setUp();
    let over = false;
    const endless = async (): Promise<void> => {
      while (!over) await decode('a', new Promise((resolve) => setImmediate(resolve)));
    };
    const sessions = [endless(), endless(), endless()];
    await file();
    over = true;
    await Promise.all(sessions);
    const waited = log.slice(0, log.indexOf('file')).filter((line) => line.endsWith('ends'));
    expect(waited).toHaveLength(8);
  });
});
