import { mx } from '#native/index.js';

/**
 * Memory that MLX keeps for reuse. On the GPU its own limit is 1.5 times the working set, which means swap on a
 * small Mac. On the CPU memory comes from malloc, which caches some itself: a transcript takes as long with 16
 * MiB as with 512.
 */
const CACHE_LIMIT_MIB = { cpu: 16, gpu: 512 };

export function limitCache(): void {
  mx.memory.setCacheLimit(CACHE_LIMIT_MIB[mx.defaultDevice()] * 1024 * 1024);
}
