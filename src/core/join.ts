/**
 * Getting in and staying found (DESIGN §7): the one contact with a bootstrap that a newcomer needs, the entry's lease,
 * and the lottery by which every peer looks in again at random so that meshes that were split without knowing merge.
 * Through the bootstrap goes one lookup for our own id; whoever is closest answers with an offer, and everything after
 * that link travels over the mesh.
 */

import type { IntroductionFrame } from './frames.ts'
import { ONLY_CLOSEST } from './geometry.ts'
import type { Instant, LinkId, MessageId, PeerId } from './ids.ts'
import type { Io, LinkUp, TimerToken } from './io.ts'
import type { Lookups } from './lookups.ts'
import type { Neighbors } from './neighbors.ts'
import type { Signaling } from './signaling.ts'

export interface JoinConfig {
  readonly self: PeerId
  /** There is somebody to contact at all. */
  readonly hasBootstrap: boolean
  /** Visits a second that all peers together pay a bootstrap (DESIGN §7: c about 1). */
  readonly lotteryPerSecond: number
}

export interface JoinParts {
  readonly io: Pick<Io, 'random' | 'closeLink' | 'contactBootstrap' | 'schedule' | 'emit'>
  readonly neighbors: Neighbors
  readonly lookups: Lookups
  readonly signaling: Signaling
  /** Adds or removes the bootstrap link at router and liveness. */
  readonly attach: (up: LinkUp, now: Instant) => void
  readonly detach: (link: LinkId) => void
}

export type BootstrapState = 'none' | 'contacting' | 'connected' | 'left' | 'lost'

/** The lottery never runs faster than this per peer, however small the mesh (guess: twice the gate of 60 s for a merge). */
const LOTTERY_MIN_MS = 20_000
/** Wait for an introduction after the link to a bootstrap is up. */
const INTRODUCTION_MS = 5_000
/** First pause after a failed attempt to get in, doubling to the greatest (guess). */
const RETRY_MS = 250
const RETRY_MAX_MS = 5_000
/** Failed attempts over one bootstrap link before a new introduction is asked for. */
const ATTEMPTS_MAX = 5
/** Lookups for another mesh per visit; the shallow buckets, which hold most peers, come first (guess). */
const LOOKS_MAX = 4
/** How often to look for signs of a split, and the greatest pause between visits because of one (guess). */
const SUSPECT_MS = 3_000
const SUSPECT_MAX_MS = 60_000
/** The same after most neighbours have gone: then next to nothing is left to lose (guess). */
const COLLAPSED_MAX_MS = 8_000
/** Of the greatest number of neighbours we had, what counts after another look 3 s later: half after two minutes (guess). */
const FORGET_MOST = 0.98
/** Ready, whatever else is rumoured, this long after the first link (guess). */
const READY_MAX_MS = 10_000
/** A visitor stays for the answer to its one lookup, then leaves. */
const VISIT_MS = 4_000

/** How long readiness waits for what comes of a look around; a lookup may be lost (guess). */
const LOOK_MS = 1_000

interface Contact {
  readonly link: LinkId
  readonly since: Instant
  entries: readonly PeerId[] | null
  leaseUntil: number
  attempts: number
  retryAt: number
  /** Those of ours that went through this bootstrap last. */
  lookups: (MessageId | null)[]
  /** Peers that our own mesh does not know have been sought. */
  hasLooked: boolean
  lookedAt: number
}

export class Join {
  readonly counters = { contacts: 0, contactsFailed: 0, joinLookups: 0, lotteryVisits: 0 }
  state: BootstrapState = 'none'
  isReady = false
  readonly #config: JoinConfig
  readonly #parts: JoinParts
  #contact: Contact | null = null
  #isContacting = false
  #failures = 0
  #contactAt = 0
  #suspectAt = 0
  #suspicions = 0
  /** When we last had no neighbour. */
  #linkedAt = 0
  /** So many neighbours we had lately. */
  #most = 0

  constructor(config: JoinConfig, parts: JoinParts) {
    this.#config = config
    this.#parts = parts
  }

  get link(): LinkId | null {
    return this.#contact?.link ?? null
  }

  start(now: Instant): void {
    this.#scheduleLottery()
    this.tick(now)
  }

  // ---- the bootstrap link ---------------------------------------------------------------------------------------------

