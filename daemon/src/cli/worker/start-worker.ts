/** Starts a worker: its folders, the local daemon, and stop signals. */
import type { Paths } from '../../paths.js';
import { SottoError } from '../../protocol/errors.js';
import { plainTranscribeView } from '../transcribe/transcribe-plain-view.js';
import { daemonTranscriber } from '../transcribe/create-transcriber.js';
import { reportFailure } from '../transcribe/transcribe-view.js';
import { sweepFetched } from '../../worker/fetch-audio.js';
import { DraftSweeper } from '../../worker/draft-sweeper.js';
import type { Rate } from '../../worker/token-bucket.js';
import { resolveQueueAddress } from '../../worker/queue-url.js';
import { Roots } from '../../worker/roots.js';
import { runWorker, TIMING } from '../../worker/run-worker.js';
import { oneLine } from '../../worker/worker-messages.js';
import { defined } from '../../protocol/defined.js';

interface WorkerSettings {
  readonly queue: string;
  readonly roots: readonly string[];
  readonly files: boolean;
  readonly name: string;
  readonly concurrency: number;
  readonly rate?: Rate;
  readonly model?: string;
  readonly allowPrivate: boolean;
  readonly maxDownloadBytes: number;
  /** Milliseconds: lock, check for lost jobs, retry. */
  readonly timing?: readonly [number, number, number];
}

const LINGER_MS = 500;
const MAX_FETCH_SECONDS = 2 * 3600;

export async function startWorker(paths: Paths, settings: WorkerSettings): Promise<number> {
  const { queue, files, name, concurrency, rate, model, timing } = settings;
  const address = resolveQueueAddress(queue);
  checkFolders(settings.roots, files);
  const roots = await Roots.open(settings.roots);
  // File names and job data are untrusted.
  const log = (line: string): void => void process.stdout.write(`${oneLine(line)}\n`);
  const [lockMs, stalledMs, backoffMs] = timing ?? [TIMING.lockMs, TIMING.stalledMs, TIMING.backoffMs];
  const view = { ...plainTranscribeView(), note: log };
  const { stopRequested, forceStopRequested, release } = onEnd();
  await sweepFetched();
  const where = roots.none ? 'URLs only' : roots.folders.join(', ');
  log(`${name} is processing ${address.shown} (${where}); Ctrl-C to stop`);
  try {
    await runWorker({
      address,
      name,
      concurrency,
      ...defined({ rate }),
      timing: { lockMs, stalledMs, backoffMs },
      deps: {
        roots,
        limits: {
          maxBytes: settings.maxDownloadBytes,
          maxSeconds: MAX_FETCH_SECONDS,
          allowPrivate: settings.allowPrivate,
        },
        ...defined({ model }),
        transcriber: () => daemonTranscriber(paths, view, model),
        draftSweeper: new DraftSweeper(),
      },
      log,
      stopRequested,
      forceStopRequested,
    });
    log('ended');
    return 0;
  } catch (thrown) {
    return reportFailure(thrown);
  } finally {
    release();
    // A reconnecting client would keep the process running.
    setTimeout(() => process.exit(), LINGER_MS).unref();
  }
}

/** The user must allow each folder, because jobs name paths. */
function checkFolders(roots: readonly string[], files: boolean): void {
  if (roots.length > 0 && !files) {
    throw new SottoError('INVALID_ARGUMENT', '--root and --no-files can’t be combined', {
      hint: 'omit one of them',
    });
  }
  if (roots.length === 0 && files) {
    throw new SottoError('INVALID_ARGUMENT', 'no folders given that the worker may use', {
      hint: 'add --root FOLDER for each shared disk, or --no-files for URLs only',
    });
  }
}

/** The first signal stops it cleanly, the second one at once. */
function onEnd(): { stopRequested: Promise<void>; forceStopRequested: Promise<void>; release: () => void } {
  let first: () => void = () => undefined;
  let second: () => void = () => undefined;
  const stopRequested = new Promise<void>((resolve) => (first = resolve));
  const forceStopRequested = new Promise<void>((resolve) => (second = resolve));
  let times = 0;
  const handle = (): void => (times++ === 0 ? first() : second());
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of names) process.on(name, handle);
  return {
    stopRequested,
    forceStopRequested,
    release: () => {
      for (const name of names) process.off(name, handle);
    },
  };
}
