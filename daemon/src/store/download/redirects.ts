/** Where a redirect may lead. */
import { BlockList, isIP } from 'node:net';

const PRIVATE_NETWORKS = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
] as const)
  PRIVATE_NETWORKS.addSubnet(net, prefix, 'ipv4');
for (const [net, prefix] of [
  ['::', 127],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  PRIVATE_NETWORKS.addSubnet(net, prefix, 'ipv6');

/** Whether the host of `url` is this machine or one beside it, as far as its name tells. */
export function isPrivateHost(url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const kind = isIP(host);
  if (kind === 0)
    return !host.includes('.') || /(^|\.)(localhost|local|internal|lan|home\.arpa)\.?$/.test(host);
  return isPrivateAddress(host);
}

/** Whether a numeric address belongs to this machine or to one beside it. */
export function isPrivateAddress(address: string): boolean {
  // IPv4 inside IPv6 (::ffff:127.0.0.1) is looked up as IPv4 by the list itself.
  return PRIVATE_NETWORKS.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Why a redirect from the hub may not be followed, or undefined where it may: nothing that came over https goes on in
 * the clear, and the hub does not send this program to the machines beside it, unless it is one of them itself.
 */
export function redirectProblem(endpoint: URL, from: URL, to: URL): string | undefined {
  if (to.protocol !== 'https:' && to.protocol !== 'http:') return `to ${to.protocol}`;
  if (from.protocol === 'https:' && to.protocol === 'http:') return 'from https to http';
  if (isPrivateHost(to) && !isPrivateHost(endpoint)) return `to ${to.hostname}, an address of this network`;
  if (to.username !== '' || to.password !== '') return 'to an address with a password in it';
  return undefined;
}
