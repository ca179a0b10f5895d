/** Tests run as compiled (`dist/test`), each file in a fresh process: MLX keeps per-process state. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/dist/test'],
  testMatch: ['**/*.test.js'],
  transform: {},
  maxWorkers: 2,
  workerIdleMemoryLimit: 1024 * 1024,
  testTimeout: 120_000,
};
