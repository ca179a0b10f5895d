/**
 * Entry point of the engine process, started by the supervisor with an IPC channel. The only process that loads the
 * addon, so a crash in MLX, Metal or a driver ends here.
 */
import { statSync } from 'node:fs';
import { parseToEngine, type FromEngine } from '#daemon/protocol/ipc.js';
import { systemClock } from '../clock.js';
import { trace } from '../trace.js';
import { defined } from '#daemon/protocol/defined.js';
import { startError } from './engine-errors.js';
import { rowsThatFit } from './files/file-batch.js';
import { EngineHost } from './engine-host.js';

function send(message: FromEngine): void {
  if (process.connected) process.send?.(message);
}

function fingerprintOf(path: string): string | undefined {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(path);
    return [ino, size, mtimeMs, ctimeMs].join();
  } catch {
    return undefined;
  }
}

// Without its daemon an engine has no purpose. SIGKILL, since a hung GPU must not keep it in an exit handler.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Ctrl-C in a terminal reaches every process of the group; the foreground process decides what it means.
process.on('SIGINT', () => undefined);

trace('engine', 'process started');

try {
  const [{ mx }, { footprintOf, loadModel }, { openAudio }, { limitCache }, { wireMemory }] =
    await Promise.all([
      import('#native/index.js'),
      import('#daemon/models/registry.js'),
      import('#daemon/audio/decode-file.js'),
      import('./cache-limit.js'),
      import('./wired-memory.js'),
    ]);
  trace('engine', 'modules loaded');
  limitCache();
  let pieces = 0;
  const host = new EngineHost({
    loadModel,
    footprint: footprintOf,
    clock: systemClock,
    openAudio: (path, sampleRate) =>
      openAudio(path, { onRead: () => (pieces += 1), ...defined({ sampleRate }) }),
    fingerprintOf,
    send,
    steps: () => mx.completedWaits() + pieces,
    clearCache: () => mx.memory.clearCache(),
    fileRows: ({ batch }, options, maxBytes) =>
      mx.defaultDevice() === 'gpu' ? rowsThatFit(batch?.rowBytes(options), maxBytes) : undefined,
    wireMemory,
    figures: () => ({
      rssBytes: process.memoryUsage.rss(),
      activeBytes: mx.memory.active(),
      peakBytes: mx.memory.peak(),
      cacheBytes: mx.memory.cache(),
      liveArrays: mx.liveArrays(),
    }),
    exit: () => process.exit(0),
  });
  process.on('message', (value) => host.receive(parseToEngine(value)));
  send({ type: 'ready', device: `MLX ${mx.version}, ${mx.defaultDevice()}` });
} catch (error) {
  // The supervisor reads this and kills the process.
  send({ type: 'fatal', error: startError(error).toWire() });
}
