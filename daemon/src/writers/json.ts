/** JSON: one object per file, on one line. */
import { familyDetails, type Segment, type Word } from '../protocol/transcription.js';
import { fullText, type Writer } from './writer.js';
import { defined } from '../protocol/defined.js';

export function jsonWriter(): Writer {
  return {
    begin: () => '',
    segment: () => '',
    end: ({ file, segments, summary }) => {
      const { language, durationSeconds, timings, model, alignment } = summary;
      const { load, mel, encode, decode, total } = timings;
      return `${JSON.stringify({
        file,
        text: fullText(segments),
        language,
        duration: durationSeconds,
        segments: segments.map(segmentFields),
        timings: { load, mel, encode, decode, total },
        model,
        ...defined({ alignment }),
      })}\n`;
    },
  };
}

/** The fields of a segment in a fixed order. */
function segmentFields(segment: Segment): Readonly<Record<string, unknown>> {
  const { start, end, text, tokens, tokenLogprobs, confidence, words, language } = segment;
  return {
    start,
    end,
    text,
    ...defined({ language, tokens, tokenLogprobs, confidence }),
    ...familyDetails(segment),
    ...defined({ words: words?.map(wordFields) }),
  };
}

function wordFields({ start, end, word, probability }: Word): Word {
  return { start, end, word, probability };
}
