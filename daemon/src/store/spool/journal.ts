/**
 * The numbered events of a session, next to its audio: one line of JSON for each event that is final, written
 * before the client gets it. A process that resumes the session repeats these events instead of new ones, and
 * continues from the last checkpoint.
 */
import { existsSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import * as v from 'valibot';
import { checkpointSchema, liveEventSchema, liveOptionsSchema } from '../../protocol/live.js';
import { readAll, writeAll, type OpenSpool, type SpoolHandle } from './spool-file.js';

const entrySchema = v.object({
  seq: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  event: liveEventSchema,
  /** The engine's state after the event. */
  checkpoint: v.exactOptional(checkpointSchema),
  /**
   * With `switched`, and with the `language` that decides the model: what transcribes from there on, with the folder of the model,
   * and of the one that transcribes instead if the speech is English.
   */
  settings: v.exactOptional(
    v.object({ model: v.string(), english: v.exactOptional(v.string()), options: liveOptionsSchema }),
  ),
});
export type JournalEntry = v.InferOutput<typeof entrySchema>;

const READ_BYTES = 1024 * 1024;
/** An entry with its checkpoint has some KB; the text of a whole dictation with all its words is smaller than this. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

const SUFFIX = '.events';
/** The suffix of earlier versions. */
const OLD_SUFFIX = '.said';

/** Path of a spool's journal. */
export function journalOf(spoolPath: string): string {
  return spoolPath.replace(/\.spool$/, SUFFIX);
}

/** Renames the journal that an earlier version left with a spool. */
export async function renameOldJournal(spoolPath: string): Promise<void> {
  const path = journalOf(spoolPath);
  const oldPath = spoolPath.replace(/\.spool$/, OLD_SUFFIX);
  if (existsSync(oldPath) && !existsSync(path)) await rename(oldPath, path).catch(() => undefined);
}

export class Journal {
  readonly #handle: SpoolHandle;
  #bytes: number;

  private constructor(handle: SpoolHandle, bytes: number) {
    this.#handle = handle;
    this.#bytes = bytes;
  }

  /** Opens the journal of a session, new or not. An incomplete last line is overwritten. */
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

  /** Entries are appended one after another. A failed write is overwritten by the next one. */
  async append(entry: JournalEntry): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(entry)}\n`, 'utf8');
    await writeAll(this.#handle, line, this.#bytes);
    this.#bytes += line.length;
  }

  async close(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
  }
}

/** Reads to the end, or until no line can be valid: a full disk or another program may leave a long file. */
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

/** The entries before the first incomplete one, and their length in bytes. */
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
