/** Removes files of the spool folder that no daemon can use. */
import { existsSync, unlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isUnfinished, SPOOL_SUFFIX } from './spool-file.js';

/** Names that Sotto gives. Other files aren't ours. */
const OWN_NAME = /^([A-Za-z0-9-]{1,64})\.(spool|events|said)$/;

/**
 * Removes spools with a truncated header, and journals without a spool. All other files stay.
 * @param isInUse whether a session of this daemon has the id; called in the same tick as the removal
 */
export async function sweepSpools(folder: string, isInUse: (id: string) => boolean): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const [, id, kind] = OWN_NAME.exec(name) ?? [];
    if (id === undefined) continue;
    const path = join(folder, name);
    const isUseless =
      kind === 'spool'
        ? await isUnfinished(path).catch(() => false)
        : !existsSync(join(folder, `${id}${SPOOL_SUFFIX}`));
    if (!isUseless || isInUse(id)) continue;
    try {
      unlinkSync(path);
    } catch {
      // The next daemon tries again.
    }
  }
}
