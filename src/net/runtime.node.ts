/**
 * What `net/` needs to know of Node, reached through `#runtime` of package.json's "imports"; browsers get
 * `runtime.browser.ts`: timers, the limits of `ws`, and what WebRTC implementations for Node must be spared:
 *
 * - node-datachannel's descriptions are read-only, and simple-peer assigns `offer.sdp`: plain objects instead.
 * - @roamhq/wrtc serialises `localDescription` and `remoteDescription` on our thread while its own adds candidates to
 *   them: a use after free that takes the process down (simple-peer #812, node-webrtc #696), and half a millisecond each
 *   time. So nobody reads them.
 * - `close` waits for a later turn than the close of the data channel (node-webrtc #360, #576: the channel's native half
 *   must be gone before that of the connection).
 * - An offerer on libdatachannel must be the first to call. If the answerer's checks reach it before the answer does, it
 *   loses the DTLS ClientHello that follows and waits for the next (set-up takes 1,010 ms in two of three cases,
 *   libdatachannel #1554); as DTLS client it may even judge the certificate before it knows the fingerprint, and fail.
 *   Its candidates therefore follow when it has the answer: 65 ms, always (50 of them are libjuice's pacing).
 * - In one process, a connection of @roamhq/wrtc that begins to gather candidates makes all others that still gather begin
 *   again: twenty at once open 3,200 sockets instead of 160, and 32 peers that start together ran out of file
 *   descriptors (test/bench, crowd). So offers gather a few at a time.
 */

import type { Care, Wrtc } from './adapt-wrtc.ts'
import { MESSAGE_BYTES_MAX } from './channel.ts'
import type { After, Soon } from './timers.ts'
import { Turnstile } from './turnstile.ts'

/** `setTimeout`, which takes a millisecond for 0 here; a link's set-up has several such turns. */
export const platformAfter: After = (delayMs, callback) => {
  if (delayMs === 0) {
    const immediate = setImmediate(callback)
    return () => clearImmediate(immediate)
  }
  const timer = setTimeout(callback, delayMs)
  return () => clearTimeout(timer)
}

/** When all that has come in by now has been handled: messages that one poll of the event loop brings are answered together. */
export const platformSoon: Soon = (callback) => void setImmediate(callback)

/** libdatachannel: node-datachannel's polyfill extends the standard interface by names of its own. */
export const isFirstToCall = (wrtc: Wrtc): boolean => 'ext_maxMessageSize' in wrtc.RTCPeerConnection.prototype

/** Two keep two cores busy. Answers do not wait: they come out of others' offers, whose turn it is already. */
const GATHERING_MAX = 2
/** @roamhq/wrtc needs 100 ms to the end, or until the connection stands; a server that is silent must not hold up others. */
const GATHERING_MS = 150
/** One for the whole process, whatever the number of peers in it. */
const gathering = new Turnstile(GATHERING_MAX)
const CONNECTED: ReadonlySet<RTCIceConnectionState> = new Set(['connected', 'completed'])

/** Whether descriptions may be read from the connection at any time. */
export const areDescriptionsReadable: boolean = false

/** What to do for one connection: in place of its own methods, and before it makes an offer its own. */
export function careFor(native: RTCPeerConnection, after: After): Care {
  let isClosed = false
  let leaveGathering: (() => void) | null = null
  return {
    overrides: {
      createOffer: async (options: RTCOfferOptions) => plain(await native.createOffer(options)),
      createAnswer: async (options: RTCAnswerOptions) => plain(await native.createAnswer(options)),
      close: () => {
        isClosed = true
        leaveGathering?.()
        after(0, () => native.close())
      },
    },
    beforeOffer: async () => {
      const leave = await gathering.enter()
      if (isClosed) leave()
      else leaveGathering = leaveInTime(native, { leave, after })
    },
  }
}

const plain = ({ type, sdp }: RTCSessionDescriptionInit): RTCSessionDescriptionInit => ({ type, sdp: sdp ?? '' })

/** Our turn ends by this, with the candidates, with a connection, or when it has lasted long enough. */
function leaveInTime(native: RTCPeerConnection, parts: { leave: () => void; after: After }): () => void {
  let isOver = false
  const stop = parts.after(GATHERING_MS, () => end())
  const end = (): void => {
    isOver = true
    stop()
    parts.leave()
  }
  // Each reading of a state costs @roamhq/wrtc a change of threads.
  native.addEventListener('icegatheringstatechange', () => {
    if (!isOver && native.iceGatheringState === 'complete') end()
  })
  native.addEventListener('iceconnectionstatechange', () => {
    if (!isOver && CONNECTED.has(native.iceConnectionState)) end()
  })
  return end
}

/**
 * The limits `ws` runs under as a client. Fragments and chunks: 64 and 256, since the defaults (16,384 and 262,144)
 * let a server make us hold megabytes of bookkeeping for one message (REFERENCE §4c, ws 2026).
 */
export const RECEIVE_LIMITS = {
  maxPayload: MESSAGE_BYTES_MAX,
  maxFragments: 64,
  maxBufferedChunks: 256,
  perMessageDeflate: false,
  skipUTF8Validation: true,
  /** After our close frame, in milliseconds; the default of 30 s keeps dead sockets for too long. */
  closeTimeout: 2_000,
} as const
