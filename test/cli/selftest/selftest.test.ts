/** The steps of the self-test on machines that are not here. */
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
  fileChecksOf,
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
  test('names who signed what, and the macOS that runs', async () => {
    const found = await fileChecksOf(systemStep, mac());
    expect(named(found, 'system')).toMatchObject({
      found: expect.stringMatching(/^macOS 15\.3\.1, Apple M3 Pro, /) as unknown,
      facts: { build: '24D70', model: 'Mac15,6', translated: '0' },
    });
    expect(named(found, 'signature of node')).toMatchObject({
      status: 'ok',
      facts: {
        flags: '0x10000(runtime)',
        signer: expect.stringContaining('Node.js Foundation') as unknown,
        isHardened: true,
      },
    });
    for (const what of ['addon', 'MLX', 'sotto-mic', 'SQLite'])
      expect(named(found, `signature of ${what}`)).toMatchObject({
        status: 'ok',
        facts: { signer: 'ad hoc', isHardened: false },
      });
    expect(named(found, 'quarantine')?.status).toBe('ok');
  });

  test('finds a broken signature, a missing file and quarantined ones', async () => {
    const { run } = mac();
    const [, , mlx = ['', '']] = binaries({ os: 'darwin', root, node: '/node' });
    rmSync(join(root, 'native/lib/darwin-arm64/sotto-mic'));
    const found = await fileChecksOf(
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
    expect(named(found, 'signature of MLX')).toMatchObject({
      ...{ status: 'failed', found: 'code object is not signed at all' },
    });
    expect(named(found, 'signature of sotto-mic')).toMatchObject({
      ...{ status: 'failed', found: expect.stringContaining('is missing') as unknown },
    });
    expect(named(found, 'quarantine')).toMatchObject({
      ...{ status: 'failed', advice: `xattr -dr com.apple.quarantine "${root}"` },
      facts: { marked: [mlx[1]] },
    });
  });

  test('what is not understood is no verdict, and is sent in', async () => {
    const run = (): Promise<ReturnType<typeof ran>> => Promise.resolve(ran(2, 'new words', 'other words'));
    const found = await fileChecksOf(systemStep, mac({ run }));
    expect(named(found, 'system')?.found).toMatch(/^macOS of unknown version, unknown chip/);
    for (const name of ['signature of node', 'quarantine'])
      expect(named(found, name)).toMatchObject({
        status: 'skipped',
        found: expect.stringMatching(/^unknown: /) as unknown,
        facts: { raw: expect.stringContaining('other words') as unknown },
      });
    // This machine's own Node may be for another processor.
    expect(found.filter(({ name, status }) => status === 'failed' && name !== 'node')).toEqual([]);
  });
});

