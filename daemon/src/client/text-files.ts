/** Formats a transcript by file extension. */
import { jsonWriter } from '../writers/json.js';
import { srtWriter } from '../writers/srt.js';
import { textWriter } from '../writers/text.js';
import { vttWriter } from '../writers/vtt.js';
import { render, type Transcript, type Writer } from '../writers/writer.js';

export { fullText, type Transcript } from '../writers/writer.js';

/** The usual layout of broadcasters: two lines of 42 columns. */
const LAYOUT = { rules: { maxLineCount: 2 } };

const WRITERS = {
  txt: textWriter,
  srt: () => srtWriter(LAYOUT),
  vtt: () => vttWriter(LAYOUT),
  json: jsonWriter,
} as const satisfies Record<string, () => Writer>;

export type TextFormat = keyof typeof WRITERS;

export function renderTranscript(format: TextFormat, transcript: Transcript): string {
  return render(WRITERS[format](), transcript);
}
