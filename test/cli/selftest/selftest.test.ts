/** The steps of the self-test on simulated machines. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SottoError } from '#daemon/protocol/errors.js';
import { agentStep } from '#daemon/cli/selftest/steps/agent-step.js';
import { commandsUntil } from '#daemon/cli/selftest/system-commands.js';
import { filesStep } from '#daemon/cli/selftest/steps/files-step.js';
import { loadStep } from '#daemon/cli/selftest/steps/load-step.js';
import { microphoneStep } from '#daemon/cli/selftest/steps/microphone-step.js';
import { numbersStep } from '#daemon/cli/selftest/steps/numbers-step.js';
import { speedStep } from '#daemon/cli/selftest/steps/speed-step.js';
import { binaries, systemStep } from '#daemon/cli/selftest/steps/system-step.js';
import { teardownStep } from '#daemon/cli/selftest/steps/teardown-step.js';
import type { Environment, CheckResult } from '#daemon/cli/selftest/check-result.js';
import {
  answering,
  fakeDaemon,
  fakeMac,
  MACHINE,
  MODEL,
  named,
  ran,
  RECORDED,
  REFERENCE,
  replying,
  checksOf,
} from './fake-mac.js';

let folder = '';
let home = '';
let root = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'so-'));
  home = join(folder, 'home');
  root = join(folder, 'root');
  mkdirSync(home);
  for (const file of [
    'native/lib/darwin-arm64/sotto-mlx.node',
    'native/lib/darwin-arm64/sotto-mic',
    'native/vendor/mlx-metal-1/mlx/lib/libmlx.dylib',
    'node_modules/@photostructure/sqlite/prebuilds/darwin-arm64/sqlite.node',
  ]) {
    mkdirSync(join(root, file, '..'), { recursive: true });
    writeFileSync(join(root, file), '');
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const mac = (more: Partial<Environment> = {}): Environment => fakeMac(root, home, more);

describe('the system', () => {
  test('reports the signers and the macOS version', async () => {
    const checks = await checksOf(systemStep, mac());
    expect(named(checks, 'system')).toMatchObject({
      message: expect.stringMatching(/^macOS 15\.3\.1, Apple M3 Pro, /) as unknown,
      facts: { build: '24D70', model: 'Mac15,6', translated: '0' },
    });
    expect(named(checks, 'signature of node')).toMatchObject({
      status: 'ok',
      facts: {
        flags: '0x10000(runtime)',
        signer: expect.stringContaining('Node.js Foundation') as unknown,
        isHardened: true,
      },
    });
    for (const what of ['addon', 'MLX', 'sotto-mic', 'SQLite'])
      expect(named(checks, `signature of ${what}`)).toMatchObject({
        status: 'ok',
        facts: { signer: 'ad hoc', isHardened: false },
      });
    expect(named(checks, 'quarantine')?.status).toBe('ok');
  });

  test('finds an invalid signature, a missing file and quarantined ones', async () => {
    const { run } = mac();
    const [, , mlx = ['', '']] = binaries({ os: 'darwin', root, node: '/node' });
    rmSync(join(root, 'native/lib/darwin-arm64/sotto-mic'));
    const checks = await checksOf(
      systemStep,
      mac({
        run: (command, args) => {
          if (command === 'xattr')
            return Promise.resolve(ran(0, `${mlx[1]}: com.apple.quarantine: 0083;66f0a1b2;Safari;\n`));
          const path = args.at(-1) ?? '';
          if (args[0] === '--verify' && path.endsWith('.dylib'))
            return Promise.resolve(ran(1, '', `${path}: code object is not signed at all\n`));
          return run(command, args);
        },
      }),
    );
    expect(named(checks, 'signature of MLX')).toMatchObject({
      ...{ status: 'failed', message: 'code object is not signed at all' },
    });
    expect(named(checks, 'signature of sotto-mic')).toMatchObject({
      ...{ status: 'failed', message: expect.stringContaining('is missing') as unknown },
    });
    expect(named(checks, 'quarantine')).toMatchObject({
      ...{ status: 'failed', advice: `xattr -dr com.apple.quarantine "${root}"` },
      facts: { marked: [mlx[1]] },
    });
  });

  test('skips unknown output, and reports it', async () => {
    const run = (): Promise<ReturnType<typeof ran>> => Promise.resolve(ran(2, 'new words', 'other words'));
    const checks = await checksOf(systemStep, mac({ run }));
    expect(named(checks, 'system')?.message).toMatch(/^macOS of unknown version, unknown chip/);
    for (const name of ['signature of node', 'quarantine'])
      expect(named(checks, name)).toMatchObject({
        status: 'skipped',
        message: expect.stringMatching(/^unknown: /) as unknown,
        facts: { raw: expect.stringContaining('other words') as unknown },
      });
    // This machine's own Node may be for another processor.
    expect(checks.filter(({ name, status }) => status === 'failed' && name !== 'node')).toEqual([]);
  });
});

describe('numbers', () => {
  test('reports the GPU architecture; a Mac without a GPU fails', async () => {
    expect((await checksOf(loadStep, mac()))[0]).toMatchObject({
      status: 'ok',
      message: expect.stringContaining('gpu (applegpu_g15s)') as unknown,
    });
    const facts = { mlx: '1', device: 'cpu', facts: {}, coldMs: 1, warmMs: 1 };
    const [check] = await checksOf(loadStep, mac({ send: replying({ load: { type: 'loaded', facts } }) }));
    expect(check).toMatchObject({ status: 'failed', message: expect.stringContaining('no GPU') as unknown });
  });

  test('a wrong result or NaN fails and is named', async () => {
    for (const error of [0.5, NaN]) {
      const ops = [
        { op: 'softmax', error: 0, limit: 1e-2 },
        { op: 'gelu', error, limit: 1e-2 },
      ];
      const send = replying({ numbers: { type: 'numbers', device: 'gpu', ops } });
      const [check] = await checksOf(numbersStep, mac({ send }));
      expect(check).toMatchObject({ status: 'failed', message: expect.stringContaining('gelu') as unknown });
      expect(check?.message).not.toContain('softmax');
    }
  });

  test('encoder and tokens match the stored ones, or don’t; a near tie may differ', async () => {
    const of = async (more: Partial<typeof REFERENCE>, differing: { margin: number }[] = []) => {
      const facts = {
        ...{ ...REFERENCE, ...more, equalTokens: 50 - differing.length },
        differing: differing.map(({ margin }) => ({ position: 5, expected: 1, found: 2, margin })),
      };
      const send = replying({ reference: { type: 'reference', facts } });
      const checks = await checksOf(numbersStep, mac({ send }));
      return ['encoder', 'tokens'].map((name) => named(checks, name)?.status);
    };
    expect(await of({})).toEqual(['ok', 'ok']);
    expect(await of({ encoderError: 0.04 })).toEqual(['failed', 'ok']);
    expect(await of({ encoderError: NaN })).toEqual(['failed', 'ok']);
    expect(await of({}, [{ margin: 0.3 }])).toEqual(['ok', 'ok']);
    expect(await of({}, [{ margin: 0.3 }, { margin: 0.5 }])).toEqual(['ok', 'failed']);
    expect(await of({ sameWeights: false, encoderError: 1 })).toEqual(['skipped', undefined]);
  });

  test('the speed is a share of the bound; cache copies and a wrong text are reported', async () => {
    const checks = await checksOf(speedStep, mac());
    expect(named(checks, 'model')).toMatchObject({ status: 'ok', facts: { partOfBound: 0.5 } });
    expect(named(checks, 'buffers')?.facts).toMatchObject({ gain: 0, MLX_MAX_OPS_PER_BUFFER: '200' });
    expect(named(checks, 'product of width 512')).toMatchObject({
      message: '6 bits take 1.50× the time of float16 (0.60 ms vs. 0.40 ms, 1500 rows)',
      facts: { ratio: expect.closeTo(1.5, 6) as unknown },
    });
    const worse = replying({
      machine: { type: 'machine', facts: { ...MACHINE, cacheCopies: 4 } },
      model: { type: 'model', facts: { ...MODEL, text: 'thank you', tokensPerSecond: 100 } },
    });
    const slow = await checksOf(speedStep, mac({ send: worse }));
    expect(['cache', 'model', 'text'].map((name) => named(slow, name)?.status)).toEqual([
      'warn',
      'warn',
      'failed',
    ]);
  });

  test('the model that the user has chosen is measured, too', async () => {
    const dirs: string[] = [];
    const send: Environment['send'] = (request) => {
      if (request.type === 'model') dirs.push(request.dir);
      return replying({})(request);
    };
    const modelInUse = { name: 'turbo', dir: '/turbo' };
    const checks = await checksOf(speedStep, mac({ send, modelInUse, os: 'linux' }));
    expect(dirs).toEqual(['/m', '/turbo']);
    expect(
      checks.filter(({ name }) => /^model( in use)?$/.test(name)).map(({ facts }) => facts.model),
    ).toEqual(['base', 'turbo']);
  });
});

describe('the microphone', () => {
  const of = async (more: Partial<Environment>): Promise<CheckResult | undefined> =>
    named(await checksOf(microphoneStep, mac(more)), 'microphone');

  test('delivers audio, only zeros, nothing, or is denied', async () => {
    expect(await of({})).toMatchObject({
      status: 'ok',
      message: 'MacBook Pro Microphone at 48000 Hz, open after 210 ms, first audio after 260 ms',
    });
    const { firstAudioMs: _, ...zeros } = { ...RECORDED, firstAudioMs: 0, peak: 0 };
    expect(await of({ record: () => Promise.resolve(zeros) })).toMatchObject({
      ...{ status: 'failed', message: expect.stringContaining('every sample is zero') as unknown },
    });
    expect(await of({ record: () => Promise.resolve({ type: 'hung' }) })).toMatchObject({
      status: 'failed',
    });
    for (const [reason, status] of [
      ['denied', 'failed'],
      ['none', 'skipped'],
      ['open', 'failed'],
    ] as const) {
      const failure = { type: 'failed', reason, detail: '' } as const;
      expect(await of({ record: () => Promise.resolve({ type: 'failed', failure }) })).toMatchObject({
        status,
      });
    }
  });

  test('reports the app whose permission macOS checks, which may be denied; an unknown log is skipped', async () => {
    const from = async (log: string, code = 0): Promise<CheckResult | undefined> =>
      named(
        await checksOf(microphoneStep, mac({ run: () => Promise.resolve(ran(code, log)) })),
        'microphone permission',
      );
    const request = (value: number): string =>
      [
        'AUTHREQ_CTX: msgID=611.2, function=TCCAccessRequest, service=kTCCServiceMicrophone, preflight=no',
        'AUTHREQ_ATTRIBUTION: msgID=611.2, attribution={responsible={TCCDProcess: identifier=com.raycast.macos, pid=3, auid=501, responsible_path=/Applications/Raycast.app/Contents/MacOS/Raycast}, accessing={TCCDProcess: identifier=sotto-mic, pid=4}, },',
        `AUTHREQ_RESULT: msgID=611.2, authValue=${value}, authReason=2, authVersion=1`,
      ].join('\n');
    expect(await from(request(2))).toMatchObject({
      ...{ status: 'ok', message: 'macOS checks the permission of com.raycast.macos' },
    });
    expect((await from(request(0)))?.status).toBe('failed');
    expect(await from('AUTHREQ_CTX: msgID=1.1, service=kTCCServiceMicrophone, in other words')).toMatchObject(
      { status: 'skipped', message: 'unknown: macOS log' },
    );
    expect((await from('nothing of the kind'))?.status).toBe('skipped');
    expect((await from('', 64))?.status).toBe('skipped');
  });
});

describe('files in protected folders', () => {
  /** With real commands: the copy must be removed. */
  const tried = async (...messages: readonly object[]): Promise<CheckResult[]> => {
    const clip = join(folder, 'clip.flac');
    writeFileSync(clip, 'sound');
    for (const name of ['Desktop', 'Documents']) mkdirSync(join(home, name), { recursive: true });
    const run = commandsUntil(new AbortController().signal);
    return checksOf(
      filesStep,
      mac({
        ...{ clip: { file: clip, text: '' }, run },
        cleanUp: async ([command, ...args]) => void (await run(command, args)),
        daemon: fakeDaemon({ connect: () => Promise.resolve(answering(...messages)) }),
        // Longer than the replies need.
        sleep: () => new Promise((resolve) => setImmediate(resolve)),
      }),
    );
  };
  const left = (): string[] => ['Desktop', 'Documents'].flatMap((name) => readdirSync(join(home, name)));

  test('open, are denied, open late, or hang; no file is left', async () => {
    const file = { type: 'waiting', for: 'file' };
    for (const [messages, answer, status] of [
      [
        [
          { type: 'waiting', for: 'queue', position: 1 },
          { type: 'started', attempt: 1 },
        ],
        'open',
        'ok',
      ],
      [[{ type: 'waiting', for: 'engine' }], 'open', 'ok'],
      [[{ ...file, why: 'denied' }], 'denied', 'warn'],
      [
        [
          { ...file, why: 'slow' },
          { type: 'waiting', for: 'model' },
        ],
        'open',
        'ok',
      ],
      [[{ ...file, why: 'slow' }], 'hung', 'warn'],
    ] as const) {
      const checks = await tried(...messages);
      expect(checks.map(({ status }) => status)).toEqual([status, status, 'skipped']);
      expect(checks[0]?.facts).toMatchObject({ folder: 'Desktop', access: answer });
      expect(left()).toEqual([]);
    }
  });

  test('a failed job is a failed check, and its file is removed', async () => {
    const error = new SottoError('AUDIO_UNREADABLE', 'broken').toWire();
    const checks = await tried({ type: 'failed', seq: 1, error });
    expect(checks[0]).toMatchObject({ status: 'failed', facts: { code: 'AUDIO_UNREADABLE' } });
    expect(left()).toEqual([]);
  });

  test('where this terminal can’t write, the daemon isn’t tested', async () => {
    const run = (): Promise<ReturnType<typeof ran>> => Promise.resolve(ran(-1));
    const daemon = fakeDaemon({ connect: () => Promise.resolve(answering()) });
    expect((await checksOf(filesStep, mac({ run, daemon })))[0]).toMatchObject({
      ...{ status: 'skipped', message: expect.stringContaining('hangs') as unknown },
    });
  });
});

