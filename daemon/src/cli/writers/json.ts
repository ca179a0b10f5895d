/** One JSON object for a file, on one line. */
import type { Word } from '../../protocol/transcription.js';
import { fullText, type Writer } from './writer.js';

export function jsonWriter(): Writer {
  return {
    begin: () => '',
    segment: () => '',
    end: ({ file, segments, summary }) => {
      const { language, durationSeconds, timings, model } = summary;
      const { load, mel, encode, decode, total } = timings;
      return `${JSON.stringify({
        file,
        text: fullText(segments),
        language,
        duration: durationSeconds,
        segments: segments.map(
          ({ start, end, text, tokens, avgLogprob, noSpeechProb, compressionRatio, temperature, words }) => ({
            start,
            end,
            text,
            tokens,
            avgLogprob,
            noSpeechProb,
            compressionRatio,
            temperature,
            ...(words === undefined ? {} : { words: words.map(wordFields) }),
          }),
        ),
        timings: { load, mel, encode, decode, total },
        model,
      })}\n`;
    },
  };
}

function wordFields({ start, end, word, probability }: Word): Word {
  return { start, end, word, probability };
}
