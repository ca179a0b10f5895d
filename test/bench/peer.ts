/** mlx-whisper in a process of its own, asked over JSON lines (`test/reference/transcribe-mlx.py --serve`). */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { root } from './clips.js';

const reference = join(root, 'test/reference');

export interface PeerAnswer {
  readonly text: string;
  readonly tokens: readonly number[];
  /** Wall time of the call, measured inside the peer. */
  readonly seconds: number;
  readonly encodeSeconds: number;
  readonly decodeSeconds: number;
}

export class Peer {
  private readonly lines: AsyncIterator<string>;

  private constructor(
    private readonly child: ChildProcess,
    reader: Interface,
  ) {
    this.lines = reader[Symbol.asyncIterator]();
  }

  /**
   * Starts it on a float16 folder, with OpenBLAS in front of the wheel's slow BLAS on Linux.
   * @throws Error saying what to run when the reference environment is missing.
   */
  static start(model: string): Peer {
    const python = join(reference, '.venv/bin/python');
    if (!existsSync(python)) throw new Error('mlx-whisper is not set up: run test/reference/setup.sh');
    const blas = join(reference, '.venv/front-blas.so');
    const env = { ...process.env, PYTHONUNBUFFERED: '1', HF_HUB_OFFLINE: '1' };
    if (existsSync(blas)) Object.assign(env, { LD_PRELOAD: blas });
    const child = spawn(python, [join(reference, 'transcribe-mlx.py'), model, '--serve'], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (child.stdout === null) throw new Error('the peer has no output');
    return new Peer(child, createInterface({ input: child.stdout }));
  }

  private async ask(question: object): Promise<unknown> {
    this.child.stdin?.write(JSON.stringify(question) + '\n');
    const answer: IteratorResult<string, unknown> = await this.lines.next();
    if (answer.done === true) {
      throw new Error(`mlx-whisper ended (${this.child.exitCode ?? this.child.signalCode})`);
    }
    return JSON.parse(answer.value);
  }

  /** `file`: raw mono float32 at 16 kHz. */
  async transcribe(file: string, language: string): Promise<PeerAnswer> {
    return (await this.ask({ op: 'transcribe', file, language })) as PeerAnswer;
  }

  async versions(): Promise<Record<string, string>> {
    return ((await this.ask({ op: 'info' })) as { versions: Record<string, string> }).versions;
  }

  stop(): void {
    this.child.stdin?.end();
  }
}
