import { isIPv4, isIPv6 } from 'node:net';

const GROUPS = 8;
/** Of IPv6 one customer is given 64 bits to choose from, and would be as many callers. */
const GROUPS_OF_NETWORK = 4;

/** What counts as one address: of IPv4 the address, of IPv6 its first 64 bits. Loopback stays as it is. */
export function networkOf(address: string): string {
  const mapped = address.replace(/^::ffff:/i, '');
  if (isIPv4(mapped)) return mapped;
  if (!isIPv6(address) || address === '::1') return address;
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::');
  const before = head.split(':').filter(Boolean);
  const after = tail?.split(':').filter(Boolean) ?? [];
  const between = Array<string>(Math.max(0, GROUPS - before.length - after.length)).fill('0');
  return `${[...before, ...between, ...after].slice(0, GROUPS_OF_NETWORK).join(':')}::`;
}
