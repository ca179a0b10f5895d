/** Loads and runs one built command, as Raycast does in a worker of its extension process. */
import Module, { createRequire } from 'node:module';
import { createElement, type FunctionComponent } from 'react';
import { fill, setTopScreen } from './actions.js';
import { raycastApi } from './api.js';
import { pop, push, Screens } from './navigation.js';
import { data, onMessage, postToHost } from './parent.js';
import { instanceOf, render, toTree, type Instance } from './render.js';
import { watchChildren } from './watch-children.js';

const require = createRequire(import.meta.url);

interface ModuleLoader {
  _load: (this: unknown, request: string, ...rest: unknown[]) => unknown;
}

/** Provides the external modules of a bundle; all others must be in the bundle or in Node. */
function provideModules(given: Readonly<Record<string, unknown>>): void {
  const loading = Module as unknown as ModuleLoader;
  const load = loading._load;
  loading._load = function (request, ...rest) {
    return request in given ? given[request] : load.call(this, request, ...rest);
  };
}

function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function crash(error: unknown): void {
  postToHost({ type: 'crashed', error: errorText(error) });
}

let isUpdateQueued = false;
function show(screens: readonly Instance[]): void {
  if (isUpdateQueued) return;
  isUpdateQueued = true;
  setImmediate(() => {
    isUpdateQueued = false;
    const top = screens.at(-1);
    setTopScreen(top);
    const shown = top?.children[0];
    postToHost({
      type: 'tree',
      tree: shown === undefined ? undefined : toTree(shown),
      depth: screens.length,
    });
  });
}

function runHandler(node: number, handler: string, args: readonly unknown[]): unknown {
  const { type, props } = instanceOf(node);
  // The name can be a path: `pagination.onLoadMore`.
  const run = handler.split('.').reduce<unknown>((of, name) => Reflect.get(Object(of), name), props);
  if (typeof run !== 'function') throw new Error(`${type} has no ${handler}`);
  return (run as (...args: unknown[]) => unknown)(...args);
}

async function answer(id: number, what: () => unknown): Promise<void> {
  try {
    await what();
    postToHost({ type: 'ran', id });
  } catch (error) {
    postToHost({ type: 'ran', id, error: errorText(error) });
  }
}

onMessage((message) => {
  if (message.type === 'run') {
    void answer(message.id, () => runHandler(message.node, message.handler, message.args));
  } else if (message.type === 'fill') {
    void answer(message.id, () => fill(message.node, message.value));
  } else {
    void answer(message.id, () => {
      if (!pop()) throw new Error('there is no screen below');
    });
  }
});

process.on('unhandledRejection', crash);
process.on('uncaughtException', crash);

async function start(): Promise<void> {
  watchChildren();
  provideModules({
    '@raycast/api': raycastApi(),
    react: require('react') as unknown,
    'react/jsx-runtime': require('react/jsx-runtime') as unknown,
  });
  const { default: command } = require(data.bundle) as { default?: unknown };
  if (typeof command !== 'function') throw new Error(`${data.bundle} has no default export that can be run`);
  const { commandMode, launchType, launchContext } = data.environment;
  const props = { arguments: data.arguments, launchType, launchContext };
  if (commandMode === 'tool') {
    postToHost({ type: 'resolved', value: await (command as (input: unknown) => unknown)(data.input) });
  } else if (commandMode === 'no-view') {
    await (command as (props: object) => unknown)(props);
    postToHost({ type: 'resolved' });
  } else {
    push(createElement(command as FunctionComponent<typeof props>, props));
    render(createElement(Screens), show, crash);
  }
}

start().catch(crash);
