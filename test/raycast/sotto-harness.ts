/** The built extension with the real command and daemon, a scripted microphone and a fake engine. Call it once in a suite. */
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Paths } from '#daemon/paths.js';
import { withHome } from '#test/harness/with-home.js';
import { fakeEngine, launcher, sotto } from '#test/harness/run-sotto.js';
import { scriptedMicrophone, type MicScript } from '#test/harness/scripted-microphone.js';
import { buildExtension, extensionFolder, type BuiltExtension } from './build-extension.js';
import { RaycastHost, type HostOptions } from './raycast-host.js';

export interface SottoHarness {
  readonly paths: Paths;
  /** A Raycast with a scripted microphone. */
  raycast(mic: MicScript, options?: HostOptions): RaycastHost;
  /** Runs the `sotto` command. @returns its standard output */
  sotto(...args: string[]): Promise<string>;
}

/** @param build builds the extension of the repository by default */
export function sottoHarness(build = () => buildExtension(extensionFolder)): SottoHarness {
  let built: BuiltExtension | undefined;
  let hosts: RaycastHost[] = [];
  beforeAll(async () => void (built = await build()), 400_000);
  afterAll(() => built?.remove());
  // Before the home is removed: the processes of the commands use it.
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
