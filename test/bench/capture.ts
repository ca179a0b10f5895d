/**
 * Time from the hotkey to the first sample and to the first word on the screen: Dictate in the Raycast host, with real
 * speech in real time from a scripted sotto-mic, and the real daemon with the starter model warm. `cold`: no capture
 * process is running; `warm`: the one of the previous dictation is. The time that a Mac needs to open a device is not
 * included.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CaptureClient } from '#daemon/client/index.js';
import { resolvePaths, type Paths } from '#daemon/user-paths.js';
import { buildExtension, extensionFolder, whyNotBuilt } from '#test/raycast/build-extension.js';
import { RaycastHost } from '#test/raycast/raycast-host.js';
import { textOf } from '#test/raycast/tree.js';
import { scriptedMicrophone } from '#test/harness/scripted-microphone.js';
import { root } from './clips.js';
import { samplesOf } from './in-process.js';
import { median, printTable, quantile, saveResult } from './report.js';

const launcher = join(root, 'daemon/bin/sotto.mjs');
const clip = join(root, 'assets/speech/jfk.flac');
/** Text of Dictate before the first word. */
const PLACEHOLDER = /^(\*[^*]*[.…]\*)?$/;

interface Start {
  /** Milliseconds from the launch of the command to the first recorded sample. */
  readonly sample: number;
  /** Milliseconds to the first text on the screen. */
  readonly word: number;
}

export async function capture(argv: string[]): Promise<void> {
  const { values: args } = parseArgs({
    args: argv,
    options: {
      repeat: { type: 'string', default: '5' },
      'save-baseline': { type: 'boolean', default: false },
    },
  });
  const missing = await whyNotBuilt();
  if (missing !== undefined) throw new Error(`the extension can't be built: ${missing}`);
  const home = mkdtempSync(join(tmpdir(), 'sotto-capture-'));
  const speech = join(home, 'speech.s16');
  const samples = await samplesOf(clip);
  writeFileSync(speech, new Uint8Array(Int16Array.from(samples, (x) => Math.round(x * 32_767)).buffer));
  const opened = join(home, 'opened');
  const mic = { speech, samples: samples.length, pauseMs: 100, marks: opened };
  const env = {
    SOTTO_HOME: home,
    SOTTO_BIN: launcher,
    SOTTO_NODE: process.execPath,
    ...scriptedMicrophone(mic, home),
  };
  const paths = resolvePaths({ SOTTO_HOME: home });
  const run = (...words: string[]) =>
    spawnSync(process.execPath, [launcher, ...words], { env: { ...process.env, ...env }, encoding: 'utf8' });
  const built = await buildExtension(extensionFolder);
  const host = new RaycastHost(built, { env, preferences: { language: 'en' } });
  const runs: Record<'cold' | 'warm', Start[]> = { cold: [], warm: [] };
  try {
    run('daemon', 'start');
    await start(host, paths, opened); // fills the page cache and warms up the model
    for (let time = 0; time < Number(args.repeat); time++) {
      runs.warm.push(await start(host, paths, opened));
      await CaptureClient.leave(paths.capture);
      runs.cold.push(await start(host, paths, opened));
    }
  } finally {
    await CaptureClient.leave(paths.capture);
    await host.close();
    built.remove();
    run('daemon', 'stop');
    rmSync(home, { recursive: true, force: true });
  }
  const rows = Object.entries(runs).map(([name, starts]) => ({
    name,
    sampleMs: Math.round(median(starts.map(({ sample }) => sample))),
    worstSampleMs: Math.round(
      quantile(
        starts.map(({ sample }) => sample),
        1,
      ),
    ),
    wordMs: Math.round(median(starts.map(({ word }) => word))),
  }));
  printTable(
    ['Dictate', 'hotkey → first sample, ms', 'worst', 'hotkey → first word on the screen, ms'],
    rows.map(({ name, sampleMs, worstSampleMs, wordMs }) =>
      [name, sampleMs, worstSampleMs, wordMs].map(String),
    ),
  );
  saveResult('capture', { repeat: Number(args.repeat), rows }, args['save-baseline']);
}

async function start(host: RaycastHost, paths: Paths, opened: string): Promise<Start> {
  const begin = performance.now();
  const command = host.launch('dictate');
  const sample = await firstSample(opened, begin);
  await command.until((tree) => !PLACEHOLDER.test(textOf(tree, 'markdown').trim()));
  const word = performance.now() - begin;
  // Waits until it is idle, as between two dictations: standby also starts a process.
  await command.act('Cancel');
  await command.pop();
  const taking = await CaptureClient.connect(paths.capture);
  taking?.request('cancel');
  for await (const _ of taking?.updates() ?? []);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  return { sample, word };
}

/** When the microphone was open: all that it gives from then on is in the take. The file's own clock is the machine's. */
async function firstSample(opened: string, begin: number): Promise<number> {
  for (;;) {
    const mtime = statSync(opened, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const sample = mtime - performance.timeOrigin - begin;
    if (sample > 0) return sample;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
