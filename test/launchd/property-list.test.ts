import { execFileSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'plist';
import type { AgentPlan } from '#launchd/agent.js';
import { renderPropertyList } from '#launchd/property-list.js';
import { ownPlan } from '#launchd/plan.js';
import { resolvePaths } from '#daemon/paths.js';

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

const GOLDEN = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
  <dict>
    <key>Label</key>
    <string>com.sotto.daemon</string>
    <key>ProgramArguments</key>
    <array>
      <string>/Users/kim/Library/Application Support/Sotto/agent/Sotto</string>
    </array>
    <key>RunAtLoad</key>
    <true/>
    <key>KeepAlive</key>
    <dict>
      <key>SuccessfulExit</key>
      <false/>
    </dict>
    <key>ThrottleInterval</key>
    <integer>10</integer>
    <key>ExitTimeOut</key>
    <integer>20</integer>
    <key>ProcessType</key>
    <string>Interactive</string>
    <key>LimitLoadToSessionType</key>
    <string>Aqua</string>
    <key>Umask</key>
    <integer>63</integer>
    <key>SoftResourceLimits</key>
    <dict>
      <key>NumberOfFiles</key>
      <integer>4096</integer>
    </dict>
    <key>WorkingDirectory</key>
    <string>/Users/kim/Library/Application Support/Sotto</string>
    <key>StandardOutPath</key>
    <string>/Users/kim/Library/Logs/Sotto/agent.log</string>
    <key>StandardErrorPath</key>
    <string>/Users/kim/Library/Logs/Sotto/agent.log</string>
    <key>EnvironmentVariables</key>
    <dict>
      <key>PATH</key>
      <string>/usr/bin:/bin</string>
    </dict>
  </dict>
</plist>
`;

/** As Python reads it: another reader than the one that wrote. */
function asPythonReads(xml: string): unknown {
  const script = 'import plistlib,sys,json; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))';
  return JSON.parse(execFileSync('python3', ['-c', script], { input: xml, encoding: 'utf8' }));
}

describe('the property list of the agent', () => {
  test('is this, letter for letter', () => {
    expect(renderPropertyList(plan)).toBe(GOLDEN);
  });

  test('is interactive: anything else has macOS run the model on slow cores', () => {
    expect(parse(renderPropertyList(plan))).toMatchObject({ ProcessType: 'Interactive' });
  });

  test('says the same to another reader, whatever is in its paths', () => {
    const odd = { ...plan, folder: `/Users/k"i'm & <sons>/☃ ü/%s $HOME` };
    const xml = renderPropertyList(odd);
    expect(asPythonReads(xml)).toEqual(parse(xml));
    expect(parse(xml)).toMatchObject({ WorkingDirectory: odd.folder });
  });

  test('holds nothing of the environment but the path and the home of Sotto: no token, no proxy', () => {
    const environment = { SOTTO_HOME: '/s', HF_TOKEN: 'hf_secret', HTTPS_PROXY: 'http://u:p@x', PATH: '/x' };
    const own = ownPlan(resolvePaths({ SOTTO_HOME: '/s' }), { environment, user: '/Users/kim' });
    expect(Object.keys(own.environment)).toEqual(['PATH', 'SOTTO_HOME']);
    const xml = renderPropertyList(own);
    for (const secret of ['hf_secret', 'u:p@x']) expect(xml).not.toContain(secret);
  });
});
