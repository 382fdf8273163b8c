/** One event of a run as a line of text, for people who walk through it. */

import type { Frame } from '../core/frames.ts'
import type { Input, TimerToken } from '../core/io.ts'
import type { SimNode } from './node.ts'

/** "12345 ms  node 17  frame unicast r3k5… for bq2x… from 4". `atMs`: virtual time since the beginning. */
export function eventText(atMs: number, node: SimNode, input: Input): string {
  return `${String(atMs).padStart(9)} ms  ${node.isBootstrap ? 'bootstrap' : 'node'} ${node.number}  ${inputText(node, input)}`
}

function inputText(node: SimNode, input: Input): string {
  switch (input.kind) {
    case 'frame':
      return `frame ${frameText(input.frame)} from ${otherEnd(node, input.link)}`
    case 'linkUp':
      return `linkUp ${input.link} with ${otherEnd(node, input.link)} as ${input.role}`
    case 'linkDown':
      return `linkDown ${input.link}: ${input.reason}`
    case 'timer':
      return `timer ${tokenText(input.token)}`
    case 'sealed':
    case 'opened':
      return `${input.kind} ${short(input.job.id)}`
    case 'jobRefused':
      return `jobRefused ${input.job.kind} ${short(input.job.id)}: ${input.reason}`
    case 'signed':
    case 'verified':
      return `${input.kind} ${short(input.id)}`
    case 'described':
    case 'signal':
    case 'connected':
    case 'answerCall':
      return `${input.kind} ${short(input.exchange)}`
    case 'exchangeFailed':
      return `exchangeFailed ${short(input.exchange)}: ${input.reason}`
    case 'send':
    case 'dial':
      return `${input.kind} request ${input.request} to ${short(input.target)}`
    case 'broadcast':
    case 'cancel':
      return `${input.kind} request ${input.request}`
    case 'joinTopic':
    case 'leaveTopic':
      return `${input.kind} ${short(input.topic)}`
    case 'bootstrapFailed':
      return `bootstrapFailed: ${input.reason}`
    case 'carryTopics':
    case 'start':
    case 'stop':
      return input.kind
  }
}

function frameText(frame: Frame): string {
  if (frame.kind === 'nack') return `nack of ${frameText(frame.frame)}`
  const id = 'id' in frame ? ` ${short(frame.id)}` : ''
  return `${frame.kind}${id}${'target' in frame ? ` for ${short(frame.target)}` : ''}`
}

function tokenText(token: TimerToken): string {
  if ('id' in token) return `${token.kind} ${short(token.id)}`
  return 'exchange' in token ? `${token.kind} ${short(token.exchange)}` : token.kind
}

function otherEnd(node: SimNode, link: number): string {
  const end = node.ends.find((each) => each.id === link)
  return end === undefined ? `link ${link}` : String(end.other.node.number)
}

/** Enough of an id to tell it apart. */
const short = (id: string): string => `${id.slice(0, 8)}…`