describe('what is computed', () => {
  test('the architecture of the GPU is named; a Mac without one fails', async () => {
    expect((await fileChecksOf(loadStep, mac()))[0]).toMatchObject({
      status: 'ok',
      found: expect.stringContaining('gpu (applegpu_g15s)') as unknown,
    });
    const facts = { mlx: '1', device: 'cpu', facts: {}, coldMs: 1, warmMs: 1 };
    const [found] = await fileChecksOf(
      loadStep,
      mac({ send: replying({ load: { type: 'loaded', facts } }) }),
    );
    expect(found).toMatchObject({ status: 'failed', found: expect.stringContaining('no GPU') as unknown });
  });

  test('a result that is wrong, or not a number, fails and is named', async () => {
    for (const error of [0.5, NaN]) {
      const ops = [
        { op: 'softmax', error: 0, limit: 1e-2 },
        { op: 'gelu', error, limit: 1e-2 },
      ];
      const send = replying({ numbers: { type: 'numbers', device: 'gpu', ops } });
      const [status] = await fileChecksOf(numbersStep, mac({ send }));
      expect(status).toMatchObject({ status: 'failed', found: expect.stringContaining('gelu') as unknown });
      expect(status?.found).not.toContain('softmax');
    }
  });

  test('encoder and tokens are the stored ones, or are not; a near tie may differ', async () => {
    const of = async (more: Partial<typeof REFERENCE>, differing: { margin: number }[] = []) => {
      const facts = {
        ...{ ...REFERENCE, ...more, equalTokens: 50 - differing.length },
        differing: differing.map(({ margin }) => ({ position: 5, expected: 1, found: 2, margin })),
      };
      const send = replying({ reference: { type: 'reference', facts } });
      const found = await fileChecksOf(numbersStep, mac({ send }));
      return ['encoder', 'tokens'].map((name) => named(found, name)?.status);
    };
    expect(await of({})).toEqual(['ok', 'ok']);
    expect(await of({ encoderError: 0.04 })).toEqual(['failed', 'ok']);
    expect(await of({ encoderError: NaN })).toEqual(['failed', 'ok']);
    expect(await of({}, [{ margin: 0.3 }])).toEqual(['ok', 'ok']);
    expect(await of({}, [{ margin: 0.3 }, { margin: 0.5 }])).toEqual(['ok', 'failed']);
    expect(await of({ sameWeights: false, encoderError: 1 })).toEqual(['skipped', undefined]);
  });

  test('the speed is a part of the bound; copies of the cache and a wrong text are said', async () => {
    const found = await fileChecksOf(speedStep, mac());
    expect(named(found, 'model')).toMatchObject({ status: 'ok', facts: { partOfBound: 0.5 } });
    expect(named(found, 'buffers')?.facts).toMatchObject({ gain: 0, MLX_MAX_OPS_PER_BUFFER: '200' });
    expect(named(found, 'product of width 512')).toMatchObject({
      found: '6 bits take 1.50 × the time of float16 (0.60 ms against 0.40 ms, 1500 rows)',
      facts: { ratio: expect.closeTo(1.5, 6) as unknown },
    });
    const worse = replying({
      machine: { type: 'machine', facts: { ...MACHINE, cacheCopies: 4 } },
      model: { type: 'model', facts: { ...MODEL, text: 'thank you', tokensPerSecond: 100 } },
    });
    const slow = await fileChecksOf(speedStep, mac({ send: worse }));
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
    const found = await fileChecksOf(speedStep, mac({ send, modelInUse, os: 'linux' }));
    expect(dirs).toEqual(['/m', '/turbo']);
    expect(
      found.filter(({ name }) => /^model( in use)?$/.test(name)).map(({ facts }) => facts.model),
    ).toEqual(['base', 'turbo']);
  });
});

