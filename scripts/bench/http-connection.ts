/**
 * One keep-alive HTTP/1.1 connection that sends ready-made requests one after the other. The load
 * shares two cores with what it measures, so it does no more than it must: no parser, no copies.
 */
import { connect, type Socket } from 'node:net'

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

const HEADER_END = '\r\n\r\n'

export class HttpConnection {
  readonly #socket: Socket
  #received = ''
  #waiting: { settle: (answer: HttpAnswer) => void; refuse: (error: Error) => void } | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => this.#take(text))
    socket.on('error', (error) => this.#waiting?.refuse(error))
    socket.on('close', () => this.#waiting?.refuse(new Error('the server closed the connection')))
  }

  static open(port: number): Promise<HttpConnection> {
    return new Promise((settle, refuse) => {
      const socket = connect(port, '127.0.0.1', () => settle(new HttpConnection(socket)))
      socket.once('error', refuse)
    })
  }

  /** One request at a time; `request` is the whole of it, headers and body. */
  send(request: Uint8Array): Promise<HttpAnswer> {
    return new Promise((settle, refuse) => {
      this.#waiting = { settle, refuse }
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  #take(text: string): void {
    this.#received += text
    const headerEnd = this.#received.indexOf(HEADER_END)
    if (headerEnd < 0) return
    const length = /\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1]
    const end = headerEnd + HEADER_END.length + Number(length ?? 0)
    if (this.#received.length < end) return
    const answer = {
      status: Number(this.#received.slice(9, 12)),
      body: this.#received.slice(headerEnd + HEADER_END.length, end),
    }
    this.#received = this.#received.slice(end)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.settle(answer)
  }
}

/** The bytes of a POST with a JSON body. */
export function postRequest(path: string, authorization: string, body: string): Uint8Array {
  const length = Buffer.byteLength(body)
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${authorization}\r\n` +
      `content-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`,
  )
}
