/** Chooses the proxy of a request from the environment variables that command line tools share. */

type Env = Readonly<Record<string, string | undefined>>;

/** The proxy's address; undefined for a direct connection. Lower-case variables win, as with curl. */
export function proxyFor(url: URL, env: Env = process.env): string | undefined {
  const of = (name: string) => nonEmpty(env[name.toLowerCase()]) ?? nonEmpty(env[name.toUpperCase()]);
  if (bypasses(url, of('no_proxy') ?? '')) return undefined;
  const proxy = of(url.protocol === 'https:' ? 'https_proxy' : 'http_proxy') ?? of('all_proxy');
  if (proxy === undefined) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

/** NO_PROXY: hosts separated by commas or spaces, including their subdomains, with an optional port; `*` for all. */
function bypasses(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return list
    .split(/[\s,]+/)
    .filter((rule) => rule !== '')
    .some((rule) => {
      if (rule === '*') return true;
      const [, name = '', only] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(rule.toLowerCase()) ?? [];
      if (only !== undefined && !rule.includes('::') && only !== port) return false;
      const bare = (rule.includes('::') ? rule.toLowerCase().replace(/^\[|\]$/g, '') : name).replace(
        /^\*?\./,
        '',
      );
      return bare !== '' && (host === bare || host.endsWith(`.${bare}`));
    });
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}
