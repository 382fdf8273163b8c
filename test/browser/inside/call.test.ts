/** What an application in a browser has in hand when its call is connected. In a file of its own: nothing else completes the build. */

import { expect, test } from 'vitest'
import { findWrtc } from '../../../src/net/adapt-wrtc.ts'
import { connectionOf, createSides } from '../../net/exchange-kit.ts'

test('a call gives Buffers that read numbers, from the first one on', async () => {
  const [caller, callee] = await createSides({ wrtc: findWrtc(undefined)! })
  caller.offer('call')
  const [one, other] = (await Promise.all([caller.next(), callee.next()])).map(connectionOf)
  const came = new Promise<Buffer>((resolve) => other!.once('data', resolve))
  one!.send(Uint8Array.of(1, 2, 3, 4))
  expect((await came).readUInt32BE(0)).toBe(0x01020304)
  one!.destroy()
})
