/** What Sotto's own agent is made of on this machine. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { launcher, type Paths } from '#daemon/paths.js';
import { LABEL, type AgentPlan } from './agent.js';
import { nodePaths } from './node-paths.js';

/** An agent finds nothing of the user's shell; ffmpeg, where there is one, lies here. */
const PATH = '/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

export interface Surroundings {
  readonly user?: string;
  /** The Node that runs now. */
  readonly node?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export function ownPlan(
  { home, logs }: Paths,
  { user = homedir(), node = process.execPath, environment = process.env }: Surroundings = {},
): AgentPlan {
  const { SOTTO_HOME: own } = environment;
  return {
    label: LABEL,
    user,
    launcher: join(home, 'agent', 'Sotto'),
    nodes: nodePaths(node, user),
    command: [launcher, 'daemon', 'run', '--agent'],
    log: join(logs, 'agent.log'),
    folder: home,
    environment: { PATH, ...(own !== undefined && own !== '' && { SOTTO_HOME: own }) },
  };
}
