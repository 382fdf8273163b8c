/**
 * Builds simple-peer for browsers: simple-peer.js → dist/simple-peer/simple-peer.js, an ES module that needs no Node.
 * simple-peer's own bundle (`simplepeer.min.js`, 27.6 KiB gzip) is browserify's, for browsers of 2016: a sixth of it is
 * simple-peer, the rest stands in for Node. This one has the same simple-peer, but for log lines, old browsers and
 * options that `exchange.ts` never sets, on a stream, an emitter and a Buffer made of what browsers have by now, and as an
 * ES module itself: one that requires others costs a bundle 0.5 KiB of wrappers. Not minified: whoever bundles an
 * application does that.
 */

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { defineConfig } from 'vite'
import type { Plugin } from 'vite'

const here = import.meta.dirname

const isSimplePeer = (id = ''): boolean => id.endsWith('/simple-peer/index.js')

/** What it makes of `stand-ins.ts`. */
const STAND_INS = ['Buffer', 'errCode', 'randombytes', 'stream']

/** simple-peer's text, how it is changed, and into what. */
const CHANGES: readonly (readonly [RegExp, string])[] = [
  // Log lines, which nobody reads without `debug`, and the name before each; the method that makes them stays, empty.
  [/^ +this\._debug\([^]*?\)$/gm, ''],
  [/^ +this\._id = .*$/gm, ''],
  [/^( {2}_debug \(\) \{)$[^]*?^ {2}(\})$/gm, '$1$2'],
  // What only older browsers take than have the ES2023 that we are written in: statistics by callback, by other names, no `onbufferedamountlow`.
  [
    /^( {2}getStats \(cb\) \{)$[^]*?^ {2}(\})$/gm,
    '$1\n    this._pc.getStats().then(stats => cb(null, [...stats.values()]), cb)\n  $2',
  ],
  [/^ +if \(typeof this\._channel\.bufferedAmountLowThreshold !== 'number'\) \{$[^]*?^ {8}\}$/gm, ''],
  [/^ +this\._isReactNativeWebrtc = .*$/gm, ''],
  [/item\.type === '(?:remotecandidate|localcandidate|candidatepair)' \|\| /g, ''],
  [/^ +\(item\.type === 'googCandidatePair' .*$/gm, ''],
  [/^ {10}\} else if \((?:local|remote) && [^]*?(?=^ {10}\}$)/gm, ''],
  [/(local|remote) && \(\1\.ip \|\| \1\.address\)/g, '$1?.address'],
  [/(local|remote)\.ip \|\| (?=\1\.address)/g, ''],
  [
    /if \((?:typeof this\._channel\.bufferedAmountLowThreshold === 'number'|this\._pc\.getTransceivers)\) (?=\{$)/gm,
    '',
  ],
  [/^ +if \(sender\.replaceTrack != null\) \{$([^]*?)^ +\} else \{$[^]*?^ {4}\}$/gm, '$1'],
  [/,$\n^ +sdpSemantics: .*$/gm, ''],
  // Firefox before 59 removed tracks only while signaling was stable.
  [/if \(err\.name === 'NS_ERROR_UNEXPECTED'\) \{$[^]*?\} else (?=\{$)/gm, ''],
  [/^ +this\._sendersAwaitingStable\.forEach\([^]*?^ {6}\}\)$/gm, ''],
  [/^ +this\._sendersAwaitingStable = .*$/gm, ''],
  // Who asks what is buffered without that event; nobody calls it now, and the method stays, empty.
  [/^( {2}_onInterval \(\) \{)$[^]*?^ {2}(\})$/gm, '$1$2'],
  [/^.*this\._interval\b.*$/gm, ''],
  // `createMesh` has seen to it that there is WebRTC.
  [/^ {4}if \(!this\._wrtc\) \{$[^]*?^ {4}\}$/gm, ''],
  [
    /\(opts\.wrtc && typeof opts\.wrtc === 'object'\)$\s+\? opts\.wrtc$\s+: getBrowserRTC\(\)$/gm,
    'opts.wrtc || globalThis',
  ],
  [/!!getBrowserRTC\(\)/g, "'RTCPeerConnection' in globalThis"],
  // Options that `exchange.ts` never sets.
  [
    /^ +(?:this|offer|answer)\.(?:sdp = this\.)?(?:sdpTransform|allowHalfTrickle|iceCompleteTimeout|channelNegotiated|offerOptions|answerOptions)\b.*$/gm,
    '',
  ],
  [/ \|\| this\.channelNegotiated/g, ''],
  [/\(this\.(?:offer|answer)Options\)/g, '()'],
  [/opts\.channelConfig \|\| /g, ''],
  [/opts\.trickle !== undefined \? opts\.trickle : /g, ''],
  [/\(opts\.stream \? \[opts\.stream\] : \[\]\)/g, '[]'],
  [/^ {4}if \(this\.streams\) \{$([^]*?)^ {4}\}$/gm, '$1'],
  // `createMesh` names all servers itself.
  [/^ +'stun:.*$/gm, ''],
  [/\{\s+urls: \[\s+\]\s+\}/g, ''],
  // A candidate that is refused never comes to it: `adapt-wrtc.ts` sees to that.
  [/$\n^ {6}\.catch\(err => \{$\n^ +if \(!iceCandidateObj\.address [^]*?^ {6}\}\)$/gm, ''],
  // It always trickles: nobody waits until all candidates are known.
  [/event\.candidate && this\.trickle(?=\) \{$)/gm, 'event.candidate'],
  [/^ +if \(!this\.trickle && !this\.allowHalfTrickle\) .*$/gm, ''],
  [
    /(?<=^ +const onSuccess = )\(\) => \{$[^]*?if \(this\.trickle \|\| this\._iceComplete\) (send\w+)\(\)$\n.*$\n^ +\}$/gm,
    '$1',
  ],
  [/^( {2}_startIceCompleteTimeout \(\) \{)$[^]*?^ {2}(\})$/gm, '$1$2'],
  // They are so without being told.
  [/^ +this\.(?:remote|local)(?:Address|Family|Port) = undefined$/gm, ''],
  [/ else if \(!event\.candidate && [^]*?^ {4}\}$[^]*?^ {4}\}$/gm, ''],
  [/^ +this\._iceComplete(?:Timer)? = .*$/gm, ''],
  // Browsers have `queueMicrotask`; what else is required stands in one module.
  [/^const .* = require\(.*$/gm, ''],
  [/^/, `import { ${STAND_INS.join(', ')} } from './stand-ins.ts'\n`],
  [/^module\.exports = /gm, 'export default '],
]

const simplePeerAsModule: Plugin = {
  name: 'simple-peer-as-module',
  resolveId: (id, importer) => (isSimplePeer(importer) && id === './stand-ins.ts' ? resolve(here, id) : null),
  transform(code, id) {
    if (!isSimplePeer(id)) return null
    return CHANGES.reduce((text, [pattern, replacement]) => {
      // It would be another release of simple-peer, to be looked at.
      if (text.search(pattern) === -1) throw new Error(`simple-peer has no ${pattern} any more`)
      return text.replace(pattern, replacement)
    }, code)
  },
}

/** Our stream is written after it, so its licence goes with the others. */
const readableStreamLicense: Plugin = {
  name: 'readable-stream-license',
  generateBundle: {
    order: 'post',
    async handler(_, bundle) {
      const text = await readFile(resolve(here, '../../../node_modules/readable-stream/LICENSE'), 'utf8')
      const licenses = bundle['licenses.md']
      if (licenses?.type !== 'asset') throw new Error('there are no licences to add to')
      licenses.source = `${String(licenses.source)}\n\n## readable-stream, rewritten (MIT)\n\n${text}`
    },
  },
}

export default defineConfig({
  root: here,
  plugins: [readableStreamLicense, simplePeerAsModule],
  build: {
    outDir: resolve(here, '../../../dist/simple-peer'),
    emptyOutDir: true,
    target: 'es2022',
    minify: false,
    license: { fileName: 'licenses.md' },
    lib: { entry: resolve(here, 'simple-peer.js'), formats: ['es'], fileName: () => 'simple-peer.js' },
    rollupOptions: { output: { chunkFileNames: '[name].js' } },
  },
})
