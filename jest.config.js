/** Tests run as compiled (`dist/test`), each file in a fresh process: MLX keeps per-process state. */
export default {
  testEnvironment: 'node',
  reporters: ['default', '<rootDir>/dist/test/harness/skip-reporter.js'],
  roots: ['<rootDir>/dist/test'],
  setupFilesAfterEnv: ['<rootDir>/dist/test/harness/set-device.js'],
  testMatch: ['**/*.test.js'],
  transform: {},
  maxWorkers: 2,
  workerIdleMemoryLimit: 1024 * 1024,
  // Only a broken test comes near it; a busy machine may be five times slower than an idle one.
  testTimeout: 300_000,
};
