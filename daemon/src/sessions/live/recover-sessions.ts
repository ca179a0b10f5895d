/** At the daemon's start: discards the sessions that were cancelled while it was not running, and restores the others. */
import type { Logger } from '../../logger.js';
import { codedError } from '../../protocol/file-errors.js';
import type { Orphan } from '../../store/spool/orphans.js';
import type { SessionFiles } from './session-files.js';

interface RecoveryDeps {
  readonly files: SessionFiles;
  readonly log: Logger;
  /** Whether a client has opened or resumed the session meanwhile. */
  readonly isInUse: (id: string) => boolean;
  readonly isStopping: () => boolean;
  readonly discard: (id: string) => Promise<void>;
  readonly restore: (orphan: Orphan) => Promise<void>;
}

export async function recoverSessions(deps: RecoveryDeps): Promise<void> {
  const { files, log, isInUse } = deps;
  for (const id of files.findCancelMarks()) {
    // The client of an open session may still undo its cancel.
    if (isInUse(id)) continue;
    await deps.discard(id).catch((error: unknown) => {
      const { code, message } = codedError(error);
      log.error({ session: id, code, message }, 'a cancelled dictation can’t be removed');
    });
  }
  await files.sweep(isInUse);
  for (const orphan of await files.findAll()) {
    const { id, transient } = orphan.info;
    if (deps.isStopping() || isInUse(id) || files.isMarkedCancelled(id)) continue;
    if (transient === true) {
      await files.remove(id);
      continue;
    }
    await deps.restore(orphan).catch((error: unknown) => {
      const { code, message } = codedError(error);
      log.error({ session: id, code, message }, 'a dictation can’t be recovered');
    });
  }
}
