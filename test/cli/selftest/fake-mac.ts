/** A healthy Mac for the steps of the self-test: fakes print what macOS prints. */
import type { SottoClient } from '#daemon/client/index.js';
import type { Recording } from '#daemon/cli/selftest/record-second.js';
import type { TestDaemon } from '#daemon/cli/selftest/test-daemon.js';
import type { Environment, Step, CheckResult } from '#daemon/cli/selftest/check-result.js';
import type { SelftestReply } from '#daemon/protocol/selftest-process.js';
import type { CommandResult } from '#launchd/run.js';

export const ran = (code: number, stdout = '', stderr = ''): CommandResult => ({ code, stdout, stderr });

export const SIGNED = `Executable=/usr/local/bin/node
Identifier=node
Format=Mach-O thin (arm64)
CodeDirectory v=20500 size=800 flags=0x10000(runtime) hashes=14+7 location=embedded
Authority=Developer ID Application: Node.js Foundation (HX7739G8FX)
Authority=Developer ID Certification Authority
TeamIdentifier=HX7739G8FX
`;
export const AD_HOC = `Identifier=sotto-mlx
CodeDirectory v=20400 size=800 flags=0x20002(adhoc,linker-signed) hashes=14+0 location=embedded
Signature=adhoc
TeamIdentifier=not set
`;

export const MACHINE = {
  ...{ device: 'gpu', readGbPerSecond: 100, gflops: 2600, hostMicrosPerOp: 3 },
  ...{ readyP50Ms: 0.2, readyP95Ms: 0.4, cacheCopies: 0 },
  products: [{ rows: 1500, width: 512, packedMs: 0.6, plainMs: 0.4 }],
};
export const MODEL = {
  ...{ loadSeconds: 0.2, warmUpSeconds: 1, encodeMs: 50, tokens: 25 },
  ...{ tokensPerSecond: 600, boundTokensPerSecond: 1200, text: 'and so my fellow Americans' },
};
export const REFERENCE = {
  ...{ device: 'gpu', sameWeights: true, sameClip: true, encoderError: 0.004, encoderLimit: 0.03 },
  ...{ tokens: 50, equalTokens: 50, differing: [], marginLimit: 0.5 },
};
export const RECORDED: Recording = {
  ...{ type: 'recorded', device: 'MacBook Pro Microphone', rate: 48_000, samples: 48_000 },
  ...{ openMs: 210, firstAudioMs: 260, peak: 900 },
};

const REPLIES: Record<string, SelftestReply> = {
  load: {
    type: 'loaded',
    facts: {
      mlx: '0.32.4',
      device: 'gpu',
      facts: { architecture: 'applegpu_g15s' },
      coldMs: 9,
      warmMs: 0.2,
    },
  },
  numbers: { type: 'numbers', device: 'gpu', ops: [{ op: 'softmax', error: 1e-4, limit: 1e-2 }] },
  reference: { type: 'reference', facts: REFERENCE },
  machine: { type: 'machine', facts: MACHINE },
  model: { type: 'model', facts: MODEL },
  leaks: { type: 'leaks', facts: { arrays: 0, bytes: 0 } },
};

/** Replaces some of the replies above. */
export const replying =
  (more: Record<string, SelftestReply>): Environment['send'] =>
  ({ type }) =>
    Promise.resolve({ ...REPLIES, ...more }[type] as SelftestReply);

export function fakeDaemon(more: Partial<TestDaemon> = {}): TestDaemon {
  return {
    isAgent: true,
    start: () => Promise.resolve(1.5),
    connect: () => Promise.reject(new Error('this test has no daemon')),
    killAndWait: () => Promise.resolve(10.2),
    stop: () => Promise.resolve({ processes: [], socket: false, home: false }),
    ...more,
  };
}

/** @param root a folder with the binaries of a release @param home the user's folder */
export function fakeMac(root: string, home: string, more: Partial<Environment> = {}): Environment {
  const lines: Record<string, string> = {
    'sw_vers -productVersion': '15.3.1',
    'sw_vers -buildVersion': '24D70',
    'sysctl -n machdep.cpu.brand_string': 'Apple M3 Pro',
    'sysctl -n hw.model': 'Mac15,6',
    'sysctl -n sysctl.proc_translated': '0',
  };
  return {
    ...{ os: 'darwin', uid: 501, home, root, node: process.execPath },
    run: (command, args) => {
      const line = lines[[command, ...args].join(' ')];
      if (line !== undefined) return Promise.resolve(ran(0, `${line}\n`));
      if (command === 'xattr') return Promise.resolve(ran(0));
      if (command === 'codesign' && args[0] === '--verify') return Promise.resolve(ran(0));
      if (command === 'codesign')
        return Promise.resolve(ran(0, '', args.at(-1) === process.execPath ? SIGNED : AD_HOC));
      return Promise.resolve(ran(127));
    },
    cleanUp: () => Promise.resolve(),
    model: { name: 'base', dir: '/m' },
    clip: { file: '/none.flac', text: 'and so my fellow Americans' },
    reference: '/reference.json',
    send: replying({}),
    exitBusy: () => Promise.resolve({ code: 0, signal: null }),
    daemon: fakeDaemon(),
    agent: () => Promise.resolve({ installed: 'yes', state: 'running', pid: 7, file: '/plist' }),
    record: () => Promise.resolve(RECORDED),
    sleep: () => Promise.resolve(),
    signal: new AbortController().signal,
    ...more,
  };
}

/** All checks of a step. */
export async function checksOf(step: Step, environment: Environment): Promise<CheckResult[]> {
  const checks: CheckResult[] = [];
  for await (const check of step(environment)) checks.push(check);
  return checks;
}

export const named = (checks: readonly CheckResult[], name: string): CheckResult | undefined =>
  checks.find((check) => check.name === name);

/** A connection to a daemon that answers each transcription with these messages. */
export function answering(...messages: readonly object[]): SottoClient {
  return {
    connected: true,
    channel: (id: string, listener: { receive: (message: object) => void }) => ({
      send: (message: { type: string }) => {
        if (message.type === 'transcribe')
          for (const each of messages) queueMicrotask(() => listener.receive({ id, ...each }));
      },
      close: () => undefined,
    }),
    close: () => undefined,
  } as unknown as SottoClient;
}
