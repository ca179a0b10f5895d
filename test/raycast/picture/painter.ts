/** Takes a screenshot of a page of 1000 × 625 points with a headless Chromium; the Store requires 2000 × 1250 pixels. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startBrowser, type Browser } from '#test/cli/browser.js';
import { toolsFolder } from '../ray-node.js';
import type { Markup } from './markup.js';
import { DESKTOP_STYLE, STYLE } from './picture-style.js';

export const WIDTH = 1000;
const HEIGHT = 625;

export class Painter {
  readonly #browser: Browser;
  readonly #folder = mkdtempSync(join(tmpdir(), 'sotto-pictures-'));

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** @returns a painter, or why no browser starts on this machine */
  static async start(): Promise<Painter | string> {
    const browser = await startBrowser();
    return typeof browser === 'string' ? browser : new Painter(browser);
  }

  /** @param scale pixels per point */
  async paint(content: Markup, path: string, scale: 1 | 2 = 2): Promise<void> {
    const file = join(this.#folder, 'page.html');
    writeFileSync(file, pageRequest(content));
    const size = { width: WIDTH, height: HEIGHT };
    const page = await this.#browser.open(pathToFileURL(file).href, size);
    await page.call('Emulation.setDeviceMetricsOverride', {
      ...size,
      deviceScaleFactor: scale,
      mobile: false,
    });
    await page.evaluate('document.fonts.ready.then(() => true)');
    await page.screenshot(path);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export function pageRequest(content: Markup): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><style>${typefaces()}${STYLE}${DESKTOP_STYLE}</style><body><div class="stage"></div>${content.text}</body></html>`;
}

const SCRIPTS = [
  ['latin', 'U+0000-00FF,U+2000-206F,U+2122,U+2190-2193,U+2212'],
  ['latin-ext', 'U+0100-02FF'],
  ['vietnamese', 'U+1EA0-1EF9'],
] as const;

/** Inter, which is close to the Mac's font, if `.ci/tools` is installed; otherwise a font of the machine. */
function typefaces(): string {
  const files = join(toolsFolder, 'node_modules/@fontsource-variable/inter/files');
  if (!existsSync(files)) return '';
  const faces = SCRIPTS.flatMap(([script, range]) =>
    ['normal', 'italic'].map((style) => {
      const data = readFileSync(join(files, `inter-${script}-wght-${style}.woff2`)).toString('base64');
      return `@font-face{font-family:'Inter Variable';font-style:${style};font-weight:100 900;unicode-range:${range};src:url(data:font/woff2;base64,${data}) format('woff2')}`;
    }),
  );
  return faces.join('');
}
