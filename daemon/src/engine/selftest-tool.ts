/**
 * Entry point of a process that measures this machine for `sotto doctor --selftest`: it keeps MLX out of the
 * command, and its crash becomes a check result there. One request, one reply.
 */
import * as v from 'valibot';
import {
  selftestRequestSchema,
  type LoadResult,
  type SelftestReply,
  type SelftestRequest,
} from '#daemon/protocol/selftest-process.js';
import { SottoError } from '#daemon/protocol/errors.js';
import { engineError, startError } from './engine-errors.js';
import { sendToParent } from './send-to-parent.js';

const send = (message: SelftestReply): Promise<void> => sendToParent(message);

async function load(): Promise<LoadResult> {
  const { mx } = await import('#native/index.js');
  const time = (): number => {
    const begin = performance.now();
    const result = mx.tidy(() => mx.matmul(mx.ones([64, 64]), mx.ones([64, 64])));
    mx.eval(result);
    result.dispose();
    return performance.now() - begin;
  };
  const coldMs = time();
  const warmMs = Math.min(...Array.from({ length: 10 }, time));
  const device = mx.defaultDevice();
  return { mlx: mx.version, device, facts: mx.deviceInfo(device), coldMs, warmMs };
}

/** Exits with queued work, as an engine does that is stopped in the middle of a file. */
async function exitBusy(): Promise<never> {
  const { mx } = await import('#native/index.js');
  let a = mx.random.normal([1024, 1024]);
  for (let i = 0; i < 20; i++) a = mx.matmul(a, a);
  mx.asyncEval(a);
  process.exit(0);
}

async function work(request: SelftestRequest): Promise<SelftestReply> {
  switch (request.type) {
    case 'load':
      try {
        return { type: 'loaded', facts: await load() };
      } catch (error) {
        return { type: 'failed', error: startError(error).toWire() };
      }
    case 'numbers': {
      const [{ mx }, { compareOps }] = await Promise.all([
        import('#native/index.js'),
        import('./selftest/numbers.js'),
      ]);
      return { type: 'numbers', device: mx.defaultDevice(), ops: compareOps() };
    }
    case 'reference': {
      const { familyOf } = await import('#daemon/models/registry.js');
      const { file, dir, clip } = request;
      const family = await familyOf(dir);
      if (family.compareWithReference === undefined)
        throw new SottoError('MODEL_UNSUPPORTED', `no reference is stored for ${family.name} models`);
      return { type: 'reference', facts: await family.compareWithReference(file, dir, clip) };
    }
    case 'machine': {
      const { measureMachine } = await import('./selftest/speed.js');
      return { type: 'machine', facts: await measureMachine() };
    }
    case 'model': {
      const { measureModelSpeed } = await import('./selftest/speed.js');
      const { dir, clip, readGbPerSecond } = request;
      return { type: 'model', facts: await measureModelSpeed(dir, clip, readGbPerSecond) };
    }
    case 'leaks': {
      const { countLeaks } = await import('./selftest/speed.js');
      return { type: 'leaks', facts: await countLeaks(request.dir, request.clip) };
    }
    case 'exit':
      return exitBusy();
  }
}

// Ctrl-C in a terminal reaches every process of the group; the foreground command decides.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));
process.once('message', (value) => {
  void work(v.parse(selftestRequestSchema, value))
    .catch((error: unknown): SelftestReply => ({ type: 'failed', error: engineError(error).toWire() }))
    .then(send)
    .then(() => process.exit(0));
});
