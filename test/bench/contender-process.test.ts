import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { ContenderProcess } from './contender-process.js';

const folder = mkdtempSync(join(tmpdir(), 'sotto-contender-'));
const log = join(folder, 'log/fake.log');
afterAll(() => rmSync(folder, { recursive: true }));

/** Starts a worker that answers with the value of `answer`, a JavaScript expression of `question`. */
function start(answer: string): ContenderProcess {
  const code = `
    console.error('a library talks');
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const question = JSON.parse(line);
      console.log(JSON.stringify(${answer}));
    });`;
  return ContenderProcess.start(
    { name: 'fake', label: 'Fake', isSotto: false, command: [process.execPath, '-e', code], env: {} },
    log,
  );
}

describe('a contender', () => {
  test('returns its text with the times since the request and since its start', async () => {
    const child = start(`{ text: question.language + ' ' + question.file, tokens: null }`);
    try {
      const lap = await child.transcribe('a.f32', 'de');
      expect(lap).toMatchObject({ text: 'de a.f32', tokens: null });
      expect(lap.seconds).toBeGreaterThan(0);
      expect(lap.secondsSinceStart).toBeGreaterThanOrEqual(lap.seconds);
      await child.idle();
    } finally {
      await child.stop();
    }
  });

  test('separates the output of its libraries from its answers', async () => {
    const child = start(`{ peakBytes: 5e6 }`);
    expect(await child.peakMegabytes()).toBe(5);
    await child.stop();
    expect(readFileSync(log, 'utf8')).toContain('a library talks');
  });

  test('that reports a failure fails only that request', async () => {
    const child = start(`question.op === 'micro' ? { error: 'no such thing' } : { peakBytes: 1e6 }`);
    try {
      await expect(child.micro('a.f32', 'en')).rejects.toThrow(/fake: no such thing \(see .*fake\.log\)/);
      expect(await child.peakMegabytes()).toBe(1);
    } finally {
      await child.stop();
    }
  });

  test('that dies or cannot start fails without waiting', async () => {
    const child = start(`process.exit(3)`);
    await expect(child.info()).rejects.toThrow(/fake:/);
    await child.stop();
    const contender = {
      name: 'missing',
      label: 'Missing',
      isSotto: false,
      command: ['/no/such/program'],
      env: {},
    };
    const missing = ContenderProcess.start(contender, log);
    await expect(missing.info()).rejects.toThrow(/missing:/);
    await missing.stop();
  });

  test('has exited when stop resolves', async () => {
    const child = start(`{ peakBytes: 1 }`);
    await child.peakMegabytes();
    await child.stop();
    await child.stop();
    await expect(child.info()).rejects.toThrow();
  });
});
