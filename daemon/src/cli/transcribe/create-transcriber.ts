/** Creates what transcribing commands need: a view, a transcriber, and interrupt handling. */
import type { Paths } from '../../paths.js';
import { SOTTO_VERSION } from '../../protocol/version.js';
import type { BatchProgress } from '../../batch/batch-progress.js';
import type { BatchView } from '../../batch/batch-view.js';
import { onInterrupt } from '../interrupt.js';
import { plainTranscribeView } from './transcribe-plain-view.js';
import type { Transcriber } from '../../batch/transcriber.js';
import { withoutNotes, type TranscribeView } from './transcribe-view.js';
import { defined } from '../../protocol/defined.js';

/** The exit code of the command line. */
export interface Outcome {
  exitCode: number;
}

interface ViewOptions {
  /** Print file names above their texts on a terminal. */
  readonly headers: boolean;
  /** Wrap plain text at words on a terminal. */
  readonly wrap: boolean;
  /** Print texts and errors only. */
  readonly quiet?: boolean;
}

export async function chooseView({ headers, wrap, quiet = false }: ViewOptions): Promise<TranscribeView> {
  if (quiet) return withoutNotes(plainTranscribeView(wrap));
  if (!process.stderr.isTTY || process.env.TERM === 'dumb') return plainTranscribeView(wrap);
  const { terminalTranscribeView } = await import('./transcribe-terminal-view.js');
  return terminalTranscribeView(process.stderr, { showText: process.stdout.isTTY === true, headers, wrap });
}

export async function chooseBatchView(progress: BatchProgress, quiet: boolean): Promise<BatchView> {
  if (quiet || !process.stderr.isTTY || process.env.TERM === 'dumb') {
    const { plainBatchView } = await import('./batch-plain-view.js');
    return quiet ? withoutNotes(plainBatchView(progress)) : plainBatchView(progress);
  }
  const { terminalBatchView } = await import('./batch-terminal-view.js');
  return terminalBatchView(process.stderr, progress);
}

export async function inProcessTranscriber(paths: Paths): Promise<Transcriber> {
  const { InProcessTranscriber } = await import('./in-process-transcriber.js');
  return new InProcessTranscriber(paths);
}

/** @param view shows that a daemon is starting, or that the running one has another version */
export async function daemonTranscriber(
  paths: Paths,
  view: Pick<TranscribeView, 'waiting' | 'note'>,
  model: string | undefined,
  onStarted?: () => void,
): Promise<Transcriber> {
  const [{ DaemonTranscriber }, { AUTO_IDLE_EXIT_MINUTES, findOrStartDaemon }] = await Promise.all([
    import('./daemon-transcriber.js'),
    import('../daemon/start-daemon.js'),
  ]);
  return new DaemonTranscriber(async () => {
    const { client, started } = await findOrStartDaemon({
      paths,
      idleExitMinutes: AUTO_IDLE_EXIT_MINUTES,
      onStarting: () => view.waiting('starting the daemon…'),
      ...defined({ model }),
    });
    if (started) onStarted?.();
    else if (client.daemon.version !== SOTTO_VERSION) {
      view.note(
        `the running daemon is version ${client.daemon.version}, this is ${SOTTO_VERSION}; restart it with \`sotto daemon stop\``,
      );
    }
    return client;
  });
}

export async function withInterrupt(
  transcriber: Transcriber,
  outcome: Outcome,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<void> {
  const interrupt = onInterrupt();
  try {
    outcome.exitCode = await work(interrupt.signal);
  } finally {
    await transcriber.close();
    interrupt.release();
  }
}
