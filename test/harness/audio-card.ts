/**
 * An audio card with a fixed rate for the real library: ALSA's `plug` at that rate over its `file` device, which reads
 * the microphone's samples from a pipe. A program that asks for no conversion, as the library does, gets the samples
 * unchanged.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SYSTEM_CONFIG = '/usr/share/alsa/alsa.conf';
const LIBRARY_FOLDERS = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'];
/**
 * Samples written before the first read arrive without a gap if they fit into the pipe (64 KiB) and fill whole periods
 * of the library, 10 ms each. ALSA's device pads a partial period with silence.
 */
const PIPE_BYTES = 65_536;
const PERIODS_A_SECOND = 100;

/** Why none is possible here; undefined if one is. */
export function whyNoAudioCard(): string | undefined {
  if (process.platform !== 'linux') return 'no ALSA: only Linux has it';
  const isInstalled = LIBRARY_FOLDERS.some((folder) => existsSync(join(folder, 'libasound.so.2')));
  return isInstalled && existsSync(SYSTEM_CONFIG) ? undefined : 'no ALSA: libasound2 is not installed';
}

export class AudioCard {
  readonly rate: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'sound-card-'));
  readonly #pipe: number;

  constructor(rate: number) {
    this.rate = rate;
    const pipe = join(this.#folder, 'input');
    execFileSync('mkfifo', [pipe]);
    this.#pipe = openSync(pipe, 'r+');
    writeFileSync(
      join(this.#folder, 'asound.conf'),
      `<${SYSTEM_CONFIG}>
      pcm.!default {
        type plug
        slave {
          pcm { type file slave.pcm { type null } file /dev/null infile "${pipe}" format raw }
          rate ${rate} channels 1 format S16_LE
        }
      }`,
    );
  }

  /** Environment of a process for which it is the only card. */
  get env(): Record<string, string> {
    return { ALSA_CONFIG_PATH: join(this.#folder, 'asound.conf'), PULSE_SERVER: 'unix:/nowhere' };
  }

  /** Maximum samples per call of `play`. */
  get maxSamples(): number {
    const period = this.rate / PERIODS_A_SECOND;
    return Math.floor(PIPE_BYTES / 2 / period - 1) * period;
  }

  /** Call only after all previous samples were read. */
  play(samples: Int16Array): void {
    writeSync(this.#pipe, new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
  }

  close(): void {
    closeSync(this.#pipe);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
