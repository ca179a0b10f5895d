/** Raycast's built-in actions: each renders an `Action` whose onAction does the same. */
import { createElement, type FunctionComponent, type ReactNode } from 'react';
import { component, rejectUnknownMembers } from './components.js';
import { push } from './navigation.js';
import { callHost } from './parent.js';
import { instanceOf, type Instance } from './render.js';

type ActionHandler = (props: Props) => unknown;
interface Props {
  readonly title?: string;
  readonly [name: string]: unknown;
}

const action = component('Action');

function run(handler: unknown, ...args: unknown[]): unknown {
  return typeof handler === 'function' ? (handler as (...args: unknown[]) => unknown)(...args) : undefined;
}

function builtIn(title: string, act: ActionHandler): FunctionComponent<Props> {
  return (props) => {
    // The target is not rendered before it is pushed.
    const { target: _target, ...shown } = props;
    return createElement(action, { ...shown, title: props.title ?? title, onAction: () => act(props) });
  };
}

const BUILT_IN: Record<string, FunctionComponent<Props>> = {
  CopyToClipboard: builtIn('Copy to Clipboard', async ({ content, concealed, onCopy }) => {
    await callHost('copy', content, { concealed });
    await callHost('hud', 'Copied to Clipboard');
    await run(onCopy, content);
  }),
  Paste: builtIn('Paste in Active App', async ({ content, onPaste }) => {
    await callHost('paste', content);
    await run(onPaste, content);
  }),
  Push: builtIn('Open', ({ target, onPush, onPop }) => {
    push(target as ReactNode, () => void run(onPop));
    return run(onPush);
  }),
  Open: builtIn('Open', async ({ target, application, onOpen }) => {
    await callHost('open', target, application);
    await run(onOpen, target);
  }),
  OpenInBrowser: builtIn('Open in Browser', async ({ url, onOpen }) => {
    await callHost('open', url);
    await run(onOpen, url);
  }),
  OpenWith: builtIn('Open with…', async ({ path, onOpen }) => {
    await callHost('open', path);
    await run(onOpen, path);
  }),
  ShowInFinder: builtIn('Show in Finder', async ({ path, onShow }) => {
    await callHost('showInFinder', path);
    await run(onShow, path);
  }),
  Trash: builtIn('Move to Trash', async ({ paths, onTrash }) => {
    await callHost('trash', paths);
    await run(onTrash, paths);
  }),
  ToggleQuickLook: builtIn('Quick Look', () => callHost('quickLook')),
  SubmitForm: builtIn('Submit', ({ onSubmit }) => run(onSubmit, formValues())),
};

export const Action = rejectUnknownMembers(
  Object.assign(action, BUILT_IN, { Style: { Regular: 'regular', Destructive: 'destructive' } }),
  'Action',
);

let top: Instance | undefined;
/** Values of uncontrolled fields. */
const typed = new WeakMap<Instance, unknown>();

export function setTopScreen(screen: Instance | undefined): void {
  top = screen;
}

export async function fill(node: number, value: unknown): Promise<void> {
  const field = instanceOf(node);
  typed.set(field, value);
  await run(field.props.onChange, value);
}

function formValues(): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  const visit = (instance: Instance): void => {
    const { id, value, defaultValue } = instance.props;
    if (/^Form\.\w+$/.test(instance.type) && typeof id === 'string') {
      values[id] = value ?? typed.get(instance) ?? defaultValue ?? empty(instance.type);
    }
    instance.children.forEach(visit);
  };
  if (top !== undefined) visit(top);
  return values;
}

function empty(type: string): unknown {
  if (type === 'Form.Checkbox') return false;
  if (type === 'Form.FilePicker' || type === 'Form.TagPicker') return [];
  return type === 'Form.DatePicker' ? null : '';
}
