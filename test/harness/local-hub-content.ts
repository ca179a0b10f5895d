/** Sends a file over HTTP like a real store: whole or in part, by ETag; with faults on request. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface Fault {
  /** This status instead. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Cuts the connection after this many body bytes. */
  readonly cutAfter?: number;
  /** Stops sending after this many bytes with the connection open. */
  readonly stallAfter?: number;
  /** Corrupts the byte at this offset of the file. */
  readonly flip?: number;
  /** Ignores ranges and sends the whole file. */
  readonly ignoreRange?: boolean;
  /** Sends additional bytes. */
  readonly extra?: number;
  /** Ends the response normally with this many bytes missing. */
  readonly missing?: number;
  readonly contentLength?: number;
  readonly contentRange?: string;
  /** Another ETag, or none. */
  readonly etag?: string | null;
  /** Another redirect target. */
  readonly location?: string;
  /** An expired signed URL. */
  readonly expired?: boolean;
  /** A wrong hash or size in the redirect. */
  readonly declare?: { readonly oid?: string; readonly size?: number };
}

export function sendContent(
  request: IncomingMessage,
  response: ServerResponse,
  content: Buffer,
  { fault, etag: ownEtag }: { fault?: Fault | undefined; etag: string },
): void {
  const etag = fault?.etag === undefined ? ownEtag : fault.etag;
  if (etag !== null) response.setHeader('etag', etag);
  response.setHeader('accept-ranges', 'bytes');
  response.setHeader('content-type', 'application/octet-stream');
  const ifRange = request.headers['if-range'];
  const wantsRange =
    fault?.ignoreRange !== true && (ifRange === undefined || (etag !== null && ifRange === etag));
  const range = wantsRange ? /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') : null;
  let from = 0;
  let to = content.length - 1;
  response.statusCode = 200;
  if (range !== null) {
    from = Number(range[1]);
    to = Math.min(to, range[2] === '' ? Infinity : Number(range[2]));
    if (from > to) {
      response.writeHead(416, { 'content-range': `bytes */${content.length}` });
      response.end();
      return;
    }
    response.statusCode = 206;
    response.setHeader('content-range', fault?.contentRange ?? `bytes ${from}-${to}/${content.length}`);
  }
  let body = Buffer.from(content.subarray(from, to + 1));
  if (fault?.flip !== undefined && fault.flip >= from && fault.flip <= to) {
    body[fault.flip - from] = (body[fault.flip - from] ?? 0) ^ 0x01;
  }
  if (fault?.extra !== undefined) body = Buffer.concat([body, Buffer.alloc(fault.extra)]);
  if (fault?.missing !== undefined) body = body.subarray(0, Math.max(0, body.length - fault.missing));
  // Without a length the body is chunked, and only its end shows how long it is.
  if (fault?.contentLength !== undefined) response.setHeader('content-length', fault.contentLength);
  else if (fault?.extra === undefined && fault?.missing === undefined) {
    response.setHeader('content-length', body.length);
  } else response.flushHeaders();
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const stop = fault?.cutAfter ?? fault?.stallAfter;
  if (stop === undefined || stop >= body.length) {
    response.end(body);
    return;
  }
  response.flushHeaders();
  const cut = (): void => {
    if (fault?.cutAfter !== undefined) response.socket?.destroy();
  };
  if (stop === 0) cut();
  else response.write(body.subarray(0, stop), () => setImmediate(cut));
}
