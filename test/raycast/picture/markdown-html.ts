/** Renders the subset of Markdown that Sotto's commands use. */
import { escapedHtml, html, Markup, type Part } from './markup.js';
import { urlOf } from './image.js';

const BLANK = /^\s*$/;
const STARTS_BLOCK = /^(#{1,6} |>|```|\s*[-*+] |\s*\d+[.)] |\||---+\s*$)/;

/** @param assets the extension's assets folder */
export function markdownHtml(text: string, assets: string): Markup {
  return html`${blocksOf(text.split('\n'), assets)}`;
}

function blocksOf(lines: readonly string[], assets: string): Part[] {
  const parts: Part[] = [];
  let at = 0;
  /** The next lines that match. */
  const linesWhile = (matches: (line: string) => boolean): string[] => {
    const from = at;
    while (at < lines.length && matches(lines[at] ?? '')) at++;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at] ?? '';
    const heading = /^(#{1,6}) (.*)$/.exec(line);
    if (BLANK.test(line)) at++;
    else if (heading !== null) {
      at++;
      const [, marks = '#', words = ''] = heading;
      parts.push(new Markup(`<h${marks.length}>${inline(words, assets)}</h${marks.length}>`));
    } else if (/^---+\s*$/.test(line)) {
      at++;
      parts.push(html`<hr />`);
    } else if (line.startsWith('```')) {
      at++;
      parts.push(html`<pre>${linesWhile((each) => !each.startsWith('```')).join('\n')}</pre>`);
      at++;
    } else if (line.startsWith('>')) {
      const childNodes = linesWhile((each) => each.startsWith('>')).map((each) => each.replace(/^> ?/, ''));
      parts.push(html`<blockquote>${blocksOf(childNodes, assets)}</blockquote>`);
    } else if (line.startsWith('|')) {
      parts.push(
        tableOf(
          linesWhile((each) => each.startsWith('|')),
          assets,
        ),
      );
    } else if (/^\s*([-*+]|\d+[.)]) /.test(line)) {
      const items = linesWhile((each) => /^\s*([-*+]|\d+[.)]) /.test(each) || /^\s+\S/.test(each));
      parts.push(listOf(items, assets));
    } else {
      const words = [
        lines[at++] ?? '',
        ...linesWhile((each) => !BLANK.test(each) && !STARTS_BLOCK.test(each)),
      ];
      parts.push(new Markup(`<p>${inline(words.join('\n'), assets)}</p>`));
    }
  }
  return parts;
}

function listOf(lines: readonly string[], assets: string): Markup {
  const items: string[] = [];
  for (const line of lines) {
    const item = /^\s*(?:[-*+]|\d+[.)]) (.*)$/.exec(line)?.[1];
    if (item !== undefined) items.push(item);
    else items.push(`${items.pop() ?? ''}\n${line.trim()}`);
  }
  const tag = /^\s*\d/.test(lines[0] ?? '') ? 'ol' : 'ul';
  return new Markup(`<${tag}>${items.map((item) => `<li>${inline(item, assets)}</li>`).join('')}</${tag}>`);
}

function tableOf(lines: readonly string[], assets: string): Markup {
  const rows = lines
    .filter((line) => !/^\|[\s|:-]+\|?$/.test(line))
    .map((line) =>
      line
        .replace(/^\||\|\s*$/g, '')
        .split(/(?<!\\)\|/)
        .map((cell) => inline(cell.trim(), assets)),
    );
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  const [head = [], ...rest] = rows;
  return new Markup(`<table>${row(head, 'th')}${rest.map((cells) => row(cells, 'td')).join('')}</table>`);
}

/** Inline Markdown of a paragraph. Escaped characters and code are replaced by placeholders first. */
function inline(text: string, assets: string): string {
  const placeholders: string[] = [];
  const protect = (markup: string): string => `\uE000${placeholders.push(markup) - 1}\uE000`;
  const marked = text
    .replace(/\\([\\`*_{}[\]<>()#+\-.!~$&|])/g, (_, mark: string) => protect(escapedHtml(mark)))
    .replace(/`([^`]+)`/g, (_, code: string) => protect(`<code>${escapedHtml(code)}</code>`))
    .replace(/!\[([^\]]*)\]\(([^)\s]+)[^)]*\)/g, (_, _title: string, source: string) => {
      const [path = '', query = ''] = source.split('?');
      const url = urlOf(source.startsWith('data:') ? source : path, assets);
      const width = /raycast-width=(\d+)/.exec(query)?.[1];
      return url === undefined
        ? ''
        : protect(`<img src="${escapedHtml(url)}"${width === undefined ? '' : ` width="${width}"`}>`);
    });
  return escapedHtml(marked)
    .replace(/\[([^\]]+)\]\([^)]*\)/g, '<a>$1</a>')
    .replace(/\*\*\*(\S(?:.*?\S)?)\*\*\*/gs, '<strong><em>$1</em></strong>')
    .replace(/\*\*(\S(?:.*?\S)?)\*\*/gs, '<strong>$1</strong>')
    .replace(/\*(\S(?:.*?\S)?)\*/gs, '<em>$1</em>')
    .replace(/(?<!\w)_(\S(?:.*?\S)?)_(?!\w)/gs, '<em>$1</em>')
    .replace(/~~(\S(?:.*?\S)?)~~/gs, '<del>$1</del>')
    .replace(/ {2,}\n/g, '<br>')
    .replaceAll('\n', ' ')
    .replace(/\uE000(\d+)\uE000/g, (_, at: string) => placeholders[Number(at)] ?? '');
}
