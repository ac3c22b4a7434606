/**
 * Puts what is asked for at the same time into one call: one statement and one commit for many
 * requests, each of which waits for its own answer.
 *
 * Nothing waits on purpose: an idle coalescer runs a lone item at once. Batches form only while
 * earlier ones are under way, so throughput rises with load and latency does not rise without it.
 */

export interface CoalescerOptions<In, Out> {
  /** Answers every item, in the same order. */
  readonly run: (items: readonly In[]) => Promise<readonly Out[]>
  readonly batchSizeMax: number
  /** Batches under way at the same time; each takes a connection. */
  readonly batchesMax: number
  /** Try the items of a failed batch one by one, so that a bad one fails alone. */
  readonly retriesAlone: boolean
}

interface Waiting<In, Out> {
  readonly item: In
  readonly resolve: (answer: Out) => void
  readonly reject: (error: unknown) => void
}

export class Coalescer<In, Out> {
  readonly #options: CoalescerOptions<In, Out>
  readonly #waiting: Waiting<In, Out>[] = []
  #running = 0

  constructor(options: CoalescerOptions<In, Out>) {
    this.#options = options
  }

  /** Settles when the batch with this item has been answered. */
  submit(item: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      // After the current turn, so that requests which arrived together go together.
      setImmediate(() => this.#next())
    })
  }

  #next(): void {
    if (this.#waiting.length === 0 || this.#running >= this.#options.batchesMax) return
    const batch = this.#waiting.splice(0, this.#options.batchSizeMax)
    this.#running += 1
    void this.#answer(batch).finally(() => {
      this.#running -= 1
      this.#next()
    })
  }

  async #answer(batch: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      const answers = await this.#options.run(batch.map(({ item }) => item))
      for (const [index, waiting] of batch.entries()) {
        if (index < answers.length) waiting.resolve(answers[index] as Out)
        else waiting.reject(new Error('a batch was answered with too few answers'))
      }
    } catch (error) {
      if (this.#options.retriesAlone && batch.length > 1) {
        await Promise.all(batch.map((waiting) => this.#answer([waiting])))
      } else {
        for (const waiting of batch) waiting.reject(error)
      }
    }
  }
}
