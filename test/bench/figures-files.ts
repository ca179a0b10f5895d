/** Writes the figures to FIGURES.md and to a block of the README. A test checks that both are up to date. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './clips.js';
import { benchesWithout, figureTable, frontTable } from './figures.js';

const BEGIN = '<!-- figures: written by `npm run bench -- figures` from test/bench/baseline -->';
const END = '<!-- end of figures -->';

/** Files with their expected content. */
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
      : `\nNo row, because there is no baseline of a commit: ${without.map((name) => `\`${name}\``).join(', ')}.\n`;
  return `# Figures

Written by \`npm run bench -- figures\` from \`baseline/\`, where each file records commit, machine, date and settings;
[README.md](README.md) describes the method. Whisper \`base\` on two cores of an AMD EPYC (start of a recording: an Intel
Xeon) under Linux, no GPU. "Sotto" is the bundled 6-bit model unless a row says float16. All programs use weights from the
same float16 source.

${figureTable()}
${rest}`;
}

export function writeFigures(): void {
  for (const [name, text] of figureFiles()) {
    writeFileSync(join(root, name), text);
    console.log(`→ ${name}`);
  }
}
