/** What Sotto's own agent is made of on this machine. */
import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { launcher, packageRoot, type Paths } from '#daemon/paths.js';
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
  const current = join(home, 'app', 'current');
  const isInstalled = realPath(current) === realPath(packageRoot);
  return {
    label: LABEL,
    user,
    launcher: join(home, 'agent', 'Sotto'),
    nodes: nodePaths(node, user),
    command: [launcher, 'daemon', 'run', '--agent'],
    // An upgrade takes this version's folder away, and may not get to the agent: nobody is logged in, `--no-agent`.
    ...(isInstalled && { successor: join(current, relative(packageRoot, launcher)) }),
    log: join(logs, 'agent.log'),
    folder: home,
    environment: { PATH, ...(own !== undefined && own !== '' && { SOTTO_HOME: own }) },
  };
}

/** Undefined where there is nothing. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
