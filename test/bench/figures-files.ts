/** Writes the figures where they are read: FIGURES.md, and a block of the README. A test holds that neither differs. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './clips.js';
import { benchesWithout, figureTable, frontTable } from './figures.js';

const BEGIN = '<!-- figures: written by `npm run bench -- figures` from test/bench/baseline -->';
const END = '<!-- end of figures -->';

/** Each file and what it should hold. */
export function figureFiles(): ReadonlyMap<string, string> {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error('README.md lacks the block of figures');
  const front = `${BEGIN}\n\n${frontTable()}\n\n`;
  return new Map([
    ['README.md', readme.slice(0, begin) + front + readme.slice(end)],
    ['test/bench/FIGURES.md', everything()],
  ]);
}

function everything(): string {
  const without = benchesWithout();
  const rest =
    without.length === 0
      ? ''
      : `\nWithout a baseline of a commit, so without a row: ${without.map((name) => `\`${name}\``).join(', ')}.\n`;
  return `# Figures

Written by \`npm run bench -- figures\` from \`baseline/\`, where each file says commit, machine, date and settings; how they are
taken is in [README.md](README.md). Whisper \`base\` on two cores of an AMD EPYC (the start of a recording: an Intel Xeon) under Linux, no GPU. "Sotto" is the bundled 6-bit model
unless a row says float16. All programs have weights from one float16 source.

${figureTable()}
${rest}`;
}

export function writeFigures(): void {
  for (const [name, text] of figureFiles()) {
    writeFileSync(join(root, name), text);
    console.log(`→ ${name}`);
  }
}
