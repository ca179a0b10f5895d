/** A home for background dictations, and a microphone that plays a test's audio. To be called once in a suite. */
import { spawn } from 'node:child_process';
import { afterEach, expect } from '@jest/globals';
import type { CaptureCommand } from '#daemon/client/capture-client.js';
import { CaptureClient, followDictation, SottoClient, type DictationView } from '#daemon/client/index.js';
import type { Capture, LastText } from '#daemon/protocol/capture.js';
import { withHome } from '#test/harness/with-home.js';
import { argsOf, threadsOf } from '#test/harness/processes.js';
import { fakeEngine, launcher, sotto, startSotto, type SottoProcess } from '#test/harness/run-sotto.js';
import { MICROPHONE_PROGRAM, scriptedMicrophone, type MicScript } from '#test/harness/scripted-microphone.js';
import { until } from '#test/harness/wait.js';

/** Socket of the daemon of each client. */
const sockets = new WeakMap<CaptureClient, string>();

/** The dictation with its text. */
function views(capture: CaptureClient): AsyncGenerator<DictationView, void> {
  const socket = sockets.get(capture) ?? '';
  return followDictation(capture, () => SottoClient.connect(socket, 'test'));
}

export function withCapture() {
  // Before the home is removed: the waiting process lives in it.
  afterEach(() => CaptureClient.leave(home.paths.capture));
  const home = withHome();

  function begin(mic: MicScript, ...args: string[]): SottoProcess {
    return startSotto(['capture', '--no-refine', ...args], {
      home: home.folder,
      env: scriptedMicrophone(mic, home.folder),
    });
  }

  /** Started by a process of its own, which can exit. */
  async function startInOtherProcess(mic: MicScript): Promise<{ pid: number; kill: () => void }> {
    const start = `const { spawn } = require('node:child_process');
      const args = [process.env.LAUNCHER, 'capture', '--no-refine', '--keep-listening'];
      console.log(spawn(process.execPath, args, { detached: true, stdio: 'ignore' }).pid);
      setInterval(() => undefined, 1_000);`;
    const env = {
      ...process.env,
      LAUNCHER: launcher,
      SOTTO_HOME: home.folder,
      SOTTO_ENGINE: fakeEngine,
      ...scriptedMicrophone(mic, home.folder),
    };
    const parent = spawn(process.execPath, ['-e', start], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const output = await new Promise<string>((resolve) =>
      parent.stdout.setEncoding('utf8').once('data', resolve),
    );
    return { pid: Number(output), kill: () => void parent.kill('SIGKILL') };
  }

  async function attach(): Promise<CaptureClient> {
    let capture: CaptureClient | undefined;
    await until(async () => (capture = await CaptureClient.connect(home.paths.capture)) !== undefined);
    if (capture === undefined) throw new Error('no capture process');
    sockets.set(capture, home.paths.socket);
    return capture;
  }

  /** The process exits, as it does when its parent is gone. */
  async function expectStopped(process: SottoProcess): Promise<void> {
    await CaptureClient.leave(home.paths.capture);
    expect((await process.done).code).toBe(0);
  }

  async function history(): Promise<string> {
    return (await sotto(['history', 'list', '--json'], { home: home.folder })).stdout;
  }

  async function last(): Promise<LastText | undefined> {
    const capture = await attach();
    const text = await capture.last();
    capture.close();
    return text;
  }

  return {
    get paths() {
      return home.paths;
    },
    get folder() {
      return home.folder;
    },
    begin,
    startInOtherProcess,
    attach,
    expectStopped,
    history,
    last,
  };
}

export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Watches until a condition holds. */
export async function waitForState(
  capture: CaptureClient,
  condition: (dictation: DictationView) => boolean,
): Promise<DictationView> {
  let last: DictationView | undefined;
  for await (const dictation of views(capture)) {
    last = dictation;
    if (condition(dictation)) return dictation;
  }
  throw new Error(`the state never came: ${JSON.stringify(last)}`);
}

export function durations(listed: string): number[] {
  const lines = listed.trim().split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { durationSeconds: number }).durationSeconds);
}

/** The last state. */
export function waitForEnd(capture: CaptureClient): Promise<Capture> {
  return requestAndWaitForEnd(capture);
}

/**
 * The last state. Sends its requests only once it watches: the process may exit at once, and a later client would
 * get nothing.
 */
export async function requestAndWaitForEnd(
  capture: CaptureClient,
  ...requests: readonly CaptureCommand[]
): Promise<Capture> {
  let last: Capture | undefined;
  for await (const dictation of capture.updates()) {
    if (last === undefined) for (const request of requests) capture.request(request);
    last = dictation;
  }
  if (last === undefined) throw new Error('no update came');
  return last;
}

/** An open microphone has a second thread, the scripted one as well as real ones. */
export function isClosedMicrophone(pid: number): boolean {
  return threadsOf(pid) === 1;
}

export function isMicrophone(pid: number): boolean {
  return argsOf(pid).some((arg) => arg.endsWith(MICROPHONE_PROGRAM));
}
