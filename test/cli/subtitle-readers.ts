/** Strict readers of subtitle files; an error names the invalid block. */
interface ReadCue {
  /** Whole milliseconds. */
  readonly start: number;
  readonly end: number;
  readonly lines: readonly string[];
}

export function readSrt(document: string): ReadCue[] {
  return blocks(document).map((block, index) => {
    const [number, times, ...lines] = block.split('\n');
    if (number !== String(index + 1)) throw new Error(`not numbered ${index + 1}: ${block}`);
    return cue(times ?? '', lines, ',');
  });
}

/** The text as a player shows it: without tags and inside times, entities resolved. */
export function readVtt(document: string): ReadCue[] {
  if (!document.startsWith('WEBVTT\n\n')) throw new Error('no header');
  return blocks(document.slice('WEBVTT\n\n'.length)).map((block) => {
    const [times, ...lines] = block.split('\n');
    const read = cue(times ?? '', lines, '.');
    let last = read.start;
    for (const [, inside] of block.matchAll(/<(\d[\d:.]+)>/g)) {
      const at = milliseconds(inside ?? '', '.');
      if (at <= last || at >= read.end) throw new Error(`time out of order: ${block}`);
      last = at;
    }
    return { ...read, lines: read.lines.map(plain) };
  });
}

function plain(line: string): string {
  const text = line.replace(/<(\d[\d:.]+|\/?u)>/g, '');
  if (/[<>]|&(?!amp;|lt;|gt;)/.test(text)) throw new Error(`not escaped: ${line}`);
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

function blocks(document: string): string[] {
  if (document === '') return [];
  if (!document.endsWith('\n\n')) throw new Error('the last cue is not closed');
  return document.slice(0, -2).split('\n\n');
}

function cue(times: string, lines: readonly string[], mark: string): ReadCue {
  const [start, end, more] = times.split(' --> ');
  if (lines.length === 0 || lines.some((line) => line.trim() === '' || line.includes('-->')) || more)
    throw new Error(`no cue: ${[times, ...lines].join('|')}`);
  return { start: milliseconds(start ?? '', mark), end: milliseconds(end ?? '', mark), lines };
}

function milliseconds(time: string, mark: string): number {
  const match = /^(\d{2,}):([0-5]\d):([0-5]\d)([.,])(\d{3})$/.exec(time);
  if (match?.[4] !== mark) throw new Error(`no time: ${time}`);
  const [h, m, s, ms] = [match[1], match[2], match[3], match[5]].map(Number);
  return ((h ?? 0) * 60 + (m ?? 0)) * 60_000 + (s ?? 0) * 1000 + (ms ?? 0);
}
