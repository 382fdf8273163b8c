// The least that a page needs: `?bootstrap=wss://…` says where to be introduced.

import { createMesh } from 'musubi'

const element = (id) => document.querySelector(`#${id}`)

function show(text) {
  const item = document.createElement('li')
  item.textContent = text
  element('messages').append(item)
}

const bootstrap = new URLSearchParams(location.search).get('bootstrap') ?? 'ws://localhost:8080'
const mesh = createMesh({ bootstrap, network: 'browser-example' })

mesh.on('message', ({ from, data }) => show(`${from.slice(0, 8)}: ${new TextDecoder().decode(data)}`))
mesh.on('peer', () => (element('status').textContent = `${mesh.id.slice(0, 8)}, ${mesh.peers().length} links`))

element('say').addEventListener('submit', async (event) => {
  event.preventDefault()
  const text = element('text').value
  element('text').value = ''
  await mesh.broadcast(text)
  show(`you: ${text}`)
})

await mesh.ready()
element('status').textContent = `joined as ${mesh.id.slice(0, 8)}, ${mesh.peers().length} links`
