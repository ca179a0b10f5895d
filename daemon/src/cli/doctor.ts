/** Checks everything that dictation needs, and says how to fix problems. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../make-folder.js';
import type { AgentStatus } from '#launchd/index.js';
import { modelDirs, packageRoot, type Paths } from '../paths.js';
import { SottoError } from '../protocol/errors.js';
import { codedError, reasonOf } from '../protocol/file-errors.js';
import type { DaemonStatus } from '../protocol/status.js';
import { SOTTO_VERSION } from '../protocol/version.js';
import { readSettings } from '../settings.js';
import { findModelWithFallback } from '../store/find-model.js';
import { findDaemon } from './daemon/start-daemon.js';

export interface Finding {
  readonly what: string;
  /** `note`: not a problem, but worth knowing. */
  readonly status: 'right' | 'note' | 'wrong';
  readonly message: string;
  readonly advice?: string;
}

const NODE_MAJOR = 20;

/** @param agent status of the login agent; an error is a finding */
export async function* examine(
  paths: Paths,
  agent: () => Promise<AgentStatus>,
): AsyncGenerator<Finding, void> {
  yield node();
  yield addon();
  yield folders(paths);
  const set = settings(paths);
  yield set;
  // An invalid settings.json is one problem, not two.
  if (set.status === 'right') yield model(paths);
  const own = await standing(agent);
  yield agentFinding(own);
  const status = await daemonStatus(paths);
  const isAgents = !(own instanceof SottoError) && own.installed !== 'no';
  yield daemonFinding(status, isAgents ? '`sotto agent restart`' : '`sotto daemon stop`');
  if (!(status instanceof SottoError) && status !== undefined) {
    yield engineFinding(status);
    yield { what: 'log', status: 'note', message: status.log };
  } else yield { what: 'log', status: 'note', message: paths.log };
}

function node(): Finding {
  const { node: version } = process.versions;
  const message = `Node.js ${version} at ${process.execPath}`;
  return parseInt(version, 10) >= NODE_MAJOR
    ? { what: 'node', status: 'right', message }
    : { what: 'node', status: 'wrong', message, advice: `install Node.js ${NODE_MAJOR} or later` };
}

function addon(): Finding {
  const path = join(packageRoot, 'native', 'lib', `${process.platform}-${process.arch}`, 'sotto-mlx.node');
  return existsSync(path)
    ? { what: 'addon', status: 'right', message: path }
    : {
        what: 'addon',
        status: 'wrong',
        message: `${path} is missing`,
        // A clone can build it; a release is incomplete.
        advice: existsSync(join(packageRoot, 'native', 'build'))
          ? `run \`npm run setup\` in ${packageRoot}`
          : 'reinstall Sotto: install.sh repairs it',
      };
}

function folders({ home, logs, runtime }: Paths): Finding {
  for (const folder of [home, logs, runtime]) {
    try {
      makeFolder(folder, 0o700);
      accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      const message = `${folder}: ${reasonOf(error)}`;
      return { what: 'folders', status: 'wrong', message, advice: 'give yourself read and write access' };
    }
  }
  const isOpen = (statSync(runtime).mode & 0o077) !== 0;
  if (isOpen) {
    const advice = `chmod 700 ${runtime}`;
    return { what: 'folders', status: 'wrong', message: `${runtime} is accessible to others`, advice };
  }
  return { what: 'folders', status: 'right', message: home };
}

function settings({ settings: path }: Paths): Finding {
  try {
    readSettings(path);
    return { what: 'settings', status: 'right', message: existsSync(path) ? path : 'defaults' };
  } catch (error) {
    return wrong('settings', error);
  }
}

function model(paths: Paths): Finding {
  try {
    const { model: wanted } = readSettings(paths.settings);
    const { model: found, fallbackFor } = findModelWithFallback(modelDirs(paths), wanted);
    if (fallbackFor !== undefined) {
      return {
        what: 'model',
        status: 'note',
        message: `${found.name} instead of ${fallbackFor.name}`,
        advice: fallbackFor.error.hint,
      };
    }
    return { what: 'model', status: 'right', message: `${found.name} at ${found.dir}` };
  } catch (error) {
    return wrong('model', error);
  }
}

async function standing(agent: () => Promise<AgentStatus>): Promise<AgentStatus | SottoError> {
  try {
    return await agent();
  } catch (error) {
    return codedError(error);
  }
}

function agentFinding(agent: AgentStatus | SottoError): Finding {
  if (agent instanceof SottoError) {
    return {
      what: 'agent',
      status: 'note',
      message: agent.message,
      advice: 'without it, the first command starts the daemon',
    };
  }
  const { installed, state, pid, lastFailure } = agent;
  const failure = lastFailure === undefined ? '' : `, last exit: ${lastFailure}`;
  const message = `${state}${pid === undefined ? '' : `, pid ${pid}`}${failure}`;
  if (installed === 'no') {
    return {
      what: 'agent',
      status: 'note',
      message: 'not installed',
      advice: '`sotto agent install` starts Sotto at login',
    };
  }
  if (installed === 'outdated') {
    return {
      what: 'agent',
      status: 'wrong',
      message: `${message}, installed by another version`,
      advice: 'update it with `sotto agent install`',
    };
  }
  if (state !== 'running') {
    return {
      what: 'agent',
      status: 'wrong',
      message,
      advice: 'start it with `sotto agent start`; agent.log shows why it exited',
    };
  }
  return { what: 'agent', status: 'right', message };
}

async function daemonStatus(paths: Paths): Promise<DaemonStatus | SottoError | undefined> {
  try {
    const client = await findDaemon(paths);
    if (client === undefined) return undefined;
    try {
      return await client.status();
    } finally {
      client.close();
    }
  } catch (error) {
    return codedError(error);
  }
}

/** @param renew command that stops a daemon of another version */
function daemonFinding(status: DaemonStatus | SottoError | undefined, renew: string): Finding {
  if (status === undefined) {
    return { what: 'daemon', status: 'note', message: 'not running (starts on demand)' };
  }
  if (status instanceof SottoError) {
    const { message, hint, code } = status;
    const advice = code === 'VERSION_MISMATCH' ? renew : hint;
    return { what: 'daemon', status: 'wrong', message, advice };
  }
  const { pid, version, state, reason } = status;
  const message = `${state}, pid ${pid}, version ${version}`;
  if (version !== SOTTO_VERSION) {
    return {
      what: 'daemon',
      status: 'wrong',
      message: `${message}; this is ${SOTTO_VERSION}`,
      advice: renew,
    };
  }
  return reason === undefined
    ? { what: 'daemon', status: 'right', message }
    : { what: 'daemon', status: 'wrong', message: `${message}: ${reason}` };
}

function engineFinding({ engine }: DaemonStatus): Finding {
  const { state, device, restarts, lastFailure } = engine;
  const failure = lastFailure === undefined ? '' : `, last failure: ${lastFailure}`;
  const message = [state, ...(device === undefined ? [] : [device]), `${restarts} restarts${failure}`].join(
    ', ',
  );
  if (state === 'degraded') return { what: 'engine', status: 'wrong', message, advice: 'see the log' };
  const isOnCpu = process.platform === 'darwin' && device?.endsWith('cpu') === true;
  return isOnCpu
    ? { what: 'engine', status: 'note', message, advice: 'unset SOTTO_DEVICE to use the GPU' }
    : { what: 'engine', status: restarts > 0 ? 'note' : 'right', message };
}

function wrong(what: string, error: unknown): Finding {
  const { message, hint } = codedError(error);
  return { what, status: 'wrong', message, advice: hint };
}
