/**
 * The picture of the mesh: d3-force places the nodes, SVG draws them, the style sheet colours them (so light, dark and
 * print need no code). Nodes keep their place when the mesh changes. Clicking selects a peer; the list of peers does
 * the same for the keyboard, which is why the picture is one image to assistive technology.
 */

import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY } from 'd3-force'
import type { Simulation, SimulationLinkDatum, SimulationNodeDatum } from 'd3-force'
import { KeyedList, makeSvg, setText } from './dom.ts'
import { BOOTSTRAP_NODE } from './graph-model.ts'
import type { Graph, GraphEdge, GraphNode } from './graph-model.ts'

interface Placed extends SimulationNodeDatum {
  readonly id: string
  node: GraphNode
  x: number
  y: number
}

interface Spring extends SimulationLinkDatum<Placed> {
  readonly edge: GraphEdge
  source: Placed
  target: Placed
}

const RADIUS: Readonly<Record<GraphNode['kind'], number>> = { self: 15, neighbor: 11, known: 8, bootstrap: 12 }
/** Room at the border in px: for labels, and above for the bootstrap, which stands apart from the mesh. */
const MARGIN = { x: 34, top: 62, bottom: 30 }
const BOOTSTRAP_Y = 26
/** Names beside every node turn into noise beyond this many (tried at 40 and 80 peers). */
const LABELS_MAX = 60

export interface GraphOptions {
  readonly svg: SVGSVGElement
  readonly onSelect: (id: string | null) => void
}

export class GraphPicture {
  private readonly svg: SVGSVGElement
  private readonly onSelect: (id: string | null) => void
  private readonly simulation: Simulation<Placed, Spring>
  private readonly placed = new Map<string, Placed>()
  private readonly nodeList: KeyedList<Placed, SVGGElement>
  private readonly edgeList: KeyedList<Spring, SVGLineElement>
  private springs: readonly Spring[] = []
  private width = 600
  private height = 400
  private shape = ''
  private selected: string | null = null
  private bootstrapState = ''

  constructor({ svg, onSelect }: GraphOptions) {
    this.svg = svg
    this.onSelect = onSelect
    const edges = makeSvg('g', { class: 'edges' })
    const nodes = makeSvg('g', { class: 'nodes' })
    svg.append(edges, nodes)
    this.nodeList = new KeyedList({
      parent: nodes,
      keyOf: (placed: Placed) => placed.id,
      create: (placed) => this.createNode(placed),
      update: (element, placed) => this.updateNode(element, placed),
    })
    this.edgeList = new KeyedList({
      parent: edges,
      keyOf: ({ edge }: Spring) => `${edge.kind} ${edge.source} ${edge.target}`,
      create: ({ edge }) => makeSvg('line', { class: `edge ${edge.kind}` }),
      update: moveLine,
    })
    this.simulation = forceSimulation<Placed, Spring>()
      .force(
        'collide',
        forceCollide<Placed>((placed) => RADIUS[placed.node.kind] + 9),
      )
      .alphaDecay(0.05)
      .on('tick', () => this.draw())
    new ResizeObserver(() => this.resize()).observe(svg)
  }

  /** Draw this graph; the layout is heated only when nodes or edges have changed. */
  render(graph: Graph, marks: { readonly selected: string | null; readonly bootstrap: string }): void {
    this.selected = marks.selected
    this.bootstrapState = marks.bootstrap
    this.svg.setAttribute('aria-label', graph.summary)
    this.place(graph.nodes)
    const shape = JSON.stringify([graph.nodes.map((node) => [node.id, node.kind]), graph.edges])
    if (shape !== this.shape) this.layOut(graph.edges)
    this.shape = shape
    this.draw()
  }

  private place(nodes: readonly GraphNode[]): void {
    const ids = new Set(nodes.map((node) => node.id))
    for (const id of this.placed.keys()) if (!ids.has(id)) this.placed.delete(id)
    nodes.forEach((node, index) => {
      const known = this.placed.get(node.id)
      if (known !== undefined) known.node = node
      else this.placed.set(node.id, { id: node.id, node, ...this.firstPlace(index) })
    })
    this.pinBootstrap()
  }

  /** Newcomers start on a spiral around the middle: the golden angle spreads them without chance. */
  private firstPlace(index: number): { x: number; y: number } {
    const angle = index * 2.4
    const distance = 20 * Math.sqrt(index)
    return { x: this.width / 2 + distance * Math.cos(angle), y: this.height / 2 + distance * Math.sin(angle) }
  }

  /** The server stands apart from the mesh, at the upper edge. */
  private pinBootstrap(): void {
    const bootstrap = this.placed.get(BOOTSTRAP_NODE)
    if (bootstrap === undefined) return
    bootstrap.fx = this.width / 2
    bootstrap.fy = BOOTSTRAP_Y
  }

