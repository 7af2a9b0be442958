/** The slot of a hash tag on a Cluster: CRC16 (XMODEM) modulo 16,384 (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec). */
export function keySlot(tag: string): number {
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1)
      crc = (crc & 0x8000) === 0 ? (crc << 1) & 0xffff : ((crc << 1) ^ 0x1021) & 0xffff;
  }
  return crc % 16_384;
}
