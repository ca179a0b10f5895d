/** Composes `sotto dictate` from its parts. */
import { timeout } from '../../async.js';
import {
  SharedConnection,
  Dictation,
  type DictationEvent,
  type DictationOptions,
} from '../../client/index.js';
import type { Paths } from '../../paths.js';
import { SOTTO_VERSION } from '../../protocol/version.js';
import { SAMPLE_RATE, type LiveOptions } from '../../protocol/live.js';
import type { DictateFlags } from '../dictate-command.js';
import { INTERRUPTED, onInterrupt } from '../interrupt.js';
import { markCancelled } from '../../store/spool/cancel-mark.js';
import { AUTO_IDLE_EXIT_MINUTES, findOrStartDaemon } from '../daemon/start-daemon.js';
import type { Deliverer } from './deliver.js';
import { DictateController } from './dictate-controller.js';
import { FileAudioSource } from '../../capture/file-audio-source.js';
import { hasKeys, listenToKeys } from './terminal-keys.js';
import type { AudioSource } from '../../capture/audio-source.js';
import type { DictateView } from './dictate-view.js';
import { defined } from '../../protocol/defined.js';

/** Audio that isn't played in real time is sent at most this far ahead of what the daemon has on disk. */
const MAX_UNACKNOWLEDGED_SAMPLES = 10 * SAMPLE_RATE;
/** A daemon whose disk is full acknowledges nothing, but still transcribes. */
const MAX_ROOM_WAIT_MS = 500;

interface RunDictateOptions {
  readonly flags: DictateFlags;
  readonly paths: Paths;
  readonly deliverer: Deliverer;
  /** Instead of a file. */
  readonly microphone?: AudioSource;
}

/** Returns the exit code of the command. @throws SottoError */
export async function runDictate({
  flags,
  paths,
  deliverer,
  microphone,
}: RunDictateOptions): Promise<number> {
  const view = await chooseView(flags);
  const connections = connect(paths, flags.model, view);
  // Finds or starts the daemon while the source opens.
  connections.get().catch(() => undefined);
  let opened: Dictation | undefined;
  const run = new DictateController({
    source: microphone ?? fileFor(flags, () => opened),
    open: () => (opened = Dictation.open(sessionFor(flags, connections, paths))),
    view,
    deliverer,
    onTerminal: process.stdout.isTTY,
    ...(flags.events === true ? { onEvent: printEvent } : {}),
  });
  const interrupt = onInterrupt(() => run.leave());
  interrupt.signal.addEventListener('abort', () => {
    // After Enter, this is the second interrupt.
    if (run.finishing) run.leave();
    else run.finish();
  });
  const releaseKeys = listenToKeys({ finish: () => run.finish(), discard: () => run.discard() });
  try {
    return await run.run();
  } finally {
    releaseKeys();
    connections.close();
    // Doesn't wait for a reply: the daemon may hang, and the kernel already has what was sent.
    if (run.isLeft) process.exit(INTERRUPTED);
    interrupt.release();
  }
}

function sessionFor(flags: DictateFlags, connections: SharedConnection, paths: Paths): DictationOptions {
  const { model, language, initialPrompt, vocabulary, refine, events } = flags;
  const options: LiveOptions = {
    ...defined({ language, initialPrompt }),
    ...(vocabulary === false ? { vocabulary } : {}),
    // The screen is redrawn at the end, and files are written then; only readers of events have seen the committed
    // text.
    refine: refine ?? events !== true,
  };
  return {
    connect: () => connections.get(),
    isShared: true,
    onUnacknowledgedCancel: (id) => markCancelled(paths.spool, id),
    options,
    ...defined({ model }),
  };
}

function connect(paths: Paths, model: string | undefined, view: DictateView): SharedConnection {
  let hasWarned = false;
  return new SharedConnection(async () => {
    const { client } = await findOrStartDaemon({
      paths,
      idleExitMinutes: AUTO_IDLE_EXIT_MINUTES,
      onStarting: () => view.startingDaemon(),
      ...defined({ model }),
    });
    if (client.daemon.version !== SOTTO_VERSION && !hasWarned) {
      hasWarned = true;
      view.note(
        `the running daemon is version ${client.daemon.version}, this is ${SOTTO_VERSION}; stop it with \`sotto daemon stop\``,
      );
    }
    return client;
  });
}

function fileFor({ from = '', fast }: DictateFlags, dictation: () => Dictation | undefined): FileAudioSource {
  const room = async (): Promise<void> => {
    await timeout(
      dictation()?.untilUnacknowledged(MAX_UNACKNOWLEDGED_SAMPLES) ?? Promise.resolve(),
      MAX_ROOM_WAIT_MS,
    );
  };
  return new FileAudioSource(from, {
    ready: () => dictation()?.ready ?? Promise.resolve(),
    ...(fast === true ? { room } : {}),
  });
}

async function chooseView(flags: DictateFlags): Promise<DictateView> {
  const isLive = flags.from === undefined;
  if (flags.events === true || !process.stderr.isTTY || process.env.TERM === 'dumb') {
    const { plainDictateView } = await import('./plain-dictate-view.js');
    return plainDictateView(isLive, hasKeys());
  }
  const { terminalDictateView } = await import('./terminal-dictate-view.js');
  return terminalDictateView(process.stderr, isLive, hasKeys());
}

function printEvent(event: DictationEvent, { firstSentMs }: Dictation): void {
  const t = firstSentMs === undefined ? 0 : Math.round(performance.now() - firstSentMs);
  process.stdout.write(`${JSON.stringify({ t, ...event })}\n`);
}
