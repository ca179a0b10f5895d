/** Sotto as if it were of another version: its processes read that in place of their own. */

const asModule = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;

/** What a process needs in its environment to be of that version. */
export function asVersion(version: string): { readonly NODE_OPTIONS: string } {
  const hook = `export async function load(url, context, next) {
    const loaded = await next(url, context);
    if (!url.endsWith('/protocol/version.js')) return loaded;
    return { ...loaded, source: String(loaded.source).replace(/SOTTO_VERSION = '[^']+'/, "SOTTO_VERSION = '${version}'") };
  }`;
  const start = `import { register } from 'node:module'; register(${JSON.stringify(asModule(hook))});`;
  return { NODE_OPTIONS: `--no-warnings --import=${asModule(start)}` };
}