  private layOut(edges: readonly GraphEdge[]): void {
    const springs = edges.flatMap((edge): Spring[] => {
      const source = this.placed.get(edge.source)
      const target = this.placed.get(edge.target)
      return source && target ? [{ edge, source, target }] : []
    })
    this.edgeList.render(springs)
    this.springs = springs
    this.simulation.nodes([...this.placed.values()])
    this.fit()
    this.heat()
  }

  /** Forces that make the mesh fill the room there is: each node gets its share of the area. */
  private fit(): void {
    const room = Math.sqrt((this.width * this.height) / Math.max(4, this.placed.size))
    const middle = (MARGIN.top + this.height - MARGIN.bottom) / 2
    // Weaker along the longer side, so that the cloud takes the picture's shape.
    const pull = Math.min(0.12, 6 / room)
    const slope = this.width / this.height
    this.simulation
      .force(
        'charge',
        forceManyBody<Placed>().strength(({ id }) => (id === BOOTSTRAP_NODE ? 0 : -2.4 * room)),
      )
      .force('x', forceX<Placed>(this.width / 2).strength(slope > 1 ? pull / slope : pull))
      .force('y', forceY<Placed>(middle).strength(slope > 1 ? pull : pull * slope))
      .force(
        'link',
        forceLink<Placed, Spring>([...this.springs])
          .distance(room * 0.8)
          .strength(springStrength),
      )
  }

  /** Readers who asked for less motion get the finished layout at once. */
  private heat(): void {
    this.simulation.alpha(0.7)
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches) return void this.simulation.restart()
    this.simulation.stop().tick(200)
    this.draw()
  }

  private resize(): void {
    const { width, height } = this.svg.getBoundingClientRect()
    if (width === 0 || height === 0) return
    this.width = width
    this.height = height
    this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
    this.pinBootstrap()
    this.fit()
    this.heat()
  }

  private draw(): void {
    for (const placed of this.placed.values()) {
      if (placed.id === BOOTSTRAP_NODE) continue
      placed.x = clamp(placed.x, MARGIN.x, this.width - MARGIN.x)
      placed.y = clamp(placed.y, MARGIN.top, this.height - MARGIN.bottom)
    }
    this.nodeList.render([...this.placed.values()])
    this.edgeList.render(this.springs)
  }

  private createNode(placed: Placed): SVGGElement {
    const radius = RADIUS[placed.node.kind]
    const body =
      placed.id === BOOTSTRAP_NODE
        ? makeSvg('rect', { x: -radius, y: -radius, width: 2 * radius, height: 2 * radius, rx: 4, class: 'body' })
        : makeSvg('circle', { r: radius, class: 'body' })
    const group = makeSvg('g')
    group.append(body, makeSvg('text', { 'text-anchor': 'middle', class: 'label' }), makeSvg('title'))
    if (placed.id !== BOOTSTRAP_NODE) group.addEventListener('click', () => this.onSelect(placed.id))
    return group
  }

  private updateNode(group: SVGGElement, { id, node, x, y }: Placed): void {
    const state = id === BOOTSTRAP_NODE ? ` ${this.bootstrapState}` : ''
    const chosen = id === this.selected ? ' selected' : ''
    group.setAttribute('class', `node ${node.kind}${state}${chosen}`)
    group.setAttribute('transform', `translate(${x.toFixed(1)} ${y.toFixed(1)})`)
    const [body, label, title] = group.children
    const radius = RADIUS[node.kind]
    if (body instanceof SVGCircleElement) body.setAttribute('r', String(radius))
    label?.setAttribute('y', String(radius + 14))
    const isNamed = node.kind !== 'known' || this.placed.size <= LABELS_MAX
    if (label) setText(label, isNamed ? node.label : '')
    if (title) setText(title, id === BOOTSTRAP_NODE ? `bootstrap: ${this.bootstrapState}` : `${node.label} · ${id}`)
  }
}

/** Others' links hold their ends together only loosely: the picture is centred on us. The server pulls at nobody. */
function springStrength({ edge }: Spring): number {
  if (edge.kind === 'bootstrap') return 0
  return edge.kind === 'heard' ? 0.04 : 0.25
}

function moveLine(line: SVGLineElement, { source, target }: Spring): void {
  line.setAttribute('x1', source.x.toFixed(1))
  line.setAttribute('y1', source.y.toFixed(1))
  line.setAttribute('x2', target.x.toFixed(1))
  line.setAttribute('y2', target.y.toFixed(1))
}

const clamp = (value: number, min: number, max: number): number => Math.min(Math.max(value, min), Math.max(min, max))
