/** The window of time in which sealed and signed bytes are accepted, by clocks that differ. */

import { expect, test } from 'vitest'
import { LIFETIME_MS, SKEW_MS } from '../../src/net/seal.ts'
import { Clock, createPeer, exchange, NETWORK, nextId, openJob, reasonOf, sealJob, verifyJob } from './sealing.ts'

test.each(['request', 'session', 'offer', 'broadcast'] as const)(
  '%s: it lives 60 s, and 30 s of disagreement between clocks are allowed',
  async (form) => {
    for (const [offset, expected] of [
      [-SKEW_MS - 1, 'future'],
      [-SKEW_MS, 'accepted'],
      [LIFETIME_MS + SKEW_MS, 'accepted'],
      [LIFETIME_MS + SKEW_MS + 1, 'expired'],
    ] as const) {
      const [theirs, ours] = [new Clock(), new Clock()]
      const [a, b] = [await createPeer(theirs), await createPeer(ours)]
      if (form === 'session') await exchange(a, b)
      const id = nextId()
      const body = await (form === 'broadcast'
        ? a.sealer.sign(id, new Uint8Array(3), NETWORK)
        : a.sealer.seal(sealJob(b.id, id, { as: form === 'offer' ? 'offer' : 'request' })))
      ours.ms += offset
      const opening =
        form === 'broadcast'
          ? b.sealer.verify(verifyJob(id, body))
          : b.sealer.open(openJob(id, body, { as: form === 'offer' ? 'reply' : 'request' }))
      expect(await reasonOf(opening), `${form}, clock off by ${offset} ms`).toBe(expected)
    }
  },
)

test('a request stays refused for as long as it has not expired', async () => {
  const clock = new Clock()
  const ahead = new Clock()
  ahead.ms += SKEW_MS
  const [a, b, other] = [await createPeer(ahead), await createPeer(clock), await createPeer(clock)]
  const id = nextId()
  const body = await a.sealer.seal(sealJob(b.id, id))
  await b.sealer.open(openJob(id, body))
  while ((clock.ms += 1000) < ahead.ms + LIFETIME_MS + SKEW_MS) {
    // Others' requests, which make the window turn over.
    if (clock.ms % 20_000 === 0) await exchange(other, b, { isFresh: true })
    expect(await reasonOf(b.sealer.open(openJob(id, body)))).toBe('replayed')
  }
})
