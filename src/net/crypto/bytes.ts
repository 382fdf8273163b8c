/** Small things done with bytes all over `net/`. */

const encoder = new TextEncoder()

/** Text as UTF-8. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** All parts one after the other, in new memory. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0
  for (const part of parts) length += part.length
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** The bytes of hexadecimal digits, two for each. */
export function fromHex(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16))
}

/** Two digits for each. */
export function hexPairs(bytes: Iterable<number>): string[] {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'))
}

/** Whether both are the same. Not constant-time: for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

/** Whether all bytes are zero, without saying by its running time where the first other one is. */
export function isAllZero(bytes: Uint8Array): boolean {
  let seen = 0
  for (const byte of bytes) seen |= byte
  return seen === 0
}

/** A whole number below 2^53 as eight bytes, big-endian. */
export function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(Math.floor(value)))
  return bytes
}

/** The eight bytes at `offset`, big-endian. Beyond 2^53 it is rounded, which is fine for a time that is refused anyway. */
export function readU64(bytes: Uint8Array, offset: number): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset + offset).getBigUint64(0))
}
