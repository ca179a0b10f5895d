import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { ContenderProcess } from './contender-process.js';

const folder = mkdtempSync(join(tmpdir(), 'sotto-contender-'));
const log = join(folder, 'log/fake.log');
afterAll(() => rmSync(folder, { recursive: true }));

/** A worker whose answer to a question is what `answer`, JavaScript that sees `question`, comes to. */
function start(answer: string): ContenderProcess {
  const code = `
    console.error('a library talks');
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const question = JSON.parse(line);
      console.log(JSON.stringify(${answer}));
    });`;
  return ContenderProcess.start(
    { name: 'fake', label: 'Fake', ours: false, command: [process.execPath, '-e', code], env: {} },
    log,
  );
}

describe('a contender', () => {
  test('answers with its text, timed from the question and from its start', async () => {
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

  test('keeps what its libraries print away from its answers', async () => {
    const child = start(`{ peakBytes: 5e6 }`);
    expect(await child.peakMegabytes()).toBe(5);
    await child.stop();
    expect(readFileSync(log, 'utf8')).toContain('a library talks');
  });

  test('that reports a failure fails that question alone', async () => {
    const child = start(`question.op === 'micro' ? { error: 'no such thing' } : { peakBytes: 1e6 }`);
    try {
      await expect(child.micro('a.f32', 'en')).rejects.toThrow(/fake: no such thing \(see .*fake\.log\)/);
      expect(await child.peakMegabytes()).toBe(1);
    } finally {
      await child.stop();
    }
  });

  test('that dies or cannot be started is an error, not a wait', async () => {
    const child = start(`process.exit(3)`);
    await expect(child.info()).rejects.toThrow(/fake:/);
    await child.stop();
    const nobody = { name: 'nobody', label: 'Nobody', ours: false, command: ['/no/such/program'], env: {} };
    const missing = ContenderProcess.start(nobody, log);
    await expect(missing.info()).rejects.toThrow(/nobody:/);
    await missing.stop();
  });

  test('is told to end, and has ended when stop resolves', async () => {
    const child = start(`{ peakBytes: 1 }`);
    await child.peakMegabytes();
    await child.stop();
    await child.stop();
    await expect(child.info()).rejects.toThrow();
  });
});
