/** Decides which redirects of the Hub may be followed. */
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

/** Whether the host of `url` is this machine or one of the local network, judged by its name. */
export function isPrivateHost(url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const kind = isIP(host);
  if (kind === 0)
    return !host.includes('.') || /(^|\.)(localhost|local|internal|lan|home\.arpa)\.?$/.test(host);
  return isPrivateAddress(host);
}

/** Whether a numeric address belongs to this machine or the local network. */
export function isPrivateAddress(address: string): boolean {
  // The list itself treats IPv4 in IPv6 (::ffff:127.0.0.1) as IPv4.
  return PRIVATE_NETWORKS.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Why a redirect of the Hub may not be followed; undefined if it may. A redirect must not go from https to http,
 * nor to the local network unless the Hub is there itself.
 */
export function redirectProblem(endpoint: URL, from: URL, to: URL): string | undefined {
  if (to.protocol !== 'https:' && to.protocol !== 'http:') return `to ${to.protocol}`;
  if (from.protocol === 'https:' && to.protocol === 'http:') return 'from https to http';
  if (isPrivateHost(to) && !isPrivateHost(endpoint)) return `to ${to.hostname}, a local address`;
  if (to.username !== '' || to.password !== '') return 'to an address that contains a password';
  return undefined;
}
