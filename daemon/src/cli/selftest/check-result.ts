/** Results of the self-test, and what its steps need of the machine. */
import type { AgentStatus } from '#launchd/index.js';
import type { RunCommand } from '#launchd/run.js';
import type { SelftestReply, SelftestRequest } from '../../protocol/selftest-process.js';
import type { Recording } from './record-second.js';
import type { TestDaemon } from './test-daemon.js';
import { defined } from '../../protocol/defined.js';

export interface CheckResult {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'failed' | 'skipped';
  /** The result in one line. */
  readonly message: string;
  /** The result for programs. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** How to fix the problem. */
  readonly advice?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface NamedModel {
  readonly name: string;
  readonly dir: string;
}

/** The machine, injected so that tests can replace it. */
export interface Environment {
  readonly os: NodeJS.Platform;
  readonly uid: number;
  /** The user's home folder. */
  readonly home: string;
  /** The folder in which Sotto is installed. */
  readonly root: string;
  readonly node: string;
  /** Runs system commands, which are killed when the step ends. */
  readonly run: RunCommand;
  /** Runs a command even after the step has ended, to clean up. */
  readonly cleanUp: (command: readonly [string, ...string[]]) => Promise<void>;
  /** The starter model, a clip with a known text, and the reference values of another implementation. */
  readonly model: NamedModel;
  readonly clip: { readonly file: string; readonly text: string };
  readonly reference: string;
  /** The model that the user has chosen, if it is another one. */
  readonly modelInUse?: NamedModel;
  /** Measures in a process like the engine's. @throws SottoError */
  readonly send: (request: SelftestRequest, env?: Readonly<Record<string, string>>) => Promise<SelftestReply>;
  /** Exits such a process while work is queued. */
  readonly exitBusy: () => Promise<Exit>;
  /** A daemon of the self-test: on macOS under launchd, like the login agent. */
  readonly daemon: TestDaemon;
  /** Status of the user's login agent. */
  readonly agent: () => Promise<AgentStatus>;
  readonly record: () => Promise<Recording>;
  readonly sleep: (ms: number) => Promise<void>;
  /** Aborted when the step's time is up, or the user interrupts the test. */
  readonly signal: AbortSignal;
}

/** Yields check results as they come. An error is a failed check. */
export type Step = (environment: Environment) => AsyncGenerator<CheckResult, void>;

export function macOnly(name: string): CheckResult {
  return { name, status: 'skipped', message: 'only on macOS', facts: {} };
}

export function skipped(
  name: string,
  message: string,
  advice?: string,
  facts: Readonly<Record<string, unknown>> = {},
): CheckResult {
  return { name, status: 'skipped', message, facts, ...defined({ advice }) };
}

/** Characters of a tool's output that the report includes. */
const MAX_RAW = 2_000;

/**
 * For output of a macOS tool that Sotto doesn't recognize: the check is skipped, and the output goes into the
 * report.
 */
export function unknown(name: string, what: string, raw: string): CheckResult {
  return skipped(name, `unknown: ${what}`, undefined, { raw: raw.slice(-MAX_RAW) });
}
