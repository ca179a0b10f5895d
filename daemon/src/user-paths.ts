/**
 * Where Sotto keeps its files on the user's machine. `SOTTO_HOME` puts all of them into one folder.
 * This module doesn't know where Sotto itself is installed, so that a program elsewhere can bundle it.
 */
import { homedir, platform } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { SottoError } from './protocol/errors.js';

export interface Paths {
  /** Models, settings, spool, recordings and history. */
  readonly home: string;
  /** Folder of the sockets, mode 0700. */
  readonly runtime: string;
  readonly socket: string;
  /** Locked while the daemon runs. It lies beside the spool, which must have a single writer. */
  readonly lock: string;
  /** Socket of background dictation, while its process runs. */
  readonly capture: string;
  readonly models: string;
  /** Audio of dictations in progress, or of those whose process died. */
  readonly spool: string;
  /** Audio that programs send, while it is being transcribed. */
  readonly uploads: string;
  /** Audio of past dictations, one WAV each. */
  readonly recordings: string;
  /** Database of past dictations. */
  readonly history: string;
  /** Database of batch runs: which files of which folders are done. */
  readonly batch: string;
  readonly settings: string;
  /** This machine's measured compute speed. */
  readonly machine: string;
  /** What installed models can do, as read from their configuration. */
  readonly modelDescriptions: string;
  /** The token of the HTTP port, and the file that announces the port while it is open. */
  readonly token: string;
  readonly discovery: string;
  /** The user's own words and replacements. */
  readonly vocabulary: string;
  readonly logs: string;
  readonly log: string;
  /** stderr of a daemon started in the background, until its log is open. */
  readonly startupLog: string;
}

/** `sun_path` holds 104 bytes on macOS and 108 on Linux, minus a small reserve. */
export const MAX_SOCKET_PATH_BYTES = 100;

type Env = Readonly<Record<string, string | undefined>>;

/** An absolute path from the environment. The XDG specification says to ignore relative ones. */
export function absolute(value: string | undefined): string | undefined {
  return value !== undefined && isAbsolute(value) ? value : undefined;
}

export function resolvePaths(
  env: Env = process.env,
  os: string = platform(),
  user: string = homedir(),
): Paths {
  const own = env.SOTTO_HOME;
  if (own !== undefined && own !== '') {
    if (!isAbsolute(own)) {
      throw new SottoError('INVALID_ARGUMENT', `SOTTO_HOME is not an absolute path: ${own}`, {
        hint: 'use an absolute path, e.g. SOTTO_HOME="$HOME/.sotto"',
      });
    }
    return layOutWeights(resolve(own), resolve(own), join(resolve(own), 'logs'));
  }
  if (os === 'darwin') {
    const home = join(user, 'Library', 'Application Support', 'Sotto');
    return layOutWeights(home, home, join(user, 'Library', 'Logs', 'Sotto'));
  }
  const home = join(absolute(env.XDG_DATA_HOME) ?? join(user, '.local', 'share'), 'sotto');
  const state = join(absolute(env.XDG_STATE_HOME) ?? join(user, '.local', 'state'), 'sotto');
  const runtime = absolute(env.XDG_RUNTIME_DIR);
  return layOutWeights(
    home,
    runtime === undefined ? join(state, 'run') : join(runtime, 'sotto'),
    join(state, 'logs'),
  );
}

function layOutWeights(home: string, runtime: string, logs: string): Paths {
  return {
    home,
    runtime,
    socket: join(runtime, 's'),
    lock: join(home, 'daemon.lock'),
    capture: join(runtime, 'c'),
    models: join(home, 'models'),
    spool: join(home, 'spool'),
    uploads: join(home, 'uploads'),
    recordings: join(home, 'recordings'),
    history: join(home, 'history.db'),
    batch: join(home, 'batch.db'),
    settings: join(home, 'settings.json'),
    machine: join(home, 'machine.json'),
    modelDescriptions: join(home, 'model-descriptions.json'),
    token: join(home, 'token'),
    discovery: join(home, 'http.json'),
    vocabulary: join(home, 'vocabulary.json'),
    logs,
    log: join(logs, 'sotto.log'),
    startupLog: join(logs, 'startup.log'),
  };
}
