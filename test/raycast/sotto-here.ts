/** The built extension, the real command and daemon behind it, a fake microphone and engine. To be called once in a suite. */
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import type { Paths } from '#daemon/paths.js';
import { homeHere } from '#test/harness/home-here.js';
import { fakeEngine, launcher, sotto } from '#test/harness/run-sotto.js';
import { buildExtension, extensionFolder, type BuiltExtension } from './build-extension.js';
import { RaycastHost, type HostOptions } from './raycast-host.js';

const microphone = fileURLToPath(new URL('../harness/fake-microphone.js', import.meta.url));

export interface SottoHere {
  readonly paths: Paths;
  /** A Raycast whose microphone hears what `FAKE_MIC` is to say. */
  raycast(mic: object, options?: HostOptions): RaycastHost;
  /** What the command prints. */
  sotto(...args: string[]): Promise<string>;
}

/** @param build the extension as it lies in the repository, if left out */
export function sottoHere(build = () => buildExtension(extensionFolder)): SottoHere {
  let built: BuiltExtension | undefined;
  let hosts: RaycastHost[] = [];
  beforeAll(async () => void (built = await build()), 400_000);
  afterAll(() => built?.remove());
  // Before the home goes: what the commands have started lives in it.
  afterEach(async () => {
    for (const host of hosts) await host.close();
    hosts = [];
  });
  const home = homeHere();
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
          SOTTO_CAPTURE: microphone,
          SOTTO_ENGINE: fakeEngine,
          FAKE_MIC: JSON.stringify(mic),
          ...options.env,
        },
      });
      hosts.push(host);
      return host;
    },
    sotto: async (...args) => (await sotto(args, { home: home.folder })).stdout,
  };
}
