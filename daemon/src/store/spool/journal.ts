/**
 * What a session has said so far, beside its audio: a line of JSON for each thing that is never taken back, written before
 * the client hears it. Whoever takes the session over says nothing else in its place, and goes on from the last checkpoint.
 */
import { open } from 'node:fs/promises';
import * as v from 'valibot';
import { checkpointSchema, liveEventSchema } from '../../protocol/live.js';
import { readAll, writeAll, type OpenSpool, type SpoolHandle } from './spool-file.js';

const entrySchema = v.object({
  seq: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  event: liveEventSchema,
  /** Where the engine was after it. */
  checkpoint: v.exactOptional(checkpointSchema),
});
export type JournalEntry = v.InferOutput<typeof entrySchema>;

const READ_BYTES = 1024 * 1024;
/** An entry with its checkpoint has some KB; the text of a whole dictation, words and all, has fewer than so many. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** Where the journal of a spool lies. */
export function journalOf(spoolPath: string): string {
  return spoolPath.replace(/\.spool$/, '.said');
}

export class Journal {
  readonly #handle: SpoolHandle;
  #bytes: number;

  private constructor(handle: SpoolHandle, bytes: number) {
    this.#handle = handle;
    this.#bytes = bytes;
  }

  /** Opens the journal of a session, new or not. A last line that is not whole is written over. */
  static async open(
    path: string,
    openFile: OpenSpool = open,
  ): Promise<{ journal: Journal; entries: JournalEntry[] }> {
    const handle = await openFile(path, 'a+', 0o600).then(async (made) => {
      await made.close();
      return openFile(path, 'r+', 0o600);
    });
    const { entries, bytes } = parse(await readToEnd(handle));
    return { journal: new Journal(handle, bytes), entries };
  }

  /** One after another. What could not be written is written over by the next. */
  async append(entry: JournalEntry): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`, 'utf8');
    await writeAll(this.#handle, line, this.#bytes);
    this.#bytes += line.length;
  }

  async close(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
  }
}

/** Up to the end, or to where no entry can be any more: the file of a full disk or of another program may be long. */
async function readToEnd(handle: SpoolHandle): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let lineBytes = 0;
  for (let at = 0; ; at += READ_BYTES) {
    if (lineBytes > MAX_LINE_BYTES) return Buffer.concat(pieces);
    const piece = await readAll(handle, at, READ_BYTES);
    pieces.push(piece);
    const lineEnd = piece.lastIndexOf(0x0a);
    lineBytes = lineEnd < 0 ? lineBytes + piece.length : piece.length - lineEnd;
    if (piece.length < READ_BYTES) return Buffer.concat(pieces);
  }
}

/** The entries up to the first that is not whole, and where they end. */
function parse(file: Buffer): { entries: JournalEntry[]; bytes: number } {
  const entries: JournalEntry[] = [];
  let bytes = 0;
  for (;;) {
    const end = file.indexOf(0x0a, bytes);
    const entry = end < 0 ? undefined : parseLine(file.toString('utf8', bytes, end));
    if (entry?.seq !== entries.length + 1) return { entries, bytes };
    entries.push(entry);
    bytes = end + 1;
  }
}

function parseLine(line: string): JournalEntry | undefined {
  try {
    const parsed = v.safeParse(entrySchema, JSON.parse(line));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}
