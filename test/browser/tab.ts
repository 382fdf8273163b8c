/** A tab with the live page, used as a person uses it: fields, buttons, what is on the screen. */

import type { Mesh } from '../../src/mesh.ts'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright'

/** What `window.musubi` offers (src/demo/main.ts), as far as tests look at it. */
interface Exposed {
  readonly musubi: { readonly mesh: Mesh }
  /** What topics brought, by their names. */
  heard?: Record<string, string[]>
}

/** How long the page may take for anything. Generous: two cores, several tabs, native WebRTC beside them. */
const TIMEOUT_MS = 40_000

export class Tab {
  readonly page: Page
  /** Exceptions and console errors; a test expects none. */
  readonly errors: string[] = []

  private constructor(page: Page) {
    this.page = page
    page.setDefaultTimeout(TIMEOUT_MS)
    page.on('pageerror', (error) => this.errors.push(error.message))
    page.on('console', (message) => {
      // The bootstrap's death is an error to the console, and to nobody else.
      if (message.type() === 'error' && !/WebSocket connection|ERR_CONNECTION/.test(message.text())) {
        this.errors.push(message.text())
      }
    })
  }

  /** In a context of its own (storage, like another person's browser) unless one is given. */
  static async open(browser: Browser, url: string, options: BrowserContextOptions | BrowserContext = {}): Promise<Tab> {
    const context = 'newPage' in options ? options : await browser.newContext(options)
    const tab = new Tab(await context.newPage())
    await tab.page.goto(url)
    return tab
  }

  /** Joins in one click; returns the peer's id. */
  async join(name = ''): Promise<string> {
    if (name !== '') await this.page.getByLabel('Your name').fill(name)
    await this.page.getByRole('button', { name: /^Join/ }).click()
    await this.page.locator('body[data-phase=joined]').waitFor()
    return this.id()
  }

  id(): Promise<string> {
    return this.page.evaluate(() => (window as unknown as Exposed).musubi.mesh.id)
  }

  /** Ids of the peers that this one has a link with. */
  links(): Promise<string[]> {
    return this.page.evaluate(() => (window as unknown as Exposed).musubi.mesh.peers().map((peer) => peer.id))
  }

  /** Joins a topic, which the page itself does not know of, and listens. */
  async joinTopic(name: string): Promise<void> {
    await this.page.evaluate((topic) => {
      const exposed = window as unknown as Exposed
      const heard: string[] = ((exposed.heard ??= {})[topic] = [])
      exposed.musubi.mesh.topic(topic).on('message', ({ data }) => heard.push(new TextDecoder().decode(data)))
    }, name)
  }

  async publish(name: string, words: string): Promise<void> {
    await this.page.evaluate(
      async ([topic, data]) => void (await (window as unknown as Exposed).musubi.mesh.topic(topic).publish(data)),
      [name, words] as const,
    )
  }

  /** What that topic has brought so far, and how many members it knows. */
  topic(name: string): Promise<{ readonly heard: readonly string[]; readonly peers: number }> {
    return this.page.evaluate((topic) => {
      const { heard, musubi } = window as unknown as Exposed
      return { heard: heard?.[topic] ?? [], peers: musubi.mesh.topic(topic).peers().length }
    }, name)
  }

  /** Chooses a peer in the list; null: nobody. */
  async select(id: string | null): Promise<void> {
    await this.page.getByLabel('To', { exact: true }).selectOption(id ?? '')
  }

  async say(text: string): Promise<void> {
    await this.page.getByRole('textbox', { name: 'Message' }).fill(text)
    await this.page.getByRole('button', { name: 'Send' }).click()
  }

  /** Resolves with the whole entry (who, when, text, receipt) once it matches. */
  async sees(text: string, receipt: RegExp = /./): Promise<string> {
    const entry = this.page
      .locator('.message', { hasText: text })
      .filter({ has: this.page.locator('.receipt', { hasText: receipt }) })
    await entry.first().waitFor()
    return entry.first().innerText()
  }

  /** The entries of the link log about a peer, newest first. */
  async log(id: string): Promise<string[]> {
    return this.page
      .locator('.entry', { has: this.page.locator(`.who[title="${id}"]`) })
      .locator('.entry-text')
      .allInnerTexts()
  }

  /** Resolves with the newest entry about a peer that matches. */
  async logs(id: string, text: RegExp): Promise<string> {
    const about = this.page.locator('.entry', { has: this.page.locator(`.who[title="${id}"]`) })
    const entry = about.filter({ hasText: text }).first()
    await entry.waitFor()
    return entry.locator('.entry-text').innerText()
  }

  /** A counter in the head of the page. */
  async count(which: 'links' | 'peers' | 'relayed'): Promise<number> {
    return Number((await this.page.locator(`#count-${which}`).innerText()).replaceAll(',', ''))
  }

  badge(): Promise<string | null> {
    return this.page.locator('#badge').getAttribute('data-state')
  }

  async close(): Promise<void> {
    await this.page.close({ runBeforeUnload: false })
  }
}