describe('the microphone', () => {
  const of = async (more: Partial<Environment>): Promise<CheckResult | undefined> =>
    named(await fileChecksOf(microphoneStep, mac(more)), 'microphone');

  test('gives sound, only zeros, nothing, or is refused', async () => {
    expect(await of({})).toMatchObject({
      status: 'ok',
      found: 'MacBook Pro Microphone at 48000 Hz, open after 210 ms, first sound after 260 ms',
    });
    const { firstAudioMs: _, ...zeros } = { ...RECORDED, firstAudioMs: 0, peak: 0 };
    expect(await of({ record: () => Promise.resolve(zeros) })).toMatchObject({
      ...{ status: 'failed', found: expect.stringContaining('every sample is zero') as unknown },
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

  test('macOS asks on behalf of an app, which may be refused; another log is no verdict', async () => {
    const from = async (log: string, code = 0): Promise<CheckResult | undefined> =>
      named(
        await fileChecksOf(microphoneStep, mac({ run: () => Promise.resolve(ran(code, log)) })),
        'microphone’s app',
      );
    const request = (value: number): string =>
      [
        'AUTHREQ_CTX: msgID=611.2, function=TCCAccessRequest, service=kTCCServiceMicrophone, preflight=no',
        'AUTHREQ_ATTRIBUTION: msgID=611.2, attribution={responsible={TCCDProcess: identifier=com.raycast.macos, pid=3, auid=501, responsible_path=/Applications/Raycast.app/Contents/MacOS/Raycast}, accessing={TCCDProcess: identifier=sotto-mic, pid=4}, },',
        `AUTHREQ_RESULT: msgID=611.2, authValue=${value}, authReason=2, authVersion=1`,
      ].join('\n');
    expect(await from(request(2))).toMatchObject({
      ...{ status: 'ok', found: 'macOS asks on behalf of com.raycast.macos' },
    });
    expect((await from(request(0)))?.status).toBe('failed');
    expect(await from('AUTHREQ_CTX: msgID=1.1, service=kTCCServiceMicrophone, in other words')).toMatchObject(
      { status: 'skipped', found: 'unknown: the log of macOS' },
    );
    expect((await from('nothing of the kind'))?.status).toBe('skipped');
    expect((await from('', 64))?.status).toBe('skipped');
  });
});

describe('files in folders that macOS protects', () => {
  /** With real commands: what is copied has to go again. */
  const tried = async (...messages: readonly object[]): Promise<CheckResult[]> => {
    const clip = join(folder, 'clip.flac');
    writeFileSync(clip, 'sound');
    for (const name of ['Desktop', 'Documents']) mkdirSync(join(home, name), { recursive: true });
    const run = commandsUntil(new AbortController().signal);
    return fileChecksOf(
      filesStep,
      mac({
        ...{ clip: { file: clip, text: '' }, run },
        cleanUp: async ([command, ...args]) => void (await run(command, args)),
        daemon: fakeDaemon({ connect: () => Promise.resolve(answering(...messages)) }),
        // Longer than the answers take.
        sleep: () => new Promise((resolve) => setImmediate(resolve)),
      }),
    );
  };
  const left = (): string[] => ['Desktop', 'Documents'].flatMap((name) => readdirSync(join(home, name)));

  test('open, are refused, open late, or hang; no file is left', async () => {
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
      const found = await tried(...messages);
      expect(found.map(({ status }) => status)).toEqual([status, status, 'skipped']);
      expect(found[0]?.facts).toMatchObject({ folder: 'Desktop', access: answer });
      expect(left()).toEqual([]);
    }
  });

  test('a job that fails is a failed verdict, and its file goes', async () => {
    const error = new SottoError('AUDIO_UNREADABLE', 'broken').toWire();
    const found = await tried({ type: 'failed', seq: 1, error });
    expect(found[0]).toMatchObject({ status: 'failed', facts: { code: 'AUDIO_UNREADABLE' } });
    expect(left()).toEqual([]);
  });

  test('where this terminal may not write, nothing is asked', async () => {
    const run = (): Promise<ReturnType<typeof ran>> => Promise.resolve(ran(-1));
    const daemon = fakeDaemon({ connect: () => Promise.resolve(answering()) });
    expect((await fileChecksOf(filesStep, mac({ run, daemon })))[0]).toMatchObject({
      ...{ status: 'skipped', found: expect.stringContaining('hangs') as unknown },
    });
  });
});

describe('the agent', () => {
  const unable = (): Promise<never> => Promise.reject(new SottoError('DAEMON_LOST', 'no daemon here'));

  test('starts, comes back after a crash, and leaves nothing; or does not', async () => {
    const daemon = fakeDaemon({ connect: unable });
    const found = await fileChecksOf(agentStep, mac({ daemon }));
    expect(found.map(({ name, status }) => `${name} ${status}`)).toEqual([
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
    const broken = await fileChecksOf(agentStep, mac({ daemon: worse }));
    expect(named(broken, 'crash')?.status).toBe('failed');
    expect(named(broken, 'bootout')).toMatchObject({
      ...{ status: 'failed', found: 'left behind: 1 processes, its socket' },
    });
  });

  test('one that can’t be started ends the step; the user’s own is looked at', async () => {
    const daemon = fakeDaemon({ start: unable });
    for (const [installed, state, status] of [
      ['no', 'not loaded', 'skipped'],
      ['yes', 'stopped', 'failed'],
      ['outdated', 'running', 'warn'],
    ] as const) {
      const agent = (): ReturnType<Environment['agent']> =>
        Promise.resolve({ installed, state, file: '/plist' });
      const found = await fileChecksOf(agentStep, mac({ daemon, agent }));
      expect(found.map((each) => each.status)).toEqual([status, 'failed']);
    }
  });
});

describe('the end of processes', () => {
  test('fails where one crashes, macOS writes a report, or arrays are left', async () => {
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
    const [found, leaks] = await fileChecksOf(teardownStep, mac({ exitBusy, send }));
    expect(exits).toBe(20);
    expect(found).toMatchObject({ status: 'failed', facts: { reports: ['node-new.ips'] } });
    expect(leaks).toMatchObject({ status: 'failed', facts: { arrays: 3 } });
    expect(existsSync(join(reports, 'node-old.ips'))).toBe(true);
  });
});
