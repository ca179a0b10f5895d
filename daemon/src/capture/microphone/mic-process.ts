/**
 * sotto-mic as a child process: commands go in as lines, events and audio come out. Its output is read at once,
 * because its buffer is finite.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { SottoError } from '../../protocol/errors.js';
import { FrameReader } from './mic-frames.js';
import { micEventSchema, type MicEvent } from './mic-messages.js';

export interface MicListener {
  event(event: MicEvent): void;
  /** At the rate of the last `opened`. */
  audio(samples: Int16Array): void;
  /** The process has exited; nothing comes after this. `error` is undefined if its stdin was closed. */
  exited(error: SottoError | undefined): void;
}

const IGNORED: MicListener = { event: () => undefined, audio: () => undefined, exited: () => undefined };

export class MicProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  #listener: MicListener;
  #isOver = false;

  /** Starts the process, which loads the audio system and waits with the microphone closed. */
  constructor(listener: MicListener = IGNORED) {
    this.#listener = listener;
    const child = spawn(micProgram(), { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env } });
    this.#child = child;
    const frames = new FrameReader();
    let stderrTail = '';
    let failure: SottoError | undefined;
    child.stdout.on('data', (bytes: Buffer) => {
      if (failure !== undefined) return;
      try {
        for (const frame of frames.read(bytes)) {
          if (frame.kind === 'audio') this.#listener.audio(frame.samples);
          else this.#listener.event(v.parse(micEventSchema, JSON.parse(frame.json)));
        }
      } catch (error) {
        failure = SottoError.from(error, 'MIC_UNAVAILABLE');
        this.kill();
      }
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderrTail = `${stderrTail}${chunk.toString()}`.slice(-2_000);
    });
    // It may exit while a command is being written.
    child.stdin.on('error', () => undefined);
    child.on('error', (error: NodeJS.ErrnoException) => this.#end(unusable(error)));
    child.on('close', (code, signal) => {
      const how = signal === null ? `exit code ${code}` : `killed by ${signal}`;
      const words = stderrTail.trim().split('\n').at(-1) ?? '';
      const why = words === '' ? how : `${how}: ${words}`;
      const lost = new SottoError('MIC_UNAVAILABLE', `the microphone was lost (${why})`);
      this.#end(failure ?? (code === 0 ? undefined : lost));
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  setListener(listener: MicListener): void {
    this.#listener = listener;
  }

  /** Sends a command of mic-messages.ts. */
  send(command: string): void {
    if (this.#child.stdin.writable) this.#child.stdin.write(`${command}\n`);
  }

  /** The process exits when its stdin ends. */
  end(): void {
    this.#child.stdin.end();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #end(error: SottoError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.exited(error);
  }
}

function unusable(error: NodeJS.ErrnoException): SottoError {
  const isMissing = error.code === 'ENOENT';
  return new SottoError(
    'MIC_UNAVAILABLE',
    isMissing ? 'the microphone program sotto-mic is missing' : `can’t start sotto-mic: ${error.message}`,
    { cause: error, hint: 'reinstall Sotto; in a clone, run `npm run setup`' },
  );
}

/**
 * Path of sotto-mic, which setup builds and a release includes (native/mic). Tests set SOTTO_MIC: the same program
 * with a script instead of the system's devices.
 */
function micProgram(): string {
  const own = `../../../../../native/lib/${process.platform}-${process.arch}/sotto-mic`;
  return process.env.SOTTO_MIC ?? fileURLToPath(new URL(own, import.meta.url));
}
