/** Finds the route of a request. */
import { SottoError } from '../../protocol/errors.js';
import type { Route } from './route.js';

interface RouteMatch {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

export class Router {
  readonly #routes: readonly { readonly route: Route; readonly segments: readonly string[] }[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ route, segments: route.path.split('/') }));
  }

  /**
   * @param path without its query
   * @throws SottoError NOT_FOUND, METHOD_NOT_ALLOWED
   */
  find(method: string, path: string): RouteMatch {
    const segments = path.split('/');
    const matches = this.#routes.flatMap(({ route, segments: pattern }) => {
      const params = paramsOf(pattern, segments);
      return params === undefined ? [] : [{ route, params }];
    });
    const wanted = method === 'HEAD' ? 'GET' : method;
    const match = matches.find(({ route }) => route.method === wanted);
    if (match !== undefined) return match;
    if (matches.length === 0) throw new SottoError('NOT_FOUND', `there is no route ${path.slice(0, 100)}`);
    throw new MethodNotAllowed(matches.map(({ route }) => route.method));
  }
}

/** Has the supported methods, which RFC 9110 §15.5.6 requires in the response. */
export class MethodNotAllowed extends SottoError {
  readonly allow: string;

  constructor(methods: readonly string[]) {
    const allow = [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))];
    super('METHOD_NOT_ALLOWED', `only ${allow.join(', ')} is supported`);
    this.allow = allow.join(', ');
  }
}

function paramsOf(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index] ?? '';
    const name = /^\{(\w+)\}$/.exec(expected)?.[1];
    if (name === undefined) {
      if (segment !== expected) return undefined;
      continue;
    }
    // Decoded after the split, because clients encode the slash of `owner/name` to keep it in one segment.
    const value = decoded(segment);
    if (value === undefined || value === '') return undefined;
    params[name] = value;
  }
  return params;
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined; // an incomplete escape
  }
}
