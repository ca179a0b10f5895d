/** How many of the words that were said stand in a transcript, in order; case and punctuation do not count. */
export function wordsRight(said: string, heard: string): { right: number; spoken: number } {
  const a = words(said);
  const b = words(heard);
  // Longest common subsequence, one row at a time.
  let row = new Array<number>(b.length + 1).fill(0);
  for (const word of a) {
    const next = [0];
    b.forEach((other, j) => {
      next.push(word === other ? (row[j] ?? 0) + 1 : Math.max(row[j + 1] ?? 0, next[j] ?? 0));
    });
    row = next;
  }
  return { right: row.at(-1) ?? 0, spoken: a.length };
}

/** Titles are written out in the reference texts and short in transcripts. */
const WRITTEN_OUT: Readonly<Record<string, string>> = {
  mr: 'mister',
  mrs: 'missus',
  st: 'saint',
  dr: 'doctor',
};

function words(text: string): string[] {
  return (
    text
      .toLowerCase()
      .normalize('NFC')
      .match(/[\p{L}\p{N}]+(?:['’][\p{L}]+)*/gu) ?? []
  ).map((word) => WRITTEN_OUT[word] ?? word.replace('’', "'"));
}
