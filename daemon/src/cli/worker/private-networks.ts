/**
 * Where a worker does not go for others: who can hand in an address must not reach with it what only the worker's machine
 * reaches (its own services, the router, the cloud's data about the machine). Names are looked up once, and what is checked
 * is what is connected to, so a name that changes between two looks helps nobody.
 */
import { lookup } from 'node:dns';
import { isIP, isIPv6, type LookupFunction } from 'node:net';
import { SottoError } from '../../protocol/errors.js';
import { isPrivateAddress } from '../../store/download/redirects.js';

/** IPv4 inside of IPv6, as translators and tunnels write it: the last or the second 32 bits. */
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

/** A host that is an address itself: nobody looks it up. @throws SottoError AUDIO_REFUSED */
export function assertPublicHost(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && isPrivateNetwork(host)) throw refused(host);
}

/** As the system's, for connections; an address of the own network is an error. */
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

/** `64:ff9b::7f00:1`: short, in hexadecimal, without a zone. */
function canonical(address: string): string {
  const host = `[${address.replace(/%.*$/, '')}]`;
  return URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`).hostname.slice(1, -1) : address;
}

function refused(host: string): SottoError {
  return new SottoError('AUDIO_REFUSED', `${host} is an address of a private network`);
}
