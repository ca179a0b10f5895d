/**
 * launchd from an agent's view: reads real property lists, runs real processes, keeps them alive accordingly, and
 * answers `launchctl` with the words and numbers of the real one, including its known problems.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { parse } from 'plist';
import * as v from 'valibot';
import type { CommandResult, RunCommand } from '#launchd/run.js';

/** The known keys of a list. launchd ignores unknown keys silently, so they are an error here. */
const listSchema = v.strictObject({
  Label: v.string(),
  ProgramArguments: v.pipe(v.array(v.string()), v.minLength(1)),
  RunAtLoad: v.optional(v.boolean(), false),
  KeepAlive: v.optional(v.strictObject({ SuccessfulExit: v.boolean() })),
  ThrottleInterval: v.optional(v.number(), 10),
  ExitTimeOut: v.optional(v.number(), 20),
  ProcessType: v.optional(v.picklist(['Background', 'Standard', 'Adaptive', 'Interactive']), 'Standard'),
  LimitLoadToSessionType: v.optional(v.string()),
  Umask: v.optional(v.number()),
  SoftResourceLimits: v.optional(v.strictObject({ NumberOfFiles: v.number() })),
  WorkingDirectory: v.optional(v.string()),
  StandardOutPath: v.optional(v.string()),
  StandardErrorPath: v.optional(v.string()),
  EnvironmentVariables: v.optional(v.record(v.string(), v.string())),
});
type List = v.InferOutput<typeof listSchema>;

interface Service {
  readonly list: List;
  readonly path: string;
  child: ChildProcess | undefined;
  lastExit: string;
  /** Between `bootout` and the exit of its process. */
  leaving: boolean;
  timer: NodeJS.Timeout | undefined;
}

export interface FakeLaunchdOptions {
  readonly uid: number;
  /** Milliseconds per launchd second. */
  readonly secondMs?: number;
  /** How long a label remains after its process exited. */
  readonly drainMs?: number;
  /** Additional environment of its processes. */
  readonly environment?: Readonly<Record<string, string>>;
}

export class FakeLaunchd {
  readonly #options: FakeLaunchdOptions;
  readonly #services = new Map<string, Service>();
  readonly disabled = new Set<string>();
  /** Process starts of all services. */
  starts = 0;
  /** All commands so far. */
  readonly calls: string[][] = [];

  constructor(options: FakeLaunchdOptions) {
    this.#options = options;
  }

