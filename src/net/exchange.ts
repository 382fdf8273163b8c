/**
 * One exchange: offer, answer and candidates on a simple-peer of its own, up to a proven link or call. simple-peer
 * negotiates, watches ICE and takes the connection down; what it hands to others passes through `sdp.ts` and `signal.ts`,
 * what it hands to the native stack through `adapt-wrtc.ts`, and when anything leaves is `trickle.ts`.
 */

import SimplePeer from '#simple-peer'
import type { Instance, SignalData } from 'simple-peer'
import type { ExchangeId, NetworkId, PeerId } from '../core/ids.ts'
import { decodeBatch } from '../wire/batch.ts'
import type { Tap, Wrtc } from './adapt-wrtc.ts'
import { tapWrtc } from './adapt-wrtc.ts'
import { CANDIDATES_MAX, formatCandidate } from './candidate.ts'
import { equalBytes } from './crypto/bytes.ts'
import { DataChannel } from './data-channel.ts'
import type { Signer, VerifyClaim } from './hello.ts'
import type { LinkLimits } from './link.ts'
import { Link } from './link.ts'
import { messageOf } from './outbox.ts'
import type { ProofRole } from './proof.ts'
import { Proof, PROOF_TIMEOUT_MS, ProofFailed, proveLink } from './proof.ts'
import { replayMedia } from './replay.ts'
import type { LocalCandidate, LocalDescription, RemoteDescription } from './sdp.ts'
import { candidatesOf, decodeDescription, encodeDescription, fingerprintIn } from './sdp.ts'
import type { Signal } from './signal.ts'
import { decodeSignal, directionOf, encodeCandidates, encodeRenegotiate, encodeTransceiver } from './signal.ts'
import { textOf } from './thrown.ts'
import type { After } from './timers.ts'
import { Trickle } from './trickle.ts'

/** What every exchange of a peer has in common. */
export interface ExchangeParts {
  readonly wrtc: Wrtc
  readonly rtcConfig: RTCConfiguration
  readonly network: NetworkId
  readonly signer: Signer
  readonly verify: VerifyClaim
  readonly sha256: (bytes: Uint8Array) => Uint8Array
  readonly linkLimits: Partial<LinkLimits>
  readonly after: After
}

export interface ExchangeTask {
  readonly id: ExchangeId
  readonly remote: PeerId
  readonly purpose: 'link' | 'call'
  readonly role: ProofRole
}

/** Each exchange ends in exactly one of linkUp, connected and failed; a connected call that closes fails after that. */
export interface ExchangeHooks {
  /** The offer or answer for the other side. Once. */
  described(description: Uint8Array): void
  /** For the other side, in this order. */
  signal(signal: Uint8Array): void
  linkUp(link: Link): void
  connected(connection: Instance): void
  failed(reason: ExchangeFailure, detail: string): void
}

/**
 * Why an exchange came to nothing; each is counted under its name. malformed: the other side's description or signal does
 * not parse. unsupported: our own stack's cannot travel. proof…: see `ProofFailure`. stack: WebRTC failed or closed.
 */
export type ExchangeFailure =
  | 'malformed'
  | 'unsupported'
  | 'proof missing'
  | 'proof signature'
  | 'proof timeout'
  | 'proof closed'
  | 'proof denied'
  | 'stack'

export class Exchange {
  readonly #parts: ExchangeParts
  readonly #task: ExchangeTask
  readonly #hooks: ExchangeHooks
  readonly #trickle: Trickle<LocalCandidate>
  #peer: Instance | null = null
  #tap: Tap | null = null
  /** The other side's channel until it opens: simple-peer's listener, and what it has not been told yet. */
  #early: { readonly forward: (event: MessageEvent) => void; readonly events: MessageEvent[] } | null = null
  #local: LocalDescription | null = null
  #hashes: { offer: Uint8Array | null; answer: Uint8Array | null } = { offer: null, answer: null }
  /** Candidates that must not be known before we have the answer (`Tap.isFirstToCall`). */
  #withheld: LocalCandidate[] = []
  #proof: Proof | null = null
  /** The channel, once it is open. */
  #opened: RTCDataChannel | null = null
  /** Fingerprints that the proof was made of: a renegotiated description must name the same certificate. */
  #remoteFingerprint: Uint8Array | null = null
  /** Encoding and decoding may take a turn; what is said must stay in order. */
  #outgoing: Promise<unknown> = Promise.resolve()
  #incoming: Promise<unknown> = Promise.resolve()
  /** What the other side said and was not looked at yet. */
  #waiting = 0
  /** Candidates that it may still add to its description; the rest is ignored. */
  #candidatesLeft = LATE_CANDIDATES_MAX
  /** proving: the channel is open. up: handed over. over: nothing happens any more. */
  #state: 'connecting' | 'proving' | 'up' | 'over' = 'connecting'

