/** The LaunchAgent of macOS: a property list, a launcher, and what `launchctl` is told about them. */
import { join } from 'node:path';
import { pollUntil, sleep } from '#daemon/async.js';
import { SottoError } from '#daemon/protocol/errors.js';
import type { AgentManager, AgentPlan, AgentStatus } from './agent.js';
import {
  installedAs,
  makeFolders,
  mustBeInstalled,
  ownerOf,
  removeFiles,
  writeFiles,
  type AgentFile,
} from './files.js';
import { renderLauncher } from './launcher.js';
import { element, renderPropertyList } from './property-list.js';
import { refusal, type Ran, type Run } from './run.js';
import { defined } from '#daemon/protocol/defined.js';

/** `Input/output error`: what launchd says of a label that is still on its way out. */
const BUSY = 5;
/** `Operation now in progress`, `Operation already in progress`. */
const IN_PROGRESS = new Set([36, 37]);
/** `No such process`, `Could not find service`. */
const GONE = new Set([3, 113]);
/** `Could not find specified domain`, `Domain does not support specified action`: the user has no session on the screen. */
const NO_SESSION = new Set([112, 125]);

export interface LaunchctlOptions {
  readonly run: Run;
  readonly uid: number;
  readonly pause?: typeof sleep;
}

/** How `print` describes a service. */
export interface Printed {
  readonly state: 'running' | 'stopped';
  readonly pid?: number;
  readonly lastExit?: string;
}

export class LaunchAgent implements AgentManager {
  readonly #plan: AgentPlan;
  readonly #run: Run;
  readonly #pause: typeof sleep;
  readonly #domain: string;
  readonly #file: string;

  constructor(plan: AgentPlan, { run, uid, pause = sleep }: LaunchctlOptions) {
    this.#plan = plan;
    this.#run = run;
    this.#pause = pause;
    this.#domain = `gui/${uid}`;
    this.#file = join(plan.user, 'Library', 'LaunchAgents', `${plan.label}.plist`);
  }

  async install(): Promise<boolean> {
    const isNew = installedAs(this.#files()) !== 'yes';
    makeFolders(this.#plan);
    const before = await this.#print();
    if (!isNew && before?.state === 'running') return false;
    if (isNew) {
      await this.#leave(before);
      writeFiles(this.#files());
    }
    // Somebody may have switched it off under Login Items.
    await this.#run('launchctl', ['enable', this.#target]);
    await this.start();
    return true;
  }

  async uninstall(): Promise<boolean> {
    // Where there is no session nothing of it is loaded, and the file is all that there is to take away.
    const printed = await this.#print(new Set([...GONE, ...NO_SESSION]));
    await this.#leave(printed);
    return removeFiles(this.#files()) || printed !== undefined;
  }

  async start(): Promise<void> {
    mustBeInstalled(this.#files());
    makeFolders(this.#plan);
    const printed = await this.#print();
    if (printed === undefined) await this.#bootstrap();
    else if (printed.state !== 'running') await this.#must(['kickstart', this.#target]);
  }

  async stop(): Promise<void> {
    // Between two tries nothing runs, and the next one comes all the same: only what is not loaded stays down.
    await this.#leave(await this.#print());
  }

  async restart(): Promise<void> {
    mustBeInstalled(this.#files());
    makeFolders(this.#plan);
    const printed = await this.#print();
    if (printed === undefined) await this.start();
    else await this.#must(['kickstart', '-k', this.#target]);
  }

  async status(): Promise<AgentStatus> {
    const printed = await this.#print();
    const { pid, lastExit } = printed ?? {};
    return {
      installed: installedAs(this.#files()),
      state: printed?.state ?? 'not loaded',
      file: this.#file,
      ...defined({ pid, lastFailure: lastExit }),
    };
  }

  owner(): ReturnType<AgentManager['owner']> {
    return ownerOf(this.#file, element(this.#plan.launcher));
  }

  get #target(): string {
    return `${this.#domain}/${this.#plan.label}`;
  }

  #files(): AgentFile[] {
    return [
      { path: this.#plan.launcher, content: renderLauncher(this.#plan), mode: 0o755 },
      { path: this.#file, content: renderPropertyList(this.#plan), mode: 0o644 },
    ];
  }

  /** A label that was told to go may take a moment, and one that is going can't be loaded: errno 5, until it is gone. */
  async #bootstrap(): Promise<void> {
    let last: Ran | undefined;
    const isLoaded = async (): Promise<boolean> => {
      last = await this.#run('launchctl', ['bootstrap', this.#domain, this.#file]);
      if (last.code === 0) return true;
      if (last.code !== BUSY && !IN_PROGRESS.has(last.code)) throw refusal('launchctl', 'bootstrap', last);
      // It may be there in spite of what was said.
      return (await this.#print()) !== undefined;
    };
    const done = await pollUntil(isLoaded, { timeoutMs: 10_000, pause: this.#pause });
    if (!done && last !== undefined) throw refusal('launchctl', 'bootstrap', last);
    if ((await this.#print())?.state !== 'running') await this.#must(['kickstart', this.#target]);
  }

  async #leave(printed: Printed | undefined): Promise<void> {
    if (printed === undefined) return;
    const ran = await this.#run('launchctl', ['bootout', this.#target]);
    const isOnItsWay = GONE.has(ran.code) || IN_PROGRESS.has(ran.code) || ran.code === BUSY;
    if (ran.code !== 0 && !isOnItsWay) throw refusal('launchctl', 'bootout', ran);
    await this.#until((now) => now === undefined, 'does not go');
  }

  /** @param gone what `launchctl` ends with where the label is not loaded */
  async #print(gone: ReadonlySet<number> = GONE): Promise<Printed | undefined> {
    const ran = await this.#run('launchctl', ['print', this.#target]);
    if (ran.code === 0) return parsePrint(ran.stdout);
    if (gone.has(ran.code)) return undefined;
    if (ran.code === 127) throw refusal('launchctl', 'print', { ...ran, stderr: 'there is no launchctl' });
    throw refusal('launchctl', 'print', ran);
  }

  async #must(args: readonly string[]): Promise<void> {
    const ran = await this.#run('launchctl', args);
    if (ran.code !== 0) throw refusal('launchctl', args[0] ?? '', ran);
  }

  async #until(isSo: (now: Printed | undefined) => boolean, otherwise: string): Promise<void> {
    if (await pollUntil(async () => isSo(await this.#print()), { timeoutMs: 30_000, pause: this.#pause }))
      return;
    throw new SottoError('AGENT_FAILED', `the agent ${this.#plan.label} ${otherwise}`);
  }
}

/** What `launchctl print` says of a service: text for people, so only what has been there for years is looked at. */
export function parsePrint(text: string): Printed {
  const field = (name: string): string | undefined =>
    new RegExp(`^\\t${name} = (.+)$`, 'm').exec(text)?.[1]?.trim();
  const pid = Number(field('pid'));
  const lastExit = field('last exit code') ?? field('last terminating signal');
  const isFailure = lastExit !== undefined && !/^(?:0|\(never exited\))/.test(lastExit);
  return {
    state: field('state') === 'running' ? 'running' : 'stopped',
    ...(Number.isSafeInteger(pid) && pid > 0 && { pid }),
    ...(isFailure && { lastExit }),
  };
}
