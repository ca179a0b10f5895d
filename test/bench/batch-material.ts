/** Input folder of the batch bench: short speech in every container of the repository, and one in twenty files broken. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { pcm16, wav } from '#test/audio/fixtures.js';
import { root } from './clips.js';
import { samplesOf } from './in-process.js';

const FIXTURES = [
  'fragmented-48k.mp4',
  'mono-16k-bare.mp3',
  'mono-16k-vorbis.webm',
  'mono-16k.aac',
  'mono-16k.ogg',
  'mono-22k.flac',
  'stereo-44k.m4a',
  'stereo-44k.mp3',
  'stereo-opus.webm',
  'stereo.opus',
];

/** Kinds of broken files, with their expected error codes. */
const BROKEN = {
  empty: 'AUDIO_EMPTY',
  truncated: 'AUDIO_TRUNCATED',
  text: 'AUDIO_UNSUPPORTED',
  pipe: 'AUDIO_UNREADABLE',
  missing: 'AUDIO_NOT_FOUND',
} as const;
type Broken = keyof typeof BROKEN;
const KINDS = Object.keys(BROKEN) as Broken[];

/** One file in this many is broken. */
const BROKEN_INTERVAL = 20;
const FILES_PER_FOLDER = 50;

export interface InputFile {
  readonly path: string;
  /** The file that a valid one is a copy of. */
  readonly source?: string;
  /** The expected error code of a broken one. */
  readonly code?: string;
}

/** Creates a folder with the sources of the valid files. */
export async function createSources(folder: string): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const clips = ['austen-0880', 'austen-0930'].map((id) => join(root, 'assets/speech', `${id}.flac`));
  const fixtures = FIXTURES.map((name) => join(root, 'test/fixtures/audio', name));
  const copies = [...fixtures, ...clips].map((from) => {
    const to = join(folder, basename(from));
    copyFileSync(from, to);
    return to;
  });
  const plain = join(folder, 'austen-0880.wav');
  writeFileSync(plain, wav(pcm16(await samplesOf(clips[0] ?? ''))));
  return [...copies, plain];
}

/** Creates `count` files below a folder, and folders with names like audio files. */
export function createInputTree(folder: string, sources: readonly string[], count: number): InputFile[] {
  const files: InputFile[] = [];
  for (let n = 0; n < count; n++) {
    const name = String(n).padStart(4, '0');
    const dir = join(folder, `part-${String(Math.floor(n / FILES_PER_FOLDER)).padStart(2, '0')}`);
    mkdirSync(dir, { recursive: true });
    if (n % BROKEN_INTERVAL === 7) {
      const kind = KINDS[Math.floor(n / BROKEN_INTERVAL) % KINDS.length] ?? 'empty';
      files.push({ path: createBroken(kind, join(dir, name)), code: BROKEN[kind] });
    } else {
      const source = sources[n % sources.length] ?? '';
      const path = join(dir, `${name}${extname(source)}`);
      copyFileSync(source, path);
      files.push({ path, source });
    }
    if (n % FILES_PER_FOLDER === 0) mkdirSync(join(dir, 'folder.wav'));
  }
  return files;
}

function createBroken(kind: Broken, stem: string): string {
  switch (kind) {
    case 'empty':
      writeFileSync(`${stem}.wav`, '');
      return `${stem}.wav`;
    case 'truncated': {
      const content = readFileSync(join(root, 'assets/speech/austen-0880.flac'));
      writeFileSync(`${stem}.flac`, content.subarray(0, content.length >> 1));
      return `${stem}.flac`;
    }
    case 'text':
      writeFileSync(`${stem}.mp3`, 'Dear diary, this is no song.\n'.repeat(40));
      return `${stem}.mp3`;
    case 'pipe':
      spawnSync('mkfifo', [`${stem}.ogg`]);
      return `${stem}.ogg`;
    case 'missing':
      symlinkSync(join(dirname(stem), 'nowhere'), `${stem}.m4a`);
      return `${stem}.m4a`;
  }
}
