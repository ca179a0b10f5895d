/** LocalStorage and Cache on disk, shared by launches. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { data } from './parent.js';

type Value = string | number | boolean;

function readJson(file: string): Record<string, Value> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Record<string, Value>;
  } catch {
    return {};
  }
}

function writeJson(file: string, values: object): void {
  mkdirSync(data.storage, { recursive: true });
  writeFileSync(file, JSON.stringify(values));
}

const localFile = join(data.storage, 'local-storage.json');

// Raycast's LocalStorage is asynchronous, so a call must not complete synchronously.
const nextTick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export const LocalStorage = {
  async getItem(key: string): Promise<Value | undefined> {
    await nextTick();
    return readJson(localFile)[key];
  },
  async setItem(key: string, value: Value): Promise<void> {
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw new TypeError(`LocalStorage keeps text, numbers and booleans, not ${typeof value}`);
    }
    await nextTick();
    writeJson(localFile, { ...readJson(localFile), [key]: value });
  },
  async removeItem(key: string): Promise<void> {
    await nextTick();
    const { [key]: _removed, ...rest } = readJson(localFile);
    writeJson(localFile, rest);
  },
  async allItems(): Promise<Record<string, Value>> {
    await nextTick();
    return readJson(localFile);
  },
  async clear(): Promise<void> {
    await nextTick();
    rmSync(localFile, { force: true });
  },
};

type Subscriber = (key: string | undefined, value: string | undefined) => void;

export class Cache {
  readonly #file: string;
  readonly #subscribers = new Set<Subscriber>();

  constructor({ namespace = 'default' }: { namespace?: string } = {}) {
    this.#file = join(data.storage, `cache-${namespace.replaceAll(/[^\w-]/g, '_')}.json`);
  }

  get storageDirectory(): string {
    return data.storage;
  }

  get isEmpty(): boolean {
    return Object.keys(readJson(this.#file)).length === 0;
  }

  has(key: string): boolean {
    return key in readJson(this.#file);
  }

  get(key: string): string | undefined {
    return readJson(this.#file)[key] as string | undefined;
  }

  set(key: string, value: string): void {
    writeJson(this.#file, { ...readJson(this.#file), [key]: value });
    this.#notify(key, value);
  }

  remove(key: string): boolean {
    const { [key]: removed, ...rest } = readJson(this.#file);
    writeJson(this.#file, rest);
    this.#notify(key, undefined);
    return removed !== undefined;
  }

  clear({ notifySubscribers = true }: { notifySubscribers?: boolean } = {}): void {
    rmSync(this.#file, { force: true });
    if (notifySubscribers) this.#notify(undefined, undefined);
  }

  subscribe(subscriber: Subscriber): () => void {
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  #notify(key: string | undefined, value: string | undefined): void {
    for (const subscriber of this.#subscribers) subscriber(key, value);
  }
}
