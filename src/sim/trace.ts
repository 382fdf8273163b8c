/**
 * A running 64-bit fingerprint of everything that happened: time, node, kind of input and the ids in it, in order. Two
 * runs with equal fingerprints did the same. Two lanes of MurmurHash3's 32-bit round with different constants; not
 * cryptographic, nobody attacks it.
 */

import type { Frame } from '../core/frames.ts'
import type { Input } from '../core/io.ts'

/** Kinds by number, below 32: their names would be hashed a million times a second. */
const INPUTS = {
  start: 0,
  stop: 1,
  linkUp: 2,
  linkDown: 3,
  frame: 4,
  timer: 5,
  bootstrapFailed: 6,
  sealed: 7,
  opened: 8,
  signed: 9,
  verified: 10,
  jobRefused: 11,
  described: 12,
  signal: 13,
  connected: 14,
  exchangeFailed: 15,
  send: 16,
  broadcast: 17,
  dial: 18,
  answerCall: 19,
  cancel: 20,
  joinTopic: 21,
  leaveTopic: 22,
  carryTopics: 23,
} as const satisfies Record<Input['kind'], number>

const FRAMES = {
  unicast: 0,
  lookup: 1,
  reply: 2,
  broadcast: 3,
  nack: 4,
  direct: 5,
  heartbeat: 6,
  keep: 7,
  peers: 8,
  introduction: 9,
  goodbye: 10,
  ihave: 11,
  graft: 12,
  prune: 13,
  digest: 14,
  topic: 15,
} as const satisfies Record<Frame['kind'], number>

export class TraceHash {
  #low = 0x243f6a88
  #high = 0x85a308d3
  #events = 0

  /** Events so far. */
  get events(): number {
    return this.#events
  }

  /** 16 hexadecimal digits. */
  get digest(): string {
    return [this.#high, this.#low].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('')
  }

  /** `at`: milliseconds; `node`: the number of the node that handles `input`. */
  add(at: number, node: number, input: Input): void {
    this.#events++
    this.#word(at)
    // Nine of ten inputs, and V8 looks up by hash whatever objects of so many shapes are asked for.
    if (input.kind === 'frame') {
      this.#word((node << 5) ^ INPUTS.frame)
      this.#frame(input.link, input.frame)
    } else {
      this.#word((node << 5) ^ INPUTS[input.kind])
      this.#input(input)
    }
  }

  #input(input: Exclude<Input, { kind: 'frame' }>): void {
    switch (input.kind) {
      case 'linkUp':
      case 'linkDown':
        return this.#word(input.link)
      case 'timer':
        return this.#text(input.token.kind)
      case 'sealed':
      case 'opened':
      case 'jobRefused':
        return this.#text(input.job.id)
      case 'signed':
      case 'verified':
        return this.#text(input.id)
      case 'described':
      case 'signal':
      case 'connected':
      case 'exchangeFailed':
      case 'answerCall':
        return this.#text(input.exchange)
      case 'send':
      case 'broadcast':
      case 'dial':
      case 'cancel':
        return this.#word(input.request)
      case 'joinTopic':
      case 'leaveTopic':
        return this.#text(input.topic)
      case 'carryTopics':
      case 'start':
      case 'stop':
      case 'bootstrapFailed':
    }
  }

  #frame(link: number, frame: Frame): void {
    // Four of five frames, and frames have many shapes too.
    if (frame.kind === 'heartbeat') return this.#word((link << 5) ^ FRAMES.heartbeat)
    this.#word((link << 5) ^ FRAMES[frame.kind])
    if ('id' in frame) this.#text(frame.id)
    if ('hopLimit' in frame) this.#word(frame.hopLimit)
    if (frame.kind === 'ihave' || frame.kind === 'digest') for (const { id } of frame.entries) this.#text(id)
    if (frame.kind === 'graft') for (const id of frame.ids) this.#text(id)
  }

  /** The last eight characters: 36 bits and more of a random id, and kinds differ there too. */
  #text(text: string): void {
    const { length } = text
    let word = length
    for (let i = Math.max(0, length - 8); i < length; i++) word = (Math.imul(word, 31) + text.charCodeAt(i)) | 0
    this.#word(word)
  }

  #word(word: number): void {
    this.#low = round(this.#low, word, 0xcc9e2d51)
    this.#high = round(this.#high, word, 0x1b873593)
  }
}

function round(lane: number, word: number, factor: number): number {
  const k = Math.imul(word, factor)
  const mixed = lane ^ ((k << 15) | (k >>> 17))
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}
