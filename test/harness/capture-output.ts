import { afterEach, beforeEach, jest } from '@jest/globals';

/** What a command writes in this process: to be called once in a suite; anew for each test. */
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
