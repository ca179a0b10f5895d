/** A SOTTO_HOME for each test of a suite; whatever a test leaves running in it is ended. To be called once in the suite. */
import { afterEach, beforeEach } from '@jest/globals';
import type { Paths } from '#daemon/paths.js';
import { stopAll } from './stop-all.js';
import { tempHome, type TempHome } from './temp-home.js';

export function withHome(): { readonly paths: Paths; readonly folder: string } {
  let home: TempHome | undefined;
  beforeEach(() => void (home = tempHome()));
  afterEach(async () => {
    if (home === undefined) return;
    await stopAll(home.paths);
    home.remove();
  });
  const current = (): TempHome => {
    if (home === undefined) throw new Error('before the first test there is none');
    return home;
  };
  return {
    get paths() {
      return current().paths;
    },
    get folder() {
      return current().folder;
    },
  };
}
