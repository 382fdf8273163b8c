/** In Chromium, tests that name Node's crypto suite get the browser's. */

import { loadCrypto as loadWeb, webCrypto } from '../../../src/net/crypto/crypto.web.ts'

export const nodeCrypto = webCrypto(globalThis.crypto.subtle)
export const loadCrypto = loadWeb
