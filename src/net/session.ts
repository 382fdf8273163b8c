/**
 * Sessions: what two peers share after one sealed request and its answer, so that the next requests cost an AEAD
 * instead of public-key cryptography (DESIGN §2). The pattern is Noise NK (`e, es` in the request, `e, ee` in the
 * answer), on HPKE's ephemeral key: forward secret against later theft of either identity key.
 *
 * A session must not become a name by which relays link messages. So a message carries no session id but a tag that
 * is used once: the receiver has the next tags ready in one table for all its sessions. A used tag stays for a while, to
 * tell a replay from a session that was lost. Who sends too far ahead of what arrives (64 messages lost in a row) is
 * told that the session is lost and starts a new one. Bytes: docs/PROTOCOL.md, "Sealing".
 */

import type { Instant, PeerId } from '../core/ids.ts'
import { concat, utf8 } from './crypto/bytes.ts'
import { hkdfExpand, hkdfExtract } from './crypto/hkdf.ts'
import { type Aead, AEAD_KEY_BYTES, AEAD_NONCE_BYTES, type CryptoSuite } from './crypto/suite.ts'

/** Sessions held at most; the least recently used goes first. Guess: more partners than a peer talks to at once. */
export const SESSIONS_MAX = 256
/** DESIGN §2 wants re-keying by time and count; ten minutes bound what a stolen session key opens. */
export const SESSION_REKEY_MS = 10 * 60_000
/** How long a session can still be received on: what left at the last moment, and a clock started a little later. */
export const SESSION_RECEIVE_MS = SESSION_REKEY_MS + 2 * 60_000
/** Requests each way; far below AES-GCM's limit of 2^32 (SP 800-38D §8.3). */
export const SESSION_REQUESTS_MAX = 65_536
/** Bytes of a tag: with 256 × 128 tags waiting, a random one hits with probability 2^-49. */
export const TAG_BYTES = 8

/** Tags ready ahead of the newest received, and kept behind it for reordering. Guess: a window like WireGuard's, smaller. */
export const TAGS_AHEAD = 64
export const TAGS_BEHIND = 64
/** Before the first arrives: most sessions come from one offer and its answer and are never used, so they stay cheap. */
const TAGS_AT_FIRST = 32
/** One HMAC gives four tags. */
const TAGS_PER_BLOCK = 4

/** What a nonce is for: each direction's key seals requests and replies to the other direction's requests. */
const NONCE_REQUEST = 0
const NONCE_REPLY = 1

export interface SessionKeys {
  readonly send: Aead
  readonly receive: Aead
  readonly sendTags: Uint8Array
  readonly receiveTags: Uint8Array
}

/**
 * Keys of both directions. `exported` is the request's HPKE export (it binds both ids, network, message and `enc`),
 * `shared` the Diffie-Hellman of the two ephemeral keys, `ephemeral` the responder's public one.
 */
export async function deriveSessionKeys(
  crypto: CryptoSuite,
  secrets: { readonly exported: Uint8Array; readonly shared: Uint8Array; readonly ephemeral: Uint8Array },
  role: { readonly isInitiator: boolean },
): Promise<SessionKeys> {
  const prk = hkdfExtract(crypto, secrets.exported, secrets.shared)
  const info = concat(utf8('musubi session 1'), secrets.ephemeral)
  const okm = hkdfExpand(crypto, prk, info, 2 * AEAD_KEY_BYTES + 64)
  const [forward, backward] = await Promise.all([
    crypto.aead(okm.subarray(0, AEAD_KEY_BYTES)),
    crypto.aead(okm.subarray(AEAD_KEY_BYTES, 2 * AEAD_KEY_BYTES)),
  ])
  const forwardTags = okm.slice(32, 64)
  const backwardTags = okm.slice(64, 96)
  return role.isInitiator
    ? { send: forward, receive: backward, sendTags: forwardTags, receiveTags: backwardTags }
    : { send: backward, receive: forward, sendTags: backwardTags, receiveTags: forwardTags }
}

/** Nonce of the request with this number, under its sender's key. */
export function requestNonce(counter: number): Uint8Array {
  return nonce(NONCE_REQUEST, counter, 0)
}

/** Nonce of reply `index` to the request with this number, under the replier's key. */
export function replyNonce(counter: number, index: number): Uint8Array {
  return nonce(NONCE_REPLY, counter, index)
}

function nonce(purpose: number, counter: number, index: number): Uint8Array {
  const bytes = new Uint8Array(AEAD_NONCE_BYTES)
  const view = new DataView(bytes.buffer)
  bytes[0] = purpose
  view.setUint32(4, counter)
  view.setUint32(8, index)
  return bytes
}

/** The tags of requests 4 × block … 4 × block + 3. */
function tagBlock(crypto: CryptoSuite, key: Uint8Array, block: number): Uint8Array {
  const number = new Uint8Array(4)
  new DataView(number.buffer).setUint32(0, block)
  return crypto.hmac(key, number)
}

/** One session, on one side. Made by `SessionTable.add`. */
export interface Session {
  readonly peer: PeerId
  readonly keys: SessionKeys
  readonly isInitiator: boolean
  readonly startedAt: Instant
  /**
   * The other side surely has it. The initiator knows from the answer; the responder when the first request arrives, so
   * it does not write into a session whose answer was lost.
   */
  isConfirmed: boolean
  /** Number of the next request. Zero was the HPKE request that began it. */
  nextCounter: number
  /** The block of tags that `nextCounter` is in, once computed. */
  sendBlock: Uint8Array | null
  /** Tags in the table: those of requests `windowStart` … `windowStart + window.length - 1`. */
  windowStart: number
  readonly window: bigint[]
}

