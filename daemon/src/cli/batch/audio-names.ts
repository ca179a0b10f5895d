/** Which files of a folder are taken for sound: by their names, since nobody wants every file of a disk opened. */
import { extname } from 'node:path';

/** What Sotto reads by itself, and what it reads where ffmpeg or afconvert is there. `.ts` is more often a program than a film. */
const EXTENSIONS: ReadonlySet<string> = new Set(
  (
    'wav wave flac mp3 m4a m4b m4r aac ogg oga opus webm mkv mka mp4 m4v mov aif aiff aifc ' +
    'caf wma wmv amr 3gp 3g2 avi ac3 mp2 mpg mpeg m2ts wv ape au'
  )
    .split(' ')
    .map((extension) => `.${extension}`),
);

export function isAudioName(name: string): boolean {
  return EXTENSIONS.has(extname(name).toLowerCase());
}
