/** The processes that a command has started. Raycast ends those that are not detached when it unloads the command. */
import { isRunning } from '#daemon/is-running.js';
import { argsOf } from '#test/harness/processes.js';

export interface Child {
  readonly pid: number;
  readonly detached: boolean;
  readonly args: readonly string[];
}

export class Children {
  readonly #children = new Map<number, Child>();
  /** All that were ever started, in their order. */
  readonly started: Child[] = [];

  add(child: Child): void {
    this.started.push(child);
    this.#children.set(child.pid, child);
  }

  delete(pid: number): void {
    this.#children.delete(pid);
  }

  /** Those that are still there. */
  alive(): Child[] {
    return [...this.#children.values()].filter(isAlive);
  }

  kill(which: (child: Child) => boolean): void {
    for (const child of this.alive().filter(which)) {
      try {
        process.kill(child.pid, 'SIGKILL');
      } catch {
        // It has just ended by itself.
      }
    }
  }
}

/**
 * Whether it runs, and is still that one: its number may be another's by now. When a command has been unloaded nobody waits for
 * its children any more, so one that has ended stays as a zombie until the host ends: here as in Raycast.
 */
function isAlive({ pid, args }: Child): boolean {
  return isRunning(pid) && args.slice(1).every((arg) => argsOf(pid).includes(arg));
}
