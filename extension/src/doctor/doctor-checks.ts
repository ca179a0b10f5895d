import { SottoError } from 'sotto/client';
import { defined, type ModelsList } from 'sotto/protocol';
import { findDaemon } from '../lib/connect-daemon';
import type { SottoCommand } from '../lib/find-sotto';
import { bytesText } from '../models/model-text';
import { runSotto, type CommandOutput } from '../lib/run-sotto';

export interface DoctorCheck {
  /** Id of the check in `sotto doctor`. */
  readonly what: string;
  readonly status: 'right' | 'note' | 'wrong';
  readonly message: string;
  readonly advice?: string;
}

/** Of the login agent that starts Sotto at login. */
export type AgentState = 'none' | 'outdated' | 'stopped' | 'running';

export interface DoctorReport {
  readonly checks: readonly DoctorCheck[];
  /** Omitted on systems without login agents. */
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
  'better-model': 'Better Model Available',
};
const MICROPHONE_ADVICE =
  'If no words appear, allow Raycast in System Settings › Privacy & Security › Microphone.';

export function titleOf({ what }: DoctorCheck): string {
  return TITLES[what] ?? what.charAt(0).toUpperCase() + what.slice(1);
}

export async function runChecks(sotto: () => SottoCommand): Promise<DoctorReport> {
  let command: SottoCommand;
  try {
    command = sotto();
  } catch (thrown) {
    return { checks: [failedCheck('sotto', thrown)], isDaemonRunning: false };
  }
  const message = [command.program, ...command.args].join(' ');
  const [doctor, agent, microphone, model] = await Promise.all([
    runSotto(command, ['doctor', '--json']).then(parseFindings).catch(asFailedCheck('sotto')),
    runSotto(command, ['agent', 'status', '--json'])
      .then(parseAgent)
      .catch(() => undefined),
    runSotto(command, ['dictate', '--list-devices'])
      .then(parseMicrophones)
      .catch(asFailedCheck('microphone')),
    betterModel().catch(() => []),
  ]);
  const isFound = doctor.every(({ what }) => what !== 'sotto');
  const rest = doctor.filter(({ what }) => what !== 'log');
  return {
    checks: [
      ...(isFound ? [{ what: 'sotto', status: 'right' as const, message }] : []),
      ...rest,
      ...microphone,
      ...model,
    ],
    ...defined({ agent }),
    isDaemonRunning: doctor.some(({ what }) => what === 'engine'),
  };
}

/** Plain text to paste into a support request. */
export function reportOf(checks: readonly DoctorCheck[], about: readonly string[], log: string): string {
  const marks = { right: '✓', note: '·', wrong: '✗' };
  const lines = checks.map((check) => {
    const advice = check.advice === undefined ? '' : ` — ${check.advice}`;
    return `${marks[check.status]} ${titleOf(check)}: ${check.message}${advice}`;
  });
  return [...about, '', ...lines, `· Log: ${log}`].join('\n');
}

/** Suggests the recommended model if it is not installed: the included model is small. */
export function betterModelChecks({ machine, recommended, installed, catalogue }: ModelsList): DoctorCheck[] {
  const entry = catalogue.find(({ name }) => name === recommended);
  const isInstalled = installed.some(
    (model) => model.name === recommended || model.catalogue === recommended,
  );
  if (!machine.hasGpu || entry === undefined || isInstalled) return [];
  return [
    {
      what: 'better-model',
      status: 'note',
      message: `${entry.title} fits this Mac and is more accurate than the included model${figureOf(entry)}.`,
      advice: `Download it in Manage Models (${bytesText(entry.bytes)}).`,
    },
  ];
}

/** ` (7.8% of words wrong; Open ASR Leaderboard, English)` */
function figureOf({ wordErrors }: ModelsList['catalogue'][number]): string {
  if (wordErrors === undefined) return '';
  const { percent, publishedBy } = wordErrors;
  return ` (${percent}% of words wrong${publishedBy === undefined ? '' : `; ${publishedBy}, not measured here`})`;
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
    throw new SottoError('INTERNAL', why === '' ? 'Sotto didn’t respond' : why, {
      hint: 'it may be older than this extension. Reinstall it',
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

/** Parses lines of a number and a name. */
function parseMicrophones({ stdout, stderr }: CommandOutput): DoctorCheck[] {
  const names = stdout.split('\n').flatMap((line) => /^\s*\d+\s+(.+)$/.exec(line)?.[1] ?? []);
  if (names.length > 0) {
    // Listing needs no permission; only opening a microphone shows whether Raycast has it.
    const message = `${names.join(', ')} connected. macOS will ask for access when you first dictate.`;
    return [{ what: 'microphone', status: 'note', message, advice: MICROPHONE_ADVICE }];
  }
  const why = stderr.trim().replace(/^sotto: /, '');
  const message = why === '' ? 'no microphone is connected' : why;
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
  return (thrown) => [failedCheck(what, thrown)];
}

function failedCheck(what: string, thrown: unknown): DoctorCheck {
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
