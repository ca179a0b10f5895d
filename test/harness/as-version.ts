/** Lets Sotto's processes pretend to be another version. */

const asModule = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;

/** Environment of a process of that version. */
export function asVersion(version: string): { readonly NODE_OPTIONS: string } {
  const hook = `export async function load(url, context, next) {
    const loaded = await next(url, context);
    if (!url.endsWith('/protocol/version.js')) return loaded;
    return { ...loaded, source: String(loaded.source).replace(/SOTTO_VERSION = '[^']+'/, "SOTTO_VERSION = '${version}'") };
  }`;
  const start = `import { register } from 'node:module'; register(${JSON.stringify(asModule(hook))});`;
  return { NODE_OPTIONS: `--no-warnings --import=${asModule(start)}` };
}
