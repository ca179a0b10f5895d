/** What a command's worker and the host tell each other. */
import type { TreeNode } from './tree.js';

/** `tool`: not a command, but what Raycast's AI calls. */
export type CommandMode = 'view' | 'no-view' | 'menu-bar' | 'tool';
export type LaunchType = 'userInitiated' | 'background';

/** What a worker is started with. */
export interface CommandData {
  /** The built command: one CommonJS file. */
  readonly bundle: string;
  /** The names that `@raycast/api` exports, and its enumerations, read out of its types. */
  readonly api: ApiNames;
  /** LocalStorage and Cache lie here. */
  readonly storage: string;
  readonly preferences: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, unknown>> & {
    readonly commandMode: CommandMode;
    readonly launchType: LaunchType;
    readonly launchContext?: unknown;
  };
  readonly arguments: Readonly<Record<string, string>>;
  /** What a tool is given. */
  readonly input?: unknown;
}

export interface ApiNames {
  readonly names: readonly string[];
  readonly enums: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export type FromWorker =
  /** What is on the screen; undefined is nothing. `depth` counts the screens that lie on each other. */
  | { readonly type: 'tree'; readonly tree: TreeNode | undefined; readonly depth: number }
  /** The command asks Raycast for something. */
  | { readonly type: 'call'; readonly id: number; readonly method: string; readonly args: readonly unknown[] }
  | {
      readonly type: 'spawned';
      readonly pid: number;
      readonly detached: boolean;
      readonly args: readonly string[];
    }
  | { readonly type: 'exited'; readonly pid: number }
  /** A handler that the host ran is through. */
  | { readonly type: 'ran'; readonly id: number; readonly error?: string }
  /** A command without a view, or a tool, is through. */
  | { readonly type: 'resolved'; readonly value?: unknown }
  | { readonly type: 'crashed'; readonly error: string };

export type ToWorker =
  | { readonly type: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: string }
  /** Runs the function that a node of the tree has as a property. */
  | {
      readonly type: 'run';
      readonly id: number;
      readonly node: number;
      readonly handler: string;
      readonly args: readonly unknown[];
    }
  /** Something is typed into a field of a form. */
  | { readonly type: 'fill'; readonly id: number; readonly node: number; readonly value: unknown }
  /** Back to the screen below. */
  | { readonly type: 'back'; readonly id: number };
