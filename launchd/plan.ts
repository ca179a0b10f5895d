/** Definition of Sotto's login agent on this machine. */
import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { launcher, packageRoot, type Paths } from '#daemon/paths.js';
import { LABEL, type AgentPlan } from './agent.js';
import { nodePaths } from './node-paths.js';
import { defined } from '#daemon/protocol/defined.js';

/** An agent does not get the PATH of the user's shell; ffmpeg is usually in one of these folders. */
const PATH = '/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

interface PlanOptions {
  readonly user?: string;
  /** The running Node. */
  readonly node?: string;
  /** The folder of this version of Sotto. */
  readonly root?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export function createAgentPlan(
  { home, logs }: Paths,
  {
    user = homedir(),
    node = process.execPath,
    environment = process.env,
    root = packageRoot,
  }: PlanOptions = {},
): AgentPlan {
  const { SOTTO_HOME: own } = environment;
  const stable = stableRoot(home, root);
  return {
    label: LABEL,
    user,
    launcher: join(home, 'agent', 'Sotto'),
    // A release includes Node.
    nodes: nodePaths(node, user, stable === undefined ? [] : [join(stable, 'bin', 'node')]),
    command: [launcher, 'daemon', 'run', '--agent'],
    // An upgrade removes this version's folder and may not update the agent: no user is logged in, or `--no-agent`.
    ...defined({
      successor: stable === undefined ? undefined : join(stable, relative(packageRoot, launcher)),
    }),
    log: join(logs, 'agent.log'),
    folder: home,
    environment: { PATH, ...(own !== undefined && own !== '' && { SOTTO_HOME: own }) },
  };
}

/** A path to the installed version that survives an upgrade: the installer's link or Homebrew's; undefined for a clone. */
function stableRoot(home: string, root: string): string | undefined {
  const brewed = /^(.*)\/Cellar\/(sotto)\/[^/]+\/(libexec)$/.exec(root);
  const link =
    brewed === null
      ? join(home, 'app', 'current')
      : join(brewed[1] ?? '', 'opt', brewed[2] ?? '', brewed[3] ?? '');
  return realPath(link) !== undefined && realPath(link) === realPath(root) ? link : undefined;
}

/** Undefined if the path does not exist. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
