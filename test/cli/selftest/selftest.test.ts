/** The self-test on machines that are not here: fakes print what macOS prints. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Ran } from '#launchd/run.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { SelftestReply } from '#daemon/protocol/selftest-work.js';
import { agentStep } from '#daemon/cli/selftest/agent.js';
import { microphoneStep } from '#daemon/cli/selftest/microphone.js';
import { numbersStep } from '#daemon/cli/selftest/numbers.js';
import { runSteps } from '#daemon/cli/selftest/run-selftest.js';
import { speedStep } from '#daemon/cli/selftest/speed.js';
import { systemStep } from '#daemon/cli/selftest/system.js';
import { teardownStep } from '#daemon/cli/selftest/teardown.js';
import type { Environment, Verdict } from '#daemon/cli/selftest/verdict.js';

let home = '';
beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'so-'))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

const ran = (code: number, stdout = '', stderr = ''): Ran => ({ code, stdout, stderr });
const SIGNED = `Executable=/usr/local/bin/node
Identifier=node
CodeDirectory v=20500 size=800 flags=0x10000(runtime) hashes=14+7 location=embedded
Authority=Developer ID Application: Node.js Foundation (HX7739G8FX)
Authority=Developer ID Certification Authority
`;
const AD_HOC = `Identifier=sotto-mlx
CodeDirectory v=20400 size=800 flags=0x20002(adhoc,linker-signed) hashes=14+0 location=embedded
Signature=adhoc
`;
const SPEED = {
  ...{ readGbPerSecond: 100, gflops: 2600, hostMicrosPerOp: 3, readyP50Ms: 0.2, readyP95Ms: 0.4 },
  ...{ cacheCopies: 0, loadSeconds: 0.2, warmUpSeconds: 1, encodeMs: 50, tokens: 25 },
  ...{ tokensPerSecond: 600, boundTokensPerSecond: 1200, text: 'and so my fellow Americans' },
};

function mac(more: Partial<Environment> = {}): Environment {
  const replies: Record<string, SelftestReply> = {
    load: {
      type: 'loaded',
      facts: { mlx: '0.32.4', device: 'gpu', facts: {}, coldMs: 9, warmMs: 0.2 },
    },
    numbers: { type: 'numbers', device: 'gpu', ops: [{ op: 'softmax', error: 1e-4, limit: 1e-2 }] },
    speed: { type: 'speed', facts: SPEED },
  };
  return {
    ...{ os: 'darwin', home, root: '/sotto', node: '/usr/local/bin/node' },
    run: (command, args) => {
      if (command === 'sw_vers') return Promise.resolve(ran(0, '15.3.1\n'));
      if (command === 'xattr') return Promise.resolve(ran(1, '', 'No such xattr: com.apple.quarantine'));
      if (command === 'codesign' && args[0] === '--verify') return Promise.resolve(ran(0));
      if (command === 'codesign')
        return Promise.resolve(ran(0, '', args.at(-1)?.endsWith('node') ? SIGNED : AD_HOC));
      return Promise.resolve(ran(127));
    },
    model: { name: 'base', dir: '/m' },
    clip: { file: '/none.flac', text: 'and so my fellow Americans' },
    ask: ({ type }) => Promise.resolve(replies[type] as SelftestReply),
    exitBusy: () => Promise.resolve({ code: 0, signal: null }),
    connect: () => Promise.resolve(undefined),
    agent: () => Promise.resolve({ installed: 'yes', state: 'running', file: '/plist' }),
    sleep: () => Promise.resolve(),
    ...more,
  };
}

const of = (verdicts: readonly Verdict[], name: string): Verdict | undefined =>
  verdicts.find((verdict) => verdict.name === name);

describe('the system', () => {
  test('names who signed what, and the macOS that runs', async () => {
    const found = await systemStep(mac());
    expect(of(found, 'system')?.found).toMatch(/^macOS 15\.3\.1, /);
    expect(of(found, 'signature of node')).toMatchObject({
      verdict: 'ok',
      facts: { flags: '0x10000(runtime)', signer: expect.stringContaining('Node.js Foundation') as unknown },
    });
    expect(of(found, 'signature of MLX')?.verdict).toBe('ok');
    expect(of(found, 'quarantine')?.verdict).toBe('ok');
  });

  test('finds a broken signature and a quarantined file', async () => {
    const { run } = mac();
    const found = await systemStep(
      mac({
        run: (command, args) => {
          if (command === 'xattr') return Promise.resolve(ran(0, '0083;66f0a1b2;Safari;\n'));
          const path = args.at(-1) ?? '';
          if (args[0] === '--verify' && path.endsWith('.dylib'))
            return Promise.resolve(ran(1, '', `${path}: code object is not signed at all\n`));
          return run(command, args);
        },
      }),
    );
    expect(of(found, 'signature of MLX')).toMatchObject({
      ...{ verdict: 'failed', found: 'code object is not signed at all' },
    });
    expect(of(found, 'quarantine')).toMatchObject({
      ...{ verdict: 'failed', advice: 'xattr -dr com.apple.quarantine "/sotto"' },
    });
  });
});

describe('what is computed', () => {
  test('a result that is wrong, or not a number, fails and is named', async () => {
    for (const error of [0.5, NaN]) {
      const ops = [
        { op: 'softmax', error: 0, limit: 1e-2 },
        { op: 'gelu', error, limit: 1e-2 },
      ];
      const ask = () => Promise.resolve({ type: 'numbers', device: 'gpu', ops } as const);
      const [verdict] = await numbersStep(mac({ ask }));
      expect(verdict).toMatchObject({ verdict: 'failed', found: expect.stringContaining('gelu') as unknown });
      expect(verdict?.found).not.toContain('softmax');
    }
  });

  test('the speed is a part of the bound; copies of the cache and a wrong text are said', async () => {
    const found = await speedStep(mac());
    expect(of(found, 'model')).toMatchObject({ verdict: 'ok', facts: { partOfBound: 0.5 } });
    expect(of(found, 'buffers')?.facts).toMatchObject({ gain: 0, MLX_MAX_OPS_PER_BUFFER: '200' });
    const facts = { ...SPEED, cacheCopies: 4, text: 'thank you', tokensPerSecond: 100 };
    const worse = await speedStep(mac({ ask: () => Promise.resolve({ type: 'speed', facts }) }));
    expect(['cache', 'model', 'text'].map((name) => of(worse, name)?.verdict)).toEqual([
      'warn',
      'warn',
      'failed',
    ]);
  });

  test('a process that crashes is a verdict of its step, and the others follow', async () => {
    const ask = () =>
      Promise.reject(new SottoError('ENGINE_CRASHED', 'killed by SIGABRT', { hint: 'no device' }));
    const found = await runSteps(mac({ ask }), () => undefined);
    for (const name of ['load', 'numbers', 'speed'])
      expect(of(found, name)).toMatchObject({ verdict: 'failed', facts: { code: 'ENGINE_CRASHED' } });
    expect(of(found, 'teardown')?.verdict).toBe('ok');
  });
});

describe('the microphone', () => {
  const LINE =
    'tccd: [com.apple.TCC:access] AttributionChain: RESP:{ID: com.raycast.macos, PID[2307], auid: 501}, ACC:{ID: node, PID[2347], auid: 501}\n' +
    'tccd: [com.apple.TCC:access] AUTHREQ_CTX: service=kTCCServiceMicrophone\n';
  const from = (log: string) => microphoneStep(mac({ run: () => Promise.resolve(ran(0, log)) }));

  test('names the app that macOS asks for, and a refusal', async () => {
    expect(await from(LINE)).toMatchObject([
      { verdict: 'ok', found: 'macOS asks on behalf of com.raycast.macos' },
    ]);
    expect(await from(`${LINE}tccd: AUTHREQ_RESULT: msgID=1, authValue=0\n`)).toMatchObject([
      { verdict: 'failed' },
    ]);
    expect(await from('')).toMatchObject([{ verdict: 'skipped' }]);
  });
});

describe('the agent', () => {
  test('is back under another process after it was killed, or is not', async () => {
    for (const [next, verdict] of [
      [43, 'ok'],
      [42, 'failed'],
    ] as const) {
      let pid = 42;
      const killed: string[][] = [];
      const [found] = await agentStep(
        mac({
          run: (_, args) => {
            if (args[0] === 'kill') {
              killed.push([...args]);
              pid = next;
            }
            return Promise.resolve(
              ran(0, `gui/501/com.sotto.daemon = {\n\tstate = running\n\tpid = ${pid}\n}\n`),
            );
          },
        }),
      );
      expect(found?.verdict).toBe(verdict);
      expect(killed).toEqual([['kill', 'SIGKILL', expect.stringMatching(/^gui\/\d+\/com\.sotto\.daemon$/)]]);
    }
  });
});

describe('the end of processes', () => {
  test('fails where one crashes, or macOS writes a report', async () => {
    let exits = 0;
    const reports = join(home, 'Library', 'Logs', 'DiagnosticReports');
    mkdirSync(reports, { recursive: true });
    writeFileSync(join(reports, 'node-old.ips'), '');
    const exitBusy = () => {
      exits += 1;
      if (exits === 3) writeFileSync(join(reports, 'node-new.ips'), '');
      return Promise.resolve({ code: exits === 3 ? null : 0, signal: exits === 3 ? 'SIGABRT' : null });
    };
    const [found] = await teardownStep(mac({ exitBusy }));
    expect(exits).toBe(20);
    expect(found).toMatchObject({ verdict: 'failed', facts: { reports: ['node-new.ips'] } });
  });
});

test('on Linux the steps that need macOS are skipped', async () => {
  const found = await runSteps(mac({ os: 'linux' }), () => undefined);
  expect(found.filter(({ verdict }) => verdict === 'skipped').map(({ found: why }) => why)).toEqual(
    Array.from({ length: 5 }, () => 'only on macOS'),
  );
});
