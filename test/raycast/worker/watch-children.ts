/**
 * Reports each process that the command starts to the host, which kills those that are not detached at unload.
 * Every way to start a process calls this method; a worker has its own copy.
 */
import { ChildProcess } from 'node:child_process';
import { postToHost } from './parent.js';

interface Spawner {
  spawn: (this: ChildProcess, options: { detached?: boolean; args?: string[] }) => unknown;
}

export function watchChildren(): void {
  const prototype = ChildProcess.prototype as unknown as Spawner;
  const spawn = prototype.spawn;
  prototype.spawn = function (options) {
    const result = spawn.call(this, options);
    const { pid } = this;
    if (pid !== undefined) {
      postToHost({ type: 'spawned', pid, detached: options.detached === true, args: options.args ?? [] });
      this.once('exit', () => postToHost({ type: 'exited', pid }));
    }
    return result;
  };
}
