/** A command that runs in its worker: what is on its screen, and what a user can do with it. */
import { Worker } from 'node:worker_threads';
import { WAIT_MS } from '#test/harness/wait.js';
import { Children } from './children.js';
import type { CommandData, FromWorker, ToWorker } from './messages.js';
import { find, findAll, readable, slot, textOf, walk, type TreeNode } from './tree.js';

/** As far as is known Raycast sets a limit too; a command of ours needs far less. */
const HEAP_MB = 128;

interface CommandHost {
  readonly env: Readonly<Record<string, string>>;
  /** Does what the command asks Raycast for. */
  answer(command: RunningCommand, method: string, args: readonly unknown[]): unknown;
  /** A menu bar's command that draws an open menu stays until the menu is closed. */
  readonly isMenuOpen: boolean;
}

type MaybeNode = TreeNode | undefined;

export class RunningCommand {
  readonly name: string;
  readonly children = new Children();
  /** Resolves when it has been unloaded, for whatever reason. */
  readonly unloaded: Promise<void>;
  #worker: Worker;
  #commandHost: CommandHost;
  readonly #mode: CommandData['environment']['commandMode'];
  #tree: MaybeNode;
  #depth = 0;
  #selected: string | undefined;
  #failure: Error | undefined;
  #isLoaded = true;
  #output = '';
  #value: unknown;
  #lastId = 0;
  readonly #running = new Map<number, (error?: Error) => void>();
  readonly #watchers = new Set<() => void>();

  constructor(data: CommandData, commandHost: CommandHost) {
    this.name = String(data.environment.commandName);
    this.#mode = data.environment.commandMode;
    this.#commandHost = commandHost;
    this.#worker = new Worker(new URL('./worker/main.js', import.meta.url), {
      workerData: data,
      env: { ...commandHost.env },
      execArgv: [],
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    for (const stream of [this.#worker.stdout, this.#worker.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    }
    this.#worker.on('message', (message: FromWorker) => this.#onMessage(message));
    this.#worker.on('error', (error: Error) => this.#fail(error));
    this.unloaded = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#isLoaded = false;
        this.children.kill(({ detached }) => !detached);
        for (const end of this.#running.values()) end();
        this.#changed();
        resolve();
      });
    });
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** What it has printed. */
  get output(): string {
    return this.#output;
  }

  /** The screen on top, or undefined if it draws nothing. */
  get tree(): TreeNode | undefined {
    return this.#tree;
  }

  /** All that can be read on the screen. */
  text(): string {
    return readable(this.#tree);
  }

  /** Waits until the screen is so. Rejects if the command fails or is unloaded before. */
  async until(matches: (tree: TreeNode) => boolean, limitMs = WAIT_MS): Promise<TreeNode> {
    const seen = await this.#wait(() => {
      if (this.#tree !== undefined && matches(this.#tree)) return this.#tree;
      if (!this.#isLoaded)
        throw new Error(`${this.name} was unloaded before ${matches.toString()}: ${this.text()}`);
      return undefined;
    }, limitMs);
    if (seen === undefined)
      throw new Error(`${this.name} never showed ${matches.toString()}, but: ${this.text()}`);
    return seen;
  }

  /** Waits until it reads so. */
  async untilText(pattern: RegExp | string, limitMs?: number): Promise<string> {
    const matchesPattern = (text: string): boolean =>
      typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text);
    try {
      return readable(await this.until((tree) => matchesPattern(readable(tree)), limitMs));
    } catch (error) {
      throw new Error(`waiting to read ${String(pattern)}: ${String(error)}`, { cause: error });
    }
  }

  /** Titles of the actions that the user can choose now, in their order; of a menu, of its items. */
  actions(): string[] {
    return this.#actions().map((action) => textOf(action, 'title'));
  }

  /** Chooses an action by its title, and waits until it is done or has unloaded the command. */
  async act(title: string): Promise<void> {
    const action = this.#actions().find((each) => textOf(each, 'title') === title);
    if (action === undefined) {
      throw new Error(`there is no action ${title}, but: ${this.actions().join(', ') || 'none'}`);
    }
    await this.#run(action, 'onAction', this.#mode === 'menu-bar' ? [{ type: 'left-click' }] : []);
  }

  /** Selects a list's item by its title. */
  async select(title: string): Promise<void> {
    const item = this.#items().find((each) => titleOf(each) === title);
    if (item === undefined) throw new Error(`there is no item ${title}`);
    this.#selected = title;
    if (this.#tree?.props.onSelectionChange !== undefined) {
      await this.#run(this.#tree, 'onSelectionChange', [item.props.id ?? null]);
    }
  }