  constructor(task: ExchangeTask, parts: ExchangeParts, hooks: ExchangeHooks) {
    this.#task = task
    this.#parts = parts
    this.#hooks = hooks
    this.#trickle = new Trickle<LocalCandidate>({
      hasServers: (parts.rtcConfig.iceServers?.length ?? 0) > 0,
      isFromServer: ({ candidate }) => / typ (?:srflx|relay)/.test(candidate),
      onLeave: (candidates) => this.#describe(candidates),
      onBatch: (candidates) => this.#sendCandidates(candidates),
      after: parts.after,
    })
  }

  /** Makes the connection and, if we are the offerer, the offer. */
  start(streams: readonly MediaStream[]): void {
    if (this.#state !== 'connecting') return
    const { wrtc, rtcConfig, after } = this.#parts
    const isLink = this.#task.purpose === 'link'
    this.#tap = tapWrtc(wrtc, {
      isLink,
      after,
      onChannel: (channel) => this.#watch(channel),
      onDescription: () => this.#onNative(),
    })
    try {
      this.#own(
        new SimplePeer({
          initiator: this.#task.role === 'offerer',
          wrtc: this.#tap.wrtc,
          config: rtcConfig,
          streams: [...streams],
          // Not waited for, because we trickle; but its timer would keep the instance in memory for five seconds.
          iceCompleteTimeout: 1,
          ...(isLink ? { channelName: LINK_CHANNEL_NAME } : {}),
        }),
      )
    } catch (error) {
      this.#fail('stack', textOf(error))
    }
  }

  /** The other side's offer or answer. */
  accept(bytes: Uint8Array): void {
    const type = this.#task.role === 'offerer' ? 'answer' : 'offer'
    this.#hashes[type] ??= this.#parts.sha256(bytes)
    this.#receive(async () => {
      const description = await decodeDescription(bytes)
      if (description?.type === type) this.#signal(description)
      else this.#fail('malformed', type)
    })
  }

  /** The other side's further signaling. What does not parse is ignored: candidates may be of a kind to come. */
  addSignal(bytes: Uint8Array): void {
    this.#receive(async () => {
      const signal = await decodeSignal(bytes)
      if (signal !== null) this.#apply(signal)
    })
  }

  /** Lets go of everything; no hook is called any more. */
  stop(): void {
    this.#state = 'over'
    this.#trickle.stop()
    this.#tap?.release()
    this.#peer?.destroy()
    this.#proof = null
    this.#local = null
  }

  #own(peer: Instance): void {
    let failure = 'closed'
    this.#peer = peer
    peer.on('signal', (data) => this.#onSignal(data))
    // Also after the hand-over: an 'error' without a listener would end the process.
    peer.on('error', (error) => (failure = textOf(error)))
    peer.on('close', () => this.#fail('stack', failure))
    peer.on('iceStateChange', (_: string, gathering: string) => {
      if (gathering === 'complete') this.#trickle.gathered()
    })
    if (this.#task.purpose === 'call') replayMedia(peer)
  }

  // ---- what our side says ---------------------------------------------------------------------------------------------

  #onSignal(data: SignalData): void {
    if (this.#state === 'over') return
    if ('candidate' in data) return this.#trickle.candidate(data.candidate as LocalCandidate)
    if ('sdp' in data && data.sdp !== undefined)
      return this.#onDescription(data as { type: 'offer' | 'answer'; sdp: string })
    if (this.#task.purpose === 'link') return
    if ('transceiverRequest' in data) {
      const { kind, init } = data.transceiverRequest
      this.#say(
        encodeTransceiver({ media: kind === 'audio' ? 'audio' : 'video', direction: directionOf(init?.direction) }),
      )
    } else if ('renegotiate' in data) this.#say(encodeRenegotiate())
  }

  #onDescription({ type, sdp }: { type: 'offer' | 'answer'; sdp: string }): void {
    // Candidates come by their events, all of them.
    const description = { type, sdp: sdp.replaceAll(/^a=candidate:.*\r?\n/gm, ''), candidates: [] }
    if (this.#local !== null) return this.#say(encodeDescription(description))
    this.#local = description
    this.#trickle.described()
  }

  /** The first description leaves. */
  #describe(early: readonly LocalCandidate[]): void {
    const local = this.#local!
    const candidates = this.#mayCall() ? early : []
    if (!this.#mayCall()) this.#withheld = [...early]
    this.#send(encodeDescription({ ...local, candidates }), (bytes) => {
      this.#hashes[local.type] = this.#parts.sha256(bytes)
      this.#prepareProof()
      this.#hooks.described(bytes)
    })
  }

  #mayCall(): boolean {
    const tap = this.#tap!
    return this.#task.role === 'answerer' || !tap.isFirstToCall || tap.descriptions.remote !== null
  }

  #sendCandidates(lines: readonly LocalCandidate[]): void {
    if (!this.#mayCall()) return void this.#withheld.push(...lines)
    const candidates = candidatesOf(lines.map(({ candidate }) => candidate))
    if (candidates.length > 0) this.#say(encodeCandidates(candidates))
  }

  #say(signal: Uint8Array | Promise<Uint8Array | null>): void {
    this.#send(Promise.resolve(signal), (bytes) => this.#hooks.signal(bytes))
  }

  #send(encoding: Promise<Uint8Array | null>, deliver: (bytes: Uint8Array) => void): void {
    this.#outgoing = this.#outgoing.then(async () => {
      const bytes = await encoding
      if (this.#state === 'over') return
      if (bytes === null) this.#fail('unsupported', 'description')
      else deliver(bytes)
    })
  }

  // ---- what the other side says ---------------------------------------------------------------------------------------

  #receive(work: () => Promise<void>): void {
    if (this.#waiting >= WAITING_MAX) return
    this.#waiting++
    this.#incoming = this.#incoming
      .then(() => (this.#state === 'over' ? undefined : work()))
      .catch((error: unknown) => this.#fail('stack', textOf(error)))
      .finally(() => this.#waiting--)
  }

  #apply(signal: Signal): void {
    const isCall = this.#task.purpose === 'call'
    if (signal.kind === 'candidates') {
      this.#candidatesLeft -= signal.candidates.length
      if (this.#candidatesLeft < 0) return
      for (const candidate of signal.candidates) this.#signal(initOf(formatCandidate(candidate)))
    } else if (!isCall) return
    else if (signal.kind === 'renegotiate') this.#signal({ type: 'renegotiate', renegotiate: true })
    else if (signal.kind === 'transceiver') this.#signal(transceiverSignal(signal.request))
    else this.#renegotiate(signal.description)
  }

  /** Nothing but the proven certificate may come in by the back door. */
  #renegotiate(description: RemoteDescription): void {
    const fingerprint = fingerprintIn(description.sdp)
    if (this.#remoteFingerprint === null || fingerprint === null || !equalBytes(fingerprint, this.#remoteFingerprint))
      return
    this.#signal(description)
  }

  #signal(data: SignalData): void {
    // simple-peer throws once it is destroyed; its 'close' is on the way then.
    if (this.#state !== 'over' && !this.#peer!.destroyed) this.#peer!.signal(data)
  }

  // ---- the channel, and the proof in it -------------------------------------------------------------------------------

  /** The native stack has made or taken a description. */
  #onNative(): void {
    this.#prepareProof()
    if (this.#withheld.length > 0 && this.#mayCall()) this.#sendCandidates(this.#withheld.splice(0))
  }

  /** As soon as both descriptions are in the native stacks' hands. */
  #prepareProof(): void {
    const { local, remote } = this.#tap!.descriptions
    const { offer: offerHash, answer: answerHash } = this.#hashes
    if (this.#proof !== null || local === null || remote === null || offerHash === null || answerHash === null) return
    const own = fingerprintIn(local.sdp)
    const other = fingerprintIn(remote.sdp)
    if (own === null || other === null) return this.#fail('malformed', 'fingerprint')
    const { network, signer, verify } = this.#parts
    const { role, remote: peer } = this.#task
    const isOfferer = role === 'offerer'
    this.#remoteFingerprint = other
    this.#proof = new Proof(
      {
        network,
        offerer: isOfferer ? signer.id : peer,
        answerer: isOfferer ? peer : signer.id,
        offererFingerprint: isOfferer ? own : other,
        answererFingerprint: isOfferer ? other : own,
        offerHash,
        answerHash,
      },
      { role, signer, verify },
    )
    if (this.#opened !== null) this.#onOpen(this.#opened)
  }

  #watch(channel: RTCDataChannel): void {
    channel.addEventListener('open', () => this.#onOpen(channel))
    // The other side may have proven itself before our stack calls the channel open (@roamhq/wrtc: in one of 12).
    const forward = channel.onmessage
    if (forward === null) return
    this.#early = { forward, events: [] }
    channel.onmessage = (event) => void this.#early?.events.push(event)
  }

  /** Hands what came early to whoever listens now. */
  #release(channel: RTCDataChannel): void {
    const events = this.#early?.events ?? []
    this.#early = null
    for (const event of events) channel.onmessage?.(event)
  }

  #onOpen(channel: RTCDataChannel): void {
    if (this.#state !== 'connecting') return
    // The stack may be quicker than its own word that a description is set.
    this.#opened = channel
    if (this.#proof === null) return
    this.#state = 'proving'
    this.#trickle.stop()
    if (this.#task.purpose === 'link') this.#proveLink(channel, this.#proof)
    else this.#proveCall(channel, this.#proof)
  }

  #proveLink(native: RTCDataChannel, proof: Proof): void {
    const { after, linkLimits } = this.#parts
    const peer = this.#peer!
    const channel = new DataChannel(native, { destroy: () => peer.destroy(), after })
    peer.on('close', () => channel.lose('connection lost'))
    const link = new Link(channel, linkLimits, after)
    this.#release(native)
    proveLink(link, proof, { after }).then(
      () => {
        if (this.#state === 'over') return link.close('abandoned')
        this.#handOver('over')
        this.#hooks.linkUp(link)
      },
      (error: unknown) => this.#failProof(error, { lingers: true }),
    )
  }

  /** The first message each way is the proof; every other goes where it would have gone. */
  #proveCall(native: RTCDataChannel, proof: Proof): void {
    const peer = this.#peer!
    const forward = this.#early?.forward ?? native.onmessage
    const stop = this.#parts.after(PROOF_TIMEOUT_MS, () =>
      this.#failProof(new ProofFailed('timeout'), { lingers: false }),
    )
    const heard = new Promise<MessageEvent>((resolve) => {
      native.onmessage = (event) => {
        native.onmessage = forward
        resolve(event)
      }
    })
    const isChecked = heard.then((event) => proof.check(onlyFrame(event.data)))
    this.#release(native)
    const isSent = (proof.speaksFirst ? proof.own : heard.then(() => proof.own)).then(
      (frame) => this.#state === 'proving' && native.send(messageOf(frame)),
    )
    const isConnected = peer.connected
      ? Promise.resolve()
      : new Promise<void>((resolve) => peer.once('connect', resolve))
    Promise.all([isChecked, isSent, isConnected, completeBuffers()])
      .then(() => {
        if (this.#state !== 'proving') return
        this.#handOver('up')
        this.#hooks.connected(peer)
      })
      .catch((error: unknown) => this.#failProof(error, { lingers: false }))
      .finally(stop)
  }

  /** Descriptions, candidates and proof have done their work. */
  #handOver(state: 'up' | 'over'): void {
    this.#state = state
    this.#tap!.release()
    this.#proof = null
    this.#local = LEFT
  }

  #failProof(error: unknown, { lingers }: { readonly lingers: boolean }): void {
    const reason = error instanceof ProofFailed ? error.reason : 'closed'
    this.#fail(`proof ${reason}`, textOf(error), lingers)
  }

  /** `lingers`: the link's channel takes the connection down itself, once the other side knows why. */
  #fail(reason: ExchangeFailure, detail: string, lingers = false): void {
    if (this.#state === 'over') return
    if (lingers) this.#peer = null
    this.stop()
    this.#hooks.failed(reason, detail)
  }
}

/**
 * Fetches the rest of what an application may do with the Buffers of a call: of the browser build's
 * (`simple-peer/duplex.ts`), for Node's has everything. Once a page is in the mesh, the server that it came from may go.
 */
export async function completeBuffers(): Promise<void> {
  await (SimplePeer as { complete?: () => Promise<void> }).complete?.()
}

/** The two batches that an honest peer sends (`trickle.ts`). */
const LATE_CANDIDATES_MAX = 2 * CANDIDATES_MAX
/** Signals that wait for the one before to be decoded; the rest is dropped. Guess: an honest peer never has three. */
const WAITING_MAX = 16
/** A short one: it travels in the message that opens the channel. */
const LINK_CHANNEL_NAME = 'm'
/** Stands for "the first description has left": all later ones are renegotiation. */
const LEFT: LocalDescription = { type: 'offer', sdp: '', candidates: [] }

/** All candidates belong to the first section: everything is bundled there. */
const initOf = (candidate: string): SignalData =>
  ({ type: 'candidate', candidate: { candidate, sdpMLineIndex: 0, sdpMid: '0' } }) as unknown as SignalData

function transceiverSignal({ media, direction }: { media: string; direction: string }): SignalData {
  const init = direction === 'inherit' ? undefined : { direction: direction as RTCRtpTransceiverDirection }
  return { type: 'transceiverRequest', transceiverRequest: { kind: media, init } }
}

function onlyFrame(data: unknown) {
  const frames = data instanceof ArrayBuffer ? decodeBatch(new Uint8Array(data)) : null
  return frames?.length === 1 ? frames[0] : null
}
