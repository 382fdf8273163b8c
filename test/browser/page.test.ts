/** The live page by itself: what it says when things go wrong, identities kept, coming back, keyboard and contrast. */

import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { TerminalPrograms } from '../cli/terminal.ts'
import { launchChromium } from './chromium.ts'
import { Tab } from './tab.ts'

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

const programs = new TerminalPrograms()
let browser: Browser
let pageUrl = ''

beforeAll(async () => {
  browser = await launchChromium()
  const bootstrap = programs.musubi([
    'bootstrap',
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    '--page',
    '--log-level',
    'silent',
  ])
  pageUrl = (await bootstrap.sees(/live page on (http:\S+)/))[1]!
})

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()))
})

afterAll(async () => {
  await browser?.close()
  await programs.killAll()
})

/** A network of its own for each test. */
const urlOf = (network: string, more = ''): string => `${pageUrl}/?network=${network}${more}`

describe('when something is wrong', () => {
  it('a bootstrap that does not answer is named, and the page can be used again', async () => {
    const tab = await Tab.open(browser, urlOf('nobody', '&bootstrap=ws://127.0.0.1:9/'))
    await tab.page.clock.install()
    await tab.page.reload()
    await tab.page.getByRole('button', { name: 'Join the mesh' }).click()
    await tab.page.locator('#badge-hint', { hasText: 'The bootstrap cannot be reached' }).waitFor()
    await tab.page.clock.fastForward(30_000)
    const alert = tab.page.getByRole('alert')
    await alert.filter({ hasText: 'No bootstrap could be reached' }).waitFor()
    expect(await tab.badge()).toBe('none')
    await tab.page.getByRole('button', { name: 'Join again' }).waitFor()
    await tab.page.getByRole('button', { name: 'Dismiss' }).click()
    expect(await alert.isVisible()).toBe(false)
  })

  it('joining can be cancelled', async () => {
    const tab = await Tab.open(browser, urlOf('nobody', '&bootstrap=ws://127.0.0.1:9/'))
    await tab.page.getByRole('button', { name: 'Join the mesh' }).click()
    await tab.page.getByRole('button', { name: 'Cancel' }).click()
    await tab.page.getByRole('button', { name: 'Join again' }).waitFor()
    expect(await tab.page.getByRole('alert').isVisible()).toBe(false)
  })

  it('a wrong value in the address is named and ignored', async () => {
    const tab = await Tab.open(browser, urlOf('wrong', '&links=1000'))
    expect(await tab.page.getByRole('alert').innerText()).toContain('links=1000 was ignored')
    await tab.join()
    expect(tab.errors).toEqual([])
  })

  it('a message to somebody who has gone says so', async () => {
    const [near, far] = [await Tab.open(browser, urlOf('gone')), await Tab.open(browser, urlOf('gone'))]
    await near.join('Hana')
    const gone = await far.join('Kenji')
    await expect.poll(() => near.links()).toContain(gone)
    await near.select(gone)
    await far.page.getByRole('button', { name: 'Leave' }).click()
    await expect.poll(() => near.links()).toEqual([])
    await near.say('are you there?')
    await near.sees('are you there?', /not delivered: /)
    expect(await near.page.getByLabel('To', { exact: true }).inputValue()).toBe(gone)
  })
})

