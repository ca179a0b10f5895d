/**
 * Damaged headers with huge sizes and counts: gigabytes, billions of samples. A separate process opens each sparse file
 * and must end with audio or a coded error, within a memory limit.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { clip, pcm16, riffChunk, scratch, sine, wav } from './fixtures.js';

const files = scratch();
afterAll(files.remove);

const GIB = 2 ** 30;
/** Limit for the process that opens the file, including Node (50 to 60 MiB) and decoders. */
const MAX_RSS_MIB = 260;

/** Opens a file, reads it for a few seconds, and prints the outcome and the peak memory of the process. */
const READ = `
  import { openAudio } from ${JSON.stringify(new URL('../../daemon/src/audio/decode-file.js', import.meta.url).href)};
  const until = performance.now() + 4000;
  let [samples, end] = [0, 'whole'];
  try {
    const audio = await openAudio(process.argv[1]);
    for await (const chunk of audio.samples) {
      samples += chunk.length;
      if (performance.now() > until || samples > 16000 * 1800) { end = 'left'; break; }
    }
    await audio.close();
  } catch (error) {
    end = error.name === 'SottoError' ? error.code : String(error.stack);
  }
  console.log(JSON.stringify({ samples, end, mib: process.resourceUsage().maxRSS / 1024 }));
  process.exit(0);
`;

interface Outcome {
  readonly samples: number;
  /** An error code, 'whole', or 'left' if the reader stopped early. */
  readonly end: string;
  readonly mib: number;
}

function read(path: string): Outcome {
  const { stdout, stderr, signal } = spawnSync(
    process.execPath,
    ['--no-warnings', '--input-type=module', '-e', READ, path],
    { encoding: 'utf8', timeout: 110_000, env: { ...process.env, PATH: '' } },
  );
  expect({ signal, stderr }).toEqual({ signal: null, stderr: '' });
  return JSON.parse(stdout) as Outcome;
}

/** Creates a sparse file of `size` bytes with `parts` at their offsets. */
function sparse(name: string, size: number, ...parts: readonly [at: number, bytes: Uint8Array][]): string {
  const path = join(files.folder, name);
  const fd = openSync(path, 'w');
  for (const [at, bytes] of parts) writeSync(fd, bytes, 0, bytes.length, at);
  ftruncateSync(fd, size);
  closeSync(fd);
  return path;
}

const u32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => bytes.writeUInt32BE(value >>> 0, 4 * i));
  return bytes;
};

/** An MP4 box; `size` overrides its correct size. */
function box(name: string, body: Uint8Array, size = body.length + 8): Buffer {
  return Buffer.concat([u32(size), Buffer.from(name, 'latin1'), body]);
}

/** An MP4 box with a 64-bit size. */
function wideBox(name: string, size: number): Buffer {
  return Buffer.concat([u32(1), Buffer.from(name, 'latin1'), u32(Math.floor(size / 2 ** 32), size)]);
}

const FTYP = box('ftyp', Buffer.from('M4A \0\0\0\0isom', 'latin1'));

