/**
 * `sotto capture`: a dictation in the background, as launchers begin one. The process is a direct child of whoever wants it,
 * so that macOS charges the microphone to that; it goes on when the command that began it is gone.
 */
import { join } from 'node:path';
import { Connections, Dictation } from '../../client/index.js';
import { systemClock } from '../../clock.js';
import type { Paths } from '../../paths.js';
import { isOver, type Capture } from '../../protocol/capture.js';
import { SottoError } from '../../protocol/errors.js';
import { securePrivateFolder } from '../../server/socket.js';
import { tryLock } from '../../store/download/lock.js';
import type { Source } from '../dictate/source.js';
import { AUTO_IDLE_EXIT_MINUTES, findOrStartDaemon } from '../start-daemon.js';
import { BackgroundTake } from './background-take.js';
import { CaptureServer } from './capture-server.js';

/** How long nobody may be there before a take that is not to go on alone is finished. */
const ALONE_MS = 2_000;
/** How long the end of a take can still be heard. */
const REMEMBERED_MS = 10_000;

export interface CaptureOptions {
  readonly paths: Paths;
  readonly source: Source;
  readonly model?: string;
  readonly language?: string;
  readonly prompt?: string;
  readonly refine: boolean;
  /** Whether it goes on when nobody looks at it. */
  readonly alone: 'go on' | 'finish';
}

/** The exit code. @throws SottoError BUSY where a take goes on already */
export async function runCapture(options: CaptureOptions): Promise<number> {
  const { paths, source, model, language, prompt, refine, alone } = options;
  securePrivateFolder(paths.runtime);
  const lock = tryLock(join(paths.runtime, 'capture.lock'));
  if (lock === undefined) {
    source.stop();
    throw new SottoError('BUSY', 'a dictation goes on already', { hint: 'finish that one first' });
  }
  const connections = new Connections(async () => {
    const started = await findOrStartDaemon({ paths, idleExitMinutes: AUTO_IDLE_EXIT_MINUTES });
    return started.client;
  });
  let server: CaptureServer | undefined;
  let heardEnd: () => void = () => undefined;
  let calmAlone: (() => void) | undefined;
  let watchers = 0;
  const heard = new Promise<void>((resolve) => (heardEnd = resolve));
  const take = new BackgroundTake({
    source,
    clock: systemClock,
    open: () =>
      Dictation.open({
        connect: () => connections.get(),
        options: {
          refine,
          ...(language !== undefined && { language }),
          ...(prompt !== undefined && { initialPrompt: prompt }),
        },
        ...(model !== undefined && { model }),
      }),
    onChange: (now: Capture) => server?.changed(now),
  });
  const onWatchers = (count: number): void => {
    watchers = count;
    calmAlone?.();
    if (count > 0) return;
    if (isOver(take.now.phase)) heardEnd();
    else if (alone === 'finish') calmAlone = systemClock.after(ALONE_MS, () => take.finish());
  };
  try {
    server = await CaptureServer.listen({
      path: paths.capture,
      clock: systemClock,
      take: () => take,
      onWatchers,
    });
    onWatchers(0);
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => take.finish());
    await take.over;
    // Who left it to its end looks for the text in the history.
    const isAwaited = watchers > 0 || alone === 'go on';
    const calm = systemClock.after(isAwaited ? REMEMBERED_MS : 0, heardEnd);
    await heard;
    calm();
    const { error, phase } = take.now;
    return phase === 'failed' && error !== undefined ? SottoError.fromWire(error).exitCode : 0;
  } finally {
    calmAlone?.();
    await server?.close();
    connections.close();
    source.stop();
    lock.release();
  }
}
