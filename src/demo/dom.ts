/**
 * The few DOM helpers that a page without a framework needs. Text goes in as text nodes only, never as HTML: what peers
 * send is shown, not run.
 */

/** The element with this id, which index.html promises; throws a programmer's error if it does not. */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const element = document.getElementById(id)
  if (element instanceof type) return element
  throw new Error(`index.html has no ${type.name} #${id}`)
}

export interface Parts {
  readonly className?: string
  readonly text?: string
  readonly title?: string
  readonly children?: readonly Node[]
}

/** A new HTML element with a class, text and children. */
export function make<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, parts: Parts = {}): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag)
  if (parts.className !== undefined) element.className = parts.className
  if (parts.text !== undefined) element.textContent = parts.text
  if (parts.title !== undefined) element.title = parts.title
  if (parts.children !== undefined) element.append(...parts.children)
  return element
}

/** A new SVG element with attributes. */
export function makeSvg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | number>> = {},
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
  return element
}

/** Set text only where it differs: screen readers announce every change of a live region. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** "14:03:27" by the reader's own clock. */
export const clockTime = (at: number): string => new Date(at).toLocaleTimeString([], { hour12: false })

/**
 * Keeps a parent's children in step with a list: elements are made once per key, updated in place, reordered, and
 * removed when their item has gone. So focus, selection and scroll positions survive a redraw.
 */
export class KeyedList<T, E extends Element> {
  private readonly elements = new Map<string | number, E>()
  private readonly parent: Element
  private readonly keyOf: (item: T) => string | number
  private readonly create: (item: T) => E
  private readonly update: (element: E, item: T) => void

  constructor(options: {
    readonly parent: Element
    readonly keyOf: (item: T) => string | number
    readonly create: (item: T) => E
    readonly update: (element: E, item: T) => void
  }) {
    this.parent = options.parent
    this.keyOf = options.keyOf
    this.create = options.create
    this.update = options.update
  }

  /** Returns true if an element was added. */
  render(items: readonly T[]): boolean {
    const keys = new Set(items.map(this.keyOf))
    for (const [key, element] of this.elements) if (!keys.has(key)) this.drop(key, element)
    let hasGrown = false
    items.forEach((item, index) => {
      const key = this.keyOf(item)
      let element = this.elements.get(key)
      if (element === undefined) {
        element = this.create(item)
        this.elements.set(key, element)
        hasGrown = true
      }
      this.update(element, item)
      const current = this.parent.children[index]
      if (current !== element) this.parent.insertBefore(element, current ?? null)
    })
    return hasGrown
  }

  private drop(key: string | number, element: E): void {
    element.remove()
    this.elements.delete(key)
  }
}
