/**
 * Direct connections: `mesh.dial` signals them over the mesh, simple-peer carries them. Incoming calls are accepted up
 * to a bound. The called side tells the caller by which path its offer came, because only it can know.
 */

import type { Instance } from 'simple-peer'
import type { Call, Mesh } from '../index.ts'
import { decodePayload, encodeAnnouncement } from './payload.ts'
import type { Payload } from './payload.ts'
import { failureText, pathText } from './wording.ts'

/** Connections held at a time; further calls are refused. A guess: each costs some 0.4 MB. */
const CALLS_MAX = 16

export interface CallHooks {
  /** The list of connections has changed. */
  readonly onChange: (ids: readonly string[]) => void
  readonly onText: (from: string, text: string) => void
  readonly log: (entry: {
    readonly peer: string
    readonly text: string
    readonly path: string
    readonly isError: boolean
  }) => void
}

export class DirectCalls {
  private readonly open = new Map<string, Instance>()
  private readonly mesh: Mesh
  private readonly hooks: CallHooks

  constructor(mesh: Mesh, hooks: CallHooks) {
    this.mesh = mesh
    this.hooks = hooks
  }

  /** Never rejects: what goes wrong is in the log, in words. */
  async dial(id: string): Promise<void> {
    try {
      this.adopt(id, await this.mesh.dial(id))
    } catch (error) {
      this.log(id, { text: `could not be connected directly. ${failureText(error)}`, isError: true })
    }
  }

  async answer(call: Call): Promise<void> {
    if (this.open.size >= CALLS_MAX || this.open.has(call.from)) return call.reject()
    try {
      const peer = await call.accept()
      this.adopt(call.from, peer)
      this.log(call.from, { text: 'connected to us directly; its offer came', path: pathText(call.offer) })
      peer.send(encodeAnnouncement({ kind: 'path', path: call.offer }))
    } catch (error) {
      this.log(call.from, { text: `tried to connect directly. ${failureText(error)}`, isError: true })
    }
  }

  hangUp(id: string): void {
    this.open.get(id)?.destroy()
  }

  /** False: there is no direct connection with that peer, or it is about to close. */
  say(id: string, text: string): boolean {
    const peer = this.open.get(id)
    if (peer === undefined || !peer.connected) return false
    peer.send(text)
    return true
  }

  close(): void {
    for (const peer of this.open.values()) peer.destroy()
  }

  private adopt(id: string, peer: Instance): void {
    this.open.set(id, peer)
    peer.on('data', (chunk: Uint8Array | string) => this.onData(id, chunk))
    peer.on('error', (error: Error) => this.log(id, { text: `direct connection: ${error.message}`, isError: true }))
    peer.on('close', () => {
      if (this.open.get(id) !== peer) return
      this.open.delete(id)
      this.log(id, { text: 'is no longer connected directly' })
      this.changed()
    })
    this.changed()
  }

  private onData(id: string, chunk: Uint8Array | string): void {
    const payload: Payload | null = typeof chunk === 'string' ? { kind: 'text', text: chunk } : decodePayload(chunk)
    if (payload?.kind === 'text') this.hooks.onText(id, payload.text)
    if (payload?.kind === 'path')
      this.log(id, { text: 'is connected directly; our offer went', path: pathText(payload.path) })
  }

  private log(
    peer: string,
    { text, path = '', isError = false }: { text: string; path?: string; isError?: boolean },
  ): void {
    this.hooks.log({ peer, text, path, isError })
  }

  private changed(): void {
    this.hooks.onChange([...this.open.keys()])
  }
}
