/**
 * Draws a terminal screen as an SVG: `tmux capture-pane -e -p | node dist/assets/pictures/draw-terminal.js TITLE > x.svg`.
 * demo.svg: `npm run demo` in a tmux window of 88 x 46, on an idle machine. dictate.svg: `sotto dictate`,
 * 84 x 12, after eight seconds. The command wraps its text at words for the width of the window, so keep that width.
 * folder.svg: `sotto transcribe Recordings -r --format srt`, 96 x 16, during the fifth file.
 * Reads what tmux prints: text and SGR sequences (bold, dim, the sixteen colors).
 */
import { text as readAll } from 'node:stream/consumers';
import stringWidth from 'string-width';

const ESCAPE = String.fromCharCode(27);
const SGR = new RegExp(`(${ESCAPE}\\[[0-9;]*m)`);

const CELL = { width: 8.4, height: 19 };
const PADDING = 18;
const TITLE_BAR = 34;
const COLORS: Record<number, string> = {
  30: '#6e7681',
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  34: '#79c0ff',
  35: '#d2a8ff',
  36: '#76e3ea',
  37: '#e6edf3',
  90: '#8b949e',
};

interface Style {
  color: string | undefined;
  bold: boolean;
  dim: boolean;
}

const escapeXml = (text: string) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

/** Some renderers collapse consecutive spaces. */
const unfolded = (text: string) => text.replace(/ {2,}/g, (spaces) => '\u00a0'.repeat(spaces.length));

function applySgr(style: Style, codes: number[]): Style {
  return codes.reduce<Style>((now, code) => {
    if (code === 0) return { color: undefined, bold: false, dim: false };
    if (code === 1) return { ...now, bold: true };
    if (code === 2) return { ...now, dim: true };
    if (code === 22) return { ...now, bold: false, dim: false };
    if (code === 39) return { ...now, color: undefined };
    return code in COLORS ? { ...now, color: COLORS[code] } : now;
  }, style);
}

function drawLine(line: string, y: number): string {
  let style: Style = { color: undefined, bold: false, dim: false };
  let column = 0;
  let drawn = '';
  for (const part of line.split(SGR)) {
    if (part.startsWith(ESCAPE)) {
      style = applySgr(style, (part.slice(2, -1) || '0').split(';').map(Number));
    } else if (part !== '') {
      // Some renderers drop leading spaces.
      const x = PADDING + (column + part.length - part.trimStart().length) * CELL.width;
      const attributes = [
        `fill="${style.color ?? '#e6edf3'}"`,
        ...(style.bold ? ['font-weight="600"'] : []),
        ...(style.dim ? ['opacity="0.6"'] : []),
      ].join(' ');
      const content = unfolded(escapeXml(part.trim()));
      if (content !== '') drawn += `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${content}</text>\n`;
      column += stringWidth(part);
    }
  }
  return drawn;
}

const title = process.argv[2] ?? 'sotto';
const lines = (await readAll(process.stdin)).replace(/\s+$/, '').split('\n');
const columns = Math.max(...lines.map((line) => stringWidth(line.trimEnd())));
const width = Math.ceil(columns * CELL.width + 2 * PADDING);
const height = TITLE_BAR + lines.length * CELL.height + 2 * PADDING;

process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>${escapeXml(title)}</title>
<rect width="100%" height="100%" rx="10" fill="#0d1117"/>
<circle cx="22" cy="18" r="6" fill="#ff5f57"/><circle cx="42" cy="18" r="6" fill="#febc2e"/><circle cx="62" cy="18" r="6" fill="#28c840"/>
<text x="${width / 2}" y="22" text-anchor="middle" font-family="ui-sans-serif, system-ui, sans-serif" font-size="13" fill="#8b949e">${escapeXml(title)}</text>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" xml:space="preserve">
${lines.map((line, i) => drawLine(line.trimEnd(), TITLE_BAR + PADDING + (i + 0.8) * CELL.height)).join('')}</g>
</svg>
`);