  /** Scrolls to the end of the list, where it has more pages. */
  async loadMore(): Promise<void> {
    const list = this.#tree;
    if (list?.props.pagination === undefined) throw new Error('there are no pages');
    await this.#request((id) => ({
      type: 'run',
      id,
      node: list.id,
      handler: 'pagination.onLoadMore',
      args: [],
    }));
  }

  /** Types into the search bar. */
  async search(text: string): Promise<void> {
    if (this.#tree === undefined) throw new Error('there is nothing to search');
    await this.#run(this.#tree, 'onSearchTextChange', [text]);
  }

  /** Chooses in the dropdown of the search bar. */
  async choose(value: string): Promise<void> {
    const dropdown = find(this.#tree, ({ type }) => /^(List|Grid)\.Dropdown$/.test(type));
    if (dropdown === undefined) throw new Error('the search bar has no dropdown');
    await this.#run(dropdown, 'onChange', [value]);
  }

  /** Sets the value of a form's field. */
  async fill(field: string, value: unknown): Promise<void> {
    const found = find(this.#tree, ({ type, props }) => type.startsWith('Form.') && props.id === field);
    if (found === undefined) throw new Error(`there is no field ${field}`);
    await this.#request((id) => ({ type: 'fill', id, node: found.id, value }));
  }

  /** Escape: back to the screen below, or out of the command. */
  async back(): Promise<void> {
    if (this.#depth > 1) await this.#request((id) => ({ type: 'back', id }));
    else await this.pop();
  }

  /** Out of the command, to Raycast's root: it is unloaded at once, and no effect is cleaned up. */
  async pop(): Promise<void> {
    await this.#worker.terminate();
    await this.unloaded;
  }

  /** What a tool answered. */
  get value(): unknown {
    return this.#value;
  }

  /** Waits for its unloading, and throws what made it fail, if anything did. */
  async done(limitMs = WAIT_MS): Promise<void> {
    const isDone = await this.#wait(() => (this.#isLoaded ? undefined : true), limitMs);
    if (isDone === undefined) throw new Error(`${this.name} still runs: ${this.text()}${this.#output}`);
  }

  #actions(): TreeNode[] {
    if (this.#mode === 'menu-bar') return findAll(this.#tree, 'MenuBarExtra.Item');
    const item = this.#items().find(
      (each) => this.#selected === undefined || titleOf(each) === this.#selected,
    );
    const panel =
      slot(item, 'actions') ??
      (item === undefined ? emptyActions(this.#tree) : undefined) ??
      slot(this.#tree, 'actions');
    return findAll(panel, 'Action');
  }

  #items(): TreeNode[] {
    return [...walk(this.#tree)].filter(({ type }) => type === 'List.Item' || type === 'Grid.Item');
  }

  async #run(node: TreeNode, handler: string, args: readonly unknown[]): Promise<void> {
    if (node.props[handler] === undefined) throw new Error(`${node.type} has no ${handler}`);
    await this.#request((id) => ({ type: 'run', id, node: node.id, handler, args }));
  }

  async #request(message: (id: number) => ToWorker): Promise<void> {
    const id = ++this.#lastId;
    await new Promise<void>((resolve, reject) => {
      this.#running.set(id, (error) => {
        this.#running.delete(id);
        if (error === undefined) resolve();
        else reject(error);
      });
      this.#worker.postMessage(message(id));
    });
  }

  #onMessage(message: FromWorker): void {
    switch (message.type) {
      case 'tree':
        this.#tree = message.tree;
        this.#depth = message.depth;
        this.#changed();
        this.#unloadMenu();
        break;
      case 'call':
        this.#answer(message);
        break;
      case 'spawned':
        this.children.add(message);
        break;
      case 'exited':
        this.children.delete(message.pid);
        break;
      case 'ran':
        this.#running.get(message.id)?.(message.error === undefined ? undefined : new Error(message.error));
        if (this.#mode === 'menu-bar') void this.pop();
        break;
      case 'resolved':
        this.#value = message.value;
        void this.pop();
        break;
      case 'crashed':
        this.#fail(new Error(`${this.name} failed: ${message.error}`));
        void this.pop();
    }
  }

  /** A menu is drawn once, and its command unloaded as soon as it loads nothing any more. */
  #unloadMenu(): void {
    if (this.#mode !== 'menu-bar' || this.#commandHost.isMenuOpen) return;
    if (this.#tree?.props.isLoading !== true) void this.pop();
  }

  #answer({ id, method, args }: Extract<FromWorker, { type: 'call' }>): void {
    const send = (answer: { value?: unknown; error?: string }): void => {
      this.#worker.postMessage({ type: 'answer', id, ...answer } satisfies ToWorker);
    };
    try {
      send({ value: this.#commandHost.answer(this, method, args) });
    } catch (error) {
      send({ error: error instanceof Error ? error.message : String(error) });
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#changed();
  }

  #changed(): void {
    for (const check of [...this.#watchers]) check();
  }

  /** What `look` finds as soon as it finds something, or undefined after the limit. Throws what made the command fail. */
  #wait<T>(check: () => T | undefined, limitMs: number): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const end = (finish: () => void): void => {
        clearTimeout(timer);
        this.#watchers.delete(watch);
        finish();
      };
      const watch = (): void => {
        try {
          if (this.#failure !== undefined) throw this.#failure;
          const found = check();
          if (found !== undefined) end(() => resolve(found));
        } catch (error) {
          end(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      };
      const timer = setTimeout(() => end(() => resolve(undefined)), limitMs);
      this.#watchers.add(watch);
      watch();
    });
  }
}

/** A title, which may be given with a tooltip. */
function titleOf(node: TreeNode): string {
  const { title } = node.props;
  return typeof title === 'object' && title !== null && 'value' in title
    ? String(title.value)
    : String(title);
}

function emptyActions(tree: TreeNode | undefined): TreeNode | undefined {
  return slot(
    find(tree, ({ type }) => type.endsWith('.EmptyView')),
    'actions',
  );
}
