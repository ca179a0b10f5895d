/** From the measurement in the engine to the recommendation. */
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { sotto, startSotto } from '#test/harness/run-sotto.js';
import { tempHome, type TempHome } from '#test/harness/temp-home.js';
import { until } from '#test/harness/wait.js';

let home: TempHome;
beforeEach(() => void (home = tempHome()));
afterEach(() => home.remove());

test('saves the speed that the engine measured for other commands', async () => {
  const place = { home: home.paths.home };
  const daemon = startSotto(['daemon', 'run'], { ...place, env: { FAKE_GFLOPS: '1234' } });
  await until(() => existsSync(home.paths.machine));
  await sotto(['daemon', 'stop'], place);
  await daemon.done;
  const { stdout } = await sotto(['models', 'list', '--json'], place);
  const { machine } = JSON.parse(stdout) as { machine: Record<string, unknown> };
  expect(machine).toMatchObject({ measuredGflops: 1234 });
});