/** A copy of `bytes` with `change` applied to the body of each box `name`. */
function changed(bytes: Uint8Array, name: string, change: (body: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  let found = 0;
  for (let at = copy.indexOf(name); at >= 0; at = copy.indexOf(name, at + 4)) {
    change(copy.subarray(at + 4));
    found += 1;
  }
  if (found === 0) throw new Error(`there is no ${name}`);
  return copy;
}

const m4a = readFileSync(clip('stereo-44k.m4a'));
const fragmented = readFileSync(clip('fragmented-48k.mp4'));
const flac = readFileSync(clip('mono-22k.flac'));
const webm = readFileSync(clip('stereo-opus.webm'));
const ogg = readFileSync(clip('stereo.opus'));
const mp3 = readFileSync(clip('stereo-44k.mp3'));
const adts = readFileSync(clip('mono-16k.aac'));
const tone = pcm16(sine(440, 16_000, 1));

/** The clip with a `ctts` box, which makes a demuxer list every sample, and an `stts` box of `count` samples. */
function withOffsets(count: number): Buffer {
  const ctts = box('ctts', u32(0, 1, 1, 0));
  const grow = ctts.length;
  const at = m4a.indexOf('stts') - 4;
  const moov = m4a.indexOf('moov') - 4;
  expect(moov).toBeGreaterThan(m4a.indexOf('mdat')); // or the chunks would move
  const grown = Buffer.concat([m4a.subarray(0, at), ctts, m4a.subarray(at)]);
  for (const name of ['moov', 'trak', 'mdia', 'minf', 'stbl']) {
    const start = grown.indexOf(name, moov) - 4;
    grown.writeUInt32BE(grown.readUInt32BE(start) + grow, start);
  }
  return changed(grown, 'stts', (body) => body.writeUInt32BE(count, 8));
}

/** An `mfra` box that points to a fragment at byte 8. */
function seekTable(): Buffer {
  const table = box('tfra', u32(0, 1, 0, 1, 0, 8, 0x010101));
  const size = 8 + table.length + 16;
  return box('mfra', Buffer.concat([table, box('mfro', u32(0, size))]));
}

const CASES: readonly (readonly [name: string, make: (name: string) => string, ends: RegExp])[] = [
  [
    'MP4, an index of 2.2 GB',
    (name) =>
      sparse(
        name,
        3 * GIB,
        [0, FTYP],
        [FTYP.length, u32(2_200_000_000)],
        [FTYP.length + 4, Buffer.from('moov')],
      ),
    /^AUDIO_UNSUPPORTED$/,
  ],
  [
    'MP4, an index of 100 MB of zeros',
    (name) => sparse(name, GIB, [0, FTYP], [FTYP.length, box('moov', Buffer.alloc(0), 100_000_000)]),
    /^AUDIO_UNSUPPORTED$/,
  ],
  [
    'MP4, an index of 50 MB of zeros',
    (name) => sparse(name, GIB, [0, FTYP], [FTYP.length, box('moov', Buffer.alloc(0), 50_000_000)]),
    /^AUDIO_UNSUPPORTED$/,
  ],
  [
    'MP4, a fragment of 5 GB after its index',
    (name) => sparse(name, 6 * GIB, [0, fragmented], [fragmented.length, wideBox('moof', 5 * GIB)]),
    /^AUDIO_UNSUPPORTED$/,
  ],
  [
    'MP4, four billion samples with time offsets',
    (name) => files.write(name, withOffsets(0xffffffff)),
    /^AUDIO_UNSUPPORTED$/,
  ],
  [
    'MP4, four billion sample sizes of 0 bits',
    (name) =>
      files.write(
        name,
        changed(
          changed(m4a, 'stsz', (body) => u32(0, 0, 0xffffffff).copy(body)),
          'stsz',
          (body) => Buffer.from('stz2').copy(Buffer.from(body.buffer, body.byteOffset - 4, 4)),
        ),
      ),
    /^AUDIO_UNSUPPORTED$/,
  ],
  [
    'MP4, packets of 3 GB',
    (name) =>
      sparse(name, 4 * GIB, [
        0,
        changed(m4a, 'stsz', (body) => {
          for (let at = 12; at < 60; at += 4) body.writeUInt32BE(3_000_000_000, at);
        }),
      ]),
    /^AUDIO_(UNSUPPORTED|TRUNCATED)$/,
  ],
  [
    'MP4, four billion samples in a fragment',
    (name) =>
      files.write(
        name,
        changed(fragmented, 'trun', (body) => u32(0, 0xffffffff).copy(body)),
      ),
    /^AUDIO_UNSUPPORTED$/,
  ],
  [
    'MP4, a table of fragments inside another box',
    (name) => files.write(name, Buffer.concat([fragmented, box('free', seekTable())])),
    /^AUDIO_UNSUPPORTED$/,
  ],
  [
    'MP4, a table of fragments of 2 GB',
    (name) =>
      sparse(
        name,
        fragmented.length + 2 * GIB,
        [0, fragmented],
        [fragmented.length, box('mfra', Buffer.alloc(0), 2 * GIB)],
        [fragmented.length + 2 * GIB - 4, u32(2 * GIB)],
      ),
    /^whole$/,
  ],
  [
    'WAV, a chunk of 3 GB in front of the format',
    (name) =>
      sparse(name, 4 * GIB, [
        0,
        Buffer.concat([Buffer.from('RIFF'), u32(0), Buffer.from('WAVELIST'), Buffer.from([0, 0, 0, 0xb0])]),
      ]),
    /^AUDIO_EMPTY$/,
  ],
  [
    'WAV, a format of 3 GB',
    (name) => {
      const head = Buffer.from(wav(tone));
      head.writeUInt32LE(3_000_000_000, 16);
      return sparse(name, 4 * GIB, [0, head]);
    },
    /^AUDIO_/,
  ],
  [
    'WAV, 3.5 GB of samples',
    (name) => sparse(name, 3.75 * GIB, [0, wav(tone, { dataSize: 3.5 * GIB })]),
    /^left$/,
  ],
  [
    'WAV, frames of 64 KiB each',
    (name) => {
      const head = Buffer.from(wav(tone, { dataSize: 2 * GIB - 2 ** 16 }));
      head.writeUInt16LE(0xffff, 32);
      return sparse(name, 3 * GIB, [0, head]);
    },
    /^(left|whole)$/,
  ],
  [
    'RF64, 2⁶⁰ bytes of samples',
    (name) => {
      const head = Buffer.from(wav(tone, { riff: 'RF64' }));
      head.writeBigUInt64LE(2n ** 60n, head.indexOf('ds64') + 16);
      return sparse(name, 3 * GIB, [0, head]);
    },
    /^left$/,
  ],
  [
    'AIFF, four billion frames and a COMM of 3 GB',
    (name) => {
      const rate = Buffer.from([0x40, 0x0c, 0xfa, 0, 0, 0, 0, 0, 0, 0]);
      const common = Buffer.concat([Buffer.from([0, 1]), u32(0xffffffff), Buffer.from([0, 16]), rate]);
      const chunks = [Buffer.from('COMM'), u32(18), common, Buffer.from('SSND'), u32(0xfffffff0), u32(0, 0)];
      return sparse(name, 4 * GIB, [
        0,
        Buffer.concat([Buffer.from('FORM'), u32(0xffffffff), Buffer.from('AIFF'), ...chunks]),
      ]);
    },
    /^left$/,
  ],
  [
    'AIFF, a COMM of 3 GB',
    (name) =>
      sparse(name, 4 * GIB, [
        0,
        Buffer.concat([Buffer.from('FORM'), u32(0xffffffff), Buffer.from('AIFFCOMM'), u32(3_000_000_000)]),
      ]),
    /^AUDIO_/,
  ],
  [
    'FLAC, metadata of 16 MB a thousand times, in 3 GB of zeros',
    (name) => sparse(name, 3 * GIB, [0, Buffer.from('fLaC\x04\xff\xff\xff', 'latin1')]),
    /^AUDIO_/,
  ],
  ['FLAC, zeros after the audio', (name) => sparse(name, GIB / 16, [0, flac]), /^(left|whole|AUDIO_\w+)$/],
  [
    'FLAC, 2³⁶ − 1 samples',
    (name) => {
      const head = Buffer.from(flac);
      head[21] = (head[21] ?? 0) | 0x0f;
      head.writeUInt32BE(0xffffffff, 22);
      return files.write(name, head);
    },
    /^AUDIO_TRUNCATED$/,
  ],
  [
    'MP3, a tag of 256 MB',
    (name) => sparse(name, 3 * GIB, [0, Buffer.from('ID3\x04\0\0\x7f\x7f\x7f\x7f', 'latin1')]),
    /^AUDIO_UNSUPPORTED$/,
  ],
  ['MP3, zeros after the audio', (name) => sparse(name, GIB / 16, [0, mp3]), /^(left|whole|AUDIO_\w+)$/],
  ['AAC, zeros after the audio', (name) => sparse(name, GIB / 16, [0, adts]), /^(left|whole|AUDIO_\w+)$/],
  ['Ogg, zeros after the audio', (name) => sparse(name, GIB / 16, [0, ogg]), /^(left|whole|AUDIO_\w+)$/],
  ['WebM, zeros after the audio', (name) => sparse(name, GIB / 16, [0, webm]), /^(left|whole|AUDIO_\w+)$/],
  [
    'Matroska, tracks of 3 GB',
    (name) => {
      const head = Buffer.from(
        '1a45dfa380' + '1853806701ffffffffffffff' + '1654ae6b' + '01000000b2d05e00',
        'hex',
      );
      return sparse(name, 4 * GIB, [0, head]);
    },
    /^AUDIO_UNSUPPORTED$/,
  ],
  [
    'Matroska, blocks of 3 GB',
    (name) => {
      const at = webm.indexOf(Buffer.from('1f43b675', 'hex'));
      const block = Buffer.from('a3' + '01000000b2d05e00', 'hex');
      return sparse(
        name,
        4 * GIB,
        [0, webm.subarray(0, at)],
        [at, Buffer.from('1f43b67501ffffffffffffff', 'hex')],
        [at + 12, block],
      );
    },
    /^(whole|AUDIO_\w+)$/,
  ],
  [
    'Core Audio, chunks of 2⁶² bytes',
    (name) => sparse(name, 3 * GIB, [0, Buffer.from('63616666000100006465736340000000' + '00000000', 'hex')]),
    /^AUDIO_UNSUPPORTED$/,
  ],
  ['only zeros', (name) => sparse(name, 3 * GIB), /^AUDIO_UNSUPPORTED$/],
];

describe('a header that declares', () => {
  test.each(CASES)('%s', (name, make, ends) => {
    const { end, mib } = read(make(`${name.replace(/\W+/g, '-')}.bin`));
    expect(end).toMatch(ends);
    expect(mib).toBeLessThan(MAX_RSS_MIB);
  });

  test('nothing unusual: the source clips have audio', () => {
    for (const name of [
      'stereo-44k.m4a',
      'fragmented-48k.mp4',
      'mono-22k.flac',
      'stereo-opus.webm',
      'stereo.opus',
    ]) {
      const { samples, end } = read(clip(name));
      expect({ name, end, hasAudio: samples > 8000 }).toEqual({ name, end: 'whole', hasAudio: true });
    }
  });

  test('four samples with time offsets is accepted', () => {
    expect(read(files.write('offsets.m4a', withOffsets(4))).end).toMatch(/^(whole|AUDIO_TRUNCATED)$/);
  });

  test('a table of fragments gives the same audio', () => {
    const path = files.write('seek-table.mp4', Buffer.concat([fragmented, seekTable(), seekTable()]));
    expect(read(path)).toMatchObject({ samples: read(clip('fragmented-48k.mp4')).samples, end: 'whole' });
  });

  test('a chunk as long as the file is accepted', () => {
    const path = files.write('long.wav', wav(tone, { before: riffChunk('LIST', new Uint8Array(3_000_000)) }));
    expect(read(path)).toMatchObject({ samples: 16_000, end: 'whole' });
  });
});