interface TagSlot {
  readonly session: Session
  readonly counter: number
  isUsed: boolean
}

/** A request to be sealed in a session. */
export interface OutgoingRequest {
  readonly session: Session
  readonly counter: number
  /** 8 bytes. */
  readonly tag: Uint8Array
}

/** All sessions of one identity, and all tags that may arrive. */
export class SessionTable {
  readonly #crypto: CryptoSuite
  /** Least recently used first. */
  readonly #sessions = new Set<Session>()
  /** Where to write: the newest session of each peer that may be sent on. */
  readonly #outgoing = new Map<PeerId, Session>()
  readonly #tags = new Map<bigint, TagSlot>()

  constructor(crypto: CryptoSuite) {
    this.#crypto = crypto
  }

  /** Sessions and tags held: at most `SESSIONS_MAX`, and `TAGS_AHEAD + TAGS_BEHIND` plus one block for each of them. */
  get size(): { readonly sessions: number; readonly tags: number } {
    return { sessions: this.#sessions.size, tags: this.#tags.size }
  }

  /** A new session. It replaces older ones for sending; those can still be received on. */
  add(begun: Pick<Session, 'peer' | 'keys' | 'isInitiator'>, now: Instant): Session {
    this.#makeRoom(now)
    const session: Session = {
      ...begun,
      startedAt: now,
      isConfirmed: begun.isInitiator,
      nextCounter: 1,
      sendBlock: null,
      windowStart: 0,
      window: [],
    }
    this.#sessions.add(session)
    if (begun.isInitiator) this.#outgoing.set(begun.peer, session)
    // The responder writes only after it has heard from us, so its tags can wait for our first request.
    else this.#extendWindow(session, TAGS_AT_FIRST)
    return session
  }

  /** Takes the next number and tag of a session with `peer`; null if there is none that may still be sent on. */
  take(peer: PeerId, now: Instant): OutgoingRequest | null {
    const session = this.#outgoing.get(peer)
    if (session === undefined) return null
    if (now - session.startedAt >= SESSION_REKEY_MS || session.nextCounter >= SESSION_REQUESTS_MAX) {
      this.#outgoing.delete(peer)
      return null
    }
    this.#touch(session)
    if (session.window.length === 0) this.#extendWindow(session, TAGS_AT_FIRST)
    const counter = session.nextCounter++
    const at = counter % TAGS_PER_BLOCK
    if (at === 0 || session.sendBlock === null) {
      session.sendBlock = tagBlock(this.#crypto, session.keys.sendTags, Math.floor(counter / TAGS_PER_BLOCK))
    }
    return { session, counter, tag: session.sendBlock.subarray(at * TAG_BYTES, (at + 1) * TAG_BYTES) }
  }

  /** The request that a tag announces: null for tags that nobody waits for, `isUsed` for a replay. */
  find(
    tag: Uint8Array,
    now: Instant,
  ): { readonly session: Session; readonly counter: number; readonly isUsed: boolean } | null {
    const slot = this.#tags.get(tagKey(tag, 0))
    if (slot === undefined) return null
    if (now - slot.session.startedAt < SESSION_RECEIVE_MS) return slot
    this.#remove(slot.session)
    return null
  }

  /**
   * Notes that the request behind `tag` has been opened, and moves the window. Only now, not in `find`: a forged body
   * must not use up the tag of the real one. False if another copy was faster.
   */
  markOpened(tag: Uint8Array): boolean {
    const slot = this.#tags.get(tagKey(tag, 0))
    if (slot === undefined || slot.isUsed) return false
    slot.isUsed = true
    const session = slot.session
    this.#touch(session)
    if (!session.isConfirmed) {
      session.isConfirmed = true
      const current = this.#outgoing.get(session.peer)
      if (current === undefined || current.startedAt <= session.startedAt) this.#outgoing.set(session.peer, session)
    }
    this.#extendWindow(session, slot.counter + TAGS_AHEAD)
    this.#trimWindow(session)
    return true
  }

  #touch(session: Session): void {
    // A session that was evicted while a message of it was being opened stays out.
    if (this.#sessions.delete(session)) this.#sessions.add(session)
  }

  /** Computes the tags up to and including request `until`. */
  #extendWindow(session: Session, until: number): void {
    if (!this.#sessions.has(session)) return
    for (let counter = session.windowStart + session.window.length; counter <= until; counter += TAGS_PER_BLOCK) {
      const block = tagBlock(this.#crypto, session.keys.receiveTags, counter / TAGS_PER_BLOCK)
      for (let at = 0; at < TAGS_PER_BLOCK; at++) {
        const key = tagKey(block, at * TAG_BYTES)
        session.window.push(key)
        this.#tags.set(key, { session, counter: counter + at, isUsed: false })
      }
    }
  }

  /** Forgets the tags that are far behind the newest. */
  #trimWindow(session: Session): void {
    const excess = session.window.length - TAGS_AHEAD - TAGS_BEHIND - TAGS_PER_BLOCK
    if (excess <= 0) return
    for (const key of session.window.splice(0, excess)) this.#tags.delete(key)
    session.windowStart += excess
  }

  #makeRoom(now: Instant): void {
    for (const session of this.#sessions) {
      if (this.#sessions.size < SESSIONS_MAX && now - session.startedAt < SESSION_RECEIVE_MS) return
      this.#remove(session)
    }
  }

  #remove(session: Session): void {
    this.#sessions.delete(session)
    for (const key of session.window) this.#tags.delete(key)
    if (this.#outgoing.get(session.peer) === session) this.#outgoing.delete(session.peer)
  }
}

function tagKey(bytes: Uint8Array, offset: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset + offset, TAG_BYTES).getBigUint64(0)
}