  onLinkUp(up: LinkUp, now: Instant): void {
    this.#isContacting = false
    this.#failures = 0
    this.#leave('replaced')
    this.#contact = {
      link: up.link,
      since: now,
      entries: null,
      leaseUntil: 0,
      attempts: 0,
      retryAt: 0,
      lookups: [],
      hasLooked: false,
      lookedAt: 0,
    }
    this.#parts.attach(up, now)
    this.#setState('connected', up.peer)
  }

  onLinkDown(link: LinkId, reason: string): void {
    if (this.#contact?.link !== link) return
    this.#contact = null
    this.#parts.detach(link)
    this.#setState('lost', reason)
  }

  onContactFailed(reason: string, now: Instant): void {
    this.#isContacting = false
    this.counters.contactsFailed++
    this.#contactAt = now + this.#backoff(this.#failures++)
    this.#setState('lost', reason)
  }

  onIntroduction(frame: IntroductionFrame, link: LinkId, now: Instant): void {
    const contact = this.#contact
    if (contact?.link !== link) return
    contact.entries = frame.entries.filter((id) => id !== this.#config.self)
    if (contact.entries.length === 0) contact.retryAt = now + this.#backoff(ATTEMPTS_MAX)
    contact.leaseUntil = frame.leaseMs > 0 ? now + frame.leaseMs : 0
    this.tick(now)
  }

  // ---- upkeep ---------------------------------------------------------------------------------------------------------

  tick(now: Instant): void {
    if (this.#parts.neighbors.size === 0) {
      this.#linkedAt = now
      this.#getIn(now)
    } else if (!this.isReady && this.#hasJoined(now)) this.#becomeReady()
    if (this.#contact !== null && this.isReady) this.#look(this.#contact, now)
    if (this.#contact !== null && this.#mayLeave(this.#contact, now)) this.#leave('left')
    this.#watchForSplit(now)
  }

  /** A split shows itself: then the lottery is not waited for. */
  #watchForSplit(now: Instant): void {
    if (!this.isReady || !this.#config.hasBootstrap || this.#isContacting || now < this.#suspectAt) return
    this.#suspectAt = now + SUSPECT_MS * (0.5 + this.#unit())
    const hasCollapsed = this.#hasCollapsed()
    if (this.#parts.neighbors.size === 0 || (!hasCollapsed && this.#parts.neighbors.suspiciousBucket(now) === null)) {
      this.#suspicions = 0
      return
    }
    // Twice in a row: a newcomer's buckets need a moment to fill.
    if (++this.#suspicions < 2) return
    const longestMs = hasCollapsed ? COLLAPSED_MAX_MS : SUSPECT_MAX_MS
    this.#suspectAt = now + Math.min(longestMs, SUSPECT_MS * 2 ** this.#suspicions) * (0.5 + this.#unit())
    if (this.#contact === null) this.#contactBootstrap('visit', now)
    else this.#contact.hasLooked = false
  }

  /**
   * More than half of our neighbours have gone and nobody took their place: what is left of the mesh may be in pieces
   * that know nothing of each other (simulated: 90 % crash at once). A look around through a bootstrap settles it.
   */
  #hasCollapsed(): boolean {
    const { size } = this.#parts.neighbors
    const hasCollapsed = size * 2 < this.#most
    if (!hasCollapsed) this.#most = Math.max(size, this.#most * FORGET_MOST)
    return hasCollapsed
  }

  onLottery(now: Instant): void {
    this.#scheduleLottery()
    if (!this.#config.hasBootstrap || this.#contact !== null || this.#isContacting || this.#parts.neighbors.size === 0)
      return
    this.counters.lotteryVisits++
    this.#contactBootstrap('visit', now)
  }

  stop(): void {
    this.#leave('left')
  }

  /**
   * Our ring stands as far as our own mesh knows, and the bootstrap knows of no other: of two newcomers that found each
   * other first, neither is ready while the mesh that both wanted to join does not know them.
   */
  #hasJoined(now: Instant): boolean {
    // In a mesh that changes all the time somebody nearer is always rumoured of; that makes us no less a member.
    if (now - this.#linkedAt < READY_MAX_MS && !this.#parts.neighbors.ringStands(now)) return false
    const contact = this.#contact
    if (contact === null) return true
    this.#look(contact, now)
    if (contact.entries === null || now - contact.lookedAt > LOOK_MS) return true
    return !this.#isLooking(contact) && this.#parts.signaling.linksInFlight === 0
  }

  #becomeReady(): void {
    if (this.isReady) return
    this.isReady = true
    this.#parts.io.emit({ kind: 'ready' })
  }

  #getIn(now: Instant): void {
    const contact = this.#contact
    if (contact === null) {
      // Nobody to ask: we are the first of our mesh, and others come to us (`mesh.listen`).
      if (!this.#config.hasBootstrap) this.#becomeReady()
      else if (!this.#isContacting && now >= this.#contactAt) this.#contactBootstrap('join', now)
    } else if (contact.entries === null) {
      if (now - contact.since > INTRODUCTION_MS) this.#leave('silent')
    } else {
      // We are the first. But others who came at the same moment may have found each other and not us (simulated: of 24
      // peers the first stayed alone as long as its bootstrap lived, 1 run in 600), so that we ask again.
      if (contact.entries.length === 0) this.#becomeReady()
      this.#knock(contact, contact.entries, now)
    }
  }

  /** One attempt at a first link: a lookup for our own id, later for any id, and offers to the entries themselves. */
  #knock(contact: Contact, entries: readonly PeerId[], now: Instant): void {
    if (this.#isLooking(contact) || now < contact.retryAt || this.#parts.signaling.linksInFlight > 0) return
    if (contact.attempts >= ATTEMPTS_MAX && entries.length > 0) {
      this.#leave('no way in')
      this.#contactAt = now + this.#backoff(2)
      return
    }
    const { lookups, signaling } = this.#parts
    const isFirst = contact.attempts === 0
    contact.attempts++
    contact.retryAt = now + this.#backoff(contact.attempts)
    this.counters.joinLookups++
    contact.lookups = [
      isFirst ? lookups.nearest('guest', ONLY_CLOSEST, contact.link, now) : lookups.anybody('guest', contact.link, now),
    ]
    const entry = entries[contact.attempts % entries.length]
    if (!isFirst && entry !== undefined) signaling.offerLink(entry, 'guest', { via: contact.link }, now)
  }

  /**
   * Before we leave: is there anybody where our own mesh has nobody, nearer to us than all neighbours or in a bucket
   * that is empty? Then there are two meshes, and now a bridge: whatever the split, the peer of one mesh that is closest
   * to a peer of the other has an empty bucket there. Visitors ask at once. Newcomers ask too, when their ring stands:
   * of many that come at the same moment some find only each other, each group in a corner of the key space of its own
   * (simulated, seed 1, 200 peers within a second: three meshes of 104, 74 and 22, each complete in itself).
   */
  #look(contact: Contact, now: Instant): void {
    if (contact.hasLooked || contact.entries === null || this.#parts.neighbors.size === 0) return
    contact.hasLooked = true
    contact.lookedAt = now
    if (contact.entries.length === 0) return
    const { lookups, neighbors } = this.#parts
    const filled = new Set(neighbors.all().map(({ bucket }) => bucket))
    const nearest = Math.max(...filled)
    const nearer = { bucketMin: Math.min(255, nearest + 1), bucketMax: 255 }
    contact.lookups.push(lookups.nearest('ring', nearer, contact.link, now))
    // In a mesh of a few, anybody whom we do not know: his bucket may be one of those that we have no lookup left for
    // (three real peers at once, 1.5 % of runs: two alike in six bits, the third in bucket 2).
    contact.lookups.push(lookups.anybody('random', contact.link, now))
    for (let bucket = 0; bucket < nearest && contact.lookups.length < LOOKS_MAX; bucket++) {
      if (!filled.has(bucket)) contact.lookups.push(lookups.inBucket(bucket, contact.link, now))
    }
  }

  #isLooking(contact: Contact): boolean {
    return contact.lookups.some((id) => this.#parts.lookups.isPending(id))
  }

  #mayLeave(contact: Contact, now: Instant): boolean {
    if (this.#parts.neighbors.size === 0 || !this.isReady || contact.leaseUntil > now) return false
    if (this.#isLooking(contact) && now - contact.since < VISIT_MS) return false
    if (contact.hasLooked && contact.entries !== null && contact.entries.length > 0)
      this.#most = this.#parts.neighbors.size
    return contact.entries !== null
  }

  #contactBootstrap(purpose: 'join' | 'visit', now: Instant): void {
    this.#isContacting = true
    this.#contactAt = now
    this.counters.contacts++
    if (purpose === 'join') this.#setState('contacting', '')
    this.#parts.io.contactBootstrap(purpose)
  }

  #leave(detail: string): void {
    const contact = this.#contact
    if (contact === null) return
    this.#contact = null
    this.#parts.io.closeLink(contact.link, detail)
    this.#parts.detach(contact.link)
    this.#setState('left', detail)
  }

  #setState(state: BootstrapState & ('contacting' | 'connected' | 'left' | 'lost'), detail: string): void {
    if (this.state === state) return
    this.state = state
    this.#parts.io.emit({ kind: 'bootstrap', state, detail })
  }

  // Exponentially distributed, so that the server sees a steady trickle and nobody can predict who comes next.
  #scheduleLottery(): void {
    const token: TimerToken = { kind: 'lottery' }
    const meanMs = Math.max(
      LOTTERY_MIN_MS,
      (1000 * this.#parts.neighbors.sizeEstimate()) / this.#config.lotteryPerSecond,
    )
    this.#parts.io.schedule(token, Math.round(-Math.log(1 - this.#unit()) * meanMs))
  }

  #backoff(failures: number): number {
    return Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** failures) * (0.5 + this.#unit())
  }

  #unit(): number {
    return this.#parts.io.random() / 2 ** 32
  }
}
