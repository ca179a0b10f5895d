/** What the commands of `sotto agent` do. Each gives the exit code. */
import { agentManager, ownPlan, type AgentManager, type AgentStatus } from '#launchd/index.js';
import type { Paths } from '../paths.js';
import type { AgentAct } from './agent-command.js';
import { examine, type Finding } from './doctor.js';
import { findDaemon } from './start-daemon.js';
import { padEnd } from './terminal/columns.js';
import { styleFor, wantsColour, type Style } from './terminal/style.js';

const SERVED_MS = 20_000;
const LOOK_EVERY_MS = 50;

/** Tests say which system this is. */
function managerFor(paths: Paths): AgentManager {
  return agentManager(ownPlan(paths), process.env.SOTTO_SYSTEM ?? process.platform);
}

/** @throws SottoError AGENT_FAILED */
export async function doWithAgent(paths: Paths, act: AgentAct): Promise<number> {
  const manager = managerFor(paths);
  switch (act) {
    case 'install': {
      const isChanged = await manager.install();
      return served(paths, isChanged ? 'the agent is installed' : 'the agent is installed and runs already');
    }
    case 'uninstall':
      say((await manager.uninstall()) ? 'the agent is gone' : 'there is no agent');
      return 0;
    case 'stop':
      await manager.stop();
      say('the agent is stopped until the next login; `sotto agent start` starts it before');
      return 0;
    case 'start':
    case 'restart':
      await manager[act]();
      return served(paths, `the agent is ${act === 'start' ? 'started' : 'started anew'}`);
  }
}

/** Exit code 3 where it does not run. @throws SottoError AGENT_FAILED */
export async function agentStatus(paths: Paths, json: boolean): Promise<number> {
  const status = await managerFor(paths).status();
  if (json) say(JSON.stringify(status));
  else say(describe(status));
  return status.state === 'running' && status.installed !== 'no' ? 0 : 3;
}

/** Exit code 3 where something is wrong. */
export async function doctor(paths: Paths, json: boolean): Promise<number> {
  const style = styleFor(wantsColour(process.stdout));
  const findings: Finding[] = [];
  for await (const finding of examine(paths, () => managerFor(paths).status())) {
    findings.push(finding);
    if (!json) say(line(finding, style));
  }
  if (json) say(JSON.stringify({ findings }));
  return findings.some(({ verdict }) => verdict === 'wrong') ? 3 : 0;
}

/** Waits until the agent's daemon answers. */
async function served(paths: Paths, done: string): Promise<number> {
  for (const untilMs = performance.now() + SERVED_MS; performance.now() < untilMs;) {
    const client = await findDaemon(paths).catch(() => undefined);
    if (client !== undefined) {
      say(`${done}: the daemon answers (process ${client.daemon.pid})`);
      client.close();
      return 0;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  process.stderr.write(`sotto: ${done}, but its daemon does not answer — see \`sotto agent doctor\`\n`);
  return 3;
}

function describe({ installed, state, pid, lastFailure, file }: AgentStatus): string {
  if (installed === 'no') return 'the agent is not installed: `sotto agent install` does that';
  const running = pid === undefined ? state : `${state} (process ${pid})`;
  const failure = lastFailure === undefined ? '' : `; it ended last with ${lastFailure}`;
  const outdated =
    installed === 'outdated' ? '; it is of another version: `sotto agent install` renews it' : '';
  return `the agent is ${running}${failure}${outdated}\n  ${file}`;
}

function line({ what, verdict, found, advice }: Finding, style: Style): string {
  const mark = { right: style.green('✓'), note: style.dim('·'), wrong: style.red('✗') }[verdict];
  const rest = advice === undefined ? found : `${found} — ${advice}`;
  return `${mark} ${padEnd(what, 12)}${rest}`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
