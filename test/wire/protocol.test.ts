/** docs/PROTOCOL.md is what others implement from: its vectors and limits must be those of the code. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  DIGEST_MAX,
  GRAFTS_PER_FRAME_MAX,
  HOP_LIMIT_MAX,
  IHAVES_PER_FRAME_MAX,
  PEERS_PER_FRAME_MAX,
} from '../../src/core/frames.ts'
import { BATCH_BYTES_MAX } from '../../src/wire/batch.ts'
import { BODY_BYTES_MAX, ENTRIES_PER_FRAME_MAX, FRAME_BYTES_MAX } from '../../src/wire/frames.ts'
import { REASON_CHARS_MAX, TOKEN_BYTES_MAX } from '../../src/wire/handshake.ts'
import {
  DESCRIPTION_BYTES_MAX,
  METADATA_BYTES_MAX,
  PAYLOAD_BYTES_MAX,
  SIGNAL_BYTES_MAX,
} from '../../src/wire/messages.ts'
import { vectors } from './golden.ts'

const page = readFileSync(new URL('../../docs/PROTOCOL.md', import.meta.url), 'utf8')

describe('docs/PROTOCOL.md', () => {
  test.each([...vectors.frames, ...vectors.messages, ...vectors.batches])(
    'shows the bytes of $name',
    ({ name, hex }) => {
      expect(page).toContain(`\n${name}\n  ${hex}\n`)
    },
  )

  test.each([
    ['transport message', BATCH_BYTES_MAX, ' bytes'],
    ['frame', FRAME_BYTES_MAX, ' bytes'],
    ['body of a unicast, reply or broadcast', BODY_BYTES_MAX, ' bytes'],
    ['hop limit', HOP_LIMIT_MAX, ''],
    ['payload of `data`, or of a broadcast', PAYLOAD_BYTES_MAX, ' bytes'],
    ['description of an offer or answer', DESCRIPTION_BYTES_MAX, ' bytes'],
    ['batch of further signaling', SIGNAL_BYTES_MAX, ' bytes'],
    ['metadata of a call', METADATA_BYTES_MAX, ' bytes'],
    ['ids in `peers`', PEERS_PER_FRAME_MAX, ''],
    ['entries in `introduction`', ENTRIES_PER_FRAME_MAX, ''],
    ['entries in `ihave`, `digest`', IHAVES_PER_FRAME_MAX, ''],
    ['entries in `ihave`, `digest`', DIGEST_MAX, ''],
    ['ids in `graft`', GRAFTS_PER_FRAME_MAX, ''],
    ['reason in `goodbye`, `denied`', REASON_CHARS_MAX, ' characters'],
    ['admission token', TOKEN_BYTES_MAX, ' bytes'],
  ])('states the limit of %s', (what, limit, unit) => {
    expect(page).toContain(`\n| ${what} | ${limit.toLocaleString('en-US')}${unit} |`)
  })
})
