/** The LaunchAgent of macOS: a property list, a launcher, and the `launchctl` commands for them. */
import { join } from 'node:path';
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
import { renderString, renderPropertyList } from './property-list.js';
import { refusal, type CommandResult, type RunCommand } from './run.js';
import { defined } from '#daemon/protocol/defined.js';

/** `Input/output error`: the label is still being unloaded. */
const BUSY = 5;
/** `Operation now in progress`, `Operation already in progress`. */
const IN_PROGRESS = new Set([36, 37]);
/** `No such process`, `Could not find service`. */
const NOT_LOADED = new Set([3, 113]);
/** `Could not find specified domain`, `Domain does not support specified action`: the user has no GUI session. */
const NO_SESSION = new Set([112, 125]);

interface LaunchctlOptions {
  readonly run: RunCommand;
  readonly uid: number;
  readonly pause?: typeof sleep;
}

/** A service as `launchctl print` describes it. */
interface ServiceInfo {
  readonly state: 'running' | 'stopped';
  readonly pid?: number;
  readonly lastExit?: string;
}

export class LaunchAgent implements AgentManager {
  readonly #plan: AgentPlan;
  readonly #run: RunCommand;
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
    const isNew = readInstallState(this.#files()) !== 'yes';
    makeFolders(this.#plan);
    const before = await this.#print();
    if (!isNew && before?.state === 'running') return false;
    if (isNew) {
      await this.#bootOut(before);
      writeFiles(this.#files());
    }
    // The user may have disabled it under Login Items.
    await this.#run('launchctl', ['enable', this.#target]);
    await this.start();
    return true;
  }

  async uninstall(): Promise<boolean> {
    // Without a session nothing is loaded, and only the files need to be removed.
    const service = await this.#print(new Set([...NOT_LOADED, ...NO_SESSION]));
    await this.#bootOut(service);
    return removeFiles(this.#files()) || service !== undefined;
  }

  async start(): Promise<void> {
    requireInstalled(this.#files());
    makeFolders(this.#plan);
    const service = await this.#print();
    if (service === undefined) await this.#bootstrap();
    else if (service.state !== 'running') await this.#runOrThrow(['kickstart', this.#target]);
  }

  async stop(): Promise<void> {
    // launchd restarts a failing agent even if no process runs now, so only unloading stops it.
    await this.#bootOut(await this.#print());
  }

  async restart(): Promise<void> {
    requireInstalled(this.#files());
    makeFolders(this.#plan);
    const service = await this.#print();
    if (service === undefined) await this.start();
    else await this.#runOrThrow(['kickstart', '-k', this.#target]);
  }

  async status(): Promise<AgentStatus> {
    const service = await this.#print();
    const { pid, lastExit } = service ?? {};
    return {
      installed: readInstallState(this.#files()),
      state: service?.state ?? 'not loaded',
      file: this.#file,
      ...defined({ pid, lastFailure: lastExit }),
    };
  }

  owner(): ReturnType<AgentManager['owner']> {
    return ownerOf(this.#file, renderString(this.#plan.launcher));
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

  /** Unloading a label takes a moment, during which loading it fails with errno 5. */
  async #bootstrap(): Promise<void> {
    let last: CommandResult | undefined;
    const isLoaded = async (): Promise<boolean> => {
      last = await this.#run('launchctl', ['bootstrap', this.#domain, this.#file]);
      if (last.code === 0) return true;
      if (last.code !== BUSY && !IN_PROGRESS.has(last.code)) throw refusal('launchctl', 'bootstrap', last);
      // It may be loaded despite the error.
      return (await this.#print()) !== undefined;
    };
    const done = await pollUntil(isLoaded, { timeoutMs: 10_000, pause: this.#pause });
    if (!done && last !== undefined) throw refusal('launchctl', 'bootstrap', last);
    if ((await this.#print())?.state !== 'running') await this.#runOrThrow(['kickstart', this.#target]);
  }

  async #bootOut(service: ServiceInfo | undefined): Promise<void> {
    if (service === undefined) return;
    const ran = await this.#run('launchctl', ['bootout', this.#target]);
    const isUnloading = NOT_LOADED.has(ran.code) || IN_PROGRESS.has(ran.code) || ran.code === BUSY;
    if (ran.code !== 0 && !isUnloading) throw refusal('launchctl', 'bootout', ran);
    await this.#until((now) => now === undefined, "didn't unload");
  }

  /** @param notLoadedCodes exit codes of `launchctl` for a label that is not loaded */
  async #print(notLoadedCodes: ReadonlySet<number> = NOT_LOADED): Promise<ServiceInfo | undefined> {
    const ran = await this.#run('launchctl', ['print', this.#target]);
    if (ran.code === 0) return parsePrint(ran.stdout);
    if (notLoadedCodes.has(ran.code)) return undefined;
    if (ran.code === 127) throw refusal('launchctl', 'print', { ...ran, stderr: 'launchctl was not found' });
    throw refusal('launchctl', 'print', ran);
  }

  async #runOrThrow(args: readonly string[]): Promise<void> {
    const ran = await this.#run('launchctl', args);
    if (ran.code !== 0) throw refusal('launchctl', args[0] ?? '', ran);
  }

  async #until(condition: (now: ServiceInfo | undefined) => boolean, problem: string): Promise<void> {
    const isTrue = async (): Promise<boolean> => condition(await this.#print());
    if (await pollUntil(isTrue, { timeoutMs: 30_000, pause: this.#pause })) return;
    throw new SottoError('AGENT_FAILED', `the login agent ${this.#plan.label} ${problem}`);
  }
}

/** Parses the output of `launchctl print`. It is meant for people, so only fields that have been stable for years are used. */
export function parsePrint(text: string): ServiceInfo {
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
