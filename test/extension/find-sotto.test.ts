import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { describeModule } from './describe-module.js';

interface Found {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}
interface FindSotto {
  readonly findSotto: (preferred: string, env: NodeJS.ProcessEnv) => Found;
  readonly parseLauncher: (script: string) => { node: string; entry: string } | undefined;
}

await describeModule<FindSotto>('lib/find-sotto', ({ findSotto, parseLauncher }) => {
  let folder = '';
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'find-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function program(name: string, text = '#!/bin/sh\n'): string {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    chmodSync(path, 0o755);
    return path;
  }

  const env = (): NodeJS.ProcessEnv => ({ SOTTO_HOME: join(folder, 'home'), PATH: join(folder, 'bin') });

  test('prefers the path in the preferences, and rejects a wrong one', () => {
    program('bin/sotto');
    const own = program('mine/sotto');
    expect(findSotto(` ${own} `, env()).program).toBe(own);
    const wrong = join(folder, 'nowhere');
    expect(() => findSotto(wrong, env())).toThrow(`Sotto wasn’t found at ${wrong}`);
  });

  test('prefers the command recorded by the agent to one in the PATH', () => {
    program('bin/sotto');
    const node = program('node/bin/node');
    const entry = program('app/sotto.mjs');
    program('home/agent/Sotto', `#!/bin/sh\nrecorded=${node}\nexec "$recorded" ${entry} daemon run\n`);
    const found = findSotto('', env());
    expect([found.program, ...found.args]).toEqual([node, entry]);
  });

  test('uses another Node if the recorded one is missing', () => {
    const node = program('bin/node');
    const entry = program('app/sotto.mjs');
    program(
      'home/agent/Sotto',
      `recorded=${join(folder, 'gone/node')}\nexec "$recorded" ${entry} daemon run\n`,
    );
    expect(findSotto('', env()).program).toBe(node);
  });

  test('puts the folder of the program first in the PATH, without duplicates', () => {
    const sotto = program('bin/sotto');
    const found = findSotto('', { ...env(), PATH: [join(folder, 'bin'), '/bin', '/bin'].join(delimiter) });
    expect(found.program).toBe(sotto);
    const folders = (found.env.PATH ?? '').split(delimiter);
    expect(folders[0]).toBe(join(folder, 'bin'));
    expect(new Set(folders).size).toBe(folders.length);
  });

  test('parses a quoted launcher, and rejects other scripts', () => {
    expect(
      parseLauncher(`recorded='/My Apps/it'\\''s/node'\nexec "$recorded" '/My Apps/sotto.mjs' daemon run\n`),
    ).toEqual({ node: "/My Apps/it's/node", entry: '/My Apps/sotto.mjs' });
    expect(parseLauncher('#!/bin/sh\necho hello\n')).toBeUndefined();
  });
});
