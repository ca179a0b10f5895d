/** The processes of a command. Raycast kills those that are not detached when it unloads the command. */
import { isRunning } from '#daemon/is-running.js';
import { argsOf } from '#test/harness/processes.js';

export interface Child {
  readonly pid: number;
  readonly detached: boolean;
  readonly args: readonly string[];
}

export class Children {
  readonly #children = new Map<number, Child>();
  /** All, in the order of their start. */
  readonly started: Child[] = [];

  add(child: Child): void {
    this.started.push(child);
    this.#children.set(child.pid, child);
  }

  delete(pid: number): void {
    this.#children.delete(pid);
  }

  alive(): Child[] {
    return [...this.#children.values()].filter(isAlive);
  }

  kill(which: (child: Child) => boolean): void {
    for (const child of this.alive().filter(which)) {
      try {
        process.kill(child.pid, 'SIGKILL');
      } catch {
        // It has just exited by itself.
      }
    }
  }
}

/**
 * Checks the arguments as well, because the process id may have been reused. No process reaps the children of an unloaded
 * command, so each exit leaves a zombie until the host exits, as in Raycast.
 */
function isAlive({ pid, args }: Child): boolean {
  return isRunning(pid) && args.slice(1).every((arg) => argsOf(pid).includes(arg));
}
