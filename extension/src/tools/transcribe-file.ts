import { fullText, SottoError } from 'sotto/client';
import type { Segment } from 'sotto/protocol';
import { withDaemon } from '../lib/connect-daemon';
import { parsePath } from '../files/selected-files';
import { readSettings } from '../lib/preferences';

type Input = {
  /** The absolute path of an audio or video file, such as `/Users/me/Downloads/talk.m4a`. */
  path: string;
  /**
   * The language spoken in the file, as a two-letter code such as `en` or `de`. Omit it if the user does not name one: it
   * is detected.
   */
  language?: string;
};

/** Transcribes an audio or video file on this Mac and returns the text. */
export default async function transcribeFile({ path, language }: Input): Promise<string> {
  try {
    const settings = readSettings();
    const file = parsePath(path);
    if (file === undefined) throw new SottoError('AUDIO_NOT_FOUND', `${path} is not an absolute path`);
    const spoken = language?.trim().toLowerCase() || settings.language;
    return await withDaemon(settings, async (client) => {
      const segments: Segment[] = [];
      const options = spoken === undefined ? {} : { language: spoken };
      const { model } = settings;
      for await (const event of client.transcribe(file, options, model === undefined ? {} : { model })) {
        if (event.type === 'segment') segments.push(event.segment);
      }
      return fullText(segments) || 'No speech detected in this file.';
    });
  } catch (thrown) {
    // Raycast passes on only the message of an error.
    const { message, hint } = SottoError.from(thrown);
    throw new Error(`${message} (${hint})`, { cause: thrown });
  }
}
