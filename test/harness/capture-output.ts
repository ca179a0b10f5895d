import { afterEach, beforeEach, jest } from '@jest/globals';

/** Captures stdout and stderr of this process, reset for each test. Call once per suite. */
export function captureOutput(): { stdout: string; stderr: string } {
  const written = { stdout: '', stderr: '' };
  beforeEach(() => {
    for (const name of ['stdout', 'stderr'] as const) {
      written[name] = '';
      jest.spyOn(process[name], 'write').mockImplementation((text) => {
        written[name] += String(text);
        return true;
      });
    }
  });
  afterEach(() => void jest.restoreAllMocks());
  return written;
}
