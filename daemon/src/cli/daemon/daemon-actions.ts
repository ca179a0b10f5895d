/** `sotto daemon run | start | stop | status`. Each returns the exit code. */
import { activeHolder } from '../../server/daemon-lock.js';
import { isForbidden } from '../../server/socket.js';
import type { Paths } from '../../paths.js';
import { sleep } from '../../async.js';
import { SottoError } from '../../protocol/errors.js';
import { codedError } from '../../protocol/file-errors.js';
import type { EngineStatus } from '../../protocol/status.js';
import { startAgent } from '../agent/run-agent.js';
import { runDaemon, type RunningDaemon } from '../../daemon.js';
import { findDaemon, findOrStartDaemon, findRunningDaemon, incompatibleDaemon } from './start-daemon.js';
import { isRunning } from '../../is-running.js';
import { errorLine } from '../transcribe/transcribe-view.js';
import { defined } from '../../protocol/defined.js';

const POLL_INTERVAL_MS = 50;
/** Allows for a model of several gigabytes on a slow disk. */
const MODEL_LOAD_TIMEOUT_MS = 300_000;
/** The daemon's own limits add up to this: draining, then stopping the engine. */
const STOP_TIMEOUT_MS = 15_000;

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

export async function daemonRun(
  paths: Paths,
  model: string | undefined,
  idleExitMinutes: number | undefined,
): Promise<number> {
  const daemon = await runDaemon({
    paths,
    ...defined({ model, idleExitSeconds: idleExitMinutes === undefined ? undefined : idleExitMinutes * 60 }),
  });
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => daemon.stop(name));
  if (process.stdout.isTTY)
    printLine(`Daemon running (pid ${process.pid}) at ${paths.socket}. Ctrl-C stops it.`);
  await daemon.ended;
  return 0;
}

/**
 * The same for the login agent. A failure that a retry would not fix exits with 0, because the service manager would
 * otherwise restart it every few seconds forever.
 */
export async function daemonRunAgent(paths: Paths, model: string | undefined): Promise<number> {
  const stopRequested = new AbortController();
  let daemon: RunningDaemon | undefined;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => (daemon === undefined ? stopRequested.abort() : daemon.stop(name)));
  }
  try {
    daemon = await startAgent(paths, model, stopRequested.signal);
    // A signal arrived during the start.
    if (stopRequested.signal.aborted) daemon?.stop('stopped by a signal');
  } catch (error) {
    const known = codedError(error);
    process.stderr.write(`${new Date().toISOString()} ${errorLine(known)}\n`);
    const mayPass = known.retryable || (known !== error && !isForbidden(error));
    return mayPass ? known.exitCode : 0;
  }
  await daemon?.ended;
  return 0;
}

export async function daemonStart(paths: Paths, model: string | undefined, quiet = false): Promise<number> {
  const { client, started } = await findOrStartDaemon({ paths, ...defined({ model }) });
  const { pid } = client.daemon;
  if (!started) {
    if (!quiet) printLine(`Daemon already running (pid ${pid}).`);
    client.close();
    return 0;
  }
  const untilMs = performance.now() + MODEL_LOAD_TIMEOUT_MS;
  for (;;) {
    const status = await client.status();
    const isLoading = status.state === 'starting' || status.engine.pendingModel !== undefined;
    if (!isLoading || performance.now() > untilMs) {
      client.close();
      if (status.reason !== undefined) {
        process.stderr.write(`sotto: the daemon started (pid ${pid}), but: ${status.reason}\n`);
        return 3;
      }
      if (!quiet) printLine(`Daemon started (pid ${pid}), ${servingText(status.engine)}.`);
      return 0;
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

function servingText({ model, pendingModel }: EngineStatus): string {
  const { name } = model;
  if (name === undefined) return 'no model loaded';
  return pendingModel === undefined
    ? `model ${name} ready`
    : `model ${name} ready until ${pendingModel} is loaded`;
}

export async function daemonStop(paths: Paths, quiet = false): Promise<number> {
  const pid = await requestStop(paths);
  if (pid === undefined) {
    if (!quiet) printLine('The daemon isn’t running.');
    return 0;
  }
  for (const untilMs = performance.now() + STOP_TIMEOUT_MS; isRunning(pid); await sleep(POLL_INTERVAL_MS)) {
    if (performance.now() > untilMs) {
      throw new SottoError('DAEMON_UNAVAILABLE', `the daemon (pid ${pid}) won't stop`, {
        hint: `kill -9 ${pid}`,
      });
    }
  }
  if (!quiet) printLine(`Daemon stopped (pid ${pid}).`);
  return 0;
}

/** @returns the process that was asked to stop, or undefined if none runs */
async function requestStop(paths: Paths): Promise<number | undefined> {
  try {
    const client = await findDaemon(paths);
    if (client === undefined) {
      // A daemon that is starting or too busy to respond still gets the signal.
      const holder = await activeHolder(paths);
      if (holder !== undefined) process.kill(holder.pid, 'SIGTERM');
      return holder?.pid;
    }
    await client.stop();
    return client.daemon.pid;
  } catch (error) {
    // A daemon of another version may not understand the request, but gets the signal.
    const holder = incompatibleDaemon(error);
    if (holder === undefined) throw error;
    process.kill(holder.pid, 'SIGTERM');
    return holder.pid;
  }
}

interface StatusOptions {
  readonly json: boolean;
  /** Also show engine, memory details, clients and paths. */
  readonly verbose: boolean;
}

export async function daemonStatus(paths: Paths, { json: asJson, verbose }: StatusOptions): Promise<number> {
  const client = await findRunningDaemon(paths);
  if (client === undefined) {
    if (asJson) printLine(JSON.stringify({ state: 'stopped', socket: paths.socket, log: paths.log }));
    else printLine('The daemon isn’t running. Start it with `sotto daemon start`.');
    return 3;
  }
  const status = await client.status();
  client.close();
  if (asJson) {
    printLine(JSON.stringify(status));
    return 0;
  }
  // Loaded here, because the daemon's own start should not wait for terminal code.
  const [{ describeStatus }, { styleFor, wantsColor }] = await Promise.all([
    import('./describe-status.js'),
    import('../terminal/style.js'),
  ]);
  printLine(describeStatus(status, styleFor(wantsColor(process.stdout)), verbose));
  return 0;
}
