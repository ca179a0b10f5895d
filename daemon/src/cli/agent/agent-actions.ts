/** The commands of `sotto agent`. Each returns the exit code. */
import { join } from 'node:path';
import { agentManager, createAgentPlan, type AgentManager, type AgentStatus } from '#launchd/index.js';
import type { Paths } from '../../paths.js';
import { sleep } from '../../async.js';
import { SOTTO_VERSION } from '../../protocol/version.js';
import { readFileEnd } from '../../read-file-end.js';
import type { AgentAction } from './agent-command.js';
import { examine, type Finding } from '../doctor.js';
import { findDaemon } from '../daemon/start-daemon.js';
import { padEnd } from '../terminal/columns.js';
import { styleFor, wantsColor, type Style } from '../terminal/style.js';

/** More than any log line. */
const LAST_LINE_BYTES = 1 << 16;
const START_TIMEOUT_MS = 20_000;
const POLL_INTERVAL_MS = 50;
/** An agent that is down this often in a row is not starting any more. */
const STATUS_INTERVAL_MS = 1_000;
const MAX_DOWN_CHECKS = 2;

/** Tests choose the system. */
export function managerFor(paths: Paths): AgentManager {
  return agentManager(createAgentPlan(paths), process.env.SOTTO_SYSTEM ?? process.platform);
}

/** @throws SottoError AGENT_FAILED */
export async function runAgentAction(paths: Paths, action: AgentAction): Promise<number> {
  const manager = managerFor(paths);
  switch (action) {
    case 'install': {
      if (await manager.install()) return waitUntilServing(paths, manager, 'Login agent installed');
      if (!(await isUpToDate(paths))) return restartAndWait(paths, manager, 'Login agent updated');
      return waitUntilServing(paths, manager, 'Login agent installed already');
    }
    case 'uninstall':
      printLine((await manager.uninstall()) ? 'Login agent removed.' : 'No login agent installed.');
      return 0;
    case 'stop':
      await manager.stop();
      printLine('Login agent stopped until the next login. Start it now with `sotto agent start`.');
      return 0;
    case 'start':
      await manager.start();
      return waitUntilServing(paths, manager, 'Login agent started');
    case 'restart':
      return restartAndWait(paths, manager, 'Login agent restarted');
  }
}

/** @returns exit code 3 if it isn't running @throws SottoError AGENT_FAILED */
export async function agentStatus(paths: Paths, json: boolean): Promise<number> {
  const status = await managerFor(paths).status();
  if (json) printLine(JSON.stringify(status));
  else printLine(describe(status));
  return status.state === 'running' && status.installed !== 'no' ? 0 : 3;
}

/** @returns exit code 3 if a check failed */
export async function doctor(paths: Paths, json: boolean): Promise<number> {
  const style = styleFor(wantsColor(process.stdout));
  const findings: Finding[] = [];
  for await (const finding of examine(paths, () => managerFor(paths).status())) {
    findings.push(finding);
    if (!json) printLine(line(finding, style));
  }
  if (json) printLine(JSON.stringify({ findings }));
  return findings.some(({ status }) => status === 'wrong') ? 3 : 0;
}

/** False for a daemon of another version or a degraded one, which a restart may fix. */
async function isUpToDate(paths: Paths): Promise<boolean> {
  try {
    const client = await findDaemon(paths);
    if (client === undefined) return true;
    const { version, state } = await client.status().finally(() => client.close());
    return version === SOTTO_VERSION && state !== 'degraded';
  } catch {
    return false;
  }
}

async function restartAndWait(paths: Paths, manager: AgentManager, done: string): Promise<number> {
  const { pid } = await manager.status();
  await manager.restart();
  return waitUntilServing(paths, manager, done, pid);
}

/**
 * Waits until the agent's daemon responds, while the agent is up.
 * @param old a stopping process that may still respond
 */
async function waitUntilServing(
  paths: Paths,
  manager: AgentManager,
  done: string,
  old?: number,
): Promise<number> {
  const startedMs = performance.now();
  let statusChecks = 0;
  let down = 0;
  while (performance.now() - startedMs < START_TIMEOUT_MS && down < MAX_DOWN_CHECKS) {
    const client = await findDaemon(paths).catch(() => undefined);
    if (client?.daemon.pid === old) client?.close();
    else if (client !== undefined) {
      printLine(`${done}. The daemon is running (pid ${client.daemon.pid}).`);
      client.close();
      return 0;
    }
    await sleep(POLL_INTERVAL_MS);
    if (performance.now() - startedMs < (statusChecks + 1) * STATUS_INTERVAL_MS) continue;
    statusChecks += 1;
    const { state } = await manager.status();
    down = state === 'running' ? 0 : down + 1;
  }
  const logLine = lastLine(join(paths.logs, 'agent.log'));
  const why = down < MAX_DOWN_CHECKS || logLine === undefined ? '' : `: ${logLine}`;
  process.stderr.write(
    `sotto: ${done[0]?.toLowerCase() ?? ''}${done.slice(1)}, but its daemon isn’t responding${why} — run \`sotto doctor\`\n`,
  );
  return 3;
}

/** The last log line of the agent, without time and program name. */
function lastLine(path: string): string | undefined {
  const line = readFileEnd(path, LAST_LINE_BYTES)?.trimEnd().split('\n').at(-1);
  return line?.replace(/^\S+Z sotto: /, '') || undefined;
}

function describe({ installed, state, pid, lastFailure, file }: AgentStatus): string {
  if (installed === 'no') return 'No login agent installed. Install it with `sotto agent install`.';
  const running = pid === undefined ? state : `${state} (pid ${pid})`;
  const failure = lastFailure === undefined ? '' : `; last exit: ${lastFailure}`;
  const outdated =
    installed === 'outdated' ? '; installed by another version, update it with `sotto agent install`' : '';
  return `Login agent: ${running}${failure}${outdated}\n  ${file}`;
}

function line({ what, status, message, advice }: Finding, style: Style): string {
  const mark = { right: style.green('✓'), note: style.dim('·'), wrong: style.red('✗') }[status];
  const rest = advice === undefined ? message : `${message} — ${advice}`;
  return `${mark} ${padEnd(what, 12)}${rest}`;
}

function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}
