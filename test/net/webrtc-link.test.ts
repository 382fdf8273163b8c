/** The link contract over data channels of both WebRTC implementations for Node, made as a mesh makes them. */

import { describeLinkContract } from './link-contract.ts'
import { connect, createSides, loadStack, type Stack } from './exchange-kit.ts'

for (const stack of ['@roamhq/wrtc', 'node-datachannel'] satisfies Stack[]) {
  describeLinkContract(stack, async (linkLimits = {}) => {
    const wrtc = await loadStack(stack)
    const [offerer, answerer] = await createSides({ wrtc, linkLimits })
    const [left, right] = await connect(offerer, answerer)
    return {
      left,
      right,
      dispose: async () => {
        left.close('disposed')
        right.close('disposed')
      },
    }
  })
}
