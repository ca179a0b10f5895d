/** schemathesis reads the OpenAPI document from the daemon, and tests at the port whether it is true. */
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { packageRoot } from '#daemon/paths.js';
import { openPort } from '#test/harness/open-port.js';
import { withHome } from '#test/harness/with-home.js';
import { findPython } from '#test/harness/python.js';
import { sotto } from '#test/harness/run-sotto.js';
import { testUnless } from '#test/harness/skipping.js';

const { python, missing: noPython } = await findPython();
const withPython = testUnless(noPython);
const home = withHome();

const HOOKS = join(packageRoot, 'test', 'harness', 'schemathesis-hooks.py');
/** Answers 501, which counts as a server error anywhere; openai.test.ts covers it. */
const NOT_SERVED_YET = 'createSpeech';

withPython('the daemon behaves as its OpenAPI document says', async () => {
  expect(await sotto(['daemon', 'start'], { home: home.folder })).toMatchObject({ code: 0 });
  const open = await openPort(home.paths);
  const result = await python?.run(
    [
      ...['-m', 'schemathesis.cli', 'run', `http://127.0.0.1:${open.port}/openapi.json`],
      ...['-H', `Authorization: Bearer ${open.token}`, '--exclude-operation-id', NOT_SERVED_YET],
      ...['--phases', 'examples,coverage,fuzzing', '--max-examples', '20', '--generation-deterministic'],
      ...['--request-timeout', '60', '--no-color', '-w', '1'],
    ],
    // It leaves a folder in its working directory.
    { env: { SCHEMATHESIS_HOOKS: HOOKS }, cwd: home.folder, timeoutMs: 280_000 },
  );
  expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/No issues found/) as unknown });
});
