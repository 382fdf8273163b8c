/**
 * A chat session on a mesh: lines in, lines out, no terminal. A line is broadcast unless it begins with a slash; the
 * commands stand in one table, from which `/help` is made. Whatever fails is printed and the session goes on.
 */

import type { Instance } from 'simple-peer'
import type { Mesh } from '../mesh.ts'
import type { Call } from '../call.ts'
import type { PeerChange, Received } from '../events.ts'
import { KnownIds } from './lookup.ts'
import { chatText, count, pathText, printable, shortId } from './wording.ts'

/** Direct connections held at a time; further calls are refused. A guess: each costs some 0.4 MB. */
const CONNECTIONS_MAX = 32

export interface SessionParts {
  readonly mesh: Mesh
  /** Shows one line. */
  readonly print: (line: string) => void
}

interface Command {
  /** What stands after the name. */
  readonly usage: string
  readonly help: string
  /** Fewer words than this are a mistake. */
  readonly wordsMin: number
  readonly run: (words: readonly string[], rest: string) => void | Promise<void>
}

export class Session {
  private readonly mesh: Mesh
  private readonly print: (line: string) => void
  private readonly known = new KnownIds()
  private readonly connections = new Map<string, Instance>()
  /** Undo what the session listens to. */
  private readonly subscriptions: readonly (() => void)[]
  /** The person has asked to leave. */
  hasQuit = false

  constructor({ mesh, print }: SessionParts) {
    this.mesh = mesh
    this.print = print
    this.subscriptions = this.listen()
  }

  private readonly commands: Readonly<Record<string, Command>> = {
    help: { usage: '', help: 'this list', wordsMin: 0, run: () => this.help() },
    id: { usage: '', help: 'your own id, whole', wordsMin: 0, run: () => this.print(`* you are ${this.mesh.id}`) },
    peers: { usage: '', help: 'the peers you have a link with', wordsMin: 0, run: () => this.peers() },
    send: { usage: '<id> <text>', help: 'to one peer, sealed', wordsMin: 2, run: ([id], rest) => this.send(id!, rest) },
    dial: { usage: '<id>', help: 'open a direct connection', wordsMin: 1, run: ([id]) => this.dial(id!) },
    direct: {
      usage: '<id> <text>',
      help: 'say something over it',
      wordsMin: 2,
      run: ([id], rest) => this.direct(id!, rest),
    },
    hangup: { usage: '<id>', help: 'close it', wordsMin: 1, run: ([id]) => this.connectionWith(id!).destroy() },
    inspect: { usage: '', help: 'all there is to know, as JSON', wordsMin: 0, run: () => this.inspect() },
    quit: { usage: '', help: 'say goodbye and leave', wordsMin: 0, run: () => void (this.hasQuit = true) },
  }

  /** Performs one line; resolves when it is done. False: the person wants to leave. */
  async handle(line: string): Promise<boolean> {
    try {
      await this.perform(line.trim())
    } catch (error) {
      this.print(`! ${error instanceof Error ? error.message : String(error)}`)
    }
    return !this.hasQuit
  }

  /** Falls silent and closes the direct connections; the mesh is its owner's to close. */
  close(): void {
    for (const unsubscribe of this.subscriptions) unsubscribe()
    for (const connection of this.connections.values()) connection.destroy()
  }

  private async perform(line: string): Promise<void> {
    if (line === '') return
    if (!line.startsWith('/')) return void (await this.mesh.broadcast(line))
    const [, name = '', rest = ''] = /^\/(\S*)\s*(.*)$/su.exec(line) ?? []
    const command = Object.hasOwn(this.commands, name) ? this.commands[name] : undefined
    if (command === undefined) throw new Error(`There is no command /${name}. /help lists them.`)
    const words = rest.split(/\s+/u).filter((word) => word !== '')
    if (words.length < command.wordsMin) throw new Error(`It is /${name} ${command.usage}`)
    await command.run(words, rest.slice(words[0]?.length ?? 0).trim())
  }

