/** What a command that turns audio into text needs around it: a view of what happens, a transcriber, a way to stop. */
import type { Paths } from '../../paths.js';
import { SOTTO_VERSION } from '../../protocol/version.js';
import type { BatchProgress } from '../batch/batch-progress.js';
import type { BatchView } from '../batch/batch-view.js';
import { onInterrupt } from '../interrupt.js';
import { plainTranscribeView } from './transcribe-plain-view.js';
import type { Transcriber } from './transcriber.js';
import { withoutNotes, type TranscribeView } from './transcribe-view.js';
import { defined } from '../../protocol/defined.js';

/** What the command line ends with; set by whichever command ran. */
export interface Outcome {
  exitCode: number;
}

interface ViewOptions {
  /** Print the name of each file above its text, on a terminal. */
  readonly headers: boolean;
  /** Texts are plain text: on a terminal they are broken at words. */
  readonly wrap: boolean;
  /** Texts and errors, nothing else. */
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
    const { plainBatchView } = await import('../batch/batch-plain-view.js');
    return quiet ? withoutNotes(plainBatchView(progress)) : plainBatchView(progress);
  }
  const { terminalBatchView } = await import('../batch/batch-terminal-view.js');
  return terminalBatchView(process.stderr, progress);
}

export async function inProcessTranscriber(paths: Paths): Promise<Transcriber> {
  const { InProcessTranscriber } = await import('./in-process-transcriber.js');
  return new InProcessTranscriber(paths);
}

/** `view` is told when a daemon has to be started, and when the one that runs is of another version. */
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
        `the running daemon is version ${client.daemon.version}, this is ${SOTTO_VERSION}; \`sotto daemon stop\` ends it`,
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
