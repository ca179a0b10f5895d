/** The login agent of this machine. */
import { platform } from 'node:os';
import { join } from 'node:path';
import { absolute } from '#daemon/paths.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { AgentManager, AgentPlan } from './agent.js';
import { LaunchAgent } from './launchctl.js';
import { run } from './run.js';
import { SystemdAgent } from './systemd.js';

export type { AgentManager, AgentPlan, AgentStatus } from './agent.js';
export { createAgentPlan } from './plan.js';

/** @throws SottoError AGENT_FAILED if the system has no supported service manager */
export function agentManager(plan: AgentPlan, system: string = platform()): AgentManager {
  if (system === 'darwin') return new LaunchAgent(plan, { run, uid: process.getuid?.() ?? 0 });
  if (system === 'linux') {
    const config = absolute(process.env.XDG_CONFIG_HOME) ?? join(plan.user, '.config');
    return new SystemdAgent(plan, { run, units: join(config, 'systemd', 'user') });
  }
  throw new SottoError('AGENT_FAILED', `Sotto can't be started at login on ${system}`, {
    hint: 'run `sotto daemon start` when you need it',
  });
}
