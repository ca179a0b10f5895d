/** What the self-test finds, and what it needs of the machine. */
import type { AgentStatus } from '#launchd/index.js';
import type { RunCommand } from '#launchd/run.js';
import type { SelftestReply, SelftestRequest } from '../../protocol/selftest-process.js';
import type { Recording } from './record-second.js';
import type { TestDaemon } from './test-daemon.js';
import { defined } from '../../protocol/defined.js';

export interface CheckResult {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'failed' | 'skipped';
  /** What was found, in a line. */
  readonly found: string;
  /** The same for programs. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** What to do about it. */
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

/** The machine, handed in: tests put another one in its place. */
export interface Environment {
  readonly os: NodeJS.Platform;
  readonly uid: number;
  /** The user's own folder. */
  readonly home: string;
  /** The folder that Sotto lies in. */
  readonly root: string;
  readonly node: string;
  /** Commands of the system, killed once the step is over. */
  readonly run: RunCommand;
  /** The same, whatever becomes of the step: what was made is removed. */
  readonly cleanUp: (command: readonly [string, ...string[]]) => Promise<void>;
  /** The starter model, a clip whose text is known, and what another implementation makes of them. */
  readonly model: NamedModel;
  readonly clip: { readonly file: string; readonly text: string };
  readonly reference: string;
  /** The model that the user has chosen, where it is another one. */
  readonly modelInUse?: NamedModel;
  /** Measures in a process of the engine's kind. @throws SottoError */
  readonly send: (request: SelftestRequest, env?: Readonly<Record<string, string>>) => Promise<SelftestReply>;
  /** Such a process ends while work is queued. */
  readonly exitBusy: () => Promise<Exit>;
  /** A daemon of the test's own: on macOS under launchd, as the login agent is. */
  readonly daemon: TestDaemon;
  /** The user's own login agent. */
  readonly agent: () => Promise<AgentStatus>;
  readonly record: () => Promise<Recording>;
  readonly sleep: (ms: number) => Promise<void>;
  /** Aborted when the step's time is up, or the user ends the test. */
  readonly signal: AbortSignal;
}

/** Verdicts as they are found. What it throws is a failed verdict. */
export type Step = (environment: Environment) => AsyncGenerator<CheckResult, void>;

export function macOnly(name: string): CheckResult {
  return { name, status: 'skipped', found: 'only on macOS', facts: {} };
}

export function skipped(
  name: string,
  found: string,
  advice?: string,
  facts: Readonly<Record<string, unknown>> = {},
): CheckResult {
  return { name, status: 'skipped', found, facts, ...defined({ advice }) };
}

/** More of a tool's output than this is not sent in. */
const MAX_RAW = 2_000;

/** A tool of macOS that says something else than Sotto knows: no verdict, and its words for the reader of the file. */
export function unknown(name: string, what: string, raw: string): CheckResult {
  return skipped(name, `unknown: ${what}`, undefined, { raw: raw.slice(-MAX_RAW) });
}
