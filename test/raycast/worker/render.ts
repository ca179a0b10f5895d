/** Renders React elements into a tree of plain objects (react-reconciler 0.31, which matches React 19.0). */
import { createRequire } from 'node:module';
import { createContext, type ReactNode } from 'react';
import { FUNCTION_MARK, type TreeNode } from '../tree.js';

const require = createRequire(import.meta.url);
const { DefaultEventPriority } = require('react-reconciler/constants') as { DefaultEventPriority: number };

/** The methods used here; the published types describe an older version. */
type Reconciler = (config: object) => {
  createContainer(container: Container, ...rest: unknown[]): object;
  updateContainer(element: ReactNode, root: object, parent: null, done: () => void): void;
};
const reconciler = require('react-reconciler') as Reconciler;

export interface Instance {
  readonly id: number;
  readonly type: string;
  props: Record<string, unknown>;
  readonly children: Instance[];
}

interface Container {
  children: Instance[];
}

const byId = new Map<number, Instance>();
let lastId = 0;
let priority = DefaultEventPriority;

function create(type: string, { children: _children, ...props }: Record<string, unknown>): Instance {
  const instance: Instance = { id: ++lastId, type, props, children: [] };
  byId.set(instance.id, instance);
  return instance;
}

function remove(parent: Container, child: Instance): void {
  const at = parent.children.indexOf(child);
  if (at >= 0) parent.children.splice(at, 1);
}

function append(parent: Container, child: Instance): void {
  remove(parent, child);
  parent.children.push(child);
}

function insertBefore(parent: Container, child: Instance, before: Instance): void {
  remove(parent, child);
  parent.children.splice(parent.children.indexOf(before), 0, child);
}

function nothing(): void {}

function config(onCommit: () => void): object {
  return {
    supportsMutation: true,
    supportsPersistence: false,
    supportsHydration: false,
    isPrimaryRenderer: true,
    noTimeout: -1,
    scheduleTimeout: setTimeout,
    cancelTimeout: clearTimeout,
    supportsMicrotasks: true,
    scheduleMicrotask: queueMicrotask,
    createInstance: create,
    createTextInstance: (text: string) => create('#text', { text }),
    appendInitialChild: append,
    finalizeInitialChildren: () => false,
    shouldSetTextContent: () => false,
    getRootHostContext: () => ({}),
    getChildHostContext: (context: object) => context,
    getPublicInstance: (instance: Instance) => instance,
    prepareForCommit: () => null,
    resetAfterCommit: onCommit,
    preparePortalMount: nothing,
    appendChild: append,
    appendChildToContainer: append,
    insertBefore,
    insertInContainerBefore: insertBefore,
    removeChild: remove,
    removeChildFromContainer: remove,
    commitUpdate(
      instance: Instance,
      _type: string,
      _old: object,
      { children: _children, ...props }: Record<string, unknown>,
    ) {
      instance.props = props;
    },
    commitTextUpdate: (instance: Instance, _old: string, text: string) => (instance.props = { text }),
    clearContainer: (container: Container) => (container.children = []),
    detachDeletedInstance: ({ id }: Instance) => byId.delete(id),
    hideInstance: nothing,
    unhideInstance: nothing,
    hideTextInstance: nothing,
    unhideTextInstance: nothing,
    resetTextContent: nothing,
    setCurrentUpdatePriority: (value: number) => (priority = value),
    getCurrentUpdatePriority: () => priority,
    resolveUpdatePriority: () => priority || DefaultEventPriority,
    shouldAttemptEagerTransition: () => false,
    trackSchedulerEvent: nothing,
    resolveEventType: () => null,
    resolveEventTimeStamp: () => -1.1,
    maySuspendCommit: () => false,
    preloadInstance: () => true,
    startSuspendingCommit: nothing,
    suspendInstance: nothing,
    waitForCommitToBeReady: () => null,
    NotPendingTransition: null,
    HostTransitionContext: createContext(null),
    requestPostPaintCallback: nothing,
    resetFormInstance: nothing,
  };
}

/** @param onCommit gets all screens, the lowest first. @param onError gets errors that no error boundary caught */
export function render(
  element: ReactNode,
  onCommit: (screens: readonly Instance[]) => void,
  onError: (error: unknown) => void,
): void {
  const container: Container = { children: [] };
  const renderer = reconciler(config(() => onCommit(container.children)));
  const ignore = nothing;
  const root = renderer.createContainer(container, 1, null, false, null, '', onError, ignore, ignore, null);
  renderer.updateContainer(element, root, null, nothing);
}

export function instanceOf(id: number): Instance {
  const instance = byId.get(id);
  if (instance === undefined) throw new Error('the node is no longer rendered');
  return instance;
}

/** Makes the instance cloneable for a message. */
export function toTree({ id, type, props, children }: Instance): TreeNode {
  const plain = Object.fromEntries(
    Object.entries(props)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, toPlain(value, 0)]),
  );
  return { id, type, props: plain, children: children.map(toTree) };
}

function toPlain(value: unknown, depth: number): unknown {
  if (typeof value === 'function') return FUNCTION_MARK;
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth > 6) return '…';
  if (Array.isArray(value)) return value.map((each) => toPlain(each, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toPlain(each, depth + 1)]));
}
