/** Streaming peers on the same weights and clips, each in a separate process. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { root } from '../clips.js';
import { ContenderProcess } from '../contender-process.js';
import { type Contender, THREADS } from '../contenders.js';
import { type TextUpdate, type Session, sessionOf } from './session-figures.js';
import { type Spoken, Stopwatch } from './sotto-session.js';

const SAMPLE_RATE = 16_000;
/** Audio arrives in pieces of this length. */
const PIECE_SAMPLES = SAMPLE_RATE / 10;

const Step = z.object({ committed: z.string(), tentative: z.string(), seconds: z.number(), cpu: z.number() });
const Info = z.object({ versions: z.record(z.string(), z.string()), settings: z.string() });

const PEERS = [
  {
    name: 'whisper_streaming',
    label: 'whisper_streaming, faster-whisper int8',
    venv: '.venv-ct2',
    weights: 'base-ct2',
    source: 'whisper_streaming',
  },
  {
    name: 'simulstreaming',
    label: 'SimulStreaming, torch float32',
    venv: '.venv-torch',
    weights: 'base.pt',
    source: 'SimulStreaming',
  },
] as const;

interface StreamingPeer extends Contender {
  readonly stepSeconds: number;
}

/** All streaming peers, whether or not they can run. */
export function streamingPeers(stepSeconds: number): StreamingPeer[] {
  const reference = join(root, 'test/reference');
  return PEERS.map(({ name, label, ...peer }) => {
    const python = join(reference, peer.venv, 'bin/python');
    const weights = join(reference, '.weights-peers', peer.weights);
    const source = join(reference, '.venv-src', peer.source);
    const worker = join(root, 'test/bench/peers/stream_worker.py');
    return {
      name,
      label,
      isSotto: false,
      env: { OMP_NUM_THREADS: String(THREADS), HF_HUB_OFFLINE: '1', CUDA_VISIBLE_DEVICES: '' },
      stepSeconds,
      command: [python, worker, name, weights, source, String(stepSeconds), String(THREADS)],
      ...([python, weights, source].every(existsSync) ? {} : { missing: 'run test/bench/peers/setup.sh' }),
    };
  });
}

export class PeerProcess {
  private constructor(
    readonly peer: StreamingPeer,
    readonly process: ContenderProcess,
    readonly settings: string,
  ) {}

  static async start(peer: StreamingPeer): Promise<PeerProcess> {
    const log = join(root, 'test/bench/results/log', `${peer.name}.log`);
    const process = ContenderProcess.start(peer, log);
    const { versions, settings } = await process.request({ op: 'info' }, Info);
    const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    return new PeerProcess(peer, process, [...named, settings].join('; '));
  }

  /** Drives the peer as its own program does: waits for a step of audio, then processes all that has arrived. */
  async session({ clip, samples, language, truth }: Spoken): Promise<Session> {
    const clock = new Stopwatch();
    const updates: TextUpdate[] = [];
    let before = '';
    const record = (
      { committed, tentative, seconds, cpu }: z.infer<typeof Step>,
      receivedSeconds: number,
    ): void => {
      clock.add(receivedSeconds, seconds, cpu);
      updates.push({ at: clock.at, committed: committed.slice(before.length), tentative });
      before = committed;
    };
    await this.process.request({ op: 'start', language }, z.object({}));
    const step = Math.round(this.peer.stepSeconds * SAMPLE_RATE);
    for (let at = 0; at < samples.length;) {
      const come = Math.floor((clock.at * SAMPLE_RATE) / PIECE_SAMPLES) * PIECE_SAMPLES;
      const to = Math.min(samples.length, Math.max(at + step, come));
      const pcm = Buffer.from(samples.slice(at, to).buffer).toString('base64');
      record(await this.process.request({ op: 'step', pcm }, Step), to / SAMPLE_RATE);
      at = to;
    }
    const audioSeconds = samples.length / SAMPLE_RATE;
    record(await this.process.request({ op: 'finish' }, Step), audioSeconds);
    return sessionOf({
      clip,
      updates,
      language,
      truth,
      audioSeconds,
      computeSeconds: clock.wallSeconds,
      cpuSeconds: clock.cpuSeconds,
      encodedFrames: undefined,
    });
  }

  stop(): Promise<void> {
    return this.process.stop();
  }
}
