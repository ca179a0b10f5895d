/** The same for systemd, where Sotto is developed: a user unit, a launcher, and what `systemctl --user` is told. */
import { join } from 'node:path';
import { SottoError } from '#daemon/protocol/errors.js';
import type { AgentManager, AgentPlan, AgentStatus } from './agent.js';
import { installedAs, mustBeInstalled, removeFiles, writeFiles, type AgentFile } from './files.js';
import { renderLauncher } from './launcher.js';
import { refusal, type Run } from './run.js';
import { pause, within, type Pause } from './within.js';

export interface SystemdOptions {
  readonly run: Run;
  /** Folder of the user's units. */
  readonly units: string;
  readonly pause?: Pause;
}

export class SystemdAgent implements AgentManager {
  readonly #plan: AgentPlan;
  readonly #run: Run;
  readonly #pause: Pause;
  readonly #unit: string;
  readonly #file: string;

  constructor(plan: AgentPlan, { run, units, pause: sleep = pause }: SystemdOptions) {
    this.#plan = plan;
    this.#run = run;
    this.#pause = sleep;
    this.#unit = `${plan.label}.service`;
    this.#file = join(units, this.#unit);
  }

  async install(): Promise<boolean> {
    const isNew = installedAs(this.#files()) !== 'yes';
    const { state } = await this.status();
    if (!isNew && state === 'running') return false;
    if (isNew) {
      writeFiles(this.#files(), this.#plan);
      await this.#must(['daemon-reload']);
    }
    await this.#must(['enable', this.#unit]);
    await this.#must([isNew ? 'restart' : 'start', this.#unit]);
    return true;
  }

  async uninstall(): Promise<boolean> {
    const { installed, state } = await this.status();
    if (installed === 'no' && state === 'not loaded') return false;
    await this.#must(['disable', '--now', this.#unit]);
    removeFiles(this.#files());
    await this.#must(['daemon-reload']);
    await this.#run('systemctl', ['--user', 'reset-failed', this.#unit]);
    return true;
  }

  async start(): Promise<void> {
    mustBeInstalled(this.#files());
    await this.#must(['start', this.#unit]);
  }

  async stop(): Promise<void> {
    const { state } = await this.status();
    if (state !== 'running') return;
    await this.#must(['stop', this.#unit]);
    const isOver = async (): Promise<boolean> => (await this.status()).state !== 'running';
    if (!(await within(30_000, this.#pause, isOver)))
      throw new SottoError('AGENT_FAILED', `${this.#unit} does not end`);
  }

  async restart(): Promise<void> {
    await this.#must(['restart', this.#unit]);
  }

  async status(): Promise<AgentStatus> {
    const ran = await this.#run('systemctl', [
      '--user',
      'show',
      this.#unit,
      '--property=LoadState,ActiveState,MainPID,Result',
    ]);
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
      installed: installedAs(this.#files()),
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

  async #must(args: readonly string[]): Promise<void> {
    const ran = await this.#run('systemctl', ['--user', ...args]);
    if (ran.code !== 0) throw refusal('systemctl', args[0] ?? '', ran);
  }
}

/** The launcher is given to a shell: in the name of a program itself systemd takes no quotes, however they are written. */
export function renderUnit({ launcher, folder, log, environment }: AgentPlan): string {
  const variables = Object.entries(environment).map(
    ([name, value]) => `Environment=${word(`${name}=${value}`)}`,
  );
  return `[Unit]
Description=Sotto, local speech to text
StartLimitIntervalSec=300
StartLimitBurst=10

[Service]
ExecStart=/bin/sh ${word(launcher)}
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

/** systemd reads quotes, backslashes, percent and dollar signs in words; in paths percent signs alone. */
function word(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;
}

function path(text: string): string {
  return text.replaceAll('%', '%%');
}
