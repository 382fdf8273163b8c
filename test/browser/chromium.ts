/**
 * Starts a Chromium for tests. Its executable is CHROMIUM_PATH, else the system's, else the one inside the npm package
 * @sparticuz/chromium, so that `npm ci` alone brings a browser. That package is made for AWS Lambda and is unpacked
 * here with what a bare Debian image lacks (NSS, expat, a font), once, into node_modules/.cache. A browser that does
 * not start is an error and never a skipped test.
 */

import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { chromium } from 'playwright'
import type { Browser } from 'playwright'

const run = promisify(execFile)

/** Where distributions put it. */
const SYSTEM_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome-stable',
  '/usr/bin/google-chrome',
]

/**
 * A browser that talks to nobody but the test: no updates, no sync, no QUIC. Sandboxes need privileges that containers
 * lack.
 */
export const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * Chromium hides local addresses behind mDNS names ("….local"), which @roamhq/wrtc cannot resolve. Measured: tabs of one
 * browser resolve each other's, and a tab and a Node peer connect all the same, because the tab reaches the address that
 * Node shows and becomes a peer-reflexive candidate there. Two machines need working multicast, or STUN.
 */
const HIDDEN_ADDRESSES = 'WebRtcHideLocalIpsWithMdns'

export interface ChromiumOptions {
  /** Hide local addresses as browsers of real users do. Default false: one cause of failure less in a test. */
  readonly hideAddresses?: boolean
}

/** A running browser with a fresh profile; the caller closes it. Throws an error that names the remedy. */
export async function launchChromium({ hideAddresses = false }: ChromiumOptions = {}): Promise<Browser> {
  const { executablePath, env } = await findChromium()
  const args = hideAddresses ? FLAGS : [...FLAGS, `--disable-features=${HIDDEN_ADDRESSES}`]
  try {
    return await chromium.launch({ executablePath, args, env: { ...process.env, ...env }, headless: true })
  } catch (error) {
    throw new Error(`Chromium at ${executablePath} does not start; set CHROMIUM_PATH to one that does.`, {
      cause: error,
    })
  }
}

/** An executable and what it needs in its environment. */
export interface Installation {
  readonly executablePath: string
  readonly env: Readonly<Record<string, string>>
}

/** The Chromium to use; unpacks the one inside the package if need be (2 s, once). */
export async function findChromium(): Promise<Installation> {
  const named = process.env['CHROMIUM_PATH']
  if (named) return { executablePath: named, env: {} }
  const installed = SYSTEM_PATHS.find(isExecutable)
  if (installed) return { executablePath: installed, env: {} }
  const folder = await unpackChromium()
  return {
    executablePath: join(folder, 'chromium'),
    env: { LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'), FONTCONFIG_FILE: join(folder, 'fonts.conf') },
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * The folder with the unpacked browser. The package unpacks into the temporary folder without any lock, and its Lambda
 * libraries only on Lambda. So it runs in a process of its own that believes both, in a folder that gets its final name
 * when it is whole: two test files may start at once.
 */
async function unpackChromium(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium')
  const packageFolder = resolve(dirname(entry), '..', '..')
  const { version } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as { version: string }
  const cache = resolve(packageFolder, '..', '..', '.cache')
  const folder = join(cache, `chromium-${version}`)
  if (existsSync(folder)) return folder
  await mkdir(cache, { recursive: true })
  const staging = await mkdtemp(join(cache, 'chromium-'))
  const script = `import('@sparticuz/chromium').then((module) => module.default.executablePath())`
  const env = { ...process.env, TMPDIR: staging, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' }
  await run(process.execPath, ['-e', script], { env, cwd: packageFolder })
  await writeFile(join(staging, 'fonts.conf'), fontsConfig([join(folder, 'fonts'), '/usr/share/fonts']))
  await rename(staging, folder).catch(async (error: unknown) => {
    await rm(staging, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  })
  return folder
}

function fontsConfig(folders: readonly string[]): string {
  const lines = folders.map((folder) => `  <dir>${folder}</dir>`).join('\n')
  return `<?xml version="1.0"?>\n<!DOCTYPE fontconfig SYSTEM "fonts.dtd">\n<fontconfig>\n${lines}\n</fontconfig>\n`
}
