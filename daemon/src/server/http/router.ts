/** Which route a request is for. */
import { SottoError } from '../../protocol/errors.js';
import type { Route } from './route.js';

export interface Match {
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
  find(method: string, path: string): Match {
    const segments = path.split('/');
    const here = this.#routes.flatMap(({ route, segments: pattern }) => {
      const params = paramsOf(pattern, segments);
      return params === undefined ? [] : [{ route, params }];
    });
    // What may be read may be asked for without its body.
    const wanted = method === 'HEAD' ? 'GET' : method;
    const match = here.find(({ route }) => route.method === wanted);
    if (match !== undefined) return match;
    if (here.length === 0) throw new SottoError('NOT_FOUND', `nothing is at ${path.slice(0, 100)}`);
    throw new MethodNotAllowed(here.map(({ route }) => route.method));
  }
}

/** Carries what RFC 9110 §15.5.6 wants said: the methods that are served there. */
export class MethodNotAllowed extends SottoError {
  readonly allow: string;

  constructor(methods: readonly string[]) {
    const allow = [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))];
    super('METHOD_NOT_ALLOWED', `only ${allow.join(', ')} is served here`);
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
    // Clients encode the slash of `owner/name`: it is decoded only now, and so belongs to one segment.
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
    return undefined; // half an escape names nothing
  }
}
