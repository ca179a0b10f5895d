/** What the self-test finds, and what it needs of the machine. */
import type { AgentStatus } from '#launchd/index.js';
import type { Run } from '#launchd/run.js';
import type { SottoClient } from '../../client/index.js';
import type { SelftestReply, SelftestRequest } from '../../protocol/selftest-work.js';

export interface Verdict {
  readonly name: string;
  readonly verdict: 'ok' | 'warn' | 'failed' | 'skipped';
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

/** The machine, handed in: tests put another one in its place. */
export interface Environment {
  readonly os: NodeJS.Platform;
  /** The user's own folder. */
  readonly home: string;
  /** The folder that Sotto lies in. */
  readonly root: string;
  readonly node: string;
  /** Commands of the system. */
  readonly run: Run;
  /** A model and a clip whose text is known. */
  readonly model: { readonly name: string; readonly dir: string };
  readonly clip: { readonly file: string; readonly text: string };
  /** Measures in a process of the engine's kind. @throws SottoError */
  readonly ask: (request: SelftestRequest, env?: Readonly<Record<string, string>>) => Promise<SelftestReply>;
  /** Such a process ends while work is queued. */
  readonly exitBusy: () => Promise<Exit>;
  /** The daemon that runs; undefined where none does. @throws SottoError */
  readonly connect: () => Promise<SottoClient | undefined>;
  readonly agent: () => Promise<AgentStatus>;
  readonly sleep: (ms: number) => Promise<void>;
}

/** @throws nothing: what goes wrong is a verdict */
export type Step = (environment: Environment) => Promise<Verdict[]>;

export function macOnly(name: string): Verdict {
  return { name, verdict: 'skipped', found: 'only on macOS', facts: {} };
}

export function skipped(name: string, found: string, advice?: string): Verdict {
  return { name, verdict: 'skipped', found, facts: {}, ...(advice !== undefined && { advice }) };
}