describe('coming and going', () => {
  it('a tab that leaves is gone at once, and can come back', async () => {
    const [stays, leaves] = [await Tab.open(browser, urlOf('back')), await Tab.open(browser, urlOf('back'))]
    await stays.join('Hana')
    const before = await leaves.join('Kenji')
    await expect.poll(() => stays.links()).toEqual([before])
    await leaves.page.getByRole('button', { name: 'Leave' }).click()
    expect(await stays.logs(before, /no longer linked/)).toContain('Kenji')
    const after = await leaves.join()
    await expect.poll(() => stays.links()).toEqual([after])
    expect(after).not.toBe(before)
  })

  it('has everything that it may need later once it is in, for its server may go', async () => {
    const tab = await Tab.open(browser, urlOf('complete'))
    const grammar = tab.page.waitForResponse(/sdp-media/)
    await tab.join()
    expect((await grammar).ok()).toBe(true)
  })

  it('a tab that is closed says goodbye as well', async () => {
    const [stays, leaves] = [await Tab.open(browser, urlOf('close')), await Tab.open(browser, urlOf('close'))]
    await stays.join()
    const id = await leaves.join()
    await expect.poll(() => stays.links()).toEqual([id])
    const closedAt = Date.now()
    await leaves.page.goto('about:blank')
    await expect.poll(() => stays.links()).toEqual([])
    // Silence would be noticed after 5 s (DESIGN §5).
    expect(Date.now() - closedAt).toBeLessThan(3000)
    expect(await stays.logs(id, /no longer linked/)).toContain('leaving')
  })

  it('a kept identity is the same the next time, and never used twice at once', async () => {
    const context = await browser.newContext()
    const first = await Tab.open(browser, urlOf('keep'), context)
    await first.page.getByLabel('Keep my identity').check()
    const id = await first.join('Hana')
    const second = await Tab.open(browser, urlOf('keep'), context)
    expect(await second.page.getByLabel('Keep my identity').isChecked()).toBe(true)
    expect(await second.page.getByLabel('Your name').inputValue()).toBe('Hana')
    expect(await second.join()).not.toBe(id)
    expect(await second.page.getByRole('alert').innerText()).toContain('another tab uses the kept one')
    await Promise.all([first.close(), second.close()])
    const third = await Tab.open(browser, urlOf('keep'), context)
    expect(await third.join()).toBe(id)
  })
})

describe('for everybody', () => {
  it('the keyboard suffices to join, choose a peer and write to it', async () => {
    const [near, far] = [await Tab.open(browser, urlOf('keys')), await Tab.open(browser, urlOf('keys'))]
    const id = await far.join('Kenji')
    const { keyboard } = near.page
    await tabTo(near.page, 'name')
    await keyboard.type('Hana')
    await keyboard.press('Enter')
    await near.page.locator('body[data-phase=joined]').waitFor()
    await expect.poll(() => near.links()).toEqual([id])
    // After joining the cursor is where people write.
    await keyboard.type('typed at once')
    await keyboard.press('Enter')
    await far.sees('typed at once')
    const row = near.page.locator('.peer', { hasText: 'Kenji' })
    await row.focus()
    await keyboard.press('Enter')
    expect(await row.getAttribute('aria-pressed')).toBe('true')
    await tabTo(near.page, 'say-text')
    await keyboard.type('to you')
    await keyboard.press('Enter')
    await far.sees('to you')
  })

  it.each(['light', 'dark'] as const)('axe finds nothing to complain about in %s', async (colorScheme) => {
    // The served page allows no foreign script; axe is one.
    const options = { colorScheme, bypassCSP: true, reducedMotion: 'reduce' } as const
    const tab = await Tab.open(browser, urlOf(`axe-${colorScheme}`), options)
    expect(await violations(tab.page)).toEqual([])
    const other = await Tab.open(browser, urlOf(`axe-${colorScheme}`))
    await tab.join('Hana')
    const id = await other.join('Kenji')
    await expect.poll(() => tab.links()).toEqual([id])
    await tab.say('hello')
    await tab.select(id)
    await tab.say('psst')
    await tab.sees('psst', /delivered/)
    await other.say('hello yourself')
    await tab.sees('hello yourself')
    expect(await violations(tab.page)).toEqual([])
  })

  it('the colours can be chosen, and the choice is kept', async () => {
    const tab = await Tab.open(browser, urlOf('theme'), { colorScheme: 'light' })
    const ground = () => tab.page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const light = await ground()
    const button = tab.page.getByRole('button', { name: /^Colours/ })
    await button.click()
    expect(await ground()).toBe(light)
    await button.click()
    const dark = await ground()
    expect(dark).not.toBe(light)
    await tab.page.reload()
    expect(await ground()).toBe(dark)
  })
})

/** Presses Tab until the element with this id has the focus; fails after a whole round. */
async function tabTo(page: Page, id: string): Promise<void> {
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press('Tab')
    if ((await page.evaluate(() => document.activeElement?.id)) === id) return
  }
  throw new Error(`Tab never reached #${id}`)
}

async function violations(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: AXE })
  const found = await page.evaluate(() => (window as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run())
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`)
}
