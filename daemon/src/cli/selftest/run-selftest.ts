/** `sotto doctor --selftest`: eight steps, one line for each check, and a JSON report. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '../../async.js';
import { modelDirs, bundledSpeech, packageRoot, type Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import { readSettings } from '../../settings.js';
import { findModel } from '../../store/find-model.js';
import { managerFor } from '../agent/agent-actions.js';
import { INTERRUPTED, onInterrupt } from '../interrupt.js';
import { readClips } from '../models/labeled-clips.js';
import { padEnd } from '../terminal/columns.js';
import { styleFor, wantsColor, type Style } from '../terminal/style.js';
import { agentStep } from './steps/agent-step.js';
import { sendToProcess, exitBusyProcess } from './selftest-process.js';
import { commandsUntil } from './system-commands.js';
import { filesStep } from './steps/files-step.js';
import { loadStep } from './steps/load-step.js';
import { microphoneStep } from './steps/microphone-step.js';
import { numbersStep } from './steps/numbers-step.js';
import { recordSecond } from './record-second.js';
import { reportOf, writeReport } from './selftest-report.js';
import { runSteps, type StepCheck, type TimedStep } from './run-steps.js';
import { speedStep } from './steps/speed-step.js';
import { systemStep } from './steps/system-step.js';
import { teardownStep } from './steps/teardown-step.js';
import { SelftestDaemon, type TestDaemon } from './test-daemon.js';
import type { Environment, NamedModel, CheckResult } from './check-result.js';
import { defined } from '../../protocol/defined.js';

const SAMPLE = 'jfk.flac';
const REFERENCE = join(packageRoot, 'assets', 'selftest', 'whisper-base-6bit-jfk.json');

/** The steps in order; together they take at most 3 minutes. */
export const STEPS: readonly TimedStep[] = [
  { name: 'system', step: systemStep, limitMs: 12_000 },
  { name: 'load', step: loadStep, limitMs: 12_000 },
  { name: 'numbers', step: numbersStep, limitMs: 20_000 },
  { name: 'speed', step: speedStep, limitMs: 36_000 },
  { name: 'microphone', step: microphoneStep, limitMs: 16_000 },
  { name: 'files', step: filesStep, limitMs: 18_000 },
  { name: 'agent', step: agentStep, limitMs: 36_000 },
  { name: 'teardown', step: teardownStep, limitMs: 25_000 },
];

/** @returns the exit code: 3 if a check failed, 130 after Ctrl-C */
export async function selftest(paths: Paths, json: boolean): Promise<number> {
  const output = json ? process.stderr : process.stdout;
  const style = styleFor(wantsColor(output));
  const interrupt = onInterrupt();
  const daemon = new SelftestDaemon({
    os: process.platform,
    uid: process.getuid?.() ?? 0,
    user: homedir(),
    run: commandsUntil(new AbortController().signal),
    interrupt: interrupt.signal,
  });
  const begun = new Date();
  let checks: readonly StepCheck[];
  try {
    const make = environmentMaker(paths, daemon);
    const print = (check: StepCheck): void => void output.write(`${line(check, style)}\n`);
    checks = await runSteps(STEPS, make, print, interrupt.signal);
  } finally {
    await daemon.stop();
  }
  if (interrupt.signal.aborted) return INTERRUPTED;
  interrupt.release();
  const report = reportOf(begun, checks, homedir());
  output.write(`${summary(checks, report.seconds)}\n`);
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else process.stdout.write(`Report to send in: ${await writeReport(report, [process.cwd(), paths.home])}\n`);
  return checks.some(({ status }) => status === 'failed') ? 3 : 0;
}

/** @throws SottoError MODEL_NOT_FOUND, AUDIO_NOT_FOUND */
function environmentMaker(paths: Paths, daemon: TestDaemon): (signal: AbortSignal) => Environment {
  const clip = readClips(bundledSpeech).find(({ file }) => file === SAMPLE);
  if (clip === undefined) throw new SottoError('AUDIO_NOT_FOUND', `${bundledSpeech} has no ${SAMPLE}`);
  const model = findModel(modelDirs(paths), undefined);
  const modelInUse = chosenModel(paths, model);
  const always = commandsUntil(new AbortController().signal);
  return (signal) => ({
    os: process.platform,
    uid: process.getuid?.() ?? 0,
    home: homedir(),
    root: packageRoot,
    node: process.execPath,
    run: commandsUntil(signal),
    cleanUp: async ([command, ...args]) => void (await always(command, args)),
    model,
    clip: { file: join(bundledSpeech, SAMPLE), text: clip.text },
    reference: REFERENCE,
    ...defined({ modelInUse }),
    send: (request, env) => sendToProcess(signal, request, env),
    exitBusy: () => exitBusyProcess(signal),
    daemon,
    agent: () => managerFor(paths).status(),
    record: () => recordSecond(signal),
    sleep: (ms) => sleep(ms, signal),
    signal,
  });
}

/** The model that the user has chosen, if it is installed and isn't the starter model. */
function chosenModel(paths: Paths, starter: NamedModel): NamedModel | undefined {
  try {
    const chosen = findModel(modelDirs(paths), readSettings(paths.settings).model);
    return chosen.dir === starter.dir ? undefined : chosen;
  } catch {
    // `sotto doctor` reports invalid settings.
    return undefined;
  }
}

export function line({ name, status, message, advice }: CheckResult, style: Style): string {
  const mark = { ok: style.green('✓'), warn: '!', failed: style.red('✗'), skipped: style.dim('·') }[status];
  const rest = status === 'skipped' ? `skipped: ${message}` : message;
  return `${mark} ${padEnd(name, 24)}${advice === undefined ? rest : `${rest} — ${advice}`}`;
}

function summary(checks: readonly CheckResult[], seconds: number): string {
  const count = (which: CheckResult['status']): number =>
    checks.filter(({ status }) => status === which).length;
  const parts = (['ok', 'warn', 'failed', 'skipped'] as const).map((which) => `${count(which)} ${which}`);
  return `${parts.join(', ')}, in ${seconds.toFixed(0)} s.`;
}
