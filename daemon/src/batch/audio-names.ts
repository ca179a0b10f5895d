/** Recognizes audio files in a folder by name, because opening every file of a disk would be slow. */
import { extname } from 'node:path';

/** What Sotto reads, with ffmpeg or afconvert where needed. `.ts` is more often TypeScript than video. */
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
