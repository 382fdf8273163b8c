/**
 * HPKE (RFC 9180), base mode, one message and exports per context: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
 * AES-128-GCM. Checked against the RFC's vectors (appendix A.1.1) and, both ways, against @hpke/core.
 *
 * Own code, against STYLE 19, for three reasons. Time: side by side (test/bench/seal.bench.ts, a busy machine) sealing and
 * opening take @hpke/core 2.8 ms, which sends each of its HMACs to WebCrypto's threads, and this 0.37 ms over node:crypto,
 * 0.71 ms over WebCrypto; setting up a link may cost 5 ms in all. Sessions: they need the ephemeral private key behind
 * `enc` for a second Diffie-Hellman (`session.ts`), which @hpke/core keeps to itself. Size: this is 1 KiB of what a
 * browser loads.
 */

import { concat, utf8, fromHex } from './bytes.ts'
import { hkdfExpand, hkdfExtract } from './hkdf.ts'
import { type Aead, AEAD_KEY_BYTES, AEAD_NONCE_BYTES, type CryptoSuite, type DhKey } from './suite.ts'

/** What both ends share after setting up. */
export interface HpkeContext {
  /** Encapsulated key: the ephemeral public key, 32 bytes. */
  readonly enc: Uint8Array
  /** Seals or opens the one message under nonce zero. Sealing twice would give the key away. */
  seal(plaintext: Uint8Array, aad: Uint8Array): Promise<Uint8Array>
  open(ciphertext: Uint8Array, aad: Uint8Array): Promise<Uint8Array | null>
  /** A secret of `length` bytes that only the two ends know (RFC 9180 §5.3). */
  export(context: Uint8Array, length: number): Uint8Array
}

const EMPTY = new Uint8Array(0)
const VERSION = utf8('HPKE-v1')
const KEM_SUITE = concat(utf8('KEM'), Uint8Array.of(0x00, 0x20))
const HPKE_SUITE = concat(utf8('HPKE'), Uint8Array.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x01))
const MODE_BASE = Uint8Array.of(0)
/** LabeledExtract("", "psk_id_hash", ""): the same for all contexts of base mode, so written down (in A.1.1 as well). */
const PSK_ID_HASH = fromHex('725611c9d98c07c03f60095cd32d400d8347d45ed67097bbad50fc56da742d07')

/** SetupBaseS with a fresh `ephemeral` key. Null if `recipient` (an X25519 public key) is of small order. */
export async function setupSender(
  suite: CryptoSuite,
  keys: { readonly recipient: Uint8Array; readonly ephemeral: DhKey },
  info: Uint8Array,
): Promise<HpkeContext | null> {
  const { recipient, ephemeral } = keys
  return setup(suite, await ephemeral.agree(recipient), { enc: ephemeral.publicKey, recipient }, info)
}

/** SetupBaseR. Null if `enc` is of small order. */
export async function setupRecipient(
  suite: CryptoSuite,
  keys: { readonly enc: Uint8Array; readonly recipient: DhKey },
  info: Uint8Array,
): Promise<HpkeContext | null> {
  const { enc, recipient } = keys
  return setup(suite, await recipient.agree(enc), { enc, recipient: recipient.publicKey }, info)
}

/** ExtractAndExpand (§4.1), then the key schedule. */
function setup(
  suite: CryptoSuite,
  dh: Uint8Array | null,
  { enc, recipient }: { readonly enc: Uint8Array; readonly recipient: Uint8Array },
  info: Uint8Array,
): Promise<HpkeContext> | null {
  if (dh === null) return null
  const prk = labeledExtract(suite, KEM_SUITE, EMPTY, 'eae_prk', dh)
  return schedule(suite, enc, labeledExpand(suite, KEM_SUITE, prk, 'shared_secret', concat(enc, recipient), 32), info)
}

/** KeySchedule (§5.1). */
async function schedule(
  suite: CryptoSuite,
  enc: Uint8Array,
  shared: Uint8Array,
  info: Uint8Array,
): Promise<HpkeContext> {
  const infoHash = labeledExtract(suite, HPKE_SUITE, EMPTY, 'info_hash', info)
  const context = concat(MODE_BASE, PSK_ID_HASH, infoHash)
  const secret = labeledExtract(suite, HPKE_SUITE, shared, 'secret', EMPTY)
  const aead: Aead = await suite.aead(labeledExpand(suite, HPKE_SUITE, secret, 'key', context, AEAD_KEY_BYTES))
  const nonce = labeledExpand(suite, HPKE_SUITE, secret, 'base_nonce', context, AEAD_NONCE_BYTES)
  return {
    enc,
    seal: (plaintext, aad) => aead.seal(nonce, plaintext, aad),
    open: (ciphertext, aad) => aead.open(nonce, ciphertext, aad),
    export(exporterContext, length) {
      const exporter = labeledExpand(suite, HPKE_SUITE, secret, 'exp', context, 32)
      return labeledExpand(suite, HPKE_SUITE, exporter, 'sec', exporterContext, length)
    },
  }
}

/** §4: HKDF-Extract over version, suite, label and input. */
function labeledExtract(
  suite: CryptoSuite,
  suiteId: Uint8Array,
  salt: Uint8Array,
  label: string,
  ikm: Uint8Array,
): Uint8Array {
  return hkdfExtract(suite, salt, concat(VERSION, suiteId, utf8(label), ikm))
}

/** §4: HKDF-Expand over length, version, suite, label and info. */
function labeledExpand(
  suite: CryptoSuite,
  suiteId: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const labeledInfo = concat(Uint8Array.of(length >> 8, length & 0xff), VERSION, suiteId, utf8(label), info)
  return hkdfExpand(suite, prk, labeledInfo, length)
}