describe('the agent', () => {
  const unable = (): Promise<never> => Promise.reject(new SottoError('DAEMON_LOST', 'no daemon here'));

  test('starts, restarts after a crash, and leaves nothing; or doesn’t', async () => {
    const daemon = fakeDaemon({ connect: unable });
    const checks = await checksOf(agentStep, mac({ daemon }));
    expect(checks.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'login agent ok',
      'bootstrap ok',
      'dictation failed',
      'crash ok',
      'bootout ok',
    ]);
    const worse = fakeDaemon({
      connect: unable,
      killAndWait: () => Promise.resolve(undefined),
      stop: () => Promise.resolve({ processes: [42], socket: true, home: false }),
    });
    const broken = await checksOf(agentStep, mac({ daemon: worse }));
    expect(named(broken, 'crash')?.status).toBe('failed');
    expect(named(broken, 'bootout')).toMatchObject({
      ...{ status: 'failed', message: 'left behind: 1 processes, its socket' },
    });
  });

  test('an agent that can’t be started ends the step; the user’s own is still checked', async () => {
    const daemon = fakeDaemon({ start: unable });
    for (const [installed, state, status] of [
      ['no', 'not loaded', 'skipped'],
      ['yes', 'stopped', 'failed'],
      ['outdated', 'running', 'warn'],
    ] as const) {
      const agent = (): ReturnType<Environment['agent']> =>
        Promise.resolve({ installed, state, file: '/plist' });
      const checks = await checksOf(agentStep, mac({ daemon, agent }));
      expect(checks.map((each) => each.status)).toEqual([status, 'failed']);
    }
  });
});

describe('exiting processes', () => {
  test('fails if one crashes, macOS writes a report, or arrays are left', async () => {
    let exits = 0;
    const reports = join(home, 'Library', 'Logs', 'DiagnosticReports');
    mkdirSync(reports, { recursive: true });
    writeFileSync(join(reports, 'node-old.ips'), '');
    const exitBusy = () => {
      exits += 1;
      if (exits === 3) writeFileSync(join(reports, 'node-new.ips'), '');
      return Promise.resolve({ code: exits === 3 ? null : 0, signal: exits === 3 ? 'SIGABRT' : null });
    };
    const send = replying({ leaks: { type: 'leaks', facts: { arrays: 3, bytes: 12 } } });
    const [teardown, leaks] = await checksOf(teardownStep, mac({ exitBusy, send }));
    expect(exits).toBe(20);
    expect(teardown).toMatchObject({ status: 'failed', facts: { reports: ['node-new.ips'] } });
    expect(leaks).toMatchObject({ status: 'failed', facts: { arrays: 3 } });
    expect(existsSync(join(reports, 'node-old.ips'))).toBe(true);
  });
});
