/** A new SOTTO_HOME for each test; stops whatever a test leaves running. Call once per suite. */
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
