import { expect, test } from '@jest/globals';
import { describeModule } from './describe-module.js';

interface DoctorChecks {
  readonly betterModelChecks: (list: object) => { what: string; message: string; advice: string }[];
  readonly reportOf: (checks: readonly object[], about: readonly string[], log: string) => string;
}

await describeModule<DoctorChecks>('doctor/doctor-checks', ({ betterModelChecks, reportOf }) => {
  const list = {
    machine: { memoryBytes: 16e9, hasGpu: true },
    recommended: 'turbo',
    installed: [],
    catalogue: [{ name: 'turbo', title: 'Whisper turbo', bytes: 864e6 }],
  };

  test('suggests the recommended model with its size if it is not installed', () => {
    expect(betterModelChecks(list)).toEqual([
      expect.objectContaining({
        what: 'better-model',
        message: expect.stringContaining('Whisper turbo') as unknown,
        advice: expect.stringContaining('864 MB') as unknown,
      }),
    ]);
    expect(betterModelChecks({ ...list, installed: [{ name: 'mine', catalogue: 'turbo' }] })).toEqual([]);
    const wordErrors = { percent: 7.8, publishedBy: 'Leaderboard' };
    const [check] = betterModelChecks({ ...list, catalogue: [{ ...list.catalogue[0], wordErrors }] });
    expect(check?.message).toContain('(7.8% of words wrong; Leaderboard, not measured here)');
    // Without a GPU, the installed model keeps up best.
    expect(betterModelChecks({ ...list, machine: { memoryBytes: 16e9, hasGpu: false } })).toEqual([]);
  });

  test('writes a report with a line for each check and the path of the log', () => {
    const checks = [
      { what: 'node', status: 'right', message: 'Node.js 22' },
      { what: 'settings', status: 'wrong', message: 'not valid', advice: 'fix it' },
    ];
    expect(reportOf(checks, ['Raycast 1'], '/log')).toMatch(
      /^Raycast 1\n\n✓ Node\.js: Node\.js 22\n✗ Settings: not valid — fix it\n· Log: \/log$/,
    );
  });
});
