/** Draws images and colors of the API: an icon, an asset, a `data:` URL, or the icon of a file. */
import { existsSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { iconNamed, isIconName } from './icons.js';
import { html, type Markup } from './markup.js';

const COLORS: Readonly<Record<string, string>> = {
  'raycast-blue': '#56b6ff',
  'raycast-green': '#5cd39b',
  'raycast-magenta': '#e05cb0',
  'raycast-orange': '#ffa15c',
  'raycast-purple': '#b08cff',
  'raycast-red': '#ff6b6b',
  'raycast-yellow': '#ffc94d',
  'raycast-primary-text': 'var(--text)',
  'raycast-secondary-text': 'var(--quiet)',
};
const MEDIA: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.jpg': 'image/jpeg',
};

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** A CSS color in dark appearance, or undefined. */
export function cssColor(value: unknown): string | undefined {
  const own = fields(value)?.dark ?? value;
  if (typeof own !== 'string') return undefined;
  const known = COLORS[own];
  if (known !== undefined) return known;
  // It is used in an attribute, so allow only characters of a color.
  return /^[#\w(),.%\s/-]+$/.test(own) ? own : undefined;
}

/**
 * @param assets the extension's assets folder
 * @returns undefined without an image
 */
export function imageOf(value: unknown, assets: string): Markup | undefined {
  if (value === undefined || value === null) return undefined;
  const { value: childNodes, source, tintColor, fileIcon, mask } = fields(value) ?? {};
  if (childNodes !== undefined) return imageOf(childNodes, assets);
  if (typeof fileIcon === 'string')
    return html`<span class="icon file">${iconNamed(fileIconOf(fileIcon))}</span>`;
  const one = source ?? value;
  const name = fields(one)?.dark ?? one;
  if (typeof name !== 'string') return undefined;
  const color = cssColor(tintColor);
  const style = color === undefined ? '' : `color:${color}`;
  if (isIconName(name)) return html`<span class="icon" style="${style}">${iconNamed(name)}</span>`;
  const url = urlOf(name, assets);
  if (url === undefined) return html`<span class="icon text">${name.slice(0, 2)}</span>`;
  return html`<span class="icon"><img class="${mask === 'circle' ? 'round' : ''}" src="${url}" /></span>`;
}

/** A `data:` URL of an image. */
export function urlOf(name: string, assets: string): string | undefined {
  if (name.startsWith('data:image/')) return withCssColors(name);
  const media = MEDIA[extname(name)];
  const path = name.startsWith('/') ? name : join(assets, name);
  if (media === undefined || !existsSync(path)) return undefined;
  return `data:${media};base64,${readFileSync(path).toString('base64')}`;
}

/** SVGs of `getProgressIcon` use Raycast's color names. */
function withCssColors(url: string): string {
  return url.replace(/raycast-[a-z-]+/g, (name) => encodeURIComponent(COLORS[name] ?? name));
}

function fileIconOf(path: string): string {
  if (extname(path) === '') return 'folder-16';
  return /\.(wav|flac|mp3|m4a|ogg|opus|webm|mp4|mov|aiff?)$/i.test(path)
    ? 'blank-document-audio-16'
    : 'blank-document-16';
}
