/** A command in its worker: what it shows, and what a user can do with it. */
import { Worker } from 'node:worker_threads';
import { WAIT_MS } from '#test/harness/wait.js';
import { Children } from './children.js';
import type { CommandData, FromWorker, ToWorker } from './messages.js';
import { find, findAll, readable, slot, textOf, walk, type TreeNode } from './tree.js';

/** Raycast seems to set a limit, too; Sotto's commands need far less. */
const HEAP_MB = 128;

interface CommandHost {
  readonly env: Readonly<Record<string, string>>;
  /** Executes an API call of the command. */
  answer(command: RunningCommand, method: string, args: readonly unknown[]): unknown;
  /** A menu bar command stays loaded while its menu is open. */
  readonly isMenuOpen: boolean;
}

type MaybeNode = TreeNode | undefined;

export class RunningCommand {
  readonly name: string;
  readonly children = new Children();
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

  /** Standard output and standard error. */
  get output(): string {
    return this.#output;
  }

  /** The top screen, or undefined if nothing is rendered. */
  get tree(): TreeNode | undefined {
    return this.#tree;
  }

  text(): string {
    return readable(this.#tree);
  }

  /** Waits until the top screen matches. Rejects if the command fails or is unloaded first. */
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

  /** Waits until the visible text matches. */
  async untilText(pattern: RegExp | string, limitMs?: number): Promise<string> {
    const matchesPattern = (text: string): boolean =>
      typeof pattern === 'string' ? text.includes(pattern) : pattern.test(text);
    try {
      return readable(await this.until((tree) => matchesPattern(readable(tree)), limitMs));
    } catch (error) {
      throw new Error(`waiting to read ${String(pattern)}: ${String(error)}`, { cause: error });
    }
  }

  /** Titles of the available actions, or of the items of a menu. */
  actions(): string[] {
    return this.#actions().map((action) => textOf(action, 'title'));
  }

  /** Runs an action by title, and waits until it ends or unloads the command. */
  async act(title: string): Promise<void> {
    const action = this.#actions().find((each) => textOf(each, 'title') === title);
    if (action === undefined) {
      throw new Error(`no action ${title} among: ${this.actions().join(', ') || 'none'}`);
    }
    await this.#run(action, 'onAction', this.#mode === 'menu-bar' ? [{ type: 'left-click' }] : []);
  }

  /** Selects a list item by title. */
  async select(title: string): Promise<void> {
    const item = this.#items().find((each) => titleOf(each) === title);
    if (item === undefined) throw new Error(`no item ${title}`);
    this.#selected = title;
    if (this.#tree?.props.onSelectionChange !== undefined) {
      await this.#run(this.#tree, 'onSelectionChange', [item.props.id ?? null]);
    }
  }

  /** Scrolls to the end of a paginated list. */
  async loadMore(): Promise<void> {
    const list = this.#tree;
    if (list?.props.pagination === undefined) throw new Error('the list has no pages');
    await this.#request((id) => ({
      type: 'run',
      id,
      node: list.id,
      handler: 'pagination.onLoadMore',
      args: [],
    }));
  }

  async search(text: string): Promise<void> {
    if (this.#tree === undefined) throw new Error('there is no list to search');
    await this.#run(this.#tree, 'onSearchTextChange', [text]);
  }

  /** Selects in the dropdown of the search bar. */
  async choose(value: string): Promise<void> {
    const dropdown = find(this.#tree, ({ type }) => /^(List|Grid)\.Dropdown$/.test(type));
    if (dropdown === undefined) throw new Error('the search bar has no dropdown');
    await this.#run(dropdown, 'onChange', [value]);
  }

  async fill(field: string, value: unknown): Promise<void> {
    const found = find(this.#tree, ({ type, props }) => type.startsWith('Form.') && props.id === field);
    if (found === undefined) throw new Error(`no field ${field}`);
    await this.#request((id) => ({ type: 'fill', id, node: found.id, value }));
  }

  /** Escape: pops the top screen, or leaves the command. */
  async back(): Promise<void> {
    if (this.#depth > 1) await this.#request((id) => ({ type: 'back', id }));
    else await this.pop();
  }

  /** Leaves the command: unloads it at once, without cleaning up effects. */
  async pop(): Promise<void> {
    await this.#worker.terminate();
    await this.unloaded;
  }

  /** The result of a tool. */
  get value(): unknown {
    return this.#value;
  }

  /** Waits until it is unloaded. Rejects if it failed. */
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

  /** Raycast unloads a menu bar command as soon as it has loaded. */
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

  /** Resolves to the first defined result of `check`, or undefined after the limit. Rejects if the command fails. */
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

/** The title, which may have a tooltip. */
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
