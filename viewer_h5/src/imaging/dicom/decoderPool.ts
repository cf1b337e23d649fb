import { LoadError } from '../net/errors'
import type { DecodedFrame, PixelLayout } from './pixels'

export interface DecodeRequest {
  id: number
  /** Sent once, first: the decoder itself. */
  wasm?: ArrayBuffer
  codestream?: Uint8Array
  layout?: PixelLayout
}

export interface DecodeAnswer {
  id: number
  frame?: DecodedFrame
  error?: string
}

interface Task {
  request: DecodeRequest
  resolve: (frame: DecodedFrame) => void
  reject: (error: LoadError) => void
}

/** A few workers that decode HTJ2K; a crashed one is replaced, its frame fails alone. */
export class DecoderPool {
  private readonly idle: Worker[] = []
  private readonly all = new Set<Worker>()
  private readonly waiting: Task[] = []
  private nextId = 1

  constructor(
    private readonly createWorker: () => Worker,
    private readonly wasm: () => Promise<ArrayBuffer>,
    private readonly size = 2,
  ) {}

  /** Start one worker and compile, so that the first frame finds it warm. */
  async warmUp(): Promise<void> {
    if (this.all.size === 0) this.idle.push(this.started(await this.wasm()))
  }

  /** Decode one codestream; its buffer is moved away and must not be used again. */
  async decode(codestream: Uint8Array, layout: PixelLayout): Promise<DecodedFrame> {
    const wasm = await this.wasm()
    return new Promise((resolve, reject) => {
      this.waiting.push({ request: { id: this.nextId++, codestream, layout }, resolve, reject })
      if (this.idle.length === 0 && this.all.size < this.size) this.idle.push(this.started(wasm))
      this.dispatch()
    })
  }

  close(): void {
    for (const worker of this.all) worker.terminate()
    this.all.clear()
    this.idle.length = 0
    for (const task of this.waiting.splice(0)) task.reject(new LoadError('broken', 'the decoder was closed'))
  }

  private started(wasm: ArrayBuffer): Worker {
    const worker = this.createWorker()
    this.all.add(worker)
    worker.postMessage({ id: 0, wasm } satisfies DecodeRequest)
    return worker
  }

  private dispatch(): void {
    const worker = this.waiting.length > 0 ? this.idle.pop() : undefined
    const task = worker && this.waiting.shift()
    if (!worker || !task) return
    worker.onmessage = ({ data }: MessageEvent<DecodeAnswer>) => {
      if (data.id !== task.request.id) return
      this.idle.push(worker)
      if (data.frame) task.resolve(data.frame)
      else task.reject(new LoadError('broken', data.error ?? 'no picture in the answer'))
      this.dispatch()
    }
    worker.onerror = (event) => {
      worker.terminate()
      this.all.delete(worker)
      task.reject(new LoadError('broken', event.message || 'the decoder stopped'))
      this.replace()
    }
    const buffer = task.request.codestream?.buffer
    worker.postMessage(task.request, buffer ? [buffer] : [])
  }

  private replace(): void {
    if (this.waiting.length === 0) return
    void this.wasm().then((wasm) => {
      this.idle.push(this.started(wasm))
      this.dispatch()
    })
  }
}
