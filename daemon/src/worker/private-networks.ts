/**
 * Networks that a worker does not fetch from: submitted URLs must not reach the worker's own services, its router or
 * cloud metadata. A name is resolved once and the checked address is the one connected to, which prevents DNS
 * rebinding.
 */
import { lookup } from 'node:dns';
import { isIP, isIPv6, type LookupFunction } from 'node:net';
import { SottoError } from '../protocol/errors.js';
import { isPrivateAddress } from '../store/download/redirects.js';

/** IPv4 within IPv6, as NAT64 and 6to4 write it: the last or the second 32 bits. */
const TRANSLATED = /^64:ff9b::([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;
const TUNNELLED = /^2002:([0-9a-f]{1,4}):([0-9a-f]{1,4}):/;

export function isPrivateNetwork(address: string): boolean {
  if (isPrivateAddress(address)) return true;
  if (!isIPv6(address)) return false;
  const plain = canonical(address);
  const [, high, low] = TRANSLATED.exec(plain) ?? TUNNELLED.exec(plain) ?? [];
  if (high === undefined || low === undefined) return false;
  const bits = [high, low].map((part) => Number.parseInt(part, 16));
  return isPrivateAddress(bits.flatMap((part) => [part >> 8, part & 0xff]).join('.'));
}

/** Checks hosts that are IP addresses, which are never looked up. @throws SottoError AUDIO_REFUSED */
export function assertPublicHost(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && isPrivateNetwork(host)) throw refused(host);
}

/** The system's lookup, failing for private addresses. */
export const lookupPublic: LookupFunction = (host, options, done) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return done(error, '', 0);
    const near = addresses.find(({ address }) => isPrivateNetwork(address));
    if (near !== undefined) return done(refused(host), '', 0);
    const [first] = addresses;
    if (options.all === true) done(null, addresses);
    else if (first === undefined) done(new Error(`${host} has no IP address`), '', 0);
    else done(null, first.address, first.family);
  });
};

/** `64:ff9b::7f00:1`: compressed, hexadecimal, without a zone. */
function canonical(address: string): string {
  const host = `[${address.replace(/%.*$/, '')}]`;
  return URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`).hostname.slice(1, -1) : address;
}

function refused(host: string): SottoError {
  return new SottoError('AUDIO_REFUSED', `${host} is an address of a private network`);
}
