/**
 * What the browser keeps between visits: the name, the theme, and (only if asked) the seed that is the identity. An
 * identity must not be used twice at once, so the tab that takes it holds a lock for as long as it lives; where storage
 * or locks are missing (private windows, plain http), everything still works with an identity of the moment.
 */

const NAME_KEY = 'musubi.name'
const SEED_KEY = 'musubi.seed'
const THEME_KEY = 'musubi.theme'
const SEED_BYTES = 32

export type Theme = 'system' | 'light' | 'dark'

export const loadName = (): string => read(NAME_KEY) ?? ''
export const saveName = (name: string): void => write(NAME_KEY, name)

export function loadTheme(): Theme {
  const theme = read(THEME_KEY)
  return theme === 'light' || theme === 'dark' ? theme : 'system'
}
export const saveTheme = (theme: Theme): void => write(THEME_KEY, theme)

export const hasSeed = (): boolean => read(SEED_KEY) !== null
export const forgetSeed = (): void => write(SEED_KEY, null)

/** The kept identity for this tab alone, made at the first call; null: not possible, or another tab uses it. */
export async function claimSeed(): Promise<Uint8Array | null> {
  if (!(await holdLock())) return null
  const kept = decode(read(SEED_KEY))
  if (kept !== null) return kept
  const seed = crypto.getRandomValues(new Uint8Array(SEED_BYTES))
  write(SEED_KEY, encode(seed))
  return decode(read(SEED_KEY))
}

let isHeld = false

/** The lock is never given back: it goes with the tab. */
async function holdLock(): Promise<boolean> {
  const { locks } = navigator as { readonly locks?: LockManager }
  if (isHeld || locks === undefined) return isHeld
  return new Promise((resolve) => {
    const holding = locks.request(SEED_KEY, { ifAvailable: true }, (lock) => {
      isHeld = lock !== null
      resolve(isHeld)
      return isHeld ? new Promise<void>(() => {}) : undefined
    })
    holding.catch(() => resolve(false))
  })
}

const encode = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

function decode(text: string | null): Uint8Array | null {
  if (text === null || !/^[0-9a-f]{64}$/.test(text)) return null
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** Storage may be switched off: reading it then throws. */
function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

function write(key: string, value: string | null): void {
  try {
    if (value === null || value === '') localStorage.removeItem(key)
    else localStorage.setItem(key, value)
  } catch {
    // Nothing is kept then; the page says nothing, because nothing is lost either.
  }
}
