/** All that a dictation needs, looked at one by one: mostly by `sotto agent doctor`, and what only Raycast can see. */
import { SottoError } from 'sotto/client';
import { defined, type ModelsList } from 'sotto/protocol';
import { findDaemon } from '../lib/daemon';
import type { SottoCommand } from '../lib/find-sotto';
import { bytesText } from '../models/model-text';
import { runSotto, type CommandOutput } from '../lib/run-sotto';

export interface DoctorCheck {
  /** What was looked at, as the doctor calls it. */
  readonly what: string;
  readonly status: 'right' | 'note' | 'wrong';
  readonly message: string;
  readonly advice?: string;
}

/** Whether Sotto is there from login on. */
export type AgentState = 'none' | 'outdated' | 'stopped' | 'running';

export interface DoctorReport {
  readonly checks: readonly DoctorCheck[];
  /** Left out where the system knows no login agents. */
  readonly agent?: AgentState;
  readonly isDaemonRunning: boolean;
}

const TITLES: Record<string, string> = {
  sotto: 'Sotto',
  node: 'Node.js',
  addon: 'Engine Library',
  agent: 'Login Agent',
  daemon: 'Daemon',
  engine: 'Engine and GPU',
  microphone: 'Microphone',
  'better-model': 'A Better Model',
};
const MICROPHONE_ADVICE =
  'macOS asks at the first dictation. If no words come, allow it in System Settings › Privacy & Security › Microphone.';

export function titleOf({ what }: DoctorCheck): string {
  return TITLES[what] ?? what.charAt(0).toUpperCase() + what.slice(1);
}

export async function runChecks(sotto: () => SottoCommand): Promise<DoctorReport> {
  let command: SottoCommand;
  try {
    command = sotto();
  } catch (thrown) {
    return { checks: [wrong('sotto', thrown)], isDaemonRunning: false };
  }
  const message = [command.program, ...command.args].join(' ');
  const [doctor, agent, microphone, model] = await Promise.all([
    runSotto(command, ['agent', 'doctor', '--json']).then(parseFindings).catch(asFailedCheck('sotto')),
    runSotto(command, ['agent', 'status', '--json'])
      .then(parseAgent)
      .catch(() => undefined),
    runSotto(command, ['dictate', '--list-devices'])
      .then(parseMicrophones)
      .catch(asFailedCheck('microphone')),
    betterModel().catch(() => []),
  ]);
  const isThere = doctor.every(({ what }) => what !== 'sotto');
  const rest = doctor.filter(({ what }) => what !== 'log');
  return {
    checks: [
      ...(isThere ? [{ what: 'sotto', status: 'right' as const, message }] : []),
      ...rest,
      ...microphone,
      ...model,
    ],
    ...defined({ agent }),
    isDaemonRunning: doctor.some(({ what }) => what === 'engine'),
  };
}

/** For whoever is asked for help. */
export function reportOf(checks: readonly DoctorCheck[], about: readonly string[], log: string): string {
  const marks = { right: '✓', note: '·', wrong: '✗' };
  const lines = checks.map((check) => {
    const advice = check.advice === undefined ? '' : ` — ${check.advice}`;
    return `${marks[check.status]} ${titleOf(check)}: ${check.message}${advice}`;
  });
  return [...about, '', ...lines, `· Log: ${log}`].join('\n');
}

/** What suits this Mac and is not here: the model that Sotto comes with is small. */
export function betterModelChecks({ machine, recommended, installed, catalogue }: ModelsList): DoctorCheck[] {
  const entry = catalogue.find(({ name }) => name === recommended);
  const isHere = installed.some((model) => model.name === recommended || model.catalogue === recommended);
  if (!machine.hasGpu || entry === undefined || isHere) return [];
  return [
    {
      what: 'better-model',
      status: 'note',
      message: `${entry.title} suits this Mac, and hears better than the model that Sotto comes with.`,
      advice: `it is ${bytesText(entry.bytes)} to download, in Manage Models.`,
    },
  ];
}

async function betterModel(): Promise<DoctorCheck[]> {
  const client = await findDaemon();
  if (client === undefined) return [];
  try {
    return betterModelChecks(await client.models.list());
  } finally {
    client.close();
  }
}

function parseFindings({ stdout, stderr }: CommandOutput): DoctorCheck[] {
  const output: unknown = stdout.trim() === '' ? undefined : JSON.parse(stdout);
  const findings =
    typeof output === 'object' && output !== null && 'findings' in output ? output.findings : undefined;
  if (!Array.isArray(findings)) {
    const why = stderr.trim().replace(/^sotto: /, '');
    throw new SottoError('INTERNAL', why === '' ? 'it says nothing about itself' : why, {
      hint: 'it may be older than this extension: install it anew',
    });
  }
  return findings.flatMap((each: unknown) => (isCheck(each) ? [each] : []));
}

function parseAgent({ stdout }: CommandOutput): AgentState {
  const { installed, state } = JSON.parse(stdout) as {
    installed?: unknown;
    state?: unknown;
  };
  if (installed === 'no') return 'none';
  if (installed === 'outdated') return 'outdated';
  return state === 'running' ? 'running' : 'stopped';
}

/** Each line is a number and a name. */
function parseMicrophones({ stdout, stderr }: CommandOutput): DoctorCheck[] {
  const names = stdout.split('\n').flatMap((line) => /^\s*\d+\s+(.+)$/.exec(line)?.[1] ?? []);
  if (names.length > 0) {
    // They are named without any permission, and only who opens one learns whether it may be heard.
    const message = `${names.join(', ')}: connected. Whether Raycast may use it shows in the first dictation.`;
    return [{ what: 'microphone', status: 'note', message, advice: MICROPHONE_ADVICE }];
  }
  const why = stderr.trim().replace(/^sotto: /, '');
  const message = why === '' ? 'none is connected' : why;
  return [
    {
      what: 'microphone',
      status: 'wrong',
      message,
      advice: 'connect a microphone',
    },
  ];
}

function asFailedCheck(what: string): (thrown: unknown) => DoctorCheck[] {
  return (thrown) => [wrong(what, thrown)];
}

function wrong(what: string, thrown: unknown): DoctorCheck {
  const { message, hint } = SottoError.from(thrown);
  return { what, status: 'wrong', message: message, advice: hint };
}

function isCheck(value: unknown): value is DoctorCheck {
  if (typeof value !== 'object' || value === null) return false;
  const { what, status, message, advice } = value as Partial<Record<keyof DoctorCheck, unknown>>;
  return (
    typeof what === 'string' &&
    typeof message === 'string' &&
    (status === 'right' || status === 'note' || status === 'wrong') &&
    (advice === undefined || typeof advice === 'string')
  );
}
