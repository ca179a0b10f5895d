/** The built extension, the real command and daemon behind it, a scripted microphone and a fake engine. To be called once in a suite. */
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Paths } from '#daemon/paths.js';
import { withHome } from '#test/harness/with-home.js';
import { fakeEngine, launcher, sotto } from '#test/harness/run-sotto.js';
import { scriptedMicrophone, type MicScript } from '#test/harness/scripted-microphone.js';
import { buildExtension, extensionFolder, type BuiltExtension } from './build-extension.js';
import { RaycastHost, type HostOptions } from './raycast-host.js';

export interface SottoHarness {
  readonly paths: Paths;
  /** A Raycast whose microphone does what a script says. */
  raycast(mic: MicScript, options?: HostOptions): RaycastHost;
  /** What the command prints. */
  sotto(...args: string[]): Promise<string>;
}

/** @param build the extension as it lies in the repository, if left out */
export function sottoHarness(build = () => buildExtension(extensionFolder)): SottoHarness {
  let built: BuiltExtension | undefined;
  let hosts: RaycastHost[] = [];
  beforeAll(async () => void (built = await build()), 400_000);
  afterAll(() => built?.remove());
  // Before the home goes: what the commands have started lives in it.
  afterEach(async () => {
    for (const host of hosts) await host.close();
    hosts = [];
  });
  const home = withHome();
  return {
    get paths() {
      return home.paths;
    },
    raycast(mic, options = {}) {
      if (built === undefined) throw new Error('nothing is built');
      const host = new RaycastHost(built, {
        ...options,
        env: {
          SOTTO_HOME: home.folder,
          SOTTO_BIN: launcher,
          SOTTO_NODE: process.execPath,
          SOTTO_ENGINE: fakeEngine,
          ...scriptedMicrophone(mic, home.folder),
          ...options.env,
        },
      });
      hosts.push(host);
      return host;
    },
    sotto: async (...args) => (await sotto(args, { home: home.folder })).stdout,
  };
}
