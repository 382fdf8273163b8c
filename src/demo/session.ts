/**
 * One stay in the mesh: joins through the public API, turns its events into actions on the page's state, and sends what
 * the person says. Every failure becomes a sentence on the page; nothing is thrown at the views.
 */

import { createMesh } from '../index.ts'
import type { BootstrapChange, Mesh, MeshOptions, PeerChange, Received } from '../index.ts'
import { DirectCalls } from './calls.ts'
import { decodePayload, encodeAnnouncement } from './payload.ts'
import type { Settings } from './settings.ts'
import type { Action, Delivery, LogTone, MeshView } from './state.ts'
import { failureText, pathText, shortIds } from './wording.ts'

/** Newcomers to a mesh of up to so many peers are told our name at once; in greater ones, when we speak. A guess. */
const GREETED_MAX = 32

/** Ids remembered as knowing our name; the oldest are told again. */
const INFORMED_MAX = 1000

/** How often the picture is renewed besides at events (round trips, others' links change silently). A guess. */
const LOOK_MS = 1000

export interface SessionOptions {
  readonly settings: Settings
  readonly name: string
  readonly seed: Uint8Array | null
  readonly dispatch: (action: Action) => void
}

let lastKey = 0

export class Session {
  /** Also at `window.musubi.mesh`, for the curious. */
  readonly mesh: Mesh
  private readonly name: string
  private readonly dispatch: (action: Action) => void
  private readonly calls: DirectCalls
  /** Who knows our name. */
  private readonly informed = new Set<string>()
  private readonly leaving = new AbortController()
  private subscriptions: readonly (() => void)[] = []
  private looking: ReturnType<typeof setInterval> | undefined

  /** Throws a `MeshError` if the options are wrong. */
  constructor({ settings, name, seed, dispatch }: SessionOptions) {
    this.name = name
    this.dispatch = dispatch
    this.mesh = createMesh(meshOptions(settings, seed))
    this.calls = new DirectCalls(this.mesh, {
      onChange: (ids) => dispatch({ kind: 'calls', ids }),
      onText: (from, text) => this.add({ from, to: this.mesh.id, text, delivery: { state: 'direct' } }),
      log: ({ peer, text, path, isError }) => this.log({ tone: isError ? 'error' : 'call', peer, text, path }),
    })
    this.listen()
  }

  /** Resolves when we are in, or have said why not; never rejects. */
  async join(): Promise<void> {
    try {
      const { id } = await this.mesh.identity()
      this.dispatch({ kind: 'identity', id })
      if (this.name !== '') this.dispatch({ kind: 'name', id, name: this.name })
      this.looking = setInterval(() => this.look(), LOOK_MS)
      await this.mesh.ready({ signal: this.leaving.signal })
      this.dispatch({ kind: 'phase', phase: 'joined' })
      this.look()
      await this.tellEveryone()
    } catch (error) {
      if (this.leaving.signal.aborted) return
      this.dispatch({ kind: 'problem', text: failureText(error) })
      await this.leave()
    }
  }

  /** Says goodbye. Twice is fine. */
  async leave(): Promise<void> {
    this.leaving.abort()
    clearInterval(this.looking)
    for (const unsubscribe of this.subscriptions) unsubscribe()
    this.calls.close()
    this.dispatch({ kind: 'phase', phase: 'left' })
    await this.mesh.close()
  }

  /** `to` null: to everyone. Over a direct connection if there is one, else through the mesh. */
  async say(text: string, to: string | null): Promise<void> {
    const isDirect = to !== null && this.calls.say(to, text)
    const key = this.add({ from: this.mesh.id, to, text, delivery: { state: isDirect ? 'direct' : 'sending' } })
    if (isDirect) return
    const delivery = await (to === null ? this.toEveryone(text) : this.toOne(to, text)).catch(failed)
    this.dispatch({ kind: 'delivery', key, delivery })
  }

  dial(id: string): Promise<void> {
    return this.calls.dial(id)
  }

  hangUp(id: string): void {
    this.calls.hangUp(id)
  }

  private async toEveryone(text: string): Promise<Delivery> {
    const linkCount = this.mesh.peers().length
    if (!this.knownPeers().every((id) => this.informed.has(id))) await this.tellEveryone()
    await this.mesh.broadcast(text)
    return { state: 'broadcast', linkCount }
  }

