import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'plist';
import type { AgentPlan } from '#launchd/agent.js';
import { renderPropertyList } from '#launchd/property-list.js';
import { createAgentPlan } from '#launchd/plan.js';
import { resolvePaths } from '#daemon/paths.js';
import { root } from './release-modules.js';

const plan: AgentPlan = {
  label: 'com.sotto.daemon',
  user: '/Users/kim',
  launcher: '/Users/kim/Library/Application Support/Sotto/agent/Sotto',
  nodes: ['/opt/homebrew/opt/node/bin/node'],
  command: ['/opt/sotto/daemon/bin/sotto.mjs', 'daemon', 'run', '--agent'],
  log: '/Users/kim/Library/Logs/Sotto/agent.log',
  folder: '/Users/kim/Library/Application Support/Sotto',
  environment: { PATH: '/usr/bin:/bin' },
};

/** A home folder whose name has every character that is special in XML or in a shell. */
const odd: AgentPlan = {
  ...plan,
  launcher: `/Volumes/k"i'm & <sons>/☃ ü/%s $HOME/agent/Sotto`,
  folder: `/Volumes/k"i'm & <sons>/☃ ü/%s $HOME`,
  log: `/Volumes/k"i'm & <sons>/☃ ü/%s $HOME/logs/agent.log`,
  environment: { ...plan.environment, SOTTO_HOME: `/Volumes/k"i'm & <sons>/☃ ü/%s $HOME` },
};

const PLANS = { usual: plan, odd };

/** Independent readers: Python's, libplist's if it is installed, and macOS's own. */
const READERS: Record<string, (file: string) => unknown> = {
  'Python’s plistlib': (file) => {
    const script = 'import plistlib,sys,json; print(json.dumps(plistlib.load(open(sys.argv[1], "rb"))))';
    return JSON.parse(execFileSync('python3', ['-c', script, file], { encoding: 'utf8' })) as unknown;
  },
  ...(spawnSync('plistutil', ['--version']).status === 0 && {
    // Converts to Apple's binary format and back, which loses everything that it does not understand.
    plistutil: (file: string) => {
      const binary = execFileSync('plistutil', ['-i', file, '-f', 'bin', '-o', '-']);
      return parse(
        execFileSync('plistutil', ['-i', '-', '-f', 'xml', '-o', '-'], { input: binary, encoding: 'utf8' }),
      );
    },
  }),
  ...(process.platform === 'darwin' && {
    plutil: (file: string) =>
      JSON.parse(
        execFileSync('plutil', ['-convert', 'json', '-o', '-', file], { encoding: 'utf8' }),
      ) as unknown,
  }),
};
if (READERS.plistutil === undefined)
  process.stderr.write('plistutil is not installed: testing with Python’s reader only\n');

describe('the property list of the agent', () => {
  describe.each(Object.entries(PLANS))('%s', (name, of) => {
    const file = join(root, 'test', 'launchd', 'golden', `${name}.plist`);

    test('matches the golden file exactly', () => {
      expect(renderPropertyList(of)).toBe(readFileSync(file, 'utf8'));
    });

    test.each(Object.entries(READERS))('reads the same with %s', (_, read) => {
      const seen = read(file);
      expect(seen).toEqual(parse(renderPropertyList(of)));
      expect(seen).toMatchObject({
        ProgramArguments: [of.launcher],
        WorkingDirectory: of.folder,
        EnvironmentVariables: of.environment,
      });
    });
  });

  test('is interactive, because macOS runs other types on slow cores', () => {
    expect(parse(renderPropertyList(plan))).toMatchObject({ ProcessType: 'Interactive' });
  });

  test('contains only PATH and SOTTO_HOME of the environment: no token, no proxy', () => {
    const environment = { SOTTO_HOME: '/s', HF_TOKEN: 'hf_secret', HTTPS_PROXY: 'http://u:p@x', PATH: '/x' };
    const own = createAgentPlan(resolvePaths({ SOTTO_HOME: '/s' }), { environment, user: '/Users/kim' });
    expect(Object.keys(own.environment)).toEqual(['PATH', 'SOTTO_HOME']);
    const xml = renderPropertyList(own);
    for (const secret of ['hf_secret', 'u:p@x']) expect(xml).not.toContain(secret);
  });
});
