/** Messages between a command's worker and the host. */
import type { TreeNode } from './tree.js';

/** `tool` is a function that Raycast AI calls. */
export type CommandMode = 'view' | 'no-view' | 'menu-bar' | 'tool';
export type LaunchType = 'userInitiated' | 'background';

export interface CommandData {
  /** Path of the built command, one CommonJS file. */
  readonly bundle: string;
  readonly api: ApiNames;
  /** Folder of LocalStorage and Cache. */
  readonly storage: string;
  readonly preferences: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, unknown>> & {
    readonly commandMode: CommandMode;
    readonly launchType: LaunchType;
    readonly launchContext?: unknown;
  };
  readonly arguments: Readonly<Record<string, string>>;
  /** Input of a tool. */
  readonly input?: unknown;
}

export interface ApiNames {
  readonly names: readonly string[];
  readonly enums: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export type FromWorker =
  /** The top screen; undefined if nothing is rendered. `depth` is the number of pushed screens. */
  | { readonly type: 'tree'; readonly tree: TreeNode | undefined; readonly depth: number }
  /** An API call of the command. */
  | { readonly type: 'call'; readonly id: number; readonly method: string; readonly args: readonly unknown[] }
  | {
      readonly type: 'spawned';
      readonly pid: number;
      readonly detached: boolean;
      readonly args: readonly string[];
    }
  | { readonly type: 'exited'; readonly pid: number }
  /** A handler that the host ran has ended. */
  | { readonly type: 'ran'; readonly id: number; readonly error?: string }
  /** A command without a view, or a tool, has ended. */
  | { readonly type: 'resolved'; readonly value?: unknown }
  | { readonly type: 'crashed'; readonly error: string };

export type ToWorker =
  | { readonly type: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: string }
  /** Runs a function property of a node. */
  | {
      readonly type: 'run';
      readonly id: number;
      readonly node: number;
      readonly handler: string;
      readonly args: readonly unknown[];
    }
  /** Enters a value into a form field. */
  | { readonly type: 'fill'; readonly id: number; readonly node: number; readonly value: unknown }
  /** Pops the top screen. */
  | { readonly type: 'back'; readonly id: number };
