/** `sotto doctor --selftest`: eight steps, a line for each verdict, or one JSON object to send in. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { run } from '#launchd/run.js';
import { packageRoot, type Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import { SOTTO_VERSION } from '../../protocol/version.js';
import { findModelOrPlain } from '../../store/find-model.js';
import { managerFor } from '../agent.js';
import { readClips } from '../labelled-clips.js';
import { shelvesOf } from '../shelves.js';
import { findDaemon } from '../start-daemon.js';
import { padEnd } from '../terminal/columns.js';
import { styleFor, wantsColour, type Style } from '../terminal/style.js';
import { agentStep } from './agent.js';
import { askProcess, exitBusyProcess, unavailable } from './ask.js';
import { filesStep } from './files.js';
import { loadStep } from './load.js';
import { microphoneStep } from './microphone.js';
import { numbersStep } from './numbers.js';
import { speedStep } from './speed.js';
import { systemStep } from './system.js';
import { teardownStep } from './teardown.js';
import type { Environment, Step, Verdict } from './verdict.js';

const SAMPLE = 'jfk.flac';
/** The sections of the report, in order. */
export const STEPS: readonly (readonly [name: string, step: Step])[] = [
  ['system', systemStep],
  ['load', loadStep],
  ['numbers', numbersStep],
  ['speed', speedStep],
  ['microphone', microphoneStep],
  ['files', filesStep],
  ['agent', agentStep],
  ['teardown', teardownStep],
];

/** @returns the exit code: 3 where something failed */
export async function selftest(paths: Paths, json: boolean): Promise<number> {
  const style = styleFor(wantsColour(process.stdout));
  const verdicts = await runSteps(environmentOf(paths), (verdict) => {
    if (!json) say(line(verdict, style));
  });
  if (json) say(JSON.stringify({ version: SOTTO_VERSION, at: new Date().toISOString(), verdicts }));
  else say(summary(verdicts));
  return verdicts.some(({ verdict }) => verdict === 'failed') ? 3 : 0;
}

/** One step after another; what a step did not foresee is its verdict. */
export async function runSteps(
  environment: Environment,
  onVerdict: (verdict: Verdict) => void,
): Promise<Verdict[]> {
  const all: Verdict[] = [];
  for (const [name, step] of STEPS) {
    const found = await step(environment).catch((error: unknown) => [unavailable(name, error)]);
    for (const verdict of found) onVerdict(verdict);
    all.push(...found);
  }
  return all;
}

/** @throws SottoError MODEL_NOT_FOUND, AUDIO_NOT_FOUND */
function environmentOf(paths: Paths): Environment {
  const speech = join(packageRoot, 'assets', 'speech');
  const clip = readClips(speech).find(({ file }) => file === SAMPLE);
  if (clip === undefined) throw new SottoError('AUDIO_NOT_FOUND', `${speech} has no ${SAMPLE}`);
  return {
    os: process.platform,
    home: homedir(),
    root: packageRoot,
    node: process.execPath,
    run,
    model: findModelOrPlain(shelvesOf(paths), undefined).model,
    clip: { file: join(speech, SAMPLE), text: clip.text },
    ask: askProcess,
    exitBusy: exitBusyProcess,
    connect: () => findDaemon(paths),
    agent: () => managerFor(paths).status(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}

function line({ name, verdict, found, advice }: Verdict, style: Style): string {
  const mark = { ok: style.green('✓'), warn: '!', failed: style.red('✗'), skipped: style.dim('·') }[verdict];
  const rest = verdict === 'skipped' ? `skipped: ${found}` : found;
  return `${mark} ${padEnd(name, 22)}${advice === undefined ? rest : `${rest} — ${advice}`}`;
}

function summary(verdicts: readonly Verdict[]): string {
  const count = (which: Verdict['verdict']): number =>
    verdicts.filter(({ verdict }) => verdict === which).length;
  const parts = (['ok', 'warn', 'failed', 'skipped'] as const).map((which) => `${count(which)} ${which}`);
  return `${parts.join(', ')}. To send it in: sotto doctor --selftest --json > sotto-selftest.json`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