  private async toOne(id: string, text: string): Promise<Delivery> {
    this.tellOne(id)
    return { state: 'delivered', receipt: await this.mesh.send(id, text) }
  }

  private listen(): void {
    this.subscriptions = [
      this.mesh.on('message', (message) => this.onMessage(message)),
      this.mesh.on('peer', (change) => this.onPeer(change)),
      this.mesh.on('call', (call) => this.calls.answer(call)),
      this.mesh.on('error', (error) => this.log({ tone: 'error', peer: null, text: failureText(error) })),
      this.mesh.on('bootstrap', (change) => this.onBootstrap(change)),
    ]
  }

  private onBootstrap({ state, detail }: BootstrapChange): void {
    this.dispatch({ kind: 'bootstrap', state })
    this.log({
      tone: 'bootstrap',
      peer: null,
      text: `bootstrap ${state}${detail === '' ? '' : `: ${shortIds(detail)}`}`,
    })
    this.look()
  }

  private onMessage({ from, data, kind, hops }: Received): void {
    const payload = decodePayload(data)
    if (payload?.kind === 'name') this.onName(from, payload.name)
    if (payload?.kind !== 'text') return
    const to = kind === 'broadcast' ? null : this.mesh.id
    this.add({ from, to, text: payload.text, delivery: { state: 'received', hops } })
  }

  private onName(from: string, name: string): void {
    this.dispatch({ kind: 'name', id: from, name })
    if (this.knownPeers().length <= GREETED_MAX) this.tellOne(from)
  }

  private onPeer({ id, state, reason, offer, isInitiator }: PeerChange): void {
    this.look()
    if (state === 'down') {
      return this.log({ tone: 'down', peer: id, text: `is no longer linked: ${shortIds(reason ?? 'closed')}` })
    }
    const text = isInitiator ? 'is linked; our offer went' : 'is linked; its offer came'
    this.log({ tone: 'up', peer: id, text: offer ? text : 'is linked', path: offer ? pathText(offer) : '' })
    this.tellOne(id)
  }

  /** Our name, if that peer has not been told. */
  private tellOne(id: string): void {
    if (this.name === '' || this.informed.has(id)) return
    this.remember([id])
    this.mesh.send(id, encodeAnnouncement({ kind: 'name', name: this.name })).catch(() => this.informed.delete(id))
  }

  private async tellEveryone(): Promise<void> {
    if (this.name === '') return
    this.remember(this.knownPeers())
    await this.mesh.broadcast(encodeAnnouncement({ kind: 'name', name: this.name }))
  }

  private remember(ids: readonly string[]): void {
    for (const id of ids) this.informed.add(id)
    for (const oldest of this.informed) {
      if (this.informed.size <= INFORMED_MAX) break
      this.informed.delete(oldest)
    }
  }

  private knownPeers(): readonly string[] {
    const { neighbors, known } = this.mesh.inspect()
    return [...neighbors, ...known].map((peer) => peer.id).filter((id) => id !== this.mesh.id)
  }

  private look(): void {
    this.dispatch({ kind: 'view', view: viewOf(this.mesh) })
  }

  private add(entry: { from: string; to: string | null; text: string; delivery: Delivery }): number {
    const key = ++lastKey
    this.dispatch({ kind: 'message', entry: { ...entry, key, at: Date.now() } })
    return key
  }

  private log({
    tone,
    peer,
    text,
    path = '',
  }: {
    tone: LogTone
    peer: string | null
    text: string
    path?: string
  }): void {
    this.dispatch({ kind: 'log', entry: { key: ++lastKey, at: Date.now(), tone, peer, text, path } })
  }
}

const failed = (error: unknown): Delivery => ({ state: 'failed', reason: failureText(error) })

function meshOptions(settings: Settings, seed: Uint8Array | null): MeshOptions {
  return {
    bootstrap: settings.bootstrap,
    network: settings.network,
    rtcConfig: { iceServers: settings.stun.map((urls) => ({ urls })) },
    ...(settings.linksMax === null ? {} : { linksMax: settings.linksMax }),
    ...(seed === null ? {} : { seed }),
  }
}

/** What the page shows of a snapshot. */
function viewOf(mesh: Mesh): MeshView {
  const { neighbors, known, counters } = mesh.inspect()
  return { neighbors, known, relayed: counters['router']?.['forwarded'] ?? 0 }
}