  /** By a whole id or the beginning of one that we have heard of, in whatever way. */
  private find(typed: string): string {
    const { addressBook, known } = this.mesh.inspect()
    for (const id of addressBook) this.known.add(id)
    for (const { id } of known) this.known.add(id)
    return this.known.find(typed)
  }

  private listen(): (() => void)[] {
    const { mesh, print } = this
    return [
      mesh.on('message', (message) => this.show(message)),
      mesh.on('peer', (change) => this.showLink(change)),
      mesh.on('call', (call) => this.answer(call)),
      mesh.on('bootstrap', ({ state, detail }) => print(`* bootstrap ${state}${detail && `: ${printable(detail)}`}`)),
      mesh.on('error', ({ message }) => print(`! ${printable(message)}`)),
    ]
  }

  private show({ from, data, kind }: Received): void {
    this.known.add(from)
    const text = chatText(data)
    if (text === null) return
    this.print(kind === 'broadcast' ? `<${shortId(from)}> ${text}` : `<${shortId(from)} → you> ${text}`)
  }

  private showLink({ id, state, reason, offer }: PeerChange): void {
    this.known.add(id)
    if (state === 'up') this.print(`* link with ${shortId(id)}${offer ? `, offer ${pathText(offer)}` : ''}`)
    else this.print(`* link with ${shortId(id)} is gone: ${printable(reason ?? 'closed')}`)
  }

  private help(): void {
    this.print('  any text               to everybody')
    for (const [name, { usage, help }] of Object.entries(this.commands)) {
      this.print(`  ${`/${name} ${usage}`.padEnd(22)} ${help}`)
    }
    this.print('  An id may be shortened to as many characters as single it out.')
  }

  private peers(): void {
    const peers = this.mesh.peers()
    this.print(`* ${count(peers.length, 'link')}`)
    for (const { id, transport, rttMs, offer } of peers) {
      const time = rttMs === null ? 'not measured' : `${Math.round(rttMs)} ms`
      this.print(`  ${id}  ${transport}  ${time}${offer ? `  offer ${pathText(offer)}` : ''}`)
    }
  }

  private async send(typed: string, text: string): Promise<void> {
    const id = this.find(typed)
    const { hops, ms } = await this.mesh.send(id, text)
    this.print(`* ${shortId(id)} has it: ${count(hops, 'hop')}, ${Math.round(ms)} ms`)
  }

  private async dial(typed: string): Promise<void> {
    const id = this.find(typed)
    if (this.connections.has(id)) throw new Error(`There is a direct connection with ${shortId(id)} already.`)
    const startedAt = performance.now()
    this.adopt(id, await this.mesh.dial(id))
    this.print(`* direct connection with ${shortId(id)} in ${Math.round(performance.now() - startedAt)} ms`)
  }

  private async answer(call: Call): Promise<void> {
    this.known.add(call.from)
    if (this.connections.size >= CONNECTIONS_MAX || this.connections.has(call.from)) return call.reject()
    this.adopt(call.from, await call.accept())
    this.print(`* direct connection from ${shortId(call.from)}, offer ${pathText(call.offer)}`)
  }

  private adopt(id: string, connection: Instance): void {
    this.connections.set(id, connection)
    connection.on('data', (chunk: Uint8Array | string) => {
      const text = typeof chunk === 'string' ? printable(chunk) : chatText(chunk)
      if (text !== null) this.print(`<${shortId(id)} direct> ${text}`)
    })
    connection.on('error', (error) =>
      this.print(`! direct connection with ${shortId(id)}: ${printable(error.message)}`),
    )
    connection.on('close', () => {
      if (this.connections.get(id) === connection) this.connections.delete(id)
      this.print(`* direct connection with ${shortId(id)} is closed`)
    })
  }

  private direct(typed: string, text: string): void {
    this.connectionWith(typed).send(text)
  }

  private connectionWith(typed: string): Instance {
    const id = this.find(typed)
    const connection = this.connections.get(id)
    if (connection === undefined) throw new Error(`There is no direct connection with ${shortId(id)}: /dial it first.`)
    return connection
  }

  private inspect(): void {
    for (const line of JSON.stringify(this.mesh.inspect(), null, 2).split('\n')) this.print(line)
  }
}
