/**
 * Runs built extensions on Linux: each command in its own worker, with Raycast's life cycle. The README lists the
 * differences to Raycast.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readApiNames } from './api-names.js';
import type { BuiltExtension } from './build-extension.js';
import { Desktop, type ApiCall } from './desktop.js';
import { argumentValues, commandOf, preferenceValues, type Command } from './manifest.js';
import type { ApiNames, CommandMode, LaunchType } from './messages.js';
import { RunningCommand } from './running-command.js';
import { defined } from '#daemon/protocol/defined.js';

/** From closing the window to unloading the command, as others have measured in Raycast. */
const UNLOAD_DELAY_MS = 40;
const TOOL_TIMEOUT_MS = 120_000;

/** A command, or a tool run like a command. */
type Launchable = Omit<Command, 'mode'> & { readonly mode: CommandMode };

export interface HostOptions {
  /** Added to the environment of a Mac's launcher, which has no shell PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** The user's values, for all launches. */
  readonly preferences?: Readonly<Record<string, unknown>>;
  /** The user's setting “Pop to Root Search”: when to unload a view whose window closes. */
  readonly popToRoot?: 'immediately' | 'later';
  /** Light if omitted. */
  readonly appearance?: 'light' | 'dark';
}

interface LaunchOptions {
  readonly arguments?: Readonly<Record<string, string>>;
  readonly preferences?: Readonly<Record<string, unknown>>;
  readonly launchType?: LaunchType;
  readonly context?: unknown;
  /** Keeps a menu bar command loaded, as an open menu does. */
  readonly isMenuOpen?: boolean;
}

export class RaycastHost {
  readonly desktop = new Desktop();
  /** All commands, in the order of launch, by the user or by each other. */
  readonly launched: RunningCommand[] = [];
  readonly #built: BuiltExtension;
  readonly #options: HostOptions;
  readonly #api: ApiNames;
  readonly #withoutWindow = new WeakSet<RunningCommand>();
  /** Menu bar commands that the user has activated by running them once. */
  readonly #inMenuBar = new Set<string>();
  readonly #folder = mkdtempSync(join(tmpdir(), 'raycast-'));

  constructor(built: BuiltExtension, options: HostOptions = {}) {
    this.#built = built;
    this.#options = options;
    this.#api = readApiNames(built.types);
  }

  /** All API calls, in order. */
  get log(): readonly ApiCall[] {
    return this.desktop.log;
  }

  /** @throws Error for a command, preference or argument that is not in the manifest */
  launch(name: string, options: LaunchOptions = {}): RunningCommand {
    const command = commandOf(this.#built.manifest, name);
    const isByUser = (options.launchType ?? 'userInitiated') === 'userInitiated';
    if (isByUser && command.mode === 'menu-bar') this.#inMenuBar.add(name);
    return this.#start(command, `${name}.js`, options);
  }

  /** Calls a tool as Raycast AI does. @throws Error for a tool that is not in the manifest */
  async callTool(name: string, input: unknown): Promise<unknown> {
    if (!this.#built.manifest.tools.some((tool) => tool.name === name)) {
      throw new Error(`the manifest has no tool ${name}`);
    }
    const tool = { name, title: name, mode: 'tool' as const, preferences: [], arguments: [] };
    const running = this.#start(tool, join('tools', `${name}.js`), { input });
    await running.done(TOOL_TIMEOUT_MS);
    return running.value;
  }

  #start(command: Launchable, bundle: string, options: LaunchOptions & { input?: unknown }): RunningCommand {
    const { manifest, folder } = this.#built;
    const { name } = command;
    const supportPath = join(this.#folder, 'support');
    mkdirSync(supportPath, { recursive: true });
    const set = { ...this.#options.preferences, ...options.preferences };
    const running = new RunningCommand(
      {
        bundle: join(folder, bundle),
        api: this.#api,
        storage: join(this.#folder, 'storage'),
        preferences: preferenceValues(manifest, command, set),
        arguments: argumentValues(command, options.arguments ?? {}),
        input: options.input,
        environment: {
          raycastVersion: '1.104.25',
          ownerOrAuthorName: manifest.author,
          extensionName: manifest.name,
          commandName: name,
          commandMode: command.mode,
          assetsPath: join(folder, 'assets'),
          supportPath,
          isDevelopment: false,
          appearance: this.#options.appearance ?? 'light',
          theme: this.#options.appearance ?? 'light',
          textSize: 'medium',
          launchType: options.launchType ?? 'userInitiated',
          ...defined({ launchContext: options.context }),
        },
      },
      {
        env: {
          HOME: this.#folder,
          PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
          TMPDIR: tmpdir(),
          LANG: 'en_US.UTF-8',
          NODE_ENV: 'production',
          ...this.#options.env,
        },
        isMenuOpen: options.isMenuOpen ?? false,
        answer: (from, method, args) => this.#answer(from, command.mode, method, args),
      },
    );
    this.launched.push(running);
    return running;
  }

  /** Unloads all commands, and kills the processes that they left. */
  async close(): Promise<void> {
    for (const command of this.launched) {
      await command.pop();
      command.children.kill(() => true);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #answer(from: RunningCommand, mode: string, method: string, args: readonly unknown[]): unknown {
    const answer = this.desktop.answer(method, args);
    if (method === 'launchCommand') this.#launchFor(args[0]);
    // A command without a view stays loaded until it resolves.
    if (mode === 'view' && this.#shouldPop(from, method, args))
      setTimeout(() => void from.pop(), UNLOAD_DELAY_MS);
    return answer;
  }

  #launchFor(options: unknown): void {
    const {
      name,
      type,
      arguments: given,
      context,
    } = options as {
      name: string;
      type: LaunchType;
      arguments?: Record<string, string>;
      context?: unknown;
    };
    const { title, mode } = commandOf(this.#built.manifest, name);
    if (mode === 'menu-bar' && type === 'background' && !this.#inMenuBar.has(name)) {
      throw new Error(`Command "${title}" must be activated before it can be run in the background`);
    }
    this.launch(name, { launchType: type, ...defined({ arguments: given }), context });
  }

  /** Whether a call unloads the view: by itself, or by closing the window with the user's setting. */
  #shouldPop(from: RunningCommand, method: string, args: readonly unknown[]): boolean {
    if (method === 'popToRoot') return true;
    if (method !== 'closeMainWindow' && method !== 'hud' && method !== 'paste') return false;
    const wasOpen = !this.#withoutWindow.has(from);
    this.#withoutWindow.add(from);
    const options = (method === 'closeMainWindow' ? args[0] : args[1]) as
      { popToRootType?: string } | undefined;
    const type = options?.popToRootType ?? 'default';
    return (
      type === 'immediate' || (wasOpen && type === 'default' && this.#options.popToRoot === 'immediately')
    );
  }
}