  readonly run: RunCommand = (command, args) => {
    if (command !== 'launchctl') return Promise.resolve({ code: 127, stdout: '', stderr: '' });
    this.calls.push([...args]);
    return Promise.resolve(this.#serve(args));
  };

  pid(label: string): number | undefined {
    return this.#services.get(label)?.child?.pid;
  }

  /** Logs the user out: stops all processes and removes all services. */
  async logOut(): Promise<void> {
    for (const label of [...this.#services.keys()]) this.#bootout(label);
    while (this.#services.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Logs the user in: loads every enabled list of the folder. */
  logIn(lists: readonly string[]): void {
    for (const path of lists) if (!this.disabled.has(basename(path, '.plist'))) this.#bootstrap(path);
  }

  #serve(args: readonly string[]): CommandResult {
    const [verb = '', ...rest] = args;
    const domain = `gui/${this.#options.uid}`;
    const target = verb === 'kill' ? rest[1] : rest.at(-1);
    const label = verb === 'bootstrap' ? '' : (target ?? '').slice(domain.length + 1);
    if (verb === 'bootstrap' ? rest[0] !== domain : target?.startsWith(`${domain}/`) !== true)
      return refused(125, 'Domain does not support specified action');
    switch (verb) {
      case 'enable':
        this.disabled.delete(label);
        return done();
      case 'disable':
        this.disabled.add(label);
        return done();
      case 'bootstrap':
        return this.#bootstrap(rest[1] ?? '');
      case 'bootout':
        return this.#bootout(label);
      case 'print':
        return this.#print(label);
      case 'kickstart':
        return this.#kickstart(label, rest.includes('-k'));
      case 'kill':
        return this.#kill(label, rest[0] as NodeJS.Signals);
      default:
        return refused(64, `Unrecognized subcommand: ${verb}`);
    }
  }

  #bootstrap(path: string): CommandResult {
    if (!existsSync(path)) return refused(2, 'Bootstrap failed: 2: No such file or directory');
    // Lists writable by others are refused.
    if ((statSync(path).mode & 0o022) !== 0) return refused(5, 'Bootstrap failed: 5: Input/output error');
    const list = v.parse(listSchema, parse(readFileSync(path, 'utf8')));
    const isSane = basename(path, '.plist') === list.Label && !this.disabled.has(list.Label);
    if (!isSane || this.#services.has(list.Label))
      return refused(5, 'Bootstrap failed: 5: Input/output error');
    const service: Service = {
      list,
      path,
      child: undefined,
      lastExit: '(never exited)',
      leaving: false,
      timer: undefined,
    };
    this.#services.set(list.Label, service);
    if (list.RunAtLoad) this.#spawn(service);
    return done();
  }

  #bootout(label: string): CommandResult {
    const service = this.#services.get(label);
    if (service === undefined) return refused(3, 'Boot-out failed: 3: No such process');
    if (service.leaving) return refused(36, 'Boot-out failed: 36: Operation now in progress');
    service.leaving = true;
    clearTimeout(service.timer);
    if (service.child === undefined) this.#forgetSoon(service);
    else this.#end(service);
    return done();
  }

  #print(label: string): CommandResult {
    const service = this.#services.get(label);
    const domain = `gui/${this.#options.uid}`;
    // A label without its process is not found, though it can't be loaded yet.
    if (service === undefined || (service.leaving && service.child === undefined)) {
      return refused(113, `Could not find service "${label}" in domain for user gui: ${this.#options.uid}`);
    }
    const { list, path, child, lastExit, timer } = service;
    const lines = [
      `${domain}/${label} = {`,
      `\tactive count = ${child === undefined ? 0 : 1}`,
      `\tpath = ${path}`,
      '\ttype = LaunchAgent',
      `\tstate = ${child !== undefined ? 'running' : timer === undefined ? 'not running' : 'spawn scheduled'}`,
      '',
      `\tprogram = ${list.ProgramArguments[0] ?? ''}`,
      '\targuments = {',
      ...list.ProgramArguments.map((argument) => `\t\t${argument}`),
      '\t}',
      '',
      `\tdomain = ${domain}`,
      ...(child?.pid === undefined ? [] : [`\tpid = ${child.pid}`]),
      `\tlast exit code = ${lastExit}`,
      `\tspawn type = ${list.ProcessType.toLowerCase()} (4)`,
      '}',
    ];
    return { code: 0, stdout: `${lines.join('\n')}\n`, stderr: '' };
  }

  #kickstart(label: string, kills: boolean): CommandResult {
    const service = this.#services.get(label);
    if (service === undefined) return refused(113, `Could not find service "${label}"`);
    if (service.child === undefined) this.#spawn(service);
    else if (kills) {
      service.child.once('exit', () => {
        if (!service.leaving && service.child === undefined) this.#spawn(service);
      });
      this.#end(service);
    }
    return done();
  }

  #kill(label: string, signal: NodeJS.Signals): CommandResult {
    const child = this.#services.get(label)?.child;
    if (child === undefined) return refused(3, 'Could not kill service: 3: No such process');
    child.kill(signal);
    return done();
  }

  #spawn(service: Service): void {
    const { list } = service;
    const [program = '', ...args] = list.ProgramArguments;
    const out = openSync(list.StandardOutPath ?? '/dev/null', 'a');
    const err = openSync(list.StandardErrorPath ?? '/dev/null', 'a');
    this.starts += 1;
    clearTimeout(service.timer);
    service.timer = undefined;
    const startedMs = performance.now();
    const child = spawn(program, args, {
      cwd: list.WorkingDirectory ?? '/',
      // Without the environment of the user's shell.
      env: {
        PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
        ...this.#options.environment,
        ...list.EnvironmentVariables,
      },
      stdio: ['ignore', out, err],
    });
    closeSync(out);
    closeSync(err);
    service.child = child;
    const over = (lastExit: string, succeeded: boolean): void => {
      if (service.child !== child) return;
      service.child = undefined;
      service.lastExit = lastExit;
      if (service.leaving) this.#forgetSoon(service);
      else if (list.KeepAlive?.SuccessfulExit === false && !succeeded) {
        const waitMs = list.ThrottleInterval * this.#secondMs - (performance.now() - startedMs);
        service.timer = setTimeout(() => this.#spawn(service), Math.max(0, waitMs));
      }
    };
    child.on('error', () => over('78: EX_CONFIG', false));
    child.on('exit', (code, signal) => over(signal ?? `${code}`, code === 0));
  }

  /** SIGTERM, then SIGKILL after its timeout. */
  #end({ child, list }: Service): void {
    child?.kill('SIGTERM');
    const timer = setTimeout(() => child?.kill('SIGKILL'), list.ExitTimeOut * this.#secondMs);
    child?.once('exit', () => clearTimeout(timer));
  }

  #forgetSoon(service: Service): void {
    setTimeout(() => this.#services.delete(service.list.Label), this.#options.drainMs ?? 0);
  }

  get #secondMs(): number {
    return this.#options.secondMs ?? 1000;
  }
}

function done(): CommandResult {
  return { code: 0, stdout: '', stderr: '' };
}

function refused(code: number, stderr: string): CommandResult {
  return { code, stdout: '', stderr: `${stderr}\n` };
}
