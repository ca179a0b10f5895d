/** The dictation of the self-test, through a real daemon with a fake engine: word latency and GPU power. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { dictationChecks } from '#daemon/cli/selftest/steps/dictation-checks.js';
import { SelftestDaemon } from '#daemon/cli/selftest/test-daemon.js';
import type { Environment, CheckResult } from '#daemon/cli/selftest/check-result.js';
import { fakeEngine } from '#test/harness/run-sotto.js';
import { wavHead } from '#test/harness/wav-head.js';
import { fakeMac, named, ran, checksOf } from './fake-mac.js';

const POWER = 'GPU HW active residency:  40.00% (338 MHz: 1.1%)\nGPU Power: 2000 mW\n';
let folder = '';
let file = '';
let daemon: SelftestDaemon;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-'));
  file = join(folder, 'clip.wav');
  const samples = Int16Array.from({ length: 32_000 }, (_, i) => 8_000 * Math.sin(i / 7));
  writeFileSync(file, Buffer.concat([wavHead(samples.length), Buffer.from(samples.buffer)]));
  process.env.SOTTO_ENGINE = fakeEngine;
  daemon = new SelftestDaemon({ os: 'linux', uid: 0, user: folder, run: () => Promise.resolve(ran(127)) });
});
afterAll(async () => {
  delete process.env.SOTTO_ENGINE;
  await daemon.stop();
  rmSync(folder, { recursive: true, force: true });
});

const dictated = (text: string, more: Partial<Environment>): Promise<CheckResult[]> =>
  checksOf(
    (environment) => dictationChecks(environment),
    fakeMac('/none', folder, {
      ...{ daemon, clip: { file, text } },
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      ...more,
    }),
  );

describe('a dictation', () => {
  test('reports when words come, the text, and the power if it can be measured', async () => {
    const commands: string[][] = [];
    const run: Environment['run'] = (command, args) => {
      commands.push([command, ...args]);
      return Promise.resolve(ran(0, POWER));
    };
    const checks = await dictated('none of these words', { uid: 0, run });
    const facts = named(checks, 'dictation')?.facts as Record<string, number | string>;
    expect(facts).toMatchObject({ firstTextSeconds: expect.any(Number) as unknown });
    expect([Number(facts.words) > 0, Number(facts.commitP90) >= Number(facts.commitP50)]).toEqual([
      true,
      true,
    ]);
    // The fake engine returns a checksum of its audio.
    expect(named(checks, 'dictation')?.status).toBe('failed');
    expect(commands[0]).toEqual(expect.arrayContaining(['powermetrics', '--samplers']));
    expect(named(checks, 'power')).toMatchObject({
      ...{ status: 'ok', message: 'GPU busy 40%, GPU 2.0 W during the dictation' },
      facts: { share: 0.4, watts: 2 },
    });
    const again = await dictated(String(facts.text), { uid: 0, run: () => Promise.resolve(ran(0, 'W: 2')) });
    expect(named(again, 'dictation')?.facts.errors).toBe(0);
    expect(named(again, 'power')).toMatchObject({ status: 'skipped', facts: { raw: '\nW: 2' } });
  });

  test('without root, the power is skipped and nothing is measured', async () => {
    const run = (): never => {
      throw new Error('must not run');
    };
    const checks = await dictated('words', { uid: 501, run });
    expect(named(checks, 'power')).toMatchObject({ status: 'skipped', message: 'powermetrics needs root' });
  });

  test('ends with its step', async () => {
    const stop = new AbortController();
    const dictating = dictated('words', { signal: stop.signal });
    const ended = expect(dictating).rejects.toMatchObject({ code: expect.any(String) as unknown });
    setTimeout(() => stop.abort(), 500);
    await ended;
  });
});
