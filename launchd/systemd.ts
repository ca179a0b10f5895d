/** The login agent on systemd, for development on Linux: a user unit, a launcher, and `systemctl --user` commands. */
import { readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pollUntil, sleep } from '#daemon/async.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { AgentManager, AgentPlan, AgentStatus } from './agent.js';
import {
  readInstallState,
  makeFolders,
  requireInstalled,
  ownerOf,
  removeFiles,
  writeFiles,
  type AgentFile,
} from './agent-files.js';
import { renderLauncher } from './agent-launcher.js';
import { refusal, type CommandResult, type RunCommand } from './run.js';

interface SystemdOptions {
  readonly run: RunCommand;
  /** Folder of the user's units. */
  readonly units: string;
  readonly pause?: typeof sleep;
}

export class SystemdAgent implements AgentManager {
  readonly #plan: AgentPlan;
  readonly #run: RunCommand;
  readonly #pause: typeof sleep;
  readonly #unit: string;
  readonly #file: string;

  constructor(plan: AgentPlan, { run, units, pause = sleep }: SystemdOptions) {
    this.#plan = plan;
    this.#run = run;
    this.#pause = pause;
    this.#unit = `${plan.label}.service`;
    this.#file = join(units, this.#unit);
  }

  async install(): Promise<boolean> {
    const isNew = readInstallState(this.#files()) !== 'yes';
    makeFolders(this.#plan);
    const { state } = await this.status();
    if (!isNew && state === 'running') return false;
    if (isNew) {
      writeFiles(this.#files());
      await this.#runOrThrow(['daemon-reload']);
    }
    await this.#runOrThrow(['enable', this.#unit]);
    await this.#runOrThrow([isNew ? 'restart' : 'start', this.#unit]);
    return true;
  }

  async uninstall(): Promise<boolean> {
    const showResult = await this.#show();
    if (isUnavailable(showResult)) {
      const wasEnabled = this.#removeLink();
      return removeFiles(this.#files()) || wasEnabled;
    }
    const { installed, state } = this.#read(showResult);
    if (installed === 'no' && state === 'not loaded') return false;
    await this.#runOrThrow(['disable', '--now', this.#unit]);
    removeFiles(this.#files());
    await this.#runOrThrow(['daemon-reload']);
    await this.#run('systemctl', ['--user', 'reset-failed', this.#unit]);
    return true;
  }

  async start(): Promise<void> {
    requireInstalled(this.#files());
    makeFolders(this.#plan);
    await this.#runOrThrow(['start', this.#unit]);
  }

  async stop(): Promise<void> {
    const { state } = await this.status();
    // systemd restarts a failing unit even if no process runs now.
    if (state === 'not loaded') return;
    await this.#runOrThrow(['stop', this.#unit]);
    const isStopped = async (): Promise<boolean> => (await this.status()).state !== 'running';
    if (!(await pollUntil(isStopped, { timeoutMs: 30_000, pause: this.#pause })))
      throw new SottoError('AGENT_FAILED', `${this.#unit} didn't stop`);
  }

  async restart(): Promise<void> {
    requireInstalled(this.#files());
    makeFolders(this.#plan);
    await this.#runOrThrow(['restart', this.#unit]);
  }

  async status(): Promise<AgentStatus> {
    return this.#read(await this.#show());
  }

  owner(): ReturnType<AgentManager['owner']> {
    return ownerOf(this.#file, startLine(this.#plan.launcher));
  }

  #show(): Promise<CommandResult> {
    const properties = '--property=LoadState,ActiveState,MainPID,Result';
    return this.#run('systemctl', ['--user', 'show', this.#unit, properties]);
  }

  #read(ran: CommandResult): AgentStatus {
    if (ran.code !== 0) throw refusal('systemctl', 'show', ran);
    const fields = new Map(
      ran.stdout.split('\n').map((line) => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1)] as const;
      }),
    );
    const pid = Number(fields.get('MainPID'));
    const active = fields.get('ActiveState') ?? '';
    const result = fields.get('Result') ?? 'success';
    const isThere = fields.get('LoadState') === 'loaded';
    return {
      installed: readInstallState(this.#files()),
      state: !isThere ? 'not loaded' : ['active', 'reloading'].includes(active) ? 'running' : 'stopped',
      file: this.#file,
      ...(pid > 0 && { pid }),
      ...(isThere && result !== 'success' && { lastFailure: result }),
    };
  }

  #files(): AgentFile[] {
    return [
      { path: this.#plan.launcher, content: renderLauncher(this.#plan), mode: 0o755 },
      { path: this.#file, content: renderUnit(this.#plan), mode: 0o644 },
    ];
  }

  /** Removes the link that `systemctl disable` would remove. @returns whether it existed */
  #removeLink(): boolean {
    const folder = join(dirname(this.#file), 'default.target.wants');
    try {
      unlinkSync(join(folder, this.#unit));
      if (readdirSync(folder).length === 0) rmdirSync(folder);
      return true;
    } catch {
      return false;
    }
  }

  async #runOrThrow(args: readonly string[]): Promise<void> {
    const ran = await this.#run('systemctl', ['--user', ...args]);
    if (ran.code !== 0) throw refusal('systemctl', args[0] ?? '', ran);
  }
}

/** Over ssh or in a container there may be no user systemd; then no unit is loaded either. */
function isUnavailable({ code, stderr }: CommandResult): boolean {
  return code === 127 || (code !== 0 && /^Failed to connect to .*bus/m.test(stderr));
}

/** Starts the launcher with a shell, because systemd does not support quotes in the name of a program. */
export function renderUnit({ launcher, folder, log, environment }: AgentPlan): string {
  const variables = Object.entries(environment).map(
    ([name, value]) => `Environment=${quoteWord(`${name}=${value}`)}`,
  );
  return `[Unit]
Description=Sotto, local speech to text
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
${startLine(launcher)}
WorkingDirectory=${path(folder)}
Restart=on-failure
RestartSec=10
TimeoutStopSec=20
UMask=0077
LimitNOFILE=4096
StandardOutput=append:${path(log)}
StandardError=append:${path(log)}
${[...variables, ''].join('\n')}
[Install]
WantedBy=default.target
`;
}

function startLine(launcher: string): string {
  return `ExecStart=/bin/sh ${quoteWord(launcher)}`;
}

/** Quotes a word: systemd interprets quotes, backslashes, percent and dollar signs in words, and only percent signs in paths. */
function quoteWord(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;
}

function path(text: string): string {
  return text.replaceAll('%', '%%');
}
