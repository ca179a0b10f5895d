import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { openAdts } from '#daemon/audio/containers/adts.js';
import { openMp4 } from '#daemon/audio/containers/mp4.js';
import type { ExternalDecoder } from '#daemon/audio/external-decoder.js';
import type { PcmSource } from '#daemon/audio/pcm-source.js';
import { PositionedFile } from '#daemon/audio/positioned-file.js';
import { withSystemAac } from '#daemon/audio/system-aac.js';
import { until } from '#test/harness/wait.js';
import { wavHead } from '#test/harness/wav-head.js';
import { clip, scratch } from './fixtures.js';

const RATE = 24_000;
/** What the stand-in for the system's decoder writes, and Sotto's decoder never. */
const LEVEL = 0.25;

const files = scratch();
afterAll(files.remove);
const log = join(files.folder, 'arguments');

/** Creates a stand-in for afconvert that runs a script with the path of its output in `$out`. */
function standIn(name: string, script: string): ExternalDecoder {
  const text = `#!/bin/sh\nfor out; do :; done\nprintf '%s\\n' "$@" > '${log}'\n${script}\n`;
  const program = files.write(name, Buffer.from(text));
  chmodSync(program, 0o755);
  return { kind: 'afconvert', program };
}

/** A stand-in whose output has this length. */
function writing(seconds: number): ExternalDecoder {
  const samples = Math.round(seconds * RATE);
  const audio = Buffer.from(new Int16Array(samples).fill(LEVEL * 32768).buffer);
  const wav = files.write(`${seconds}.wav`, Buffer.concat([wavHead(samples, RATE), audio]));
  return standIn(`writes-${seconds}`, `cat '${wav}' > "$out"`);
}

interface Read {
  readonly source: PcmSource;
  /** Whether every block has the stand-in's rate and level. */
  readonly fromSystem: boolean;
  readonly seconds: number;
}

async function read(path: string, decoder: ExternalDecoder): Promise<Read> {
  const file = await PositionedFile.open(path);
  try {
    const own = path.endsWith('.aac') ? await openAdts(file, 0) : await openMp4(file, RATE);
    const source = withSystemAac(file, own, RATE, decoder);
    let seconds = 0;
    let fromSystem = true;
    for await (const { channels, sampleRate } of source.blocks()) {
      seconds += (channels[0]?.length ?? 0) / sampleRate;
      fromSystem &&= sampleRate === RATE && (channels[0]?.every((value) => value === LEVEL) ?? false);
    }
    return { source, fromSystem, seconds };
  } finally {
    await file.close();
  }
}

const CLIPS = [{ name: 'stereo-44k.m4a' }, { name: 'mono-16k.aac' }];

describe.each(CLIPS)('the system decodes AAC: $name', ({ name }) => {
  const path = clip(name);
  /** Length by Sotto's decoder. */
  const ownSeconds = async (): Promise<number> => (await read(path, standIn('refuses', 'exit 1'))).seconds;

  test('complete output is used, at the requested rate', async () => {
    const seconds = await ownSeconds();
    const { source, fromSystem, seconds: decoded } = await read(path, writing(seconds));
    expect([fromSystem, source.codec]).toEqual([true, 'aac']);
    expect(decoded).toBeCloseTo(seconds, 3);
    const given = readFileSync(log, 'utf8').trimEnd().split('\n');
    expect(given).toEqual(expect.arrayContaining([`LEI16@${RATE}`, path]));
    expect(existsSync(given.at(-1) ?? '')).toBe(false);
  });

  test.each([
    ['is refused by it', standIn('error', 'echo "Error: ExtAudioFileOpen failed (dta?)" >&2; exit 1')],
    ['makes it crash', standIn('crash', 'kill -SEGV $$')],
    ['is too short after it', writing(0.1)],
    ['has no audio after it', writing(0)],
    ['leaves no output', standIn('silent', 'exit 0')],
    [
      'is answered with something else',
      standIn('text', 'echo "this is no recording at all, but a text" > "$out"'),
    ],
    ['finds it gone', { kind: 'afconvert', program: join(files.folder, 'gone') } as const],
  ])('Sotto decodes a file that %s', async (_, decoder) => {
    const { fromSystem, seconds, source } = await read(path, decoder);
    expect(fromSystem).toBe(false);
    expect(seconds).toBeGreaterThan(1);
    expect(source.sampleRate).not.toBe(RATE);
  });
});

describe('the system does not decode', () => {
  test('a file that ends early: Sotto decodes what is there and reports it', async () => {
    const bytes = readFileSync(clip('stereo-44k.m4a'));
    // The index comes first, so that half of the file can be read.
    const whole = await read(clip('stereo-44k.m4a'), standIn('refuses-whole', 'exit 1'));
    writeFileSync(log, 'not called');
    const half = files.write('half.m4a', bytes.subarray(0, Math.floor(bytes.length * 0.6)));
    await expect(read(half, writing(whole.seconds))).rejects.toMatchObject({ code: 'AUDIO_TRUNCATED' });
    expect(readFileSync(log, 'utf8')).toBe('not called');
  });

  test('other codecs', async () => {
    const own = { codec: 'mp3' } as PcmSource;
    const file = await PositionedFile.open(clip('stereo-44k.mp3'));
    expect(withSystemAac(file, own, RATE, writing(1))).toBe(own);
    await file.close();
  });
});

test('stopping ends the program, and Sotto’s decoder does not start', async () => {
  const pidFile = join(files.folder, 'pid');
  const decoder = standIn('busy', `echo $$ > '${pidFile}'; exec sleep 1000`);
  const file = await PositionedFile.open(clip('mono-16k.aac'));
  const source = withSystemAac(file, await openAdts(file, 0), RATE, decoder);
  const reading = source.blocks().next();
  await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('\n'));
  source.stop?.();
  await expect(reading).rejects.toMatchObject({ code: 'AUDIO_UNSUPPORTED' });
  await file.close();
});
