/**
 * Where Sotto keeps things on the user's machine. `SOTTO_HOME` puts all of it into one folder.
 *
 * Knows nothing of where Sotto itself lies, so that it can be bundled into a program that lies elsewhere.
 */
import { homedir, platform } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { SottoError } from './protocol/errors.js';

export interface Paths {
  /** Models, settings, spool, recordings and history. */
  readonly home: string;
  /** Folder of the sockets: mode 0700. */
  readonly runtime: string;
  readonly socket: string;
  /** Locked for as long as the daemon runs. It lies beside the spool, which must have one writer. */
  readonly lock: string;
  /** Socket of a dictation in the background, while there is one. */
  readonly capture: string;
  readonly models: string;
  /** Folder of the audio of dictations that are going on, or whose process died. */
  readonly spool: string;
  /** Folder of the audio that programs send, for as long as it is being transcribed. */
  readonly uploads: string;
  /** Folder of the audio of past dictations that is kept: one WAV each. */
  readonly recordings: string;
  /** Database of past dictations. */
  readonly history: string;
  /** Database of which files of which folders are done. */
  readonly batch: string;
  readonly settings: string;
  /** How fast this machine computes, as measured. */
  readonly machine: string;
  /** What a program has to show at the port, and where it finds the port while it is open. */
  readonly token: string;
  readonly discovery: string;
  /** The user's own words and replacements. */
  readonly vocabulary: string;
  readonly logs: string;
  readonly log: string;
  /** stderr of a daemon that was started in the background: what it said before its log was open. */
  readonly startupLog: string;
}

/** `sun_path` holds 104 bytes on macOS and 108 on Linux; a few are kept in hand. */
export const MAX_SOCKET_PATH_BYTES = 100;

type Env = Readonly<Record<string, string | undefined>>;

/** An absolute path from the environment; the XDG rules say that relative ones are ignored. */
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
        hint: 'give the whole path, e.g. SOTTO_HOME="$HOME/.sotto"',
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
    token: join(home, 'token'),
    discovery: join(home, 'http.json'),
    vocabulary: join(home, 'vocabulary.json'),
    logs,
    log: join(logs, 'sotto.log'),
    startupLog: join(logs, 'startup.log'),
  };
}
