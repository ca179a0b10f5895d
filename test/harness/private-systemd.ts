/**
 * A real `systemd --user` in its own folders. If systemd did not boot the machine (as in a container), a mount
 * namespace makes it look so.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './wait.js';

const SYSTEMD = ['/usr/lib/systemd/systemd', '/lib/systemd/systemd'].find((path) => existsSync(path));

/** Creates the folder that tells systemd that it booted the machine. */
const AS_IF_BOOTED =
  'mount -t tmpfs tmpfs /run/systemd && mkdir -p /run/systemd/system && exec "$0" --user --log-target=null';

/** Tries a start, because a container may lack control groups. */
const TRIAL = `
  [ -d /run/systemd/system ] || { mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/system; } || exit 1
  "$0" --user --log-target=null &
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    sleep 0.3
    systemctl --user show --property=SystemState 2>/dev/null | grep -Eq 'running|degraded' && { kill $!; wait; exit 0; }
  done
  kill $!; exit 1`;

/** Why it can't run here, or undefined. */
export function whyNoSystemd(): string | undefined {
  if (SYSTEMD === undefined) return 'no systemd: not installed';
  const folder = mkdtempSync(join(tmpdir(), 'so-sd-'));
  const isBooted = existsSync('/run/systemd/system');
  const [command, args] = isBooted ? ['sh', []] : ['unshare', ['-m', 'sh']];
  const env = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', HOME: folder, XDG_RUNTIME_DIR: folder };
  const { status } = spawnSync(command, [...args, '-c', TRIAL, SYSTEMD], { env, timeout: 10_000 });
  rmSync(folder, { recursive: true, force: true });
  return status === 0 ? undefined : 'no systemd: a private instance can’t start on this machine';
}

export class PrivateSystemd {
  readonly #folder: string;
  #manager: ChildProcess | undefined;

  /** @param folder a short path, because it holds sockets */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Environment of commands that use it. */
  get environment(): Record<string, string> {
    return {
      HOME: this.#folder,
      XDG_RUNTIME_DIR: join(this.#folder, 'run'),
      XDG_CONFIG_HOME: join(this.#folder, 'config'),
      DBUS_SESSION_BUS_ADDRESS: '',
    };
  }

  /** Logs the user in, which starts enabled units. */
  async logIn(): Promise<void> {
    const { environment } = this;
    mkdirSync(environment.XDG_RUNTIME_DIR ?? '', { recursive: true, mode: 0o700 });
    const systemd = SYSTEMD ?? '';
    const [command, args] = existsSync('/run/systemd/system')
      ? [systemd, ['--user', '--log-target=null']]
      : ['unshare', ['-m', 'sh', '-c', AS_IF_BOOTED, systemd]];
    const env = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', ...environment };
    this.#manager = spawn(command, args, { env, stdio: 'ignore' });
    await until(() => {
      const shown = spawnSync('systemctl', ['--user', 'show', '--property=SystemState'], {
        env: { ...process.env, ...environment },
        encoding: 'utf8',
      });
      return /running|degraded/.test(shown.stdout);
    }, 20_000);
  }

  /** Logs the user out, which stops all units. */
  async logOut(): Promise<void> {
    const manager = this.#manager;
    if (manager === undefined || manager.exitCode !== null) return;
    const ended = new Promise((resolve) => manager.once('exit', resolve));
    // systemd's signal for a clean exit.
    manager.kill('SIGTERM');
    const timer = setTimeout(() => manager.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(timer);
    this.#manager = undefined;
  }
}
